/**
 * Fetches that wait for data (Kafka's DelayedFetch purgatory, without locks since one thread owns
 * them). A parked fetch is listed under each of its partitions and ends exactly once:
 *
 *   (a) a listed partition became visible further and the fetch now has min bytes or an error
 *   (b) its deadline passed
 *   (c) whoever waits asks for what there is (expire) or no longer wants it (cancel)
 *
 * Bound: limits.parkedFetchesMax; at the bound a fetch is answered at once with what there is.
 */
import { limits } from '../base/limits.ts'
import type { Timer, TimerWheel } from '../base/timer-wheel.ts'
import type { ReadHandle, ReadRequest, ReadResult } from '../shard-port.ts'

export type ReadDone = (results: readonly ReadResult[]) => void

interface ParkedRead {
  readonly request: ReadRequest
  readonly done: ReadDone
  timer: Timer | null
  ended: boolean
}

export interface ReadAttempt {
  readonly results: readonly ReadResult[]
  /** Min bytes are there, or something that must be told at once. */
  readonly satisfied: boolean
}

export class ParkedReads {
  private readonly byPartition = new Map<number, Set<ParkedRead>>()
  private readonly attempt: (request: ReadRequest) => ReadAttempt
  private readonly timers: TimerWheel
  private parkedCount = 0

  constructor(timers: TimerWheel, attempt: (request: ReadRequest) => ReadAttempt) {
    this.timers = timers
    this.attempt = attempt
  }

  get size(): number {
    return this.parkedCount
  }

  get full(): boolean {
    return this.parkedCount >= limits.parkedFetchesMax
  }

  park(request: ReadRequest, done: ReadDone): ReadHandle {
    const parked: ParkedRead = { request, done, timer: null, ended: false }
    for (const { key } of request.partitions) {
      const set = this.byPartition.get(key)
      if (set === undefined) this.byPartition.set(key, new Set([parked]))
      else set.add(parked)
    }
    parked.timer = this.timers.schedule(request.deadlineMs, () => this.finish(parked))
    this.parkedCount++
    return { expire: () => this.finish(parked), cancel: () => this.end(parked) }
  }

  /**
   * The partition shows more than before, or an error: looks again at what waits on it, at `most` of them.
   * True: there are more.
   */
  wake(key: number, most = Number.POSITIVE_INFINITY): boolean {
    const set = this.byPartition.get(key)
    if (set === undefined) return false
    let left = most
    for (const parked of [...set]) {
      if (left-- <= 0) return true
      const { results, satisfied } = this.attempt(parked.request)
      if (satisfied) {
        if (this.end(parked)) parked.done(results)
      } else for (const result of results) result.release()
    }
    return false
  }

  /** Ends everything, as at a stop. */
  finishAll(): void {
    for (const set of [...this.byPartition.values()])
      for (const parked of [...set]) this.finish(parked)
  }

  private finish(parked: ParkedRead): void {
    if (!this.end(parked)) return
    parked.done(this.attempt(parked.request).results)
  }

  /** True for the one caller that ends it. */
  private end(parked: ParkedRead): boolean {
    if (parked.ended) return false
    parked.ended = true
    parked.timer?.cancel()
    this.parkedCount--
    for (const { key } of parked.request.partitions) {
      const set = this.byPartition.get(key)
      if (set === undefined) continue
      set.delete(parked)
      if (set.size === 0) this.byPartition.delete(key)
    }
    return true
  }
}
