/**
 * When a shard compacts which of its partitions (org.apache.kafka.storage.internals.log.LogCleaner):
 * one pass at a time, the dirtiest log first, every log.cleaner.backoff.ms while there is something to
 * look at. The work runs in a thread of its own (log/compact-steps.ts); the shard plans, and swaps in
 * what came of each group of segments. Nothing is armed while no closed segment is dirty.
 *
 *   a log that cannot be read       is left alone until the next start, as Kafka does, with a line
 *   a full disk                     ends the pass; the next one tries again
 *   a failed write, a failed swap   is the partition's, or its data folder's
 *
 * differs from Kafka: a key takes 16 bytes of log.cleaner.dedupe.buffer.size, not 24.
 *
 * differs from Kafka: cleaner-offset-checkpoint is written with the other checkpoints, every
 * log.flush.offset.checkpoint.interval.ms and at a stop, not after each pass.
 */
import { broken } from './base/assert.ts'
import type { BrokerConfig } from './base/config.ts'
import { effectiveConfig } from './base/config-dynamic.ts'
import { limits } from './base/limits.ts'
import type { Random } from './base/random.ts'
import { Timer } from './base/timer-wheel.ts'
import { offsetMapBytes } from './log/compact-offset-map.ts'
import type {
  CompactOutcome,
  CompactPool,
  CompactStart,
  CompactWorker,
} from './log/compact-steps.ts'
import { DiskError, isOutOfRoom } from './log/disk.ts'
import { type Compactable, groupSources, LogCompaction } from './log/log-compaction.ts'
import type { Partition } from './partition/partition.ts'
import type { Shard } from './shard.ts'
import type { ShardUpkeep } from './shard-upkeep.ts'

export interface CompactionParts {
  readonly shard: Shard
  readonly config: BrokerConfig
  readonly random: Random
  readonly upkeep: ShardUpkeep
  readonly pool: CompactPool
}

interface Running {
  readonly partition: Partition
  readonly worker: CompactWorker
  cancelled: boolean
  done: Promise<unknown>
}

interface Candidate {
  readonly partition: Partition
  readonly found: Compactable
}

/** A pass that did not come to its end; the reason was told. */
class PassEnded extends Error {
  override name = 'PassEnded'
}

export class ShardCompaction {
  private readonly parts: CompactionParts
  private readonly timer: Timer
  private running: Promise<void> = Promise.resolve()
  private current: Running | null = null
  /** Partitions that change folders or go: no pass begins. */
  private readonly held = new WeakSet<Partition>()
  /** Partitions whose logs cannot be read. */
  private readonly uncleanable = new WeakSet<Partition>()
  private stopped = false

  constructor(parts: CompactionParts) {
    this.parts = parts
    this.timer = new Timer(() => {
      this.running = this.running.then(() => this.run())
    })
  }

  /** The partition was opened, wrote, or has other options. */
  consider(partition: Partition): void {
    if (!this.timer.armed && partition.log.compaction.concerns) this.arm()
  }

  /** Ends a pass over the partition and lets none begin until `release`. */
  async hold(partition: Partition): Promise<void> {
    this.held.add(partition)
    if (this.current?.partition === partition) await this.cancel(this.current)
  }

  /** A pass may begin again; of a partition that is deleted none ever will. */
  release(partition: Partition): void {
    this.held.delete(partition)
  }

  async stop(): Promise<void> {
    this.stopped = true
    this.timer.cancel()
    if (this.current !== null) await this.cancel(this.current)
    await this.running
  }

  private async cancel(running: Running): Promise<void> {
    running.cancelled = true
    running.worker.cancel()
    await running.done
  }

  private arm(delayMs?: number): void {
    const { shard } = this.parts
    const config = this.configNow()
    if (this.stopped || !config.logCleanerEnable) return
    const nowMs = shard.clock.monotonicMs()
    shard.timers.arm(this.timer, nowMs + (delayMs ?? config.logCleanerBackoffMs))
  }

  private configNow(): BrokerConfig {
    return effectiveConfig(this.parts.config, this.parts.shard.image.dynamicConfigs)
  }

  /** Passes until nothing is due. */
  private async run(): Promise<void> {
    const tried = new Set<Partition>()
    for (;;) {
      if (this.stopped) return
      const { candidates, isWaiting } = await this.look()
      const next = filthiest(
        candidates.filter(({ partition }) => !tried.has(partition) && this.mayCompact(partition)),
      )
      if (next === null) {
        if (isWaiting || candidates.length > 0) this.arm()
        return
      }
      const config = this.configNow()
      const worker = this.parts.pool.take(config.logCleanerThreads)
      if (worker === null) {
        this.arm(Math.min(config.logCleanerBackoffMs, limits.compactRetryMs))
        return
      }
      const { partition } = next
      const running: Running = { partition, worker, cancelled: false, done: Promise.resolve() }
      this.current = running
      const isDone = this.runPass(running, config)
      running.done = isDone
      if (!(await isDone)) tried.add(partition)
    }
  }

  /** Logs with a pass due, and whether time alone may make one due. */
  private async look(): Promise<{ candidates: Candidate[]; isWaiting: boolean }> {
    const { shard } = this.parts
    const candidates: Candidate[] = []
    let isWaiting = false
    for (const partition of [...shard.partitions.values()]) {
      const { compaction } = partition.log
      if (!this.mayCompact(partition)) continue
      try {
        const found = await compaction.find(partition.lastStableOffset, shard.clock.wallMs())
        if (found !== null && compaction.isDue(found)) candidates.push({ partition, found })
        isWaiting ||= compaction.waits(found)
      } catch (error) {
        if (!(error instanceof DiskError)) throw error
        this.leaveAlone(partition, error.message)
      }
    }
    return { candidates, isWaiting }
  }

