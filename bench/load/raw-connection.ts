/**
 * One connection of the raw client: a closed loop of `depth` requests in flight that does as little as
 * a client can. Each request in flight has a slot, its own copy of the frame; answers come in order, so
 * the slots of all answers of one read are neighbours and leave in one write (two where the ring
 * wraps). A slot is patched only after its answer, when nobody can still be sending its bytes.
 *
 * Any error code, a foreign correlation id or a lost connection ends the load: figures of a broker
 * that refuses are no figures.
 */
import { connect, type Socket } from 'node:net'
import { errorName } from '../../engine/base/errors.ts'
import {
  answerErrorCode,
  answerRecordBytes,
  CORRELATION_ID_AT,
  type PreparedRequest,
} from './frames.ts'

const LENGTH_BYTES = 4
/** One receive buffer per connection: a read takes as much as the kernel has. */
const RECEIVE_BYTES = 256 * 1024

/** Offsets to fetch from, over and over: first, first + step, … `count` of them. */
export interface FetchRound {
  readonly first: number
  readonly step: number
  readonly count: number
}

/** Told after each read that completed answers. */
export type AnswersSeen = (answers: number, recordBytes: number) => void

export interface RawConnectionOptions {
  readonly host: string
  readonly port: number
  readonly request: PreparedRequest
  readonly depth: number
  readonly round: FetchRound | null
  readonly onAnswers: AnswersSeen
  readonly onFailure: (error: Error) => void
}

export class RawConnection {
  private readonly options: RawConnectionOptions
  private readonly socket: Socket
  private readonly slots: Buffer
  private readonly slotBytes: number
  private readonly head: Buffer
  private sending = true
  private nextSlot = 0
  private nextId = 1
  private expectedId = 1
  private inFlight = 0
  private fetchIndex = 0
  /** Bytes of a head cut by the end of a read. */
  private spilled = 0
  /** Bytes of the answer at hand that are of no interest. */
  private toSkip = 0
  /** Bytes of records in answers that are still arriving or not yet reported. */
  private recordBytes = 0
  private drained: (() => void) | null = null

  private constructor(options: RawConnectionOptions) {
    const { request, depth } = options
    this.options = options
    this.slotBytes = request.frame.length
    this.slots = Buffer.allocUnsafeSlow(this.slotBytes * depth)
    for (let slot = 0; slot < depth; slot++) request.frame.copy(this.slots, slot * this.slotBytes)
    this.head = Buffer.alloc(Math.max(request.answer.headBytes, LENGTH_BYTES + 4))
    const buffer = Buffer.allocUnsafeSlow(RECEIVE_BYTES)
    this.socket = connect({
      host: options.host,
      port: options.port,
      noDelay: true,
      onread: {
        buffer,
        callback: (bytes) => {
          this.receive(buffer, bytes)
          return true
        },
      },
    })
    this.socket.on('error', ({ message }) => this.lost(message))
    for (const event of ['end', 'close'])
      this.socket.on(event, () => this.lost('the broker closed it'))
  }

  static open(options: RawConnectionOptions): Promise<RawConnection> {
    return new Promise((resolve, reject) => {
      const connection = new RawConnection(options)
      connection.socket.once('error', reject)
      connection.socket.once('connect', () => resolve(connection))
    })
  }

  /** Fills the pipe; from here on each answer sends the next request. */
  start(): void {
    this.send(this.options.depth)
  }

  /** Sends no more; resolves when what is in flight was answered. */
  finish(): Promise<void> {
    this.sending = false
    if (this.inFlight === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.drained = resolve
    })
  }

  close(): void {
    this.inFlight = 0
    this.socket.destroy()
  }

  private lost(why: string): void {
    if (this.inFlight > 0) this.options.onFailure(new Error(`lost a connection: ${why}`))
  }

  private send(count: number): void {
    const { depth } = this.options
    this.inFlight += count
    for (let left = count; left > 0; ) {
      const from = this.nextSlot
      const run = Math.min(left, depth - from)
      for (let slot = from; slot < from + run; slot++) this.patch(slot * this.slotBytes)
      this.socket.write(this.slots.subarray(from * this.slotBytes, (from + run) * this.slotBytes))
      this.nextSlot = from + run === depth ? 0 : from + run
      left -= run
    }
  }

  private patch(at: number): void {
    const { request, round } = this.options
    this.slots.writeInt32BE(this.nextId, at + CORRELATION_ID_AT)
    this.nextId = (this.nextId + 1) & 0x7fff_ffff
    if (round === null) return
    const offset = round.first + this.fetchIndex * round.step
    this.fetchIndex = this.fetchIndex + 1 === round.count ? 0 : this.fetchIndex + 1
    this.slots.writeUInt32BE(Math.floor(offset / 2 ** 32), at + request.fetchOffsetAt)
    this.slots.writeUInt32BE(offset % 2 ** 32, at + request.fetchOffsetAt + 4)
  }

  private receive(buffer: Buffer, bytes: number): void {
    const { headBytes } = this.options.request.answer
    let answers = 0
    for (let at = 0; at < bytes; ) {
      if (this.toSkip > 0) {
        const step = Math.min(this.toSkip, bytes - at)
        this.toSkip -= step
        at += step
        if (this.toSkip === 0) answers++
        continue
      }
      const whole = this.spilled === 0 && bytes - at >= headBytes
      if (!whole) {
        const taken = this.spill(buffer, at, bytes)
        at += taken
        if (this.spilled < this.headWanted()) continue
      }
      const [source, start] = whole ? [buffer, at] : [this.head, 0]
      const size = LENGTH_BYTES + source.readInt32BE(start)
      this.recordBytes += this.judge(source, start, size)
      const seen = whole ? Math.min(size, headBytes) : this.spilled
      if (whole) at += seen
      this.spilled = 0
      this.toSkip = size - seen
      if (this.toSkip === 0) answers++
    }
    if (answers > 0) this.answered(answers)
  }

  /** Takes bytes of a cut head; returns how many. */
  private spill(buffer: Buffer, at: number, end: number): number {
    let taken = 0
    while (at + taken < end && this.spilled < this.headWanted()) {
      const step = Math.min(this.headWanted() - this.spilled, end - at - taken)
      buffer.copy(this.head, this.spilled, at + taken, at + taken + step)
      this.spilled += step
      taken += step
    }
    return taken
  }

  /** Bytes of the head to gather: the length first, then the head or the whole shorter answer. */
  private headWanted(): number {
    if (this.spilled < LENGTH_BYTES) return LENGTH_BYTES
    const size = LENGTH_BYTES + this.head.readInt32BE(0)
    return Math.min(size, this.options.request.answer.headBytes)
  }

  /** Checks an answer; returns its bytes of records. */
  private judge(source: Buffer, start: number, size: number): number {
    const { answer } = this.options.request
    const id = source.readInt32BE(start + LENGTH_BYTES)
    if (id !== this.expectedId)
      this.options.onFailure(new Error(`answer ${id} came where ${this.expectedId} was due`))
    this.expectedId = (this.expectedId + 1) & 0x7fff_ffff
    const code = answerErrorCode(answer, source, start, size)
    if (code !== 0) this.options.onFailure(new Error(`the broker answered ${errorName(code)}`))
    if (answer.recordsAt < 0 || code !== 0) return 0
    return answerRecordBytes(answer, source, start)
  }

  private answered(answers: number): void {
    this.inFlight -= answers
    this.options.onAnswers(answers, this.recordBytes)
    this.recordBytes = 0
    if (this.sending) this.send(answers)
    else if (this.inFlight === 0) this.drained?.()
  }
}
