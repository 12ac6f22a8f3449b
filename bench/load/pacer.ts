/**
 * The thread that sends an open loop's requests at the times they are due, and does nothing else: it
 * sleeps to within tens of microseconds, which an event loop's timers (a millisecond) cannot, and
 * writes straight to the sockets' files. Answers are read by the thread that opened the sockets.
 *
 * Request n is due at start + n × interval and belongs to lane n modulo lanes. A late request does not
 * move the later ones; one that a lane's transaction holds back (pacer-gate.ts) leaves, in its order,
 * as soon as it may. Sockets are closed only after this thread has said that it is done.
 */
import { writeSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import type { ProducerMark } from '../../net/client/transaction-form.ts'
import { patchCorrelationId, patchSequence } from './frames.ts'
import { encodeHistogram, type Histogram, newHistogram, recordMs } from './histogram.ts'
import { monotonicMs } from './monotonic-clock.ts'
import { laneWord, PacerGate, type PacerShare, PacerStop, PacerWord } from './pacer-gate.ts'

/** Before the kernel is asked again whether it takes more bytes. */
const FULL_PAUSE_MS = 0.2
/** How long a broker may take for what was due at the end. */
const FINISH_MS_MAX = 10_000

export interface PacerLane {
  readonly fd: number
  /** Taken in turns. */
  readonly frames: readonly Uint8Array[]
  readonly batchAt: number
  readonly records: number
  /** Null: no sequence numbers, or those of transactions. */
  readonly producer: ProducerMark | null
}

export interface PacerPlan {
  readonly share: PacerShare
  readonly lanes: readonly PacerLane[]
  readonly intervalMs: number
  /** After the start; how late earlier requests leave is not kept. */
  readonly warmUpMs: number
  /** Lanes have gates, and the end is told by PacerStop.now alone. */
  readonly transactional: boolean
}

/** The last message; the first says that the thread is ready. */
export interface PacerDone {
  /** Encoded histogram. */
  readonly lateness: string | null
  readonly problem: string | null
}

class Pacer {
  private readonly plan: PacerPlan
  private readonly words: Int32Array
  private readonly lanes: readonly Lane[]
  private readonly startMs: number
  private readonly lateness: Histogram = newHistogram()
  private problem: string | null = null

  constructor(plan: PacerPlan, startMs: number) {
    const { lanes, share } = plan
    this.plan = plan
    this.words = share.words
    this.startMs = startMs
    this.lanes = lanes.map((lane, at) => new Lane(lane, share, plan.transactional ? at : null))
  }

  pace(): PacerDone {
    const { intervalMs, warmUpMs, transactional } = this.plan
    for (let request = 0; this.problem === null; request++) {
      const dueMs = this.startMs + request * intervalMs
      if (!this.sleepUntil(request, dueMs)) break
      const lane = this.lanes[request % this.lanes.length]!
      lane.owed++
      this.problem ??= lane.sendOwed()
      // What a transaction holds back is not late of this thread.
      if (lane.owed === 0 && dueMs >= this.startMs + warmUpMs)
        recordMs(this.lateness, monotonicMs() - dueMs)
    }
    if (transactional) this.serveGates()
    return { lateness: encodeHistogram(this.lateness), problem: this.problem }
  }

  /** False: told to stop before it. */
  private sleepUntil(request: number, dueMs: number): boolean {
    const { words } = this
    for (;;) {
      const turn = Atomics.load(words, PacerWord.turn)
      const stop = Atomics.load(words, PacerWord.stop)
      if (stop === PacerStop.now) return false
      if (this.plan.transactional) this.sendHeld()
      if (stop === PacerStop.finish) return request < Atomics.load(words, PacerWord.due)
      const leftMs = dueMs - monotonicMs()
      if (leftMs <= 0) return true
      Atomics.wait(words, PacerWord.turn, turn, leftMs)
    }
  }

  /** Nothing more is due; what is held back leaves as it may. */
  private serveGates(): void {
    const { words } = this
    while (this.problem === null) {
      const turn = Atomics.load(words, PacerWord.turn)
      if (Atomics.load(words, PacerWord.stop) === PacerStop.now) return
      this.sendHeld()
      Atomics.wait(words, PacerWord.turn, turn)
    }
  }

  private sendHeld(): void {
    for (const lane of this.lanes) this.problem ??= lane.sendOwed()
  }
}

class Lane {
  private readonly lane: PacerLane
  private readonly words: Int32Array
  private readonly marks: Float64Array
  /** Null: no gate. */
  private readonly gated: number | null
  private readonly frames: Buffer[]
  private finishSinceMs: number | null = null
  private producer: ProducerMark | null
  private sent = 0
  private nextId = 1
  private sequence = 0
  /** Requests that are due and have not left. */
  owed = 0

  constructor(lane: PacerLane, { words, marks }: PacerShare, gated: number | null) {
    this.lane = lane
    this.words = words
    this.marks = marks
    this.gated = gated
    this.producer = lane.producer
    this.frames = lane.frames.map(({ buffer, byteOffset, byteLength }) =>
      Buffer.from(buffer, byteOffset, byteLength),
    )
  }

  /** Sends what is owed as far as the gate allows; what went wrong, or null. */
  sendOwed(): string | null {
    if (this.gated === null) {
      for (; this.owed > 0; this.owed--) {
        const problem = this.sendNext()
        if (problem !== null) return problem
      }
      return null
    }
    const busy = laneWord(this.gated, 'busy')
    for (;;) {
      Atomics.store(this.words, busy, 1)
      const problem = this.sendThrough(this.gated)
      Atomics.store(this.words, busy, 0)
      if (problem !== 'held') {
        if (problem !== null) return problem
        continue
      }
      return null
    }
  }

  /** One request, if the gate lets one through. */
  private sendThrough(lane: number): string | null {
    const { words } = this
    const at = laneWord(lane, 'gate')
    const gate = Atomics.load(words, at)
    if (gate === PacerGate.again) {
      Atomics.compareExchange(words, at, gate, PacerGate.closed)
      return this.write()
    }
    if (gate === PacerGate.closed || this.owed === 0) return 'held'
    if (gate === PacerGate.one) {
      Atomics.compareExchange(words, at, gate, PacerGate.closed)
      this.writeAs(this.marks[2 * lane]!, this.marks[2 * lane + 1]!)
    }
    Atomics.add(words, laneWord(lane, 'sent'), 1)
    this.owed--
    return this.sendNext()
  }

  private writeAs(producerId: number, producerEpoch: number): void {
    if (producerEpoch !== this.producer?.producerEpoch) this.sequence = 0
    this.producer = { producerId, producerEpoch }
  }

  private sendNext(): string | null {
    const { batchAt, records } = this.lane
    const { producer } = this
    this.sent++
    if (producer !== null) patchSequence(this.frame().subarray(batchAt), producer, this.sequence)
    this.sequence = (this.sequence + records) % 2 ** 31
    const problem = this.write()
    if (problem === null) Atomics.add(this.words, PacerWord.sent, 1)
    return problem
  }

  private frame(): Buffer {
    return this.frames[(this.sent - 1) % this.frames.length]!
  }

  /** The frame at hand under the next correlation id. */
  private write(): string | null {
    const frame = this.frame()
    patchCorrelationId(frame, 0, this.nextId)
    this.nextId = (this.nextId + 1) & 0x7fff_ffff
    for (let at = 0; at < frame.length; ) {
      try {
        at += writeSync(this.lane.fd, frame, at)
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException
        if (code !== 'EAGAIN') return message
        if (!this.pauseWhileFull()) return 'stopped with requests that the broker did not take'
      }
    }
    return null
  }

  /** False: told to stop, or to finish and nothing was taken for long since. */
  private pauseWhileFull(): boolean {
    const { words } = this
    const stop = Atomics.load(words, PacerWord.stop)
    if (stop === PacerStop.now) return false
    if (stop === PacerStop.finish) {
      this.finishSinceMs ??= monotonicMs()
      if (monotonicMs() - this.finishSinceMs > FINISH_MS_MAX) return false
    }
    Atomics.wait(words, PacerWord.stop, stop, FULL_PAUSE_MS)
    return true
  }
}

parentPort?.once('message', (startMs: number) => {
  parentPort?.postMessage(new Pacer(workerData as PacerPlan, startMs).pace())
})
parentPort?.postMessage('ready')
