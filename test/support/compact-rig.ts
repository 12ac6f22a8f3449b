/** Passes of compaction in the calling thread, on any disk. */

import { offsetMapBytes } from '../../engine/log/compact-offset-map.ts'
import type { CompactOutcome } from '../../engine/log/compact-steps.ts'
import {
  type CompactPool,
  type CompactStart,
  CompactSteps,
} from '../../engine/log/compact-steps.ts'
import type { Disk } from '../../engine/log/disk.ts'
import type { Log } from '../../engine/log/log.ts'
import { type Compactable, groupSources } from '../../engine/log/log-compaction.ts'
import { NOW_MS } from './log-rig.ts'

export interface CompactOptions {
  readonly nowMs?: number
  /** Of the offset map; default: what the dirty range needs. */
  readonly mapBytes?: number
  /** Runs before each swap. */
  readonly beforeSwap?: () => void | Promise<void>
}

/** What a pass did; null when there was nothing to compact. */
export interface Compacted {
  readonly found: Compactable
  readonly endOffset: number
  readonly groups: number
  readonly droppedRecords: number
}

export function compactStart(log: Log, found: Compactable, options: CompactOptions): CompactStart {
  const { compaction, dir } = log
  const keysMax = found.endOffset - found.firstDirtyOffset
  return {
    input: {
      dir,
      sources: compaction.sources(found),
      abortedBehind: [],
      firstDirtyOffset: found.firstDirtyOffset,
      producers: compaction.producers(),
      nowMs: options.nowMs ?? NOW_MS,
      deleteRetentionMs: log.options.deleteRetentionMs,
      indexIntervalBytes: log.options.indexIntervalBytes,
      segmentIndexBytes: log.options.segmentIndexBytes,
    },
    mapBytes: offsetMapBytes(keysMax, 0.9, options.mapBytes ?? Number.MAX_SAFE_INTEGER),
    mapLoadFactor: 0.9,
    seed: [1, 2, 3, 4],
    bytesPerSecond: Number.POSITIVE_INFINITY,
  }
}

/** One pass over all that may be compacted, whatever its dirty ratio. */
export async function compact(
  log: Log,
  disk: Disk,
  options: CompactOptions = {},
): Promise<Compacted | null> {
  const { compaction } = log
  try {
    const stable = log.firstUnstableOffset() ?? log.logEndOffset
    const found = await compaction.begin(stable, options.nowMs ?? NOW_MS)
    if (found === null) return null
    const start = compactStart(log, found, options)
    const abortedBehind = await compaction.abortedBehind(found)
    const whole = { ...start, input: { ...start.input, abortedBehind } }
    const steps = new CompactSteps(disk, whole, new ArrayBuffer(whole.mapBytes), () => {})
    const { endOffset } = doneOf(await steps.fillMap())
    const groups = groupSources(whole.input.sources, endOffset, log.options.segmentBytes)
    let taken = 0
    let droppedRecords = 0
    for (const group of groups) {
      const result = doneOf(await steps.compact(group))
      await options.beforeSwap?.()
      const segments = found.segments.slice(taken, taken + group.length)
      taken += group.length
      droppedRecords += result.droppedRecords
      if (!(await compaction.swapIn(segments, result))) throw new NotDone('the log changed')
    }
    compaction.cleanedEndOffset = endOffset
    return { found, endOffset, groups: groups.length, droppedRecords }
  } finally {
    compaction.end()
  }
}

/** An outcome that did not come to its end. */
export class NotDone extends Error {
  override name = 'NotDone'
}

export function doneOf<T>(outcome: CompactOutcome<T>): T {
  if (outcome.kind === 'done') return outcome.value
  throw new NotDone('message' in outcome ? outcome.message : outcome.kind)
}

/** Leaves the active segment and waits until all before it may be compacted. */
export async function closeActive(log: Log): Promise<void> {
  log.rollNow()
  await log.sync()
  // After a full disk the rest waits for the next sync.
  for (let turn = 0; log.recoveryPoint < log.logEndOffset && turn < 1_000; turn++) {
    if (log.failed !== null) throw log.failed
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Runs passes at once in the calling thread: for whole shards under test. */
export function inlineCompactors(disk: Disk): CompactPool & { taken: number } {
  const pool = {
    taken: 0,
    take: (threads: number) => {
      if (pool.taken >= threads) return null
      pool.taken++
      let steps: CompactSteps | null = null
      return {
        begin: (start: CompactStart) => {
          steps = new CompactSteps(disk, start, new ArrayBuffer(start.mapBytes), () => {})
          return steps.fillMap()
        },
        compact: (group: Parameters<CompactSteps['compact']>[0]) => {
          if (steps === null) throw new Error('no pass was begun')
          return steps.compact(group)
        },
        cancel: () => {},
        end: () => {
          pool.taken--
        },
      }
    },
  }
  return pool
}
