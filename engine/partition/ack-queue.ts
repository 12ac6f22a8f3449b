/**
 * Appends of one partition that wait until their records are part of what recovery would rebuild:
 * a first-in-first-out ring, released as the high watermark rises. Offsets in it never fall, save
 * for duplicates of an idempotent producer, whose original lies below what is queued before them;
 * those are released late by at most one flush, never early.
 *
 * Bound: limits.pendingAcksMax; the partition refuses further appends beyond it.
 */
import { broken } from '../base/assert.ts'
import type { ErrorCode } from '../base/errors.ts'
import type { AppendDone } from '../shard-port.ts'

interface PendingAck {
  /** First offset that must be stored for good before the answer: last offset of the batch + 1. */
  endOffset: number
  baseOffset: number
  logAppendTimeMs: number
  done: AppendDone
}

const INITIAL_SLOTS = 16

export class AckQueue {
  private slots: (PendingAck | undefined)[] = new Array(INITIAL_SLOTS)
  private head = 0
  private count = 0

  get size(): number {
    return this.count
  }

  push(endOffset: number, baseOffset: number, logAppendTimeMs: number, done: AppendDone): void {
    if (this.count === this.slots.length) this.grow()
    const at = (this.head + this.count) & (this.slots.length - 1)
    this.slots[at] = { endOffset, baseOffset, logAppendTimeMs, done }
    this.count++
  }

  /** Answers every waiting append whose records lie wholly below `highWatermark`. */
  release(highWatermark: number, logStartOffset: number): void {
    while (this.count > 0) {
      const ack = this.slots[this.head]
      if (ack === undefined) broken(`ack slot ${this.head} of ${this.count} is empty`)
      if (ack.endOffset > highWatermark) return
      this.drop()
      ack.done(0, ack.baseOffset, ack.logAppendTimeMs, logStartOffset, null)
    }
  }

  /** Answers everything that waits with an error: the log took no further promise. */
  fail(errorCode: ErrorCode, message: string): void {
    this.failAbove(-1, errorCode, message)
  }

  /** The same for appends that end above an offset; the others go on waiting, in their order. */
  failAbove(offset: number, errorCode: ErrorCode, message: string): void {
    for (let left = this.count; left > 0; left--) {
      const ack = this.slots[this.head]
      if (ack === undefined) broken(`ack slot ${this.head} of ${this.count} is empty`)
      this.drop()
      if (ack.endOffset > offset) ack.done(errorCode, -1, -1, -1, message)
      else this.push(ack.endOffset, ack.baseOffset, ack.logAppendTimeMs, ack.done)
    }
  }

  private drop(): void {
    this.slots[this.head] = undefined
    this.head = (this.head + 1) & (this.slots.length - 1)
    this.count--
  }

  private grow(): void {
    const larger: (PendingAck | undefined)[] = new Array(this.slots.length * 2)
    for (let i = 0; i < this.count; i++)
      larger[i] = this.slots[(this.head + i) & (this.slots.length - 1)]
    this.slots = larger
    this.head = 0
  }
}
