/**
 * Cuts the bytes of a connection into answers without decoding them: each is judged by its head as
 * soon as that is there, its body is skipped, and its end is told. Correlation ids must rise by one:
 * a foreign one, or an error code, ends the load, as figures of a broker that refuses are no figures.
 */
import { errorName } from '../../engine/base/errors.ts'
import { type AnswerShape, answerErrorCode, answerRecordBytes } from './frames.ts'

const LENGTH_BYTES = 4
const HEAD_BYTES_MIN = 64

export interface AnswerEvents {
  /** An answer is complete; `recordBytes` is what its head said, 0 for a Produce answer. */
  onAnswer(recordBytes: number): void
  onFailure(error: Error): void
  /** True: the load goes on, and onAnswer follows. */
  onErrorCode?(code: number): boolean
  /** With `whole`: the answer itself, valid during the call, before onAnswer. */
  onFrame?(frame: Buffer): void
}

export class AnswerReader {
  private readonly shape: AnswerShape
  private readonly events: AnswerEvents
  private readonly headBytes: number
  private head: Buffer
  private expectedId = 1
  /** Bytes of a head cut by the end of a read. */
  private spilled = 0
  /** Bytes of the answer at hand that are of no interest. */
  private toSkip = 0
  private recordBytes = 0

  /** `whole` gathers every answer to its end, for those who read what is in it. */
  constructor(shape: AnswerShape, events: AnswerEvents, whole = false) {
    this.shape = shape
    this.events = events
    this.headBytes = whole ? Number.POSITIVE_INFINITY : shape.headBytes
    this.head = Buffer.alloc(Math.max(shape.headBytes, HEAD_BYTES_MIN))
  }

  receive(buffer: Buffer, bytes: number): void {
    for (let at = 0; at < bytes; ) {
      if (this.toSkip > 0) {
        const step = Math.min(this.toSkip, bytes - at)
        this.toSkip -= step
        at += step
        if (this.toSkip === 0) this.events.onAnswer(this.recordBytes)
        continue
      }
      const whole = this.spilled === 0 && bytes - at >= this.headBytes
      if (!whole) {
        at += this.spill(buffer, at, bytes)
        if (this.spilled < this.headWanted()) continue
      }
      const [source, start] = whole ? [buffer, at] : [this.head, 0]
      const size = LENGTH_BYTES + source.readInt32BE(start)
      this.recordBytes = this.judge(source, start, size)
      const seen = whole ? Math.min(size, this.headBytes) : this.spilled
      if (whole) at += seen
      else if (this.spilled === size) this.events.onFrame?.(this.head.subarray(0, size))
      this.spilled = 0
      this.toSkip = size - seen
      if (this.toSkip === 0) this.events.onAnswer(this.recordBytes)
    }
  }

  /** Takes bytes of a cut head; returns how many. */
  private spill(buffer: Buffer, at: number, end: number): number {
    let taken = 0
    while (at + taken < end && this.spilled < this.headWanted()) {
      const step = Math.min(this.headWanted() - this.spilled, end - at - taken)
      if (this.spilled + step > this.head.length) this.grow(this.headWanted())
      buffer.copy(this.head, this.spilled, at + taken, at + taken + step)
      this.spilled += step
      taken += step
    }
    return taken
  }

  private grow(size: number): void {
    const larger = Buffer.alloc(size)
    this.head.copy(larger)
    this.head = larger
  }

  /** Bytes of the head to gather: the length first, then the head or the whole shorter answer. */
  private headWanted(): number {
    if (this.spilled < LENGTH_BYTES) return LENGTH_BYTES
    return Math.min(LENGTH_BYTES + this.head.readInt32BE(0), this.headBytes)
  }

  /** Checks an answer; returns its bytes of records. */
  private judge(source: Buffer, start: number, size: number): number {
    const { shape } = this
    const id = source.readInt32BE(start + LENGTH_BYTES)
    if (id !== this.expectedId)
      this.events.onFailure(new Error(`answer ${id} came where ${this.expectedId} was due`))
    this.expectedId = (this.expectedId + 1) & 0x7fff_ffff
    const code = answerErrorCode(shape, source, start, size)
    if (code !== 0 && this.events.onErrorCode?.(code) !== true)
      this.events.onFailure(new Error(`the broker answered ${errorName(code)}`))
    if (shape.recordsAt < 0 || code !== 0) return 0
    return answerRecordBytes(shape, source, start, size)
  }
}
