/**
 * The way of a frame up to its decoded body and no further: receive arena, framing, dispatcher,
 * header, compiled decoder. Nothing of a connection around it, so that most of a run's time goes
 * into decoders.
 */
import { parseBrokerConfig } from '../../engine/base/config.ts'
import { MalformedRequest } from '../../engine/base/errors.ts'
import { limits } from '../../engine/base/limits.ts'
import { decoderFor } from '../../engine/schema/codec.ts'
import { Reader } from '../../engine/schema/reader.ts'
import { Dispatcher } from '../../net/dispatch.ts'
import { FrameRefused } from '../../net/framing.ts'
import type { AnyHandler, HandlerServices } from '../../net/handler.ts'
import { type FrameMemory, type FrameSink, ReceiveArena, Receiver } from '../../net/receive.ts'
import { CountedSlabs } from '../support/connection-rig.ts'
import {
  type Fate,
  FUZZ_FRAME_BYTES_MAX,
  type FuzzTarget,
  newFate,
  resetFate,
} from './fuzz-target.ts'

export class DecoderTarget implements FuzzTarget, FrameSink {
  private readonly dispatcher: Dispatcher
  private readonly arena = new ReceiveArena(() => {})
  private readonly slabs = new CountedSlabs()
  private readonly reader = new Reader(Buffer.alloc(0))
  private readonly fate = newFate()
  private receiver = this.newReceiver()

  constructor(handlers: readonly AnyHandler[]) {
    const { config } = parseBrokerConfig(new Map())
    // Bodies are decoded here, so that handlers and what they need are not asked.
    const services = { config } as HandlerServices
    this.dispatcher = new Dispatcher(handlers, services, (error) => {
      throw error
    })
  }

  feed(wire: Buffer, size: number, cut: number): Fate {
    const { fate } = this
    resetFate(fate)
    try {
      if (cut > 0 && cut < size) this.read(wire, 0, cut)
      this.read(wire, cut > 0 && cut < size ? cut : 0, size)
      fate.partial = this.receiver.midFrame
    } catch (error) {
      if (!(error instanceof MalformedRequest) && !(error instanceof FrameRefused)) throw error
      fate.closed = true
    }
    this.arena.turnFlushed()
    if (fate.closed || fate.partial) {
      this.receiver.close()
      this.receiver = this.newReceiver()
    }
    return fate
  }

  onFrame(buffer: Buffer, start: number, end: number, memory: FrameMemory): boolean {
    if (typeof memory === 'object') memory.release()
    const { header, handler } = this.dispatcher.open(buffer, start, end)
    if (handler === null) {
      this.fate.answers++
      return true
    }
    this.reader.reset(buffer, header.bodyStart, end, limits.requestElementsMax)
    decoderFor(handler.request, header.apiVersion)(this.reader)
    this.fate.taken.push(header.apiKey * 1_000 + header.apiVersion)
    return true
  }

  private read(wire: Buffer, start: number, end: number): void {
    let from = start
    while (from < end) {
      const room = this.receiver.nextBuffer()
      const take = Math.min(room.length, end - from)
      wire.copy(room, 0, from, from + take)
      from += take
      this.receiver.received(take, room)
    }
  }

  private newReceiver(): Receiver {
    return new Receiver({
      arena: this.arena,
      slabs: this.slabs,
      frameBytesMax: FUZZ_FRAME_BYTES_MAX,
      sink: this,
      onResume: () => {},
    })
  }
}
