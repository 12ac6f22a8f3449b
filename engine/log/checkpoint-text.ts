/**
 * The text form that Kafka's checkpoint files share
 * (org.apache.kafka.server.common.CheckpointFile), every line ended by a newline:
 *
 *   0                     version
 *   2                     number of lines that follow
 *   …                     one entry a line, fields separated by blanks
 *
 * A count that does not match means that the file was not written to its end.
 */
import { CorruptFile } from './corrupt-file.ts'

const VERSION = '0'

/** The entry lines, split into fields. Throws CorruptFile. */
export function parseCheckpointText(content: Buffer, path: string): string[][] {
  const [version, count, ...lines] = content.toString('utf8').split('\n')
  if (version?.trim() !== VERSION)
    throw new CorruptFile(path, `version ${JSON.stringify(version)} is not ${VERSION}`)
  if (count === undefined || !/^\d{1,9}$/.test(count.trim()))
    throw new CorruptFile(path, `the count is ${JSON.stringify(count)}`)
  while (lines.at(-1)?.trim() === '') lines.pop()
  if (lines.length !== Number(count))
    throw new CorruptFile(path, `${lines.length} entries where ${count} are announced`)
  return lines.map((line) => line.trim().split(/\s+/))
}

export function formatCheckpointText(lines: readonly string[]): string {
  return `${VERSION}\n${lines.length}\n${lines.map((line) => `${line}\n`).join('')}`
}

/** A whole number in [0, 2^53). Throws CorruptFile. */
export function parseCount(field: string | undefined, path: string): number {
  const value = Number(field)
  if (field === undefined || !/^\d+$/.test(field) || !Number.isSafeInteger(value))
    throw new CorruptFile(path, `${JSON.stringify(field)} is not a whole number`)
  return value
}
