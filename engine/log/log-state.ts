/**
 * What the parts of a log share: its segments, offsets, producer state, epochs, and the error that ended
 * it. One owner thread. The parts are functions and classes over this state, one per noun; log.ts is
 * their front.
 */
import type { Clock } from '../base/clock.ts'
import type { Lanes } from '../base/lanes.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import { type Disk, type DiskDir, DiskError } from './disk.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import { LogOffsets } from './log-offsets.ts'
import type { LogOptions } from './log-options.ts'
import type { OpenSegments } from './open-segments.ts'
import type { PageWindow } from './page-window.ts'
import type { ProducerStateManager } from './producer-state.ts'
import { ReadMarks } from './read-marks.ts'
import type { Segment, SegmentOptions } from './segment.ts'
import type { SegmentList } from './segment-list.ts'
import { TailPositions } from './tail-positions.ts'

export interface LogPorts {
  readonly disk: Disk
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly openSegments: OpenSegments
  /** Where folders are made: each holds descriptors until its syncs have had their turn in the pool. */
  readonly folderLanes: Lanes
  /** No folder may be made in it now, since its checkpoints may tell of a deleted topic of that name. */
  readonly isFolderHeld: (dataFolder: string) => boolean
  /** Null: the page cache is left to the system. */
  readonly pageWindow: PageWindow | null
  /** The log ended; called once. Without it a line in the log says so. */
  readonly onFailed?: ((error: DiskError) => void) | undefined
}

/** A segment that was left: what remains to be done off the append path, see log-roll.ts. */
export interface RolledSegment {
  readonly segment: Segment
  readonly nextBaseOffset: number
  /** Producer state at the roll, as the snapshot file holds it. */
  readonly snapshot: Buffer
}

export class LogState {
  readonly ports: LogPorts
  /** Folder name, for messages. */
  readonly name: string
  /** Changes when the topic is deleted, and when the log moves to another data folder. */
  dir: string
  options: LogOptions
  readonly segments: SegmentList
  readonly offsets: LogOffsets
  readonly producers: ProducerStateManager
  readonly epochs: LeaderEpochs
  /** Settles with the last write of the epoch file that was asked for. */
  epochsStored: Promise<void> = Promise.resolve()
  readonly tail = new TailPositions()
  readonly marks = new ReadMarks()
  /** Left in order, not yet finished. */
  readonly rolled: RolledSegment[] = []
  /** The folder was made and is not durable: nothing may be appended yet (log-open.ts). */
  folderUnsynced = false
  /** The directory, when files were created since it was last synced. */
  unsyncedNames: DiskDir | null = null
  /** Monotonic time of the first write since the last sync, -1 without one. */
  unsyncedSinceMs = -1
  /** Jitter of the active segment. */
  rollJitterMs = 0
  /** The error that ended this log in this process (S5). */
  failed: DiskError | null = null
  /** The full disk that stopped appends until `Log.resume`; no segment may begin meanwhile. */
  suspended: DiskError | null = null
  /** What the turn had staged was not written: memory knows of batches that the files do not hold. */
  isTurnLost = false
  /** The owner knows of `failed` from here; it may have ended the log itself before. */
  private isFailureTold = false
  closed = false
  /** In the change-over to another data folder: no roll and no deletion may begin. */
  moving = false
  /** A pass of compaction is under way: no deletion may begin. */
  compacting = false
  private housekeeping: Promise<unknown> = Promise.resolve()

  constructor(
    ports: LogPorts,
    name: string,
    dir: string,
    options: LogOptions,
    content: {
      readonly segments: SegmentList
      readonly producers: ProducerStateManager
      readonly epochs: LeaderEpochs
      readonly logStartOffset: number
      readonly logEndOffset: number
    },
  ) {
    this.ports = ports
    this.name = name
    this.dir = dir
    this.options = options
    this.segments = content.segments
    this.producers = content.producers
    this.epochs = content.epochs
    this.offsets = new LogOffsets(content.logStartOffset, content.logEndOffset)
    this.drawJitter()
  }

  segmentOptions(baseOffset: number): SegmentOptions {
    return {
      disk: this.ports.disk,
      dir: this.dir,
      baseOffset,
      indexIntervalBytes: this.options.indexIntervalBytes,
      indexBytesMax: this.options.segmentIndexBytes,
      createdMs: this.ports.clock.wallMs(),
    }
  }

  drawJitter(): void {
    const { segmentJitterMs } = this.options
    this.rollJitterMs =
      segmentJitterMs > 0 ? this.ports.random.int(Math.min(segmentJitterMs, 0xffff_ffff)) : 0
  }

  /** What memory knows of batches that begin before `byte` is no longer true; without it: of all. */
  forgetPositions(byte = Number.POSITIVE_INFINITY): void {
    this.tail.forgetBelow(byte)
    this.marks.forgetBelow(byte)
  }

  /** Ends the log for this process; returns the error as it will stay. Other errors are our own. */
  fail(error: unknown): DiskError {
    if (!(error instanceof DiskError)) throw error
    this.failed ??= error
    if (!this.isFailureTold) {
      this.isFailureTold = true
      const { onFailed, logger } = this.ports
      if (onFailed !== undefined) onFailed(error)
      else logger.error(`${this.name}: ${error.message}; this log takes no more writes`)
    }
    return this.failed
  }

  /** Runs work on the folder's names one piece at a time: finished rolls and deletions must not mix. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.housekeeping.then(work)
    this.housekeeping = result.catch(() => {})
    return result
  }

  /** Throws the error that ended the log. */
  throwIfFailed(): void {
    if (this.failed !== null) throw this.failed
  }
}
