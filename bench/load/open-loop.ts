/**
 * An open loop: the pacer thread sends requests at times fixed before, this one reads the answers. The
 * latency of a request counts from the time it was due to leave, so that a stall of the broker is felt
 * by all requests that were due meanwhile (no coordinated omission). With consumers it ends when the
 * consumer that waits on the partition has the batch.
 *
 * The k-th answer on a lane is for the lane's k-th request, whose time is known by its number: nothing
 * is kept per request.
 */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import { initCodecs } from '../../engine/record/compression.ts'
import { threadEntry } from '../../workers/thread-entry.ts'
import { AnswerReader } from './answer-reader.ts'
import { descriptorOf, openSocket } from './client-socket.ts'
import type { PreparedRequest } from './frames.ts'
import { encodeHistogram, type Histogram, newHistogram, recordMs } from './histogram.ts'
import type { LoadFigures, PacedLoad } from './load-plan.ts'
import type { LoadWindow } from './load-window.ts'
import { monotonicMs } from './monotonic-clock.ts'
import { PACER_WORDS, type PacerDone, type PacerLane, PacerStop, PacerWord } from './pacer.ts'
import { ParkedReader } from './parked-reader.ts'
import { producerMark } from './producer-ids.ts'
import { produceRequests } from './raw-client.ts'

/** How long answers may take after the last request of a window. */
const DRAIN_MS_MAX = 10_000
const DRAIN_POLL_MS = 5
/** Between the pacer's word that it is ready and the first request. */
const LEAD_MS = 20

export async function runOpenLoop(plan: PacedLoad, window: LoadWindow): Promise<LoadFigures> {
  await initCodecs()
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
  private readonly words = new Int32Array(new SharedArrayBuffer(PACER_WORDS * 4))
  private readonly intervalMs: number
  private readonly sockets: Socket[] = []
  private readonly lanes: PacerLane[] = []
  private readonly readers: ParkedReader[] = []
  /** Batches that consumers have, else answers. */
  private done = 0
  private startMs = 0
  private readAt = 0
  private readonly acknowledgedTimes: Histogram | null
  private pacer: Worker | null = null
  private pacerDone: Promise<PacerDone> | null = null
  private ended = false

  constructor(plan: PacedLoad, window: LoadWindow) {
    this.plan = plan
    this.window = window
    this.intervalMs = 1000 / plan.requestsPerSecond
    this.acknowledgedTimes = plan.consumers ? newHistogram() : null
  }

  async open(): Promise<void> {
    const { plan } = this
    const requests = produceRequests(plan)
    for (let lane = 0; lane < plan.connections; lane++) {
      const partition = (plan.firstConnection + lane) % plan.partitions
      await this.openLane(lane, partition, requests.get(partition)!)
    }
    const { url, execArgv } = threadEntry('./pacer', import.meta.url)
    this.pacer = new Worker(url, {
      execArgv: [...execArgv],
      workerData: {
        words: this.words,
        lanes: this.lanes,
        intervalMs: this.intervalMs,
        warmUpMs: plan.warmUpMs,
      },
    })
    this.pacer.on('error', (error) => this.window.fail(error))
    await once(this.pacer, 'message')
    this.pacerDone = once(this.pacer, 'message').then(([done]) => done as PacerDone)
  }

  async run(): Promise<LoadFigures> {
    const { plan, window } = this
    this.startMs = monotonicMs() + LEAD_MS
    this.pacer?.postMessage(this.startMs)
    const figures = await window.run()
    const { lateness, problem } = await this.stopPacer()
    if (figures.problem === null) await this.drain()
    return {
      ...figures,
      // Those of requests that were due in the window, whenever their answers came.
      latency: window.latency === null ? null : encodeHistogram(window.latency),
      acknowledged:
        this.acknowledgedTimes === null ? null : encodeHistogram(this.acknowledgedTimes),
      lateness,
      problem: figures.problem ?? this.unanswered(plan.consumers) ?? problem,
    }
  }

  async close(): Promise<void> {
    this.ended = true
    if (this.pacer !== null) {
      Atomics.store(this.words, PacerWord.stop, PacerStop.now)
      Atomics.notify(this.words, PacerWord.stop)
      await this.pacer.terminate()
    }
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
    let answers = 0
    const reader = new AnswerReader(first.answer, {
      onAnswer: () => this.answered(lane, answers++, requests),
      onFailure: (error) => this.fail(error),
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
      producer: plan.idempotent ? await producerMark(address) : null,
    })
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
        onBatch: (baseOffset, size) => {
          const request = ((baseOffset - offset) / records) * plan.connections + lane
          if (!Number.isInteger(request) || request >= Atomics.load(this.words, PacerWord.sent) + 1)
            return this.fail(new Error(`somebody else writes to ${plan.topic}`))
          this.timed(request, monotonicMs())
          this.done++
          this.window.count(1, size, records)
        },
        onFailure: (error) => this.fail(error),
      }),
    )
  }

  private answered(lane: number, answer: number, requests: readonly PreparedRequest[]): void {
    const number = answer * this.plan.connections + lane
    if (this.acknowledgedTimes === null) {
      const { batchBytes, records } = requests[answer % requests.length]!
      this.done++
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
    Atomics.store(this.words, PacerWord.stop, PacerStop.now)
    Atomics.notify(this.words, PacerWord.stop)
    this.window.fail(error)
  }

  private async stopPacer(): Promise<PacerDone> {
    const due = Math.floor((monotonicMs() - this.startMs) / this.intervalMs) + 1
    Atomics.store(this.words, PacerWord.due, due)
    // Unless a failure has stopped it already.
    Atomics.compareExchange(this.words, PacerWord.stop, PacerStop.none, PacerStop.finish)
    Atomics.notify(this.words, PacerWord.stop)
    return (await this.pacerDone) ?? { lateness: null, problem: null }
  }

  private sent(): number {
    return Atomics.load(this.words, PacerWord.sent)
  }

  private async drain(): Promise<void> {
    const until = monotonicMs() + DRAIN_MS_MAX
    while (this.done < this.sent() && monotonicMs() < until)
      await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS))
  }

  private unanswered(consumers: boolean): string | null {
    const missing = this.sent() - this.done
    if (missing <= 0) return null
    const what = consumers ? 'did not reach their consumer' : 'were not answered'
    return `${missing} requests ${what} within ${DRAIN_MS_MAX / 1000} s of the last one`
  }
}
