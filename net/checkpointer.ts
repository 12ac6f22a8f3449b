/**
 * Writes the offset checkpoints of every data folder: recovery points (how much of a log a crash
 * leaves to check), log start offsets, high watermarks, how far logs are compacted. Shard 0 asks every
 * shard for its part. A file is rewritten only when it changed; each is safe to lose (S8). Kafka's
 * intervals, by the wheel.
 */
import type { Clock } from '../engine/base/clock.ts'
import { limits } from '../engine/base/limits.ts'
import type { Logger } from '../engine/base/logger.ts'
import { Timer, type TimerWheel } from '../engine/base/timer-wheel.ts'
import { CheckpointFile, formatOffsetCheckpoint } from '../engine/log/checkpoints.ts'
import { type Disk, DiskError, isOutOfRoom } from '../engine/log/disk.ts'
import { type MetadataImage, ordinalOfKey, partitionOfKey } from '../engine/metadata/image.ts'
import { type DataFolders, failsFolder } from '../engine/shard-folders.ts'
import type { FolderHold } from '../workers/folder-hold.ts'
import { calls } from '../workers/messages.ts'
import type { Router } from '../workers/router.ts'
import type { FolderWatch } from './folder-watch.ts'

type Written = Record<CheckpointFile, Map<string, number>>

export interface CheckpointerParts {
  readonly disk: Disk
  readonly router: Pick<Router, 'shards' | 'image' | 'call'>
  readonly dataFolders: DataFolders
  readonly wheel: TimerWheel
  readonly clock: Clock
  readonly logger: Logger
  /** log.flush.offset.checkpoint.interval.ms */
  readonly intervalMs: number
  readonly folders: Pick<FolderWatch, 'hasFailed' | 'report'>
  readonly hold: FolderHold
  /** Data folders where the start could not take deleted topics out of the files. */
  readonly lagging: readonly string[]
}

export class Checkpointer {
  private readonly parts: CheckpointerParts
  /** Content of each file as last written, by path. */
  private readonly contents = new Map<string, string>()
  /** Data folder of each partition, as the files know it. */
  private homes: ReadonlyMap<string, string>
  private readonly timer: Timer
  private running: Promise<void> = Promise.resolve()
  /** One run after the other: two would mix their files. */
  private last: Promise<void> = Promise.resolve()
  private stopped = false
  /** Data folders whose files are not as the last write wanted them. */
  private readonly behind = new Set<string>()
  /** Of them: those in which no folder for a new partition may be made, see writeRemovals. */
  private readonly held = new Set<string>()

  constructor(parts: CheckpointerParts) {
    this.parts = parts
    this.homes = parts.dataFolders.placed
    this.timer = new Timer(() => this.due())
    for (const folder of parts.lagging) this.hold(folder)
  }

  start(): void {
    this.arm()
  }

  /** No more by time; waits for one under way. */
  async stop(): Promise<void> {
    this.stopped = true
    this.timer.cancel()
    await this.running
  }

  /** Asks every shard and writes what changed. Rejects with DiskError or ApiError. */
  write(): Promise<void> {
    return this.inTurn(() => this.writeAll())
  }

  async writeOrWarn(): Promise<void> {
    await this.orWarn(this.write(), 'A crash would only make the next start slower.')
  }

  /**
   * After topics were deleted, before their names may come again: after a crash a new log would begin where
   * the old one did, and its torn tail look like damage below the old one's recovery point. Where they could
   * not be written no folder for a new partition is made until they are; it is asked for again with the
   * partition's next record.
   */
  async writeRemovals(): Promise<void> {
    const written = this.inTurn(async () => {
      try {
        await this.writeAll()
      } catch (error) {
        for (const folder of this.behind) this.hold(folder)
        this.arm()
        throw error
      }
    })
    await this.orWarn(written, 'Until they are, no folder for a new partition is made there.')
  }

  private inTurn(work: () => Promise<void>): Promise<void> {
    const run = this.last.then(work)
    this.last = run.catch(() => {})
    return run
  }

  /** Told once of what is tried again each second. */
  private async orWarn(written: Promise<void>, consequence: string): Promise<void> {
    const isKnown = this.held.size > 0
    try {
      await written
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      if (!isKnown)
        this.parts.logger.warn(`checkpoints were not written: ${reason}. ${consequence}`)
    }
  }

  private hold(folder: string): void {
    this.held.add(folder)
    this.parts.hold.hold(folder)
  }

  /** Its files are as they should be, or nobody will look at them in this process. */
  private done(folder: string): void {
    this.behind.delete(folder)
    if (this.held.delete(folder)) this.parts.hold.release(folder)
  }

