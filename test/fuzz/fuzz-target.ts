/** What a stretch of bytes comes to on a fresh connection: by the broker's code, or by frame-walk.ts. */

export interface Fate {
  /** Frames that reach a handler, in order: key * 1000 + version. */
  readonly taken: number[]
  /** Answers that are due without one: ApiVersions in a version unknown here. */
  answers: number
  /** The connection ends. */
  closed: boolean
  /** It waits for the rest of a frame. */
  partial: boolean
}

export function newFate(): Fate {
  return { taken: [], answers: 0, closed: false, partial: false }
}

export function resetFate(fate: Fate): void {
  fate.taken.length = 0
  fate.answers = 0
  fate.closed = false
  fate.partial = false
}

/** A part of the broker that takes bytes as a connection does. */
export interface FuzzTarget {
  /**
   * Reads of a fresh connection: the bytes in [0, cut) and the rest, one read when `cut` is 0. The
   * fate is overwritten by the next call. Throws what the broker must never throw.
   */
  feed(wire: Buffer, size: number, cut: number): Fate
}

/** Takes a number of a run that is recorded, by what it counts. */
export type Note = (what: string, count: number | string) => void

/** A frame that was not treated as it must be. */
export class FuzzFailure extends Error {
  override name = 'FuzzFailure'
  /** As sent, length included. */
  readonly bytes: Buffer
  /** Its number in the run; undefined: whoever sent it knows. */
  readonly number: number | undefined
  constructor(message: string, bytes: Buffer, number?: number) {
    super(message)
    this.bytes = Buffer.from(bytes)
    this.number = number
  }
}

/** Frames above this are refused by their length alone. */
export const FUZZ_FRAME_BYTES_MAX = 64 << 20

/** How to see a failure again: by seed and number, and by the bytes when the code has changed since. */
export function replayLines(seed: number, number: number, failure: FuzzFailure): string {
  return (
    `${failure.message}\n` +
    `again:  node --import tsx test/fuzz/run.ts --seed ${seed} --frame ${number}\n` +
    `to keep it, add to test/fuzz/corpus/frames.jsonl:\n` +
    JSON.stringify({ note: '', frames: [failure.bytes.toString('base64')] })
  )
}
