/**
 * An open loop: the pacer thread sends requests at times fixed before, this one reads the answers. The
 * latency of a request counts from the time it was due to leave, so that a stall of the broker is felt
 * by all requests that were due meanwhile (no coordinated omission). With consumers it ends when the
 * consumer that waits on the partition has the batch.
 *
 * The k-th answer on a lane is for the lane's k-th request, whose time is known by its number: nothing
 * is kept per request.
 *
 * With transactions a lane's requests wait while its last transaction is being committed, as records in
 * a producer do; their latencies count that wait. The end of a load commits what is open.
 */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import { threadEntry } from '../../workers/thread-entry.ts'
import { AnswerReader } from './answer-reader.ts'
import { descriptorOf, openSocket } from './client-socket.ts'
import type { PreparedRequest } from './frames.ts'
import { GatedLane } from './gated-lane.ts'
import { encodeHistogram, type Histogram, newHistogram, recordMs } from './histogram.ts'
import type { LoadFigures, PacedLoad } from './load-plan.ts'
import { LoadTransactions } from './load-transactions.ts'
import type { LoadWindow } from './load-window.ts'
import { monotonicMs } from './monotonic-clock.ts'
import type { PacerDone, PacerLane, PacerPlan } from './pacer.ts'
import {
  newPacerShare,
  nextTurn,
  type PacerShare,
  PacerStop,
  PacerWord,
  sentOnLane,
} from './pacer-gate.ts'
import { ParkedReader } from './parked-reader.ts'
import { producerMark } from './producer-ids.ts'
import { partitionOf, produceRequests } from './raw-client.ts'

/** How long answers may take after the last request of a window. */
const DRAIN_MS_MAX = 10_000
const DRAIN_POLL_MS = 5
/** Between the pacer's word that it is ready and the first request. */
const LEAD_MS = 20

export async function runOpenLoop(plan: PacedLoad, window: LoadWindow): Promise<LoadFigures> {
  const loop = new OpenLoop(plan, window)
  try {
    await loop.open()
    return await loop.run()
  } finally {
    await loop.close()
  }
}

class OpenLoop {
  private readonly plan: PacedLoad
  private readonly window: LoadWindow
  private readonly share: PacerShare
  private readonly words: Int32Array
  private transactions: LoadTransactions | null = null
  private readonly intervalMs: number
  private readonly sockets: Socket[] = []
  private readonly lanes: PacerLane[] = []
  private readonly readers: ParkedReader[] = []
  private acknowledged = 0
  /** Batches that consumers have. */
  private consumed = 0
  private startMs = 0
  private readAt = 0
  private readonly acknowledgedTimes: Histogram | null
  private pacer: Worker | null = null
  private pacerDone: Promise<PacerDone> | null = null
  private ended = false

  constructor(plan: PacedLoad, window: LoadWindow) {
    this.plan = plan
    this.window = window
    this.share = newPacerShare(plan.connections)
    this.words = this.share.words
    this.intervalMs = 1000 / plan.requestsPerSecond
    this.acknowledgedTimes = plan.consumers ? newHistogram() : null
  }

  async open(): Promise<void> {
    const { plan } = this
    this.transactions = await LoadTransactions.open(plan, this.window)
    const requests = produceRequests(plan, this.transactions)
    for (let lane = 0; lane < plan.connections; lane++)
      await this.openLane(lane, partitionOf(plan, lane), requests(lane))
    const { url, execArgv } = threadEntry('./pacer', import.meta.url)
    this.pacer = new Worker(url, {
      execArgv: [...execArgv],
      workerData: {
        share: this.share,
        lanes: this.lanes,
        intervalMs: this.intervalMs,
        warmUpMs: plan.warmUpMs,
        transactional: this.transactions !== null,
      } satisfies PacerPlan,
    })
    this.pacer.on('error', (error) => this.window.fail(error))
    await once(this.pacer, 'message')
    this.pacerDone = once(this.pacer, 'message').then(([done]) => done as PacerDone)
  }

  async run(): Promise<LoadFigures> {
    const { window } = this
    this.startMs = monotonicMs() + LEAD_MS
    this.pacer?.postMessage(this.startMs)
    this.transactions?.start()
    const figures = await window.run()
    const { lateness, problem } = await this.finish(figures.problem === null)
    return {
      ...figures,
      // Those of requests that were due in the window, whenever their answers came.
      latency: window.latency === null ? null : encodeHistogram(window.latency),
      acknowledged:
        this.acknowledgedTimes === null ? null : encodeHistogram(this.acknowledgedTimes),
      lateness,
      problem: figures.problem ?? problem ?? this.unanswered(),
    }
  }

  /** Sends and answers what is due, commits it, and waits for its consumers. */
  private async finish(whole: boolean): Promise<PacerDone> {
    const { transactions, plan } = this
    this.stopWhatIsDue()
    const failed = this.window.failed.catch((error: Error) => error.message)
    if (transactions !== null && whole) {
      await this.until(() => this.sent() >= this.due() && this.acknowledged >= this.sent())
      const committing = Promise.race([transactions.finish().then(() => null), failed])
      const problem = await committing
      this.stopNow()
      if (problem !== null) return { ...(await this.pacerEnd()), problem }
    }
    const done = await this.pacerEnd()
    if (!whole) return done
    await this.until(() => this.acknowledged >= this.sent())
    if (plan.consumers) await this.until(() => this.consumed >= this.sent())
    return done
  }

  async close(): Promise<void> {
    this.ended = true
    if (this.pacer !== null) {
      this.stopNow()
      await this.pacer.terminate()
    }
    await this.transactions?.abandon()
    await this.transactions?.close()
    for (const socket of this.sockets) socket.destroy()
    for (const reader of this.readers) reader.close()
  }