  private async writeAll(): Promise<void> {
    const { router, dataFolders } = this.parts
    for (const folder of dataFolders.folders) this.behind.add(folder)
    const folders = new Map(dataFolders.folders.map((name) => [name, emptyFiles()]))
    const homes = new Map<string, string>()
    const names = namesByOrdinal(router.image())
    for (let shard = 0; shard < router.shards; shard++) {
      const { partitions } = await router.call(shard, calls.checkpoints, {})
      for (const partition of partitions) {
        const { key, folder, recoveryPoint, logStartOffset, highWatermark, cleanedOffset } =
          partition
        const topic = names.get(ordinalOfKey(key))
        const home = dataFolders.folders[folder] ?? ''
        const written = folders.get(home)
        if (topic === undefined || written === undefined) continue
        const name = `${topic}-${partitionOfKey(key)}`
        homes.set(name, home)
        // Nothing is lost by leaving out what an absent entry says too.
        if (recoveryPoint > 0) written[CheckpointFile.recoveryPoint].set(name, recoveryPoint)
        if (logStartOffset > 0) written[CheckpointFile.logStartOffset].set(name, logStartOffset)
        if (highWatermark > 0) written[CheckpointFile.highWatermark].set(name, highWatermark)
        if (cleanedOffset >= 0) written[CheckpointFile.cleaner].set(name, cleanedOffset)
      }
    }
    // One that was moved is in both folders' files first: a crash between them would forget it.
    const moved = [...homes].filter(([name, home]) => (this.homes.get(name) ?? home) !== home)
    if (moved.length > 0) await this.writeFolders(withFormer(folders, moved, this.homes))
    await this.writeFolders(folders)
    this.homes = homes
  }

  /** One that has no room keeps none of the others from being written. */
  private async writeFolders(folders: ReadonlyMap<string, Written>): Promise<void> {
    let withoutRoom: DiskError | null = null
    for (const [folder, written] of folders) {
      const error = await this.writeFolder(folder, written)
      if (error === null) this.done(folder)
      else withoutRoom ??= error
    }
    if (withoutRoom !== null) throw withoutRoom
  }

  /** The error that says there is no room; any other condemns the folder, or is thrown. */
  private async writeFolder(folder: string, written: Written): Promise<DiskError | null> {
    if (this.parts.folders.hasFailed(folder)) return null
    try {
      await this.writeFiles(folder, written)
      return null
    } catch (error) {
      if (!(error instanceof DiskError)) throw error
      if (isOutOfRoom(error)) return error
      if (!failsFolder(error)) throw error
      const reason = error.message
      this.parts.folders.report({ folder, failed: true, reason, offlineKeys: [], moved: false })
      return null
    }
  }

  private async writeFiles(folder: string, written: Written): Promise<void> {
    for (const file of [
      CheckpointFile.recoveryPoint,
      CheckpointFile.logStartOffset,
      CheckpointFile.highWatermark,
      CheckpointFile.cleaner,
    ]) {
      const path = `${folder}/${file}`
      const content = formatOffsetCheckpoint(written[file])
      if (this.contents.get(path) === content) continue
      await this.parts.disk.writeFileAtomic(path, content)
      this.contents.set(path, content)
    }
  }

  private arm(): void {
    const { wheel, clock, intervalMs } = this.parts
    const waitMs = this.held.size > 0 ? limits.checkpointRetryMs : intervalMs
    if (!this.stopped && waitMs > 0) wheel.arm(this.timer, clock.monotonicMs() + waitMs)
  }

  private due(): void {
    this.running = this.writeOrWarn().finally(() => this.arm())
  }
}

function emptyFiles(): Written {
  return {
    [CheckpointFile.recoveryPoint]: new Map(),
    [CheckpointFile.logStartOffset]: new Map(),
    [CheckpointFile.highWatermark]: new Map(),
    [CheckpointFile.cleaner]: new Map(),
  }
}

/** The same, with what may not be lost of partitions that were moved where they came from too. */
function withFormer(
  folders: ReadonlyMap<string, Written>,
  moved: readonly (readonly [string, string])[],
  former: ReadonlyMap<string, string>,
): Map<string, Written> {
  const both = new Map<string, Written>()
  for (const [folder, written] of folders) {
    const { logStartOffset, cleaner } = CheckpointFile
    const [starts, cleaned] = [new Map(written[logStartOffset]), new Map(written[cleaner])]
    both.set(folder, { ...written, [logStartOffset]: starts, [cleaner]: cleaned })
  }
  for (const [name, home] of moved)
    for (const file of [CheckpointFile.logStartOffset, CheckpointFile.cleaner]) {
      const offset = folders.get(home)?.[file].get(name)
      if (offset !== undefined) both.get(former.get(name) ?? '')?.[file].set(name, offset)
    }
  return both
}

function namesByOrdinal(image: MetadataImage): Map<number, string> {
  return new Map([...image.topics.values()].map(({ ordinal, name }) => [ordinal, name]))
}
