/**
 * Partitions of a shard on their way to another data folder (AlterReplicaLogDirs, KIP-113;
 * org.apache.kafka ReplicaAlterLogDirsManager): one is copied at a time, the others wait in order. How a
 * log moves: log/log-move.ts. A move that a stop or a crash cuts short is given up; the next start removes
 * its folder and asks for the move again.
 */
import { ErrorCode } from './base/errors.ts'
import { limits } from './base/limits.ts'
import { type Disk, DiskError } from './log/disk.ts'
import { type LeaveOldFolder, type LogMove, MoveCancelled } from './log/log-move.ts'
import { liesIn } from './log/refused-folders.ts'
import type { Partition } from './partition/partition.ts'
import type { Shard } from './shard.ts'
import type { ShardCompaction } from './shard-compaction.ts'
import { failsFolder, type ShardFolders } from './shard-folders.ts'
import type { ShardUpkeep } from './shard-upkeep.ts'

export interface MovesParts {
  readonly shard: Shard
  readonly disk: Disk
  readonly folders: ShardFolders
  readonly upkeep: ShardUpkeep
  readonly compaction: Pick<ShardCompaction, 'hold' | 'release'>
  /** A folder failed while a partition was copied to it. */
  failFolder(folder: string, error: DiskError): void
  /** A partition changed over to the folder. */
  onMoved(partition: Partition, folder: string): void
}

interface Entry {
  readonly partition: Partition
  readonly move: LogMove
  started: boolean
  done: Promise<void>
}

export class ShardMoves {
  private readonly parts: MovesParts
  private readonly entries = new Map<number, Entry>()
  /** Requests are judged one after the other. */
  private requests: Promise<unknown> = Promise.resolve()
  private running: Promise<void> = Promise.resolve()
  private stopped = false

  constructor(parts: MovesParts) {
    this.parts = parts
  }

  /** The move under way of a partition. */
  of(key: number): LogMove | null {
    return this.entries.get(key)?.move ?? null
  }

  /** Begins to move the partition; to the folder that has it: ends a move to another. */
  request(partition: Partition, folder: string): Promise<ErrorCode> {
    const judged = this.requests.then(() => this.begin(partition, folder))
    this.requests = judged.catch(() => {})
    return judged
  }

  /** Gives the partition's move up and waits until nothing of it goes on. */
  async cancel(key: number): Promise<void> {
    const entry = this.entries.get(key)
    if (entry === undefined) return
    entry.move.cancel()
    if (entry.started) await entry.done
    else {
      this.entries.delete(key)
      await this.removeFuture(entry)
    }
  }

  /** The folder failed: nothing goes there any more. */
  cancelInto(folder: string): void {
    for (const { move } of this.entries.values()) if (move.target === folder) move.cancel()
  }

  /** Gives all up; the next start removes what they copied, and begins anew. */
  async stop(): Promise<void> {
    this.stopped = true
    for (const { move } of this.entries.values()) move.cancel()
    await this.requests
    await this.running
  }

  private async begin(partition: Partition, folder: string): Promise<ErrorCode> {
    const { folders } = this.parts
    const { key } = partition.identity
    if (folders.hasFailed(folder) || partition.offline !== null || this.stopped)
      return ErrorCode.KAFKA_STORAGE_ERROR
    const before = this.entries.get(key)
    if (before !== undefined && before.move.target !== folder) await this.cancel(key)
    if (partition.log.dataFolder === folder || this.entries.has(key)) return ErrorCode.NONE
    if (partition.log.placeElsewhere(folder)) {
      folders.moved(partition.name, folder)
      return ErrorCode.NONE
    }
    if (this.entries.size >= limits.movesMax) return ErrorCode.REQUEST_TIMED_OUT
    try {
      const move = await partition.log.startMove(folder)
      const entry = { partition, move, started: false, done: Promise.resolve() }
      this.entries.set(key, entry)
      this.running = this.running.then(() => this.run(entry))
      return ErrorCode.NONE
    } catch (error) {
      if (!(error instanceof DiskError)) throw error
      this.tellFailure(partition, folder, error)
      return ErrorCode.KAFKA_STORAGE_ERROR
    }
  }

  private run(entry: Entry): Promise<void> {
    const { key } = entry.partition.identity
    if (this.entries.get(key) !== entry) return Promise.resolve()
    entry.started = true
    entry.done = this.moveOne(entry).finally(() => this.entries.delete(key))
    return entry.done
  }

  private async moveOne(entry: Entry): Promise<void> {
    const { partition, move } = entry
    const { upkeep, compaction } = this.parts
    try {
      // The copy follows what retention takes away; it does not chase what compaction makes.
      await compaction.hold(partition)
      const from = partition.log.dataFolder
      const leave = await this.changeOver(partition, move)
      const onError = (error: DiskError): void => this.failIn(from, error)
      // Waits for readers of the old files; the next move does not.
      void leave(onError).then((old) => {
        const delayMs = partition.log.options.fileDeleteDelayMs
        if (old !== null) upkeep.removeFolderLater(old, delayMs)
      })
    } catch (error) {
      if (error instanceof DiskError) this.tellFailure(partition, move.target, error)
      else if (!(error instanceof MoveCancelled)) throw error
      await this.removeFuture(entry)
    } finally {
      // A deleted topic's partition stays held.
      const { key } = partition.identity
      if (this.parts.shard.partitions.get(key) === partition) compaction.release(partition)
    }
  }

  private async changeOver(partition: Partition, move: LogMove): Promise<LeaveOldFolder> {
    const { shard, folders, onMoved } = this.parts
    const { clock, logger } = shard
    const from = partition.log.dataFolder
    const startedMs = clock.monotonicMs()
    // What waits for the folder to be made is let go once it is, and must not be in the middle of this.
    await partition.log.createFolder()
    await move.copy()
    await partition.folderSettled()
    const heldMs = clock.monotonicMs()
    partition.holdAppends()
    try {
      if (partition.offline !== null) throw new MoveCancelled(partition.offline)
      const leave = await partition.log.finishMove(move)
      folders.moved(partition.name, move.target)
      const endMs = clock.monotonicMs()
      logger.info(
        `moved ${partition.name} from ${from} to ${move.target}: ${move.sizeBytes} bytes in ` +
          `${Math.round(endMs - startedMs)} ms, appends held back for ${Math.round(endMs - heldMs)} ms`,
      )
      onMoved(partition, move.target)
      return leave
    } finally {
      partition.releaseHeld()
    }
  }

  private tellFailure(partition: Partition, folder: string, error: DiskError): void {
    const { logger } = this.parts.shard
    logger.warn(
      `${partition.name} could not be moved to ${folder}: ${error.message}. It stays where it is; ask ` +
        'for the move again when the folder is in order.',
    )
    this.failIn(folder, error)
  }

  private failIn(folder: string, error: DiskError): void {
    if (liesIn(folder, error.path) && failsFolder(error)) this.parts.failFolder(folder, error)
  }

  private async removeFuture({ partition, move }: Entry): Promise<void> {
    if (this.stopped || this.parts.folders.hasFailed(move.target)) return
    await this.parts.disk.removeDir(move.dir).catch((error: unknown) => {
      if (!(error instanceof DiskError)) throw error
      this.parts.shard.logger.warn(
        `the copy of ${partition.name} could not be removed: ${error.message}; the next start does that`,
      )
    })
  }
}
