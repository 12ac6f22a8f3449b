/**
 * Whole connections (net/connection.ts) with handlers that only count: shows that what does not
 * decode reaches no handler, gets not a byte of answer, and ends its connection with one log line.
 */
import type { AnyHandler, HotHandler } from '../../net/handler.ts'
import { ManualClock, MemoryLogger, testConnectionServices } from '../support/connection-rig.ts'
import { FedConnection, HandTurn } from './fed-connection.ts'
import {
  type Fate,
  FUZZ_FRAME_BYTES_MAX,
  type FuzzTarget,
  newFate,
  resetFate,
} from './fuzz-target.ts'

/** From one feeding to the next. */
const FEED_MS = 50

export class ConnectionTarget implements FuzzTarget {
  private readonly logger = new MemoryLogger()
  private readonly clock = new ManualClock()
  private readonly services
  private readonly fate = newFate()
  private fed: FedConnection

  constructor(handlers: readonly AnyHandler[]) {
    const { clock, logger } = this
    const services = testConnectionServices({
      handlers: handlers.map((handler) => this.counting(handler)),
      clock,
      logger,
      requestBytesMax: FUZZ_FRAME_BYTES_MAX,
    })
    this.services = {
      ...services,
      turn: new HandTurn(
        () => {},
        () => services.arena.turnFlushed(),
      ),
    }
    this.fed = new FedConnection(this.services, 1)
  }

  feed(wire: Buffer, size: number, cut: number): Fate {
    const { fate, fed } = this
    resetFate(fate)
    // Time passes, so that the wheel lets go of what was cancelled.
    this.clock.nowMs += FEED_MS
    this.services.wheel.advance(this.clock.nowMs)
    const isCut = cut > 0 && cut < size
    if (isCut) fed.read(wire.subarray(0, cut))
    fed.read(wire.subarray(isCut ? cut : 0, size))
    fed.endTurn()
    fate.answers = countAnswers(fed.socket.written)
    fate.closed = !fed.open
    fate.partial = fed.open && fed.midFrame
    if (this.logger.lines.length > 8) this.logger.lines.length = 0
    fed.socket.written.length = 0
    if (fate.closed || fate.partial) {
      if (fed.open) fed.connection.destroy()
      this.fed = new FedConnection(this.services, 1)
    }
    return fate
  }

  private counting({ apiKey, versions, request, response }: AnyHandler): HotHandler {
    return {
      apiKey,
      versions,
      request,
      response,
      pipelined: true,
      keepsRequestBytes: false,
      keysOf: () => [],
      start: (context, _, reply) => {
        this.fate.taken.push(context.apiKey * 1_000 + context.apiVersion)
        reply.nothing()
      },
    }
  }
}

/** Whole frames among the bytes written; half of one counts too, since none may be. */
function countAnswers(written: readonly Buffer[]): number {
  if (written.length === 0) return 0
  const bytes = Buffer.concat(written)
  let answers = 0
  for (let at = 0; at < bytes.length; at += 4 + bytes.readInt32BE(at)) answers++
  return answers
}
