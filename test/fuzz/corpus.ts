/**
 * Frames that once found a defect, kept for good (corpus/*.jsonl). A line is a case: a note and the frames
 * of it in order, with their lengths, in base64. Each run begins with them.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const FOLDER = new URL('corpus/', import.meta.url).pathname

export interface CorpusCase {
  /** File and line. */
  readonly at: string
  readonly note: string
  readonly frames: readonly Buffer[]
}

export function corpus(): CorpusCase[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.jsonl'))
    .sort()
    .flatMap((name) =>
      readFileSync(join(FOLDER, name), 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line, index) => {
          const { note, frames } = JSON.parse(line) as { note: string; frames: string[] }
          const buffers = frames.map((frame) => Buffer.from(frame, 'base64'))
          return { at: `${name}:${index + 1}`, note, frames: buffers }
        }),
    )
}