  private mayCompact(partition: Partition): boolean {
    return (
      partition.offline === null &&
      partition.log.compaction.concerns &&
      !this.held.has(partition) &&
      !this.uncleanable.has(partition)
    )
  }

  /** False when the pass did not come to its end. */
  private async runPass(running: Running, config: BrokerConfig): Promise<boolean> {
    const { shard, upkeep } = this.parts
    const { partition, worker } = running
    const { log } = partition
    try {
      await this.pass(running, config)
      return true
    } catch (error) {
      if (error instanceof DiskError) this.onDiskError(partition, error)
      else if (!(error instanceof PassEnded)) throw error
      return false
    } finally {
      log.compaction.end()
      worker.end()
      this.current = null
      // Deletion was held back meanwhile.
      if (!this.stopped && partition.offline === null && !running.cancelled)
        await log
          .runRetention(shard.clock.wallMs(), partition.highWatermark)
          .catch((error: unknown) => partition.fail(error))
      upkeep.armPurge(log.purgeDueAtMs())
    }
  }

  private async pass(running: Running, config: BrokerConfig): Promise<void> {
    const { shard } = this.parts
    const { partition } = running
    const { log } = partition
    const { compaction, options } = log
    const startedMs = shard.clock.monotonicMs()
    const found = await compaction.begin(partition.lastStableOffset, shard.clock.wallMs())
    if (found === null || !compaction.isDue(found)) throw new PassEnded('it is no longer due')
    const sources = compaction.sources(found)
    const { keys, endOffset } = this.valueOf(
      partition,
      await running.worker.begin(await this.startOf(partition, found, config)),
    )
    let dropped = 0
    let bytes = 0
    const groups = groupSources(sources, endOffset, options.segmentBytes)
    let taken = 0
    for (const group of groups) {
      const segments = found.segments.slice(taken, taken + group.length)
      taken += group.length
      if (running.cancelled || partition.offline !== null) throw new PassEnded('it was cancelled')
      const result = this.valueOf(partition, await running.worker.compact(group))
      if (!(await compaction.swapIn(segments, result))) throw new PassEnded('the log changed')
      dropped += result.droppedRecords
      bytes += result.size
    }
    compaction.cleanedEndOffset = endOffset
    shard.logger.info(
      `compacted ${partition.name} up to offset ${endOffset} in ` +
        `${Math.round(shard.clock.monotonicMs() - startedMs)} ms: ` +
        `${taken} segments of ${found.cleanBytes + found.dirtyBytes} bytes became ` +
        `${groups.length} of ${bytes} bytes; ${keys} keys, ${dropped} records removed`,
    )
  }

  private async startOf(
    partition: Partition,
    found: Compactable,
    config: BrokerConfig,
  ): Promise<CompactStart> {
    const { shard, random } = this.parts
    const { compaction, options, dir } = partition.log
    const word = (): number => random.int(0x1_0000_0000)
    const threads = Math.max(1, config.logCleanerThreads)
    const loadFactor = Math.min(Math.max(config.logCleanerIoBufferLoadFactor, 0.01), 1)
    const keysMax = found.endOffset - found.firstDirtyOffset
    const mapBytesMax = Math.floor(config.logCleanerDedupeBufferSize / threads)
    return {
      input: {
        dir,
        sources: compaction.sources(found),
        abortedBehind: await compaction.abortedBehind(found),
        firstDirtyOffset: found.firstDirtyOffset,
        producers: compaction.producers(),
        nowMs: shard.clock.wallMs(),
        deleteRetentionMs: options.deleteRetentionMs,
        indexIntervalBytes: options.indexIntervalBytes,
        segmentIndexBytes: options.segmentIndexBytes,
      },
      mapBytes: offsetMapBytes(keysMax, loadFactor, mapBytesMax),
      mapLoadFactor: loadFactor,
      seed: [word(), word(), word(), word()],
      bytesPerSecond: config.logCleanerIoMaxBytesPerSecond / threads,
    }
  }

  private valueOf<T>(partition: Partition, outcome: CompactOutcome<T>): T {
    switch (outcome.kind) {
      case 'done':
        return outcome.value
      case 'cancelled':
        throw new PassEnded('it was cancelled')
      case 'corrupt':
        this.leaveAlone(partition, outcome.message)
        throw new PassEnded(outcome.message)
      case 'disk-error':
        throw new DiskError(outcome.code, outcome.path, 'compaction, which uses')
      default:
        return broken(`an outcome of compaction is ${JSON.stringify(outcome)}`)
    }
  }

  private leaveAlone(partition: Partition, reason: string): void {
    this.uncleanable.add(partition)
    this.parts.shard.logger.error(
      `${partition.name} cannot be compacted and stays as it is until the next start: ${reason}. ` +
        'Its records are served as far as they can be read; restore the file from a copy, then restart.',
    )
  }

  private onDiskError(partition: Partition, error: DiskError): void {
    if (isOutOfRoom(error)) {
      this.parts.shard.logger.warn(
        `${partition.name} was not compacted, no room: ${error.message}. ` +
          'It is tried again; compaction needs room for one more segment and its files.',
      )
      return
    }
    partition.fail(error)
  }
}

/** Those overdue count as the others do, by their ratio; the first of equals. */
function filthiest(candidates: readonly Candidate[]): Candidate | null {
  let best: Candidate | null = null
  for (const candidate of candidates) {
    const ratio = LogCompaction.dirtyRatio(candidate.found)
    if (best === null || ratio > LogCompaction.dirtyRatio(best.found)) best = candidate
  }
  return best
}
