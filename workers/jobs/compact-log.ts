/**
 * Background job: the steps of a pass of compaction (engine/log/compact-steps.ts), in a thread that is
 * taken for one pass at a time. The offset map lives in this thread: its memory goes with the thread, and
 * serves the next pass while the thread lasts.
 */
import type {
  CompactGroupResult,
  CompactSource,
  FillMapResult,
  Pace,
} from '../../engine/log/compact-log.ts'
import {
  CompactCancelled,
  type CompactOutcome,
  type CompactStart,
  CompactSteps,
} from '../../engine/log/compact-steps.ts'
import { NodeDisk } from '../../engine/log/node-disk.ts'

export interface BeginCompactionInput extends CompactStart {
  /** One int32, shared: not 0 = end the step. */
  readonly cancel: SharedArrayBuffer
}

export type BegunCompaction = CompactOutcome<FillMapResult>
export type CompactedGroup = CompactOutcome<CompactGroupResult>

export interface CompactGroupInput {
  readonly group: readonly CompactSource[]
}

/** The longest one wait of a throttled step, after which it looks at the clock again. */
const WAIT_MS_MAX = 1_000

let steps: CompactSteps | null = null
let memory = new ArrayBuffer(0)

/** Begins a pass and fills its map. */
export async function beginCompactionJob(input: BeginCompactionInput): Promise<BegunCompaction> {
  if (memory.byteLength < input.mapBytes) memory = new ArrayBuffer(input.mapBytes)
  else new Uint8Array(memory, 0, input.mapBytes).fill(0)
  steps = new CompactSteps(new NodeDisk(), input, memory, paceOf(input))
  return await steps.fillMap()
}

/** The next group of the pass begun last. */
export async function compactGroupJob(input: CompactGroupInput): Promise<CompactedGroup> {
  if (steps === null) throw new Error('no pass of compaction was begun in this thread')
  return await steps.compact(input.group)
}

/** Sleeps as the limit asks, and ends the step when asked to. */
function paceOf({ cancel, bytesPerSecond }: BeginCompactionInput): Pace {
  const word = new Int32Array(cancel)
  let startedMs = performance.now()
  let bytesSince = 0
  return (bytes) => {
    if (Atomics.load(word, 0) !== 0) throw new CompactCancelled('the pass was given up')
    bytesSince += bytes
    for (;;) {
      const aheadMs = (bytesSince / bytesPerSecond) * 1_000 - (performance.now() - startedMs)
      if (aheadMs < 1) break
      if (Atomics.wait(word, 0, 0, Math.min(aheadMs, WAIT_MS_MAX)) !== 'timed-out')
        throw new CompactCancelled('the pass was given up')
    }
    // What was not used in one second is not made up for later.
    if (performance.now() - startedMs > WAIT_MS_MAX) {
      startedMs = performance.now()
      bytesSince = 0
    }
  }
}
