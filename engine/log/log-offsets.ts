/**
 * The offsets of a log, changed through one setter that checks how they relate:
 *
 *   logStartOffset ≤ logEndOffset ≤ stagedEndOffset
 *   recoveryPoint ≤ syncedEndOffset ≤ logEndOffset
 *
 * All but the staged end only rise. The staged end falls back to the log end when a write was refused.
 */
import { assert, unreachable } from '../base/assert.ts'

export class LogOffsets {
  /** First offset readers may ask for. */
  logStartOffset: number
  /** Below it a crash cannot hurt and recovery need not look. */
  recoveryPoint: number
  /** Exclusive end of what was synced. */
  syncedEndOffset: number
  /** Exclusive end of what was written. */
  logEndOffset: number
  /** Exclusive end of what was taken in this turn. */
  stagedEndOffset: number

  /** A log whose whole content is on the disk. */
  constructor(logStartOffset: number, logEndOffset: number) {
    this.logStartOffset = logStartOffset
    this.recoveryPoint = logEndOffset
    this.syncedEndOffset = logEndOffset
    this.logEndOffset = logEndOffset
    this.stagedEndOffset = logEndOffset
    this.check()
  }

  setStaged(stagedEndOffset: number): void {
    this.set(this.logStartOffset, this.syncedEndOffset, this.logEndOffset, stagedEndOffset)
  }

  setWritten(logEndOffset: number, stagedEndOffset: number): void {
    this.set(this.logStartOffset, this.syncedEndOffset, logEndOffset, stagedEndOffset)
  }

  setSynced(syncedEndOffset: number): void {
    this.set(this.logStartOffset, syncedEndOffset, this.logEndOffset, this.stagedEndOffset)
  }

  setLogStart(logStartOffset: number): void {
    this.set(logStartOffset, this.syncedEndOffset, this.logEndOffset, this.stagedEndOffset)
  }

  setRecoveryPoint(recoveryPoint: number): void {
    assert(
      recoveryPoint >= this.recoveryPoint && recoveryPoint <= this.syncedEndOffset,
      `recovery point ${this.recoveryPoint} → ${recoveryPoint} ≤ ${this.syncedEndOffset}`,
    )
    this.recoveryPoint = recoveryPoint
  }

  private set(logStart: number, synced: number, logEnd: number, stagedEnd: number): void {
    // On the path of every batch: the message is made only when it is needed.
    if (
      logStart < this.logStartOffset ||
      synced < this.syncedEndOffset ||
      logEnd < this.logEndOffset
    )
      unreachable(`offsets fall: ${this.describe()} → ${logStart} ${synced} ${logEnd} ${stagedEnd}`)
    this.logStartOffset = logStart
    this.syncedEndOffset = synced
    this.logEndOffset = logEnd
    this.stagedEndOffset = stagedEnd
    this.check()
  }

  private check(): void {
    const { logStartOffset, recoveryPoint, syncedEndOffset, logEndOffset, stagedEndOffset } = this
    if (
      logStartOffset < 0 ||
      logStartOffset > logEndOffset ||
      recoveryPoint > syncedEndOffset ||
      syncedEndOffset > logEndOffset ||
      logEndOffset > stagedEndOffset
    )
      unreachable(`offsets out of order: ${this.describe()}`)
  }

  private describe(): string {
    return (
      `start ${this.logStartOffset}, recovery point ${this.recoveryPoint}, synced ` +
      `${this.syncedEndOffset}, written ${this.logEndOffset}, staged ${this.stagedEndOffset}`
    )
  }
}
