/**
 * One connection of the raw client: a closed loop of `depth` requests in flight that does as little as
 * a client can. Each request in flight has a slot, its own copy of a frame; answers come in order, so
 * the slots of all answers of one read are neighbours and leave in one write (two where the ring
 * wraps). A slot is patched only after its answer, when nobody can still be sending its bytes.
 *
 * In transactions a first request goes alone, the pipe is filled behind its answer, and drained before
 * the commit (transaction-cycle.ts).
 */
import type { Socket } from 'node:net'
import type { Address } from '../../net/client/address.ts'
import type { ProducerMark } from '../../net/client/transaction-form.ts'
import { AnswerReader } from './answer-reader.ts'
import { openSocket } from './client-socket.ts'
import {
  type PreparedRequest,
  patchCorrelationId,
  patchFetchOffset,
  patchSequence,
} from './frames.ts'
import { firstMayPass, type TransactionLane } from './transaction-cycle.ts'

/** Offsets to fetch from, over and over: first, first + step, … `count` of them. */
export interface FetchRound {
  readonly first: number
  readonly step: number
  readonly count: number
}

/** Told after each read that completed answers: how many, and what they carried. */
export type AnswersSeen = (answers: number, recordBytes: number, records: number) => void

export interface RawConnectionOptions {
  readonly address: Address
  /** Slots take them in turns. */
  readonly requests: readonly PreparedRequest[]
  readonly depth: number
  readonly round: FetchRound | null
  /** Null: no sequence numbers, or those of transactions, which bring their own. */
  readonly producer: ProducerMark | null
  /** Told of each time from write to answer in milliseconds; null: none are taken. */
  readonly onLatency: ((ms: number) => void) | null
  readonly onAnswers: AnswersSeen
  readonly onFailure: (error: Error) => void
}

export class RawConnection implements TransactionLane {
  private readonly options: RawConnectionOptions
  private readonly reader: AnswerReader
  private socket: Socket | null = null
  private readonly slots: Buffer
  /** Start of each slot, and the end of the last. */
  private readonly slotAt: number[] = [0]
  private readonly slotRequests: PreparedRequest[] = []
  private readonly sentAt: Float64Array
  private sending = true
  private nextSlot = 0
  private answeredSlot = 0
  private nextId = 1
  private producer: ProducerMark | null
  private sequence = 0
  private inFlight = 0
  private fetchIndex = 0
  /** Of the read at hand. */
  private answers = 0
  private recordBytes = 0
  private records = 0
  private readAt = 0
  private drained: (() => void) | null = null
  /** Hears of the answer to a first request that goes alone. */
  private firstAnswered: ((errorCode: number) => void) | null = null
  private refusal = 0

  private constructor(options: RawConnectionOptions) {
    this.options = options
    this.producer = options.producer
    const { requests, depth } = options
    for (let slot = 0; slot < depth; slot++) {
      const request = requests[slot % requests.length]!
      this.slotRequests.push(request)
      this.slotAt.push(this.slotAt[slot]! + request.frame.length)
    }
    this.slots = Buffer.concat(this.slotRequests.map(({ frame }) => frame))
    this.sentAt = new Float64Array(depth)
    this.reader = new AnswerReader(requests[0]!.answer, {
      onAnswer: (recordBytes) => this.oneAnswer(recordBytes),
      onFailure: options.onFailure,
      onErrorCode: (code) => this.mayPass(code),
    })
  }

  static async open(options: RawConnectionOptions): Promise<RawConnection> {
    const connection = new RawConnection(options)
    connection.socket = await openSocket(options.address, {
      onBytes: (buffer, bytes) => connection.receive(buffer, bytes),
      onLost: (why) => connection.lost(why),
    })
    return connection
  }

  /** Fills the pipe; from here on each answer sends the next request. */
  open(): void {
    this.sending = true
    this.send(this.options.depth)
  }

