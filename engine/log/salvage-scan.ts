/**
 * Finds the intact batches of a damaged log file. Behind a bad batch the next one is looked for where the
 * bad batch's own length says, and if there is none, byte by byte.
 *
 * A batch counts only when its sum is right and its offsets lie between those of its neighbours. Bytes
 * of one record that happen to be such a batch would be taken for one; that needs a damaged batch
 * around them whose length is damaged too.
 */
import {
  BATCH_HEADER_BYTES,
  BATCH_MAGIC,
  BatchField,
  batchBaseOffset,
  batchLastOffset,
  batchSizeInBytes,
  storedBatchProblem,
} from '../record/batch.ts'
import { type DiskFile, readFully } from './disk.ts'
import { scanBatches } from './segment-scan.ts'

const WINDOW_BYTES = 4 * 1024 * 1024

/** A part of the file, and the offsets [from, to) that it holds or held. */
export interface Extent {
  readonly position: number
  readonly bytes: number
  readonly fromOffset: number
  readonly toOffset: number
}

export interface LostExtent extends Extent {
  readonly problem: string
}

export interface SalvageScan {
  readonly kept: readonly Extent[]
  readonly lost: readonly LostExtent[]
  readonly batches: number
  /** Exclusive end of the kept batches; where it began when there are none. */
  readonly endOffset: number
}

export interface SalvageRange {
  /** Offsets of the file's batches lie in [baseOffset, endOffsetMax). */
  readonly baseOffset: number
  readonly endOffsetMax: number
}

export async function scanForSalvage(
  file: DiskFile,
  { baseOffset, endOffsetMax }: SalvageRange,
): Promise<SalvageScan> {
  const size = file.sizeSync()
  const kept: Extent[] = []
  const lost: LostExtent[] = []
  let batches = 0
  let expected = baseOffset
  let position = 0
  while (position < size) {
    const fromOffset = expected
    const result = await scanBatches(file, position, size, (buffer, at) => {
      const problem = placeProblem(buffer, at, expected, endOffsetMax)
      if (problem !== null) return problem
      expected = batchLastOffset(buffer, at) + 1
      batches++
      return null
    })
    if (result.end > position)
      kept.push({ position, bytes: result.end - position, fromOffset, toOffset: expected })
    if (result.problem === null) break
    const next = await findBatch(file, result.end, size, expected, endOffsetMax)
    lost.push({
      position: result.end,
      bytes: (next?.position ?? size) - result.end,
      fromOffset: expected,
      toOffset: next?.baseOffset ?? expected,
      problem: result.problem,
    })
    position = next?.position ?? size
  }
  return { kept, lost, batches, endOffset: expected }
}

function placeProblem(
  buffer: Buffer,
  at: number,
  expected: number,
  endOffsetMax: number,
): string | null {
  const first = batchBaseOffset(buffer, at)
  const last = batchLastOffset(buffer, at)
  const fits = first >= expected && last >= first && last < endOffsetMax
  return fits ? null : `offsets ${first}..${last} where ${expected} is next`
}

interface FoundBatch {
  readonly position: number
  readonly baseOffset: number
}

/** The first intact batch behind the bad one at `bad`; null when there is none. */
async function findBatch(
  file: DiskFile,
  bad: number,
  size: number,
  expected: number,
  endOffsetMax: number,
): Promise<FoundBatch | null> {
  const head = Buffer.alloc(Math.min(BATCH_HEADER_BYTES, size - bad))
  await readFully(file, head, bad)
  if (head.length === BATCH_HEADER_BYTES) {
    const behind = bad + batchSizeInBytes(head, 0)
    if (behind > bad && behind < size) {
      const found = await batchAt(file, behind, size, expected, endOffsetMax)
      if (found !== null) return found
    }
  }
  let start = bad + 1
  while (start + BATCH_HEADER_BYTES <= size) {
    const window = Buffer.allocUnsafe(Math.min(WINDOW_BYTES, size - start))
    await readFully(file, window, start)
    for (let at = 0; at + BATCH_HEADER_BYTES <= window.length; at++) {
      if (window[at + BatchField.magic] !== BATCH_MAGIC) continue
      const bytes = batchSizeInBytes(window, at)
      if (bytes < BATCH_HEADER_BYTES || bytes > size - start - at) continue
      if (placeProblem(window, at, expected, endOffsetMax) !== null) continue
      const found = await batchAt(file, start + at, size, expected, endOffsetMax)
      if (found !== null) return found
    }
    start += window.length - BATCH_HEADER_BYTES + 1
  }
  return null
}

async function batchAt(
  file: DiskFile,
  position: number,
  size: number,
  expected: number,
  endOffsetMax: number,
): Promise<FoundBatch | null> {
  const head = Buffer.alloc(Math.min(BATCH_HEADER_BYTES, size - position))
  await readFully(file, head, position)
  if (head.length < BATCH_HEADER_BYTES) return null
  const bytes = batchSizeInBytes(head, 0)
  if (bytes < BATCH_HEADER_BYTES || bytes > size - position) return null
  if (placeProblem(head, 0, expected, endOffsetMax) !== null) return null
  const whole = Buffer.allocUnsafe(bytes)
  await readFully(file, whole, position)
  if (storedBatchProblem(whole, 0, bytes) !== null) return null
  return { position, baseOffset: batchBaseOffset(head, 0) }
}
