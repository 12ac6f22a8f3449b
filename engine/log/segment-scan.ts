/**
 * Walks the batches of a log file with large sequential reads through the pool: recovery, rebuilds,
 * the replay of producer state, checks. Never hops from header to header, which would cost a device
 * read each on a cold file.
 *
 * A batch's sum leaves out its base offset and its leader epoch. Where they do not follow from the batch
 * before, at the start and at every gap, they are read again (agreed-read.ts).
 *
 * Ends at the first bytes that are no intact batch (S1): length first, then magic, then the sum. A
 * read error is thrown, never taken for the end of the file (S12).
 */
import { assert } from '../base/assert.ts'
import {
  BATCH_HEADER_BYTES,
  BATCH_UNSUMMED_BYTES,
  batchBaseOffset,
  batchLastOffsetDelta,
  batchLeaderEpoch,
  batchSizeInBytes,
  storedBatchProblem,
} from '../record/batch.ts'
import { agree } from './agreed-read.ts'
import { DiskError, type DiskFile, readFully, readFullySync } from './disk.ts'

const CHUNK_BYTES = 1024 * 1024
/** For one batch near a known place: an index interval and the batch, as a rule. */
export const SMALL_CHUNK_BYTES = 16 * 1024

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
  return await new BatchScan(file, from, to).run(visit)
}

/**
 * What is read twice, so that no single wrong read decides about offsets and epochs: joins, where they do not
 * follow from the batch before; all, which costs less where hardly any does.
 */
export type Agreed = 'joins' | 'all'

/**
 * A walk with a piece of the file in memory that moves forward. One that `visit` stopped goes on, at
 * the same batch, when it is run again.
 */
export class BatchScan {
  /** Where `missing` is in the file. */
  private missingFrom: number
  private buffer: Buffer
  private missing: Buffer
  /** Where the held bytes begin in the file, and their count. */
  private start: number
  private held = 0
  private position: number
  private readonly file: DiskFile
  private readonly to: number
  private readonly agreed: Agreed
  private readonly chunkBytes: number
  /** What the next batch has if nothing is missing before it. */
  private nextOffset = -1
  private epoch = -1

  /** Reads are of `chunkBytes`, or of a batch that is larger. */
  constructor(
    file: DiskFile,
    from: number,
    to: number,
    agreed: Agreed = 'joins',
    chunkBytes = CHUNK_BYTES,
  ) {
    this.file = file
    this.to = to
    this.agreed = agreed
    this.chunkBytes = chunkBytes
    this.start = from
    this.position = from
    this.missingFrom = from
    this.buffer = Buffer.allocUnsafeSlow(Math.min(chunkBytes, Math.max(0, to - from)))
    this.missing = this.buffer
  }

  async run(visit: VisitBatch): Promise<ScanResult> {
    for (;;) {
      const wanted = this.visitHeld(visit)
      if (typeof wanted !== 'number') return wanted
      const missing = this.makeRoom(wanted)
      // Waiting only at the end of a chunk: small batches come by the thousand.
      this.filled(await readFully(this.file, missing, this.missingFrom))
    }
  }

  /** In the calling thread: for jobs, whose thread has nothing else to do. */
  runSync(visit: VisitBatch): ScanResult {
    for (;;) {
      const wanted = this.visitHeld(visit)
      if (typeof wanted !== 'number') return wanted
      const missing = this.makeRoom(wanted)
      this.filled(readFullySync(this.file, missing, this.missingFrom))
    }
  }

  /** Walks what is held: the result, or how many bytes are wanted from the next batch on. */
  private visitHeld(visit: VisitBatch): ScanResult | number {
    const { buffer, to } = this
    while (this.position < to) {
      const left = to - this.position
      const at = this.position - this.start
      const wanted = Math.min(BATCH_HEADER_BYTES, left)
      if (at + wanted > this.held) return wanted
      const size = wanted < BATCH_HEADER_BYTES ? 0 : batchSizeInBytes(buffer, at)
      // A size that cannot be is judged below on what is there; only a possible one is worth reading.
      if (size >= BATCH_HEADER_BYTES && size <= left && at + size > this.held) return size
      const end = Math.min(this.held, at + left)
      let problem = storedBatchProblem(buffer, at, end)
      if (problem === null && this.agreed === 'joins') this.follow(buffer, at)
      problem ??= visit(buffer, at, this.position)
      if (problem !== null) return { end: this.position, problem }
      this.position += size
    }
    return { end: this.position, problem: null }
  }

  private follow(buffer: Buffer, at: number): void {
    let baseOffset = batchBaseOffset(buffer, at)
    let epoch = batchLeaderEpoch(buffer, at)
    if (baseOffset !== this.nextOffset || epoch !== this.epoch) {
      agree(this.file, buffer.subarray(at, at + BATCH_UNSUMMED_BYTES), this.position)
      baseOffset = batchBaseOffset(buffer, at)
      epoch = batchLeaderEpoch(buffer, at)
    }
    this.nextOffset = baseOffset + batchLastOffsetDelta(buffer, at) + 1
    this.epoch = epoch
  }

  /** Room for at least `bytes` from the position on, within the range: what is to be read into it. */
  private makeRoom(bytes: number): Buffer {
    const { position, to } = this
    assert(position + bytes <= to, `${position} + ${bytes} lies before ${to}`)
    const at = Math.min(position - this.start, this.held)
    const kept = this.held - at
    const size = Math.min(Math.max(bytes, this.chunkBytes), to - position)
    const target = size > this.buffer.length ? Buffer.allocUnsafeSlow(size) : this.buffer
    this.buffer.copy(target, 0, at, this.held)
    this.buffer = target
    this.start = position
    this.held = kept
    this.missingFrom = position + kept
    this.missing = target.subarray(kept, size)
    return this.missing
  }

  /** The room's bytes were read. */
  private filled(bytes: number): void {
    const { file, missing } = this
    if (bytes < missing.length)
      throw new DiskError('EIO', file.path, `${bytes} of ${missing.length} bytes read from`)
    if (this.agreed === 'all') agree(file, missing, this.missingFrom)
    this.held += bytes
  }
}
