/**
 * Replies of one connection in the order of its requests, however their work ends (Kafka clients
 * match by order): a ring of slots, opened as requests start, sent from the head as far as
 * answered.
 *
 * Invariants: a slot is answered once; nothing is sent ahead of an unanswered slot; the memory of a
 * request is released when it is answered, whether or not the connection still lives.
 */
import { broken } from '../engine/base/assert.ts'
import { limits } from '../engine/base/limits.ts'
import type { Outbox } from './outbox.ts'
import type { FrameMemory } from './receive.ts'
import type { Reply, ReplyBody, ReplyOutput } from './reply.ts'

/** What a slot tells its connection. */
export interface ReplyOwner {
  readonly alive: boolean
  /** A slot was answered: replies may be due, further requests may start. */
  answered(): void
  /** It is to be read no more for so long. */
  mute(forMs: number): void
  hangUp(reason: string): void
}

export class ReplySlot implements Reply {
  readonly correlationId: number
  /** Bytes of the request, counted against the connection's bound until it is answered. */
  readonly requestBytes: number
  /** The response header carries a tag section (flexible versions). */
  taggedHeader = false
  body: ReplyBody | null = null
  done = false
  private memory: FrameMemory
  private abandon: (() => void) | null = null
  private readonly owner: ReplyOwner
  private readonly queue: ReplyQueue

  constructor(
    owner: ReplyOwner,
    queue: ReplyQueue,
    correlationId: number,
    requestBytes: number,
    memory: FrameMemory,
  ) {
    this.owner = owner
    this.queue = queue
    this.correlationId = correlationId
    this.requestBytes = requestBytes
    this.memory = memory
  }

  get alive(): boolean {
    return this.owner.alive
  }

  send(body: ReplyBody): void {
    this.end()
    if (this.owner.alive) this.body = body
    else body.release()
    this.queue.noteAnswered(this)
    this.owner.answered()
  }

  throttle(forMs: number): void {
    if (this.owner.alive) this.owner.mute(forMs)
  }

  nothing(): void {
    this.end()
    this.queue.noteAnswered(this)
    this.owner.answered()
  }

  hangUp(reason: string): void {
    this.end()
    this.queue.noteAnswered(this)
    this.owner.hangUp(reason)
  }

  onAbandon(run: () => void): void {
    this.abandon = run
  }

  /** Nothing of the request's own bytes is needed any more. */
  releaseMemory(): void {
    const { memory } = this
    this.memory = 'own'
    if (typeof memory === 'object') memory.release()
  }

  /** The connection died. An unanswered request is told so; an answer not sent is given back. */
  abandoned(): void {
    const { body, abandon } = this
    this.body = null
    this.abandon = null
    body?.release()
    if (!this.done) abandon?.()
  }

  private end(): void {
    if (this.done) broken(`request ${this.correlationId} is answered twice`)
    this.done = true
    this.abandon = null
    this.releaseMemory()
  }
}

const MASK = limits.connectionRequestsMax - 1

export class ReplyQueue {
  private readonly slots: (ReplySlot | undefined)[] = new Array(limits.connectionRequestsMax)
  private head = 0
  private count = 0
  /** Slots open and not answered. */
  unanswered = 0
  /** Request bytes of those. */
  unansweredBytes = 0

  get full(): boolean {
    return this.count === limits.connectionRequestsMax
  }

  /** The next reply is there, with more records than are copied into the write of a turn. */
  isLargeDue(inlineBytesMax: number): boolean {
    const body = this.slots[this.head]?.body ?? null
    return body !== null && body.recordBytes > inlineBytesMax
  }

  get length(): number {
    return this.count
  }

  open(
    owner: ReplyOwner,
    correlationId: number,
    requestBytes: number,
    memory: FrameMemory,
  ): ReplySlot {
    if (this.full) broken(`reply slots of a connection: ${this.count}`)
    const slot = new ReplySlot(owner, this, correlationId, requestBytes, memory)
    this.slots[(this.head + this.count) & MASK] = slot
    this.count++
    this.unanswered++
    this.unansweredBytes += requestBytes
    return slot
  }

  noteAnswered(slot: ReplySlot): void {
    this.unanswered--
    this.unansweredBytes -= slot.requestBytes
  }

  /**
   * Hands every reply that is due to the outbox, until one must be streamed; false: none was. An
   * error of a body goes to the caller, who closes the connection.
   */
  flush(output: ReplyOutput, outbox: Outbox): boolean {
    let sent = false
    while (this.count > 0 && !outbox.streaming) {
      output.reset()
      const streamed = this.encodeDue(output)
      if (output.writer.size === 0) break
      outbox.send(output, streamed)
      sent = true
    }
    return sent
  }

  /** Everything is given back; slots still in work answer into the void. */
  close(): void {
    while (this.count > 0) this.pop()?.abandoned()
  }

  /** Returns the body whose ranges are not in the bytes, which is the last one then. */
  private encodeDue(output: ReplyOutput): ReplyBody | null {
    while (this.count > 0 && output.writer.size <= limits.replyChunkBytes) {
      const slot = this.slots[this.head]
      if (slot === undefined || !slot.done) return null
      this.pop()
      const { body } = slot
      if (body === null) continue
      slot.body = null
      const holes = output.holes.length
      try {
        output.frame(slot.correlationId, slot.taggedHeader, body)
      } catch (error) {
        body.release()
        throw error
      }
      if (output.holes.length === holes) {
        body.release()
        continue
      }
      return body
    }
    return null
  }

  private pop(): ReplySlot | undefined {
    const slot = this.slots[this.head]
    this.slots[this.head] = undefined
    this.head = (this.head + 1) & MASK
    this.count--
    return slot
  }
}
