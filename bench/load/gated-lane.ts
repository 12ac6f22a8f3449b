/** A lane of an open loop as its transactions see it: the gate by which they hold its requests back. */
import type { ProducerMark } from '../../net/client/transaction-form.ts'
import { laneWord, nextTurn, PacerGate, type PacerShare, sentOnLane } from './pacer-gate.ts'
import { firstMayPass, type TransactionLane } from './transaction-cycle.ts'

/** On the side that reads the answers. */
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
