/**
 * T6, second tier: a share of the mutated frames, and of good ones, all the way through the handlers
 * of a broker in this thread (in-process-broker.ts). Of every frame, on a connection of its own:
 *
 *   malformed   not a byte of answer, and the connection ends
 *   whole       an answer that decodes by the table of its version with nothing left over, or none
 *               because none is due (acks=0, a hang-up with its reason in the log), or a wait
 *
 * No handler may fail unexpectedly, no invariant break, no frame hold the loop for STALL_MS.
 */
import { ErrorCode } from '../../engine/base/errors.ts'
import { decodeResponseHeader } from '../../engine/protocol/header.ts'
import { apis } from '../../engine/protocol/index.ts'
import { BATCH_HEADER_BYTES, batchSizeInBytes, setBatchCrc } from '../../engine/record/batch.ts'
import { decoderFor } from '../../engine/schema/codec.ts'
import { Reader } from '../../engine/schema/reader.ts'
import { handlers } from '../../net/handlers/index.ts'
import { asksForTooMuch } from './costly-requests.ts'
import type { FedConnection } from './fed-connection.ts'
import { FrameWalk } from './frame-walk.ts'
import { FuzzFailure } from './fuzz-target.ts'
import { InProcessBroker } from './in-process-broker.ts'
import { fuzzTopics } from './known-names.ts'
import { busyMs } from './memory.ts'
import type { MutatedFrames } from './mutated-frames.ts'
import { servedVersions } from './seed-frames.ts'
import type { Tally } from './tally.ts'

/** Frames that are under way together; control requests wait for the disk. */
const TOGETHER = 64
/** A broker that met so many begins to consist of them: a new one goes on. */
const FRAMES_PER_BROKER = 20_000
/** Produce (acks), Fetch (min bytes), JoinGroup, SyncGroup: may wait for others. */
const MAY_WAIT: ReadonlySet<number> = new Set([0, 1, 11, 14])
/** Turns of the loop after which such a request counts as one that waits. */
const TURNS_MIN = 20
/** Any other request is answered within this, whatever the disk does meanwhile. */
const ANSWER_MS = 20_000

interface Sent {
  readonly number: number
  readonly bytes: Buffer
  readonly fed: FedConnection
  /** Requests that reach a handler, and answers due without one. */
  readonly taken: number
  readonly answers: number
  readonly closes: boolean
}

export interface HandledCounts {
  frames: number
  whole: number
  answered: number
  waiting: number
  hungUp: number
  /** Not run: they would make thousands of partitions. */
  leftOut: number
  /** Longest time the loop was held, in milliseconds of processor time, and by which frame. */
  slowestMs: number
  slowest: number
}

export class HandledFrames {
  readonly counts: HandledCounts = {
    frames: 0,
    whole: 0,
    answered: 0,
    waiting: 0,
    hungUp: 0,
    leftOut: 0,
    slowestMs: 0,
    slowest: -1,
  }
  private readonly frames: MutatedFrames
  private readonly tally: Tally
  private readonly walk = new FrameWalk(servedVersions(handlers))
  private broker: InProcessBroker | null = null
  private brokerFrames = 0
  private complaint = ''

  constructor(frames: MutatedFrames, tally: Tally) {
    this.frames = frames
    this.tally = tally
  }

  /** TOGETHER frames from this number on; returns where to go on. Throws FuzzFailure. */
  async step(from: number): Promise<number> {
    const broker = await this.currentBroker()
    const sent: Sent[] = []
    let number = from
    for (; sent.length < TOGETHER; number++) {
      const bytes = Buffer.from(this.frames.make(number))
      this.makeCrcRight(bytes)
      const one = this.send(broker, bytes, number)
      if (one !== null) sent.push(one)
    }
    await this.settle(broker, sent)
    return number
  }

  /** These frames as they are, one after the other. Throws FuzzFailure. */
  async one(frames: readonly Buffer[]): Promise<void> {
    const broker = await this.currentBroker()
    for (const bytes of frames) {
      const sent = this.send(broker, Buffer.from(bytes), 0)
      await this.settle(broker, sent === null ? [] : [sent])
    }
  }

  private async settle(broker: InProcessBroker, sent: readonly Sent[]): Promise<void> {
    this.timed(() => broker.endTurn(), sent[0]?.number)
    const lateMs = performance.now() + ANSWER_MS
    for (let turns = 0; turns < TURNS_MIN || sent.some(mustBeAnswered); turns++) {
      if (performance.now() > lateMs) break
      await new Promise((resolve) => setImmediate(resolve))
      this.timed(() => broker.endTurn(), sent[0]?.number)
    }
    for (const one of sent) this.check(one)
    this.checkBroker(broker, sent)
    for (const { fed } of sent) if (fed.open) fed.connection.destroy()
  }

  async stop(): Promise<void> {
    const { broker } = this
    this.broker = null
    await broker?.stop()
  }