  private async openLane(
    lane: number,
    partition: number,
    requests: readonly PreparedRequest[],
  ): Promise<void> {
    const { plan } = this
    const address = plan.leaders[partition % plan.leaders.length]!
    const [first] = requests as [PreparedRequest]
    const gate = this.transactions === null ? null : new GatedLane(this.share, lane)
    let answers = 0
    let refusal = 0
    const reader = new AnswerReader(first.answer, {
      onAnswer: () => {
        if (refusal === 0) this.answered(lane, answers++, requests)
        gate?.answer(refusal)
        refusal = 0
      },
      onFailure: (error) => this.fail(error),
      onErrorCode: (code) => {
        if (gate?.mayPass(code) === true) refusal = code
        return refusal !== 0
      },
    })
    const socket = await openSocket(address, {
      onBytes: (buffer, bytes) => {
        this.readAt = monotonicMs()
        reader.receive(buffer, bytes)
      },
      onLost: (why) => this.fail(new Error(`lost a connection: ${why}`)),
    })
    this.sockets.push(socket)
    const fd = descriptorOf(socket)
    if (fd === null) throw new Error('this Node does not tell the file of a socket')
    if (plan.consumers) await this.openConsumer(lane, partition, requests)
    this.lanes.push({
      fd,
      frames: requests.map(({ frame }) => Uint8Array.from(frame)),
      batchAt: first.batchAt,
      records: first.records,
      producer: plan.idempotent && gate === null ? await producerMark(address) : null,
    })
    if (gate !== null) this.transactions?.add(lane, partition, gate)
  }

  private async openConsumer(
    lane: number,
    partition: number,
    requests: readonly PreparedRequest[],
  ): Promise<void> {
    const { plan } = this
    const offset = plan.firstOffsets[partition] ?? 0
    const { records } = requests[0]!
    this.readers.push(
      await ParkedReader.open({
        address: plan.leaders[partition % plan.leaders.length]!,
        topic: plan.topic,
        partition,
        offset,
        isolation: plan.isolation,
        onBatch: (baseOffset, size) => {
          const ofLane = (baseOffset - offset) / records
          const request = ofLane * plan.connections + lane
          if (!Number.isInteger(ofLane) || !this.hasLeft(lane, ofLane))
            return this.fail(new Error(`somebody else writes to ${plan.topic}`))
          this.timed(request, monotonicMs())
          this.consumed++
          this.window.count(1, size, records)
        },
        onFailure: (error) => this.fail(error),
      }),
    )
  }

  /** One request may be on its way and not counted; those of gated lanes are counted before. */
  private hasLeft(lane: number, ofLane: number): boolean {
    if (this.transactions !== null) return ofLane < sentOnLane(this.share, lane)
    return ofLane * this.plan.connections + lane < this.sent() + 1
  }

  private answered(lane: number, answer: number, requests: readonly PreparedRequest[]): void {
    const number = answer * this.plan.connections + lane
    this.acknowledged++
    if (this.acknowledgedTimes === null) {
      const { batchBytes, records } = requests[answer % requests.length]!
      this.timed(number, this.readAt)
      this.window.count(1, batchBytes, records)
    } else if (this.measured(number))
      recordMs(this.acknowledgedTimes, this.readAt - this.dueMs(number))
  }

  private timed(request: number, nowMs: number): void {
    if (this.measured(request)) this.window.recordMs(nowMs - this.dueMs(request))
  }

  private dueMs(request: number): number {
    return this.startMs + request * this.intervalMs
  }

  private measured(request: number): boolean {
    return this.dueMs(request) >= this.startMs + this.plan.warmUpMs
  }

  /** A lost socket's file may soon be another's: the pacer stops first. */
  private fail(error: Error): void {
    if (this.ended) return
    this.stopNow()
    this.window.fail(error)
  }

  private stopNow(): void {
    Atomics.store(this.words, PacerWord.stop, PacerStop.now)
    Atomics.notify(this.words, PacerWord.stop)
    nextTurn(this.share)
  }

  private stopWhatIsDue(): void {
    const due = Math.floor((monotonicMs() - this.startMs) / this.intervalMs) + 1
    Atomics.store(this.words, PacerWord.due, due)
    // Unless a failure has stopped it already.
    Atomics.compareExchange(this.words, PacerWord.stop, PacerStop.none, PacerStop.finish)
    Atomics.notify(this.words, PacerWord.stop)
    nextTurn(this.share)
  }

  private async pacerEnd(): Promise<PacerDone> {
    return (await this.pacerDone) ?? { lateness: null, problem: null }
  }

  private due(): number {
    return Atomics.load(this.words, PacerWord.due)
  }

  private sent(): number {
    return Atomics.load(this.words, PacerWord.sent)
  }

  /** Waits for it, at most DRAIN_MS_MAX, and no longer than the load is whole. */
  private async until(done: () => boolean): Promise<void> {
    const end = monotonicMs() + DRAIN_MS_MAX
    let failed = false
    this.window.failed.catch(() => {
      failed = true
    })
    while (!done() && !failed && monotonicMs() < end)
      await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS))
  }

  private unanswered(): string | null {
    const within = `within ${DRAIN_MS_MAX / 1000} s of the last one`
    const missing = this.sent() - this.acknowledged
    if (missing > 0) return `${missing} requests were not answered ${within}`
    const unseen = this.plan.consumers ? this.sent() - this.consumed : 0
    return unseen > 0 ? `${unseen} requests did not reach their consumer ${within}` : null
  }
}