  first(mark: ProducerMark, again: boolean): Promise<number> {
    this.sending = false
    if (mark.producerEpoch !== this.producer?.producerEpoch) this.sequence = 0
    this.producer = mark
    return new Promise((resolve) => {
      this.firstAnswered = resolve
      if (again) this.sendAgain()
      else this.send(1)
    })
  }

  withdraw(): void {
    // A closed loop has always something to send.
  }

  /** Sends no more; resolves when what is in flight was answered. */
  hold(): Promise<void> {
    this.sending = false
    if (this.inFlight === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.drained = resolve
    })
  }

  close(): void {
    this.inFlight = 0
    this.socket?.destroy()
  }

  private lost(why: string): void {
    if (this.inFlight > 0) this.options.onFailure(new Error(`lost a connection: ${why}`))
  }

  private send(count: number): void {
    const { depth, onLatency } = this.options
    const now = onLatency === null ? 0 : performance.now()
    this.inFlight += count
    for (let left = count; left > 0; ) {
      const from = this.nextSlot
      const end = from + Math.min(left, depth - from)
      for (let slot = from; slot < end; slot++) {
        this.patch(slot)
        this.sentAt[slot] = now
      }
      this.socket?.write(this.slots.subarray(this.slotAt[from], this.slotAt[end]))
      this.nextSlot = end === depth ? 0 : end
      left -= end - from
    }
  }

  /** The request whose answer came last, as it was but for its correlation id. */
  private sendAgain(): void {
    const slot = this.answeredSlot
    const at = this.slotAt[slot]!
    patchCorrelationId(this.slots, at, this.nextId)
    this.nextId = (this.nextId + 1) & 0x7fff_ffff
    this.inFlight++
    this.socket?.write(this.slots.subarray(at, this.slotAt[slot + 1]))
  }

  private patch(slot: number): void {
    const { producer } = this
    const { round } = this.options
    const at = this.slotAt[slot]!
    const request = this.slotRequests[slot]!
    patchCorrelationId(this.slots, at, this.nextId)
    this.nextId = (this.nextId + 1) & 0x7fff_ffff
    if (producer !== null) {
      const batchEnd = this.slotAt[slot + 1]!
      patchSequence(this.slots.subarray(at + request.batchAt, batchEnd), producer, this.sequence)
      this.sequence = (this.sequence + request.records) % 2 ** 31
    }
    if (round === null) return
    const offset = round.first + this.fetchIndex * round.step
    this.fetchIndex = this.fetchIndex + 1 === round.count ? 0 : this.fetchIndex + 1
    patchFetchOffset(this.slots, at + request.fetchOffsetAt, offset)
  }

  private receive(buffer: Buffer, bytes: number): void {
    if (this.options.onLatency !== null) this.readAt = performance.now()
    this.reader.receive(buffer, bytes)
    if (this.refusal !== 0) this.inFlight--
    const { answers } = this
    if (answers > 0) this.tell(answers)
    const { firstAnswered, refusal } = this
    if (firstAnswered !== null && (answers > 0 || refusal !== 0)) {
      this.firstAnswered = null
      this.refusal = 0
      firstAnswered(refusal)
    } else if (answers === 0) return
    else if (this.sending) this.send(answers)
    else if (this.inFlight === 0) this.drained?.()
  }

  private tell(answers: number): void {
    this.inFlight -= answers
    this.answers = 0
    this.options.onAnswers(answers, this.recordBytes, this.records)
    this.recordBytes = 0
    this.records = 0
  }

  /** Of a first request's refusals. */
  private mayPass(code: number): boolean {
    if (this.firstAnswered === null || !firstMayPass(code)) return false
    this.refusal = code
    return true
  }

  private oneAnswer(recordBytes: number): void {
    if (this.refusal !== 0) return
    const slot = this.answeredSlot
    this.answeredSlot = slot + 1 === this.options.depth ? 0 : slot + 1
    this.answers++
    const request = this.slotRequests[slot]!
    this.records += request.records
    this.recordBytes += request.batchAt < 0 ? recordBytes : request.batchBytes
    this.options.onLatency?.(this.readAt - this.sentAt[slot]!)
  }
}
