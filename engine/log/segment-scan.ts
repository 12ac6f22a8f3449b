/**
 * Walks the batches of a log file with large sequential reads through the pool: recovery, rebuilds,
 * the replay of producer state, checks. Never hops from header to header, which would cost a device
 * read each on a cold file.
 *
 * Ends at the first bytes that are no intact batch (S1): length first, then magic, then the sum. A
 * read error is thrown, never taken for the end of the file (S12).
 */
import { assert } from '../base/assert.ts'
import { BATCH_HEADER_BYTES, batchSizeInBytes, storedBatchProblem } from '../record/batch.ts'
import { DiskError, type DiskFile, readFully } from './disk.ts'

const CHUNK_BYTES = 1024 * 1024

/** Looks at the batch at `at` of `buffer`, `position` of the file; a string stops the walk there. */
export type VisitBatch = (buffer: Buffer, at: number, position: number) => string | null

export interface ScanResult {
  /** Position behind the last good batch. */
  readonly end: number
  /** What is wrong at `end`; null when the range ended there. */
  readonly problem: string | null
}

/** Walks [from, to) of the file. `from` is the start of a batch. Batches are whole and their sums right. */
export async function scanBatches(
  file: DiskFile,
  from: number,
  to: number,
  visit: VisitBatch,
): Promise<ScanResult> {
  const window = new ScanWindow(file, from, to)
  let position = from
  while (position < to) {
    const wanted = Math.min(BATCH_HEADER_BYTES, to - position)
    // Waiting only at the end of a chunk: small batches come by the thousand.
    if (!window.holds(position, wanted)) await window.load(position, wanted)
    const size = wanted < BATCH_HEADER_BYTES ? 0 : batchSizeInBytes(window.buffer, window.at)
    // A size that cannot be is judged below on what is there; only a possible one is worth reading.
    if (size >= BATCH_HEADER_BYTES && size <= to - position && !window.holds(position, size))
      await window.load(position, size)
    const end = Math.min(window.end, window.at + (to - position))
    const problem =
      storedBatchProblem(window.buffer, window.at, end) ?? visit(window.buffer, window.at, position)
    if (problem !== null) return { end: position, problem }
    position += size
  }
  return { end: position, problem: null }
}

/** A piece of the file in memory that moves forward. */
class ScanWindow {
  buffer: Buffer
  /** Where the held position is in `buffer`, and the end of what was read. */
  at = 0
  end = 0
  private start = 0
  private readonly file: DiskFile
  private readonly to: number

  constructor(file: DiskFile, from: number, to: number) {
    this.file = file
    this.to = to
    this.buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, Math.max(0, to - from)))
  }

  /** Whether [position, position + bytes) is there; then it starts at `at`. */
  holds(position: number, bytes: number): boolean {
    if (position < this.start || position + bytes > this.start + this.end) return false
    this.at = position - this.start
    return true
  }

  /** Reads so that [position, position + bytes), a range within the file, starts at `at`. */
  async load(position: number, bytes: number): Promise<void> {
    assert(position + bytes <= this.to, `${position} + ${bytes} lies before ${this.to}`)
    const held = this.start + this.end
    const kept = Math.max(0, held - position)
    const size = Math.min(Math.max(bytes, CHUNK_BYTES), this.to - position)
    const target = size > this.buffer.length ? Buffer.allocUnsafeSlow(size) : this.buffer
    if (kept > 0) this.buffer.copy(target, 0, position - this.start, this.end)
    this.buffer = target
    const missing = target.subarray(kept, size)
    const filled = await readFully(this.file, missing, position + kept)
    if (filled < missing.length)
      throw new DiskError('EIO', this.file.path, `${filled} of ${missing.length} bytes read from`)
    this.start = position
    this.at = 0
    this.end = size
  }
}