  private async currentBroker(): Promise<InProcessBroker> {
    if (this.brokerFrames >= FRAMES_PER_BROKER) await this.stop()
    if (this.broker !== null) return this.broker
    this.brokerFrames = 0
    this.broker = await InProcessBroker.start(fuzzTopics, {
      info: () => {},
      warn: (line) => this.read(line),
      error: (line) => this.read(line),
    })
    return this.broker
  }

  /** A line that tells of our own fault. */
  private read(line: string): void {
    if (/unexpected|not sayable|broken invariant|went offline/i.test(line)) this.complaint = line
  }

  private send(broker: InProcessBroker, bytes: Buffer, number: number): Sent | null {
    const { counts } = this
    const due = this.frames.foresee(bytes)
    if (asksForTooMuch(bytes, due.taken)) {
      counts.leftOut++
      return null
    }
    counts.frames++
    this.brokerFrames++
    const group = this.tally.of(number % this.tally.groups.length)
    group.frames++
    if (due.taken.length > 0) {
      counts.whole++
      group.whole++
    }
    const fed = broker.connect()
    const sent = {
      number,
      bytes,
      fed,
      taken: due.taken.length,
      answers: due.answers,
      closes: due.closed,
    }
    try {
      this.timed(() => fed.read(bytes), number)
    } catch (error) {
      throw new FuzzFailure(`the broker threw ${(error as Error).stack}`, bytes, number)
    }
    return sent
  }

  private check({ number, bytes, fed, taken, answers, closes }: Sent): void {
    const { counts } = this
    fed.endTurn()
    const replies = framesOf(Buffer.concat(fed.socket.written))
    const fail = (what: string): never => {
      throw new FuzzFailure(`frame ${number}: ${what}`, bytes, number)
    }
    // An answer that is due may go down with what ended the connection behind it.
    if (taken === 0 && (replies.length > answers || (replies.length < answers && !closes)))
      fail(`${fed.socket.replyBytes} bytes of answer to what does not decode`)
    if (replies.length > taken + answers) fail(`${replies.length} answers to ${taken} requests`)
    if (closes && fed.open && fed.connection.unanswered === 0) fail('the connection stays open')
    if (taken === 0) return
    const apiKey = bytes.readInt16BE(4)
    const version = bytes.readInt16BE(6)
    if (replies[0] !== undefined && answers === 0) {
      checkReply(replies[0], apiKey, version, bytes.readInt32BE(8), fail)
      counts.answered++
      this.tally.of(number % this.tally.groups.length).answered++
    } else if (fed.open && fed.connection.unanswered > 0) {
      if (!MAY_WAIT.has(apiKey)) fail(`no answer within ${ANSWER_MS} ms`)
      counts.waiting++
    } else if (!fed.open) counts.hungUp++
  }

  private checkBroker({ fatal }: InProcessBroker, sent: readonly Sent[]): void {
    const problem = fatal[0]?.stack ?? this.complaint
    if (problem === '') return
    const frames = sent.map(({ number }) => number)
    const first = sent[0]!
    throw new FuzzFailure(`among frames ${frames.join()}: ${problem}`, first.bytes, first.number)
  }

  /** Without this hardly any changed batch would come further than its checksum. */
  private makeCrcRight(bytes: Buffer): void {
    if (bytes.length < 12 || bytes.readInt16BE(4) !== 0 || bytes.readInt32BE(8) % 4 === 0) return
    if (bytes.readInt32BE(0) !== bytes.length - 4) return
    if (this.walk.judge(bytes, 4, bytes.length, true) !== 'whole') return
    for (const { at, bytes: size, kind } of this.walk.marks) {
      const start = 4 + at
      if (kind !== 'records' || size < BATCH_HEADER_BYTES) continue
      const batchBytes = batchSizeInBytes(bytes, start)
      if (batchBytes >= BATCH_HEADER_BYTES && batchBytes <= size) setBatchCrc(bytes, start)
    }
  }

  private timed(work: () => void, number = -1): void {
    const ms = busyMs(work)
    if (ms <= this.counts.slowestMs) return
    this.counts.slowestMs = ms
    this.counts.slowest = number
  }
}

function mustBeAnswered({ fed, bytes }: Sent): boolean {
  return fed.open && fed.connection.unanswered > 0 && !MAY_WAIT.has(bytes.readInt16BE(4))
}

function framesOf(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 + bytes.readInt32BE(at)
    frames.push(bytes.subarray(at + 4, end))
    at = end
  }
  return frames
}

function checkReply(
  reply: Buffer,
  apiKey: number,
  version: number,
  correlationId: number,
  fail: (what: string) => never,
): void {
  const { response } = apis.get(apiKey)!
  const reader = new Reader(reply)
  try {
    const told = decodeResponseHeader(reader, apiKey, version)
    if (told !== correlationId) fail(`answered as ${told} instead of ${correlationId}`)
    const body = decoderFor(response, version)(reader) as { errorCode?: number }
    if (reader.remaining > 0) fail(`${reader.remaining} bytes left over in the answer`)
    if (body.errorCode === ErrorCode.UNKNOWN_SERVER_ERROR) fail('an unknown server error')
  } catch (error) {
    if (error instanceof FuzzFailure) throw error
    fail(`the answer does not decode: ${error}`)
  }
}
