/**
 * What the thread that sends an open loop's requests (pacer.ts) and the one that reads the answers
 * share: words that say when to stop, and a gate per lane, by which transactions hold requests back.
 *
 *   words    stop | turn | sent | due | per lane: gate | sent | busy
 *   marks    per lane: producer id | epoch, of what is sent next
 *
 * `turn` changes with everything the pacer should look at, and is what it sleeps on. A gate that is
 * closed means nothing more leaves as soon as `busy` is 0: the pacer raises it before it looks.
 */
import type { ProducerMark } from '../../net/client/client-transactions.ts'
import { firstMayPass, type TransactionLane } from './transaction-cycle.ts'

/** `sent` counts requests of all lanes; with PacerStop.finish `due` says how many are to be. */
export const PacerWord = { stop: 0, turn: 1, sent: 2, due: 3 } as const
/** `finish`: what was due until now is still sent, or a machine that was busy would leave out the latest. */
export const PacerStop = { none: 0, now: 1, finish: 2 } as const
/** `one`: a request, then closed; `again`: the last one once more, then closed. */
export const PacerGate = { open: 0, closed: 1, one: 2, again: 3 } as const
export const LaneWord = { gate: 0, sent: 1, busy: 2 } as const
const HEAD_WORDS = 4
const LANE_WORDS = 3

export interface PacerShare {
  readonly words: Int32Array
  readonly marks: Float64Array
}

export function newPacerShare(lanes: number): PacerShare {
  return {
    words: new Int32Array(new SharedArrayBuffer(4 * (HEAD_WORDS + lanes * LANE_WORDS))),
    marks: new Float64Array(new SharedArrayBuffer(8 * 2 * lanes)),
  }
}

export function laneWord(lane: number, word: keyof typeof LaneWord): number {
  return HEAD_WORDS + lane * LANE_WORDS + LaneWord[word]
}

/** Makes the pacer look. */
export function nextTurn({ words }: PacerShare): void {
  Atomics.add(words, PacerWord.turn, 1)
  Atomics.notify(words, PacerWord.turn)
}

/** Requests that left, or are leaving. */
export function sentOnLane({ words }: PacerShare, lane: number): number {
  return Atomics.load(words, laneWord(lane, 'sent'))
}

/** A lane as its transactions see it, on the side that reads the answers. */
export class GatedLane implements TransactionLane {
  private readonly share: PacerShare
  private readonly lane: number
  private answered = 0
  private withdrawn = false
  private firstAnswered: ((errorCode: number | null) => void) | null = null
  private drained: (() => void) | null = null

  constructor(share: PacerShare, lane: number) {
    this.share = share
    this.lane = lane
    this.turnTo('closed')
  }

  first(mark: ProducerMark, again: boolean): Promise<number | null> {
    if (this.withdrawn && !again) return Promise.resolve(null)
    this.share.marks[2 * this.lane] = mark.producerId
    this.share.marks[2 * this.lane + 1] = mark.producerEpoch
    return new Promise((resolve) => {
      this.firstAnswered = resolve
      this.turnTo(again ? 'again' : 'one')
    })
  }

  open(): void {
    this.turnTo('open')
  }

  async hold(): Promise<void> {
    const { words } = this.share
    this.turnTo('closed')
    while (Atomics.load(words, laneWord(this.lane, 'busy')) !== 0)
      await new Promise((resolve) => setImmediate(resolve))
    if (this.answered === sentOnLane(this.share, this.lane)) return
    await new Promise<void>((resolve) => {
      this.drained = resolve
    })
  }

  withdraw(): void {
    this.withdrawn = true
    if (this.answered < sentOnLane(this.share, this.lane)) return
    this.firstAnswered?.(null)
    this.firstAnswered = null
  }

  /** True: a refusal that a first request may get, to be told by `answer`. */
  mayPass(errorCode: number): boolean {
    return this.firstAnswered !== null && firstMayPass(errorCode)
  }

  answer(errorCode: number): void {
    if (errorCode === 0) this.answered++
    const { firstAnswered } = this
    this.firstAnswered = null
    firstAnswered?.(errorCode)
    if (this.drained === null || this.answered < sentOnLane(this.share, this.lane)) return
    this.drained()
    this.drained = null
  }

  private turnTo(gate: keyof typeof PacerGate): void {
    Atomics.store(this.share.words, laneWord(this.lane, 'gate'), PacerGate[gate])
    nextTurn(this.share)
  }
}
