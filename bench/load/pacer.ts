/**
 * The thread that sends an open loop's requests at the times they are due, and does nothing else: it
 * sleeps to within tens of microseconds, which an event loop's timers (a millisecond) cannot, and
 * writes straight to the sockets' files. Answers are read by the thread that opened the sockets.
 *
 * Request n is due at start + n × interval and belongs to lane n modulo lanes. A late request does not
 * move the later ones. Sockets are closed only after this thread has said that it is done.
 */
import { writeSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { type ProducerMark, patchCorrelationId, patchSequence } from './frames.ts'
import { encodeHistogram, newHistogram, recordMs } from './histogram.ts'
import { monotonicMs } from './monotonic-clock.ts'

/** Words of the shared array: see PacerStop; requests sent; with PacerStop.finish, how many are due. */
export const PacerWord = { stop: 0, sent: 1, due: 2 } as const
export const PACER_WORDS = 3
/** `finish`: what was due until now is still sent, or a machine that was busy would leave out the latest. */
export const PacerStop = { none: 0, now: 1, finish: 2 } as const
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
  readonly producer: ProducerMark | null
}

export interface PacerPlan {
  readonly words: Int32Array
  readonly lanes: readonly PacerLane[]
  readonly intervalMs: number
  /** After the start; how late earlier requests leave is not kept. */
  readonly warmUpMs: number
}

/** The last message; the first says that the thread is ready. */
export interface PacerDone {
  /** Encoded histogram. */
  readonly lateness: string | null
  readonly problem: string | null
}

function pace(plan: PacerPlan, startMs: number): PacerDone {
  const { words, intervalMs } = plan
  const lanes = plan.lanes.map((lane) => new Lane(lane, words))
  const lateness = newHistogram()
  let problem: string | null = null
  for (let request = 0; problem === null; request++) {
    const dueMs = startMs + request * intervalMs
    if (!sleepUntil(words, request, dueMs)) break
    problem = lanes[request % lanes.length]!.send()
    if (problem === null) Atomics.store(words, PacerWord.sent, request + 1)
    if (dueMs >= startMs + plan.warmUpMs) recordMs(lateness, monotonicMs() - dueMs)
  }
  return { lateness: encodeHistogram(lateness), problem }
}

/** False: told to stop before it. */
function sleepUntil(words: Int32Array, request: number, dueMs: number): boolean {
  for (;;) {
    const stop = Atomics.load(words, PacerWord.stop)
    if (stop === PacerStop.now) return false
    if (stop === PacerStop.finish) return request < Atomics.load(words, PacerWord.due)
    const leftMs = dueMs - monotonicMs()
    if (leftMs <= 0) return true
    Atomics.wait(words, PacerWord.stop, 0, leftMs)
  }
}

class Lane {
  private readonly lane: PacerLane
  private readonly words: Int32Array
  private readonly frames: Buffer[]
  private finishSinceMs: number | null = null
  private sent = 0
  private sequence = 0

  constructor(lane: PacerLane, words: Int32Array) {
    this.lane = lane
    this.words = words
    this.frames = lane.frames.map(({ buffer, byteOffset, byteLength }) =>
      Buffer.from(buffer, byteOffset, byteLength),
    )
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

  /** Sends the next request; what went wrong, or null. */
  send(): string | null {
    const { batchAt, producer, records } = this.lane
    const frame = this.frames[this.sent % this.frames.length]!
    patchCorrelationId(frame, 0, (this.sent + 1) & 0x7fff_ffff)
    if (producer !== null) patchSequence(frame.subarray(batchAt), producer, this.sequence)
    this.sequence = (this.sequence + records) % 2 ** 31
    this.sent++
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
}

parentPort?.once('message', (startMs: number) => {
  parentPort?.postMessage(pace(workerData as PacerPlan, startMs))
})
parentPort?.postMessage('ready')
