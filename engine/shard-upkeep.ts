/**
 * What a shard does beside requests, driven by its timer wheel and never in a hurry: background syncs
 * (flush.ms), retention, rolls by age, expiry of producer ids, removal of deleted files. Nothing is
 * armed while there is nothing to do.
 */
import type { BrokerConfig } from './base/config.ts'
import { Timer } from './base/timer-wheel.ts'
import { type Disk, DiskError } from './log/disk.ts'
import type { Partition } from './partition/partition.ts'
import type { Shard } from './shard.ts'

export class ShardUpkeep {
  private readonly shard: Shard
  private readonly disk: Disk
  private readonly retentionIntervalMs: number
  private readonly syncTimers = new Map<number, Timer>()
  private readonly retentionTimer: Timer
  private readonly purgeTimer: Timer
  /** Folders of deleted topics and when they may go. */
  private readonly removals = new Map<string, Timer>()
  private running: Promise<void> = Promise.resolve()
  /** A partition wrote or has other options: it may be worth compacting. */
  onChanged: (partition: Partition) => void = () => {}

  constructor(shard: Shard, disk: Disk, config: BrokerConfig) {
    this.shard = shard
    this.disk = disk
    this.retentionIntervalMs = config.logRetentionCheckIntervalMs
    this.retentionTimer = new Timer(() => this.startRetention())
    this.purgeTimer = new Timer(() => this.startPurge())
  }

  /** A partition wrote: its background sync and the next retention run become due. */
  onWritten(partition: Partition): void {
    const { shard } = this
    const { key } = partition.identity
    let timer = this.syncTimers.get(key)
    if (timer === undefined) {
      timer = new Timer(() => this.sync(partition))
      this.syncTimers.set(key, timer)
    }
    if (!timer.armed) {
      const dueMs = partition.log.syncDueAtMs()
      if (Number.isFinite(dueMs)) shard.timers.arm(timer, dueMs)
    }
    this.armRetention()
    this.onChanged(partition)
  }

  /** Other options are in force for its log: what is due may be due earlier. */
  onOptionsChanged(partition: Partition): void {
    const timer = this.syncTimers.get(partition.identity.key)
    if (timer?.armed === true) {
      timer.cancel()
      const dueMs = partition.log.syncDueAtMs()
      if (Number.isFinite(dueMs)) this.shard.timers.arm(timer, dueMs)
    }
    if (partition.log.hasFolder) this.armRetention()
    this.onChanged(partition)
  }

  /** A partition left the shard. */
  forget(partition: Partition): void {
    this.syncTimers.get(partition.identity.key)?.cancel()
    this.syncTimers.delete(partition.identity.key)
  }

  armRetention(): void {
    if (this.retentionTimer.armed) return
    const { timers, clock } = this.shard
    timers.arm(this.retentionTimer, clock.monotonicMs() + this.retentionIntervalMs)
  }

  removeFolderLater(folder: string, delayMs: number): void {
    const { timers, clock } = this.shard
    const timer = timers.schedule(clock.monotonicMs() + delayMs, () => {
      this.removals.delete(folder)
      this.disk.removeDir(folder).catch((error: unknown) => this.complain(error))
    })
    this.removals.set(folder, timer)
  }

  /** Cancels every timer and waits for what runs. Folders not yet removed go at the next start. */
  async stop(): Promise<void> {
    for (const timer of this.syncTimers.values()) timer.cancel()
    for (const timer of this.removals.values()) timer.cancel()
    this.retentionTimer.cancel()
    this.purgeTimer.cancel()
    await this.running
  }

  private sync(partition: Partition): void {
    partition.log.sync().catch((error: unknown) => partition.fail(error))
  }

  private startRetention(): void {
    this.running = this.running.then(() => this.runRetention())
  }

  private async runRetention(): Promise<void> {
    const { shard } = this
    let segments = 0
    for (const partition of [...shard.partitions.values()]) {
      if (partition.offline !== null || !partition.log.hasFolder) continue
      try {
        partition.log.rollIfOld(shard.clock.wallMs())
        partition.log.removeExpiredProducers(shard.clock.wallMs())
        await partition.log.runRetention(shard.clock.wallMs(), partition.highWatermark)
        segments += partition.log.segmentBaseOffsets().length
        this.armPurge(partition.log.purgeDueAtMs())
      } catch (error) {
        partition.fail(error)
      }
    }
    // Idle costs nothing: with no partition that holds anything there is nothing to look at again.
    if (segments > 0) this.armRetention()
  }

  /** Deleted files wait until then. */
  armPurge(dueMs: number): void {
    if (!Number.isFinite(dueMs) || this.purgeTimer.armed) return
    this.shard.timers.arm(this.purgeTimer, dueMs)
  }

  private startPurge(): void {
    this.running = this.running.then(() => this.runPurge())
  }

  private async runPurge(): Promise<void> {
    const nowMs = this.shard.clock.monotonicMs()
    for (const partition of [...this.shard.partitions.values()]) {
      if (partition.log.purgeDueAtMs() <= nowMs)
        await partition.log.purgeDeleted(nowMs).catch((error: unknown) => this.complain(error))
      this.armPurge(partition.log.purgeDueAtMs())
    }
  }

  /** Deleted files that cannot be removed cost room, not data: said, and left to the next start. */
  private complain(error: unknown): void {
    if (!(error instanceof DiskError)) throw error
    this.shard.logger.warn(`a deleted file could not be removed: ${error.message}`)
  }
}
