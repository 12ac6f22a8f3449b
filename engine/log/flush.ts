/**
 * Makes what was written durable (S4, S5, S6), and then, unhurried, finishes what rolls left to do.
 *
 *   sync()    one fdatasync per segment with unsynced bytes, oldest first, then the directory if files
 *             were created. One runs; whoever asks meanwhile shares the next one. Covers what was
 *             written before it started: the writes are synchronous, so all of them are complete.
 *   finish    for each segment left by a roll, once its bytes are synced: its indexes, the producer
 *             snapshot at the next base, the epoch file. Answers do not wait for it, the recovery
 *             point does: a snapshot at a base says that all before that base is complete.
 *
 * A failed sync ends the log: the pages may be gone, and a second sync would not say so.
 */
import { isOutOfRoom } from './disk.ts'
import { finishRolledSegment } from './log-roll.ts'
import type { LogState } from './log-state.ts'

export class LogFlush {
  private readonly state: LogState
  private running: Promise<void> | null = null
  private next: Promise<void> | null = null
  private finishing: Promise<void> | null = null

  constructor(state: LogState) {
    this.state = state
  }

  /** Everything written is synced. */
  get idle(): boolean {
    const { offsets, unsyncedNames } = this.state
    return offsets.syncedEndOffset === offsets.logEndOffset && unsyncedNames === null
  }

  /** Resolves when all that was written before the call is durable; rejects with the log's error. */
  sync(): Promise<void> {
    const { state } = this
    if (state.failed !== null) return Promise.reject(state.failed)
    if (this.running === null) {
      if (this.idle) return Promise.resolve()
      this.running = this.run().finally(() => {
        this.running = null
      })
      return this.running
    }
    this.next ??= this.running.then(
      () => this.startNext(),
      () => this.startNext(),
    )
    return this.next
  }

  /** Also waits until rolled segments are finished, so that the recovery point is the log's end. */
  async syncAll(): Promise<void> {
    await this.sync()
    while (this.finishing !== null) await this.finishing
    this.startFinish()
    while (this.finishing !== null) await this.finishing
    if (this.state.failed !== null) throw this.state.failed
  }

  /** Resolves when nothing of this log is under way; errors stay in `failed`. */
  async settled(): Promise<void> {
    while (this.running !== null || this.next !== null || this.finishing !== null) {
      await (this.running ?? this.next ?? this.finishing)?.catch(() => {})
    }
  }

  /** Monotonic time at which a sync is due by flush.ms or flush.messages; Infinity when none is. */
  syncDueAtMs(): number {
    const { options, offsets, unsyncedSinceMs, failed } = this.state
    if (unsyncedSinceMs < 0 || failed !== null) return Number.POSITIVE_INFINITY
    const { flushMessages, flushMs } = options
    const unsynced = offsets.logEndOffset - offsets.syncedEndOffset
    if (flushMessages >= 0 && unsynced >= flushMessages) return unsyncedSinceMs
    return flushMs < 0 ? Number.POSITIVE_INFINITY : unsyncedSinceMs + flushMs
  }

  private startNext(): Promise<void> {
    this.next = null
    return this.sync()
  }

  private async run(): Promise<void> {
    const { state } = this
    const { logEndOffset } = state.offsets
    const names = state.unsyncedNames
    state.unsyncedNames = null
    state.unsyncedSinceMs = -1
    try {
      // A copy: rolls and deletions change the list while this waits.
      for (const segment of state.segments.all().filter(({ unsynced }) => unsynced)) {
        if (!segment.unsynced || segment.files === null) continue
        segment.unsynced = false
        await segment.files.log.sync()
        // Something else of this log may have failed meanwhile: no sync says anything any more.
        state.throwIfFailed()
      }
      await names?.sync()
      state.throwIfFailed()
    } catch (error) {
      names?.closeSoon()
      throw state.fail(error)
    }
    state.offsets.setSynced(logEndOffset)
    this.startFinish()
  }

  private startFinish(): void {
    if (this.finishing !== null || this.state.closed) return
    this.finishing = this.finish().finally(() => {
      this.finishing = null
    })
  }

  private async finish(): Promise<void> {
    const { state } = this
    try {
      for (;;) {
        const rolled = state.rolled[0]
        if (rolled === undefined || rolled.nextBaseOffset > state.offsets.syncedEndOffset) break
        if (state.failed !== null) return
        await state.exclusive(() => finishRolledSegment(state, rolled))
        state.rolled.shift()
      }
      state.segments.active.writeIndexTails()
    } catch (error) {
      // A full disk only delays: tried again after the next sync, with the recovery point where it is.
      if (!isOutOfRoom(error)) state.fail(error)
    }
    this.advanceRecoveryPoint()
  }

  private advanceRecoveryPoint(): void {
    const { offsets, rolled, failed } = this.state
    if (failed !== null) return
    const unfinished = rolled[0]?.segment.baseOffset ?? Number.POSITIVE_INFINITY
    const point = Math.min(offsets.syncedEndOffset, unfinished)
    if (point > offsets.recoveryPoint) offsets.setRecoveryPoint(point)
  }
}
