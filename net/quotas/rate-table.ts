/**
 * Rates shared by all shards: what one client does on connections of several threads counts as one.
 * Shared memory, one slot per rate, each with Kafka's own arithmetic (SampledStat and Rate of
 * org.apache.kafka.common.metrics; test/golden-data/quota-rates.jsonl has what they say):
 *
 *   slot, 8-byte units:  | lock, key low | key high, current | samples made | last used | samples … |
 *
 *   sample:              | start | last value at | sum |
 *
 *   A value goes into the current sample; one older than a window is followed by the next, samples + 1
 *   of them in a ring. Samples without a value for samples · window are forgotten. The rate is their
 *   sum over the time since the oldest began, at least samples − 1 windows.
 *
 * Each slot has a lock (shared-words.ts), held for some hundred nanoseconds by whoever counts. A
 * directory lock guards finding and taking slots, which happens when a shard first meets a client.
 * Times are milliseconds on a clock that all threads share. Slot 0 is shared by all clients for whom
 * there is none: when every slot has been used within its window (limits.quotaRatesMax).
 */
import { limits } from '../../engine/base/limits.ts'
import { hashes, lockWord, unlockWord } from './shared-words.ts'

/** quota.window.num and quota.window.size.seconds */
export interface RateWindow {
  readonly samples: number
  readonly windowMs: number
}

/** What a shard remembers of a rate: where it was, and how to find it again. */
export interface RateHandle {
  slot: number
  readonly low: number
  readonly high: number
}

const WORD_BYTES = 4
const UNIT_BYTES = 8
const HEADER_UNITS = 4
const SAMPLE_UNITS = 3
/** 4-byte words of a slot. */
const LOCK = 0
const KEY_LOW = 1
const KEY_HIGH = 2
const CURRENT = 3
/** 8-byte units of a slot. */
const MADE = 2
const LAST_USED = 3
/** Of a sample. */
const START = 0
const LAST = 1
const VALUE = 2
const MS_PER_SECOND = 1_000

/** The window of a configuration, within what a table is made for. */
export function rateWindow(samples: number, windowSeconds: number): RateWindow {
  return {
    samples: Math.min(samples, limits.quotaSamplesMax),
    windowMs: windowSeconds * MS_PER_SECOND,
  }
}

function slotUnits(samples: number): number {
  return HEADER_UNITS + (samples + 1) * SAMPLE_UNITS
}

/** Memory for a table, made once per process; becomes real where it is touched. */
export function rateTableMemory(
  window: RateWindow,
  slots: number = limits.quotaRatesMax,
): SharedArrayBuffer {
  return new SharedArrayBuffer((slots * slotUnits(window.samples) + 1) * UNIT_BYTES)
}

export class RateTable {
  readonly window: RateWindow
  private readonly slots: number
  private readonly units: number
  private readonly words: Int32Array
  private readonly numbers: Float64Array
  /** Word of the directory lock, behind the slots. */
  private readonly directory: number

  constructor(memory: SharedArrayBuffer, window: RateWindow) {
    this.window = window
    this.units = slotUnits(window.samples)
    this.slots = Math.floor((memory.byteLength / UNIT_BYTES - 1) / this.units)
    this.words = new Int32Array(memory)
    this.numbers = new Float64Array(memory)
    this.directory = (this.slots * this.units * UNIT_BYTES) / WORD_BYTES
  }

  /** Finds the rate of this key, or takes a slot for it. */
  handle(key: string, nowMs: number): RateHandle {
    const [low, high] = hashes(key)
    const handle = { slot: 0, low, high }
    this.find(handle, nowMs)
    return handle
  }

  /** Adds to a rate; how long to wait until it is back at `limit` per second, 0 when it is within. */
  record(handle: RateHandle, value: number, limit: number, nowMs: number): number {
    const base = this.enter(handle, nowMs)
    this.add(base, value, nowMs)
    const spanMs = this.spanMs(base, nowMs)
    const rate = this.sum(base) / (spanMs / MS_PER_SECOND)
    this.leave(base)
    return rate > limit ? Math.round(((rate - limit) / limit) * spanMs) : 0
  }

  /** Takes back what was recorded; nothing is judged. */
  unrecord(handle: RateHandle, value: number, nowMs: number): void {
    const base = this.enter(handle, nowMs)
    this.add(base, -value, nowMs)
    this.leave(base)
  }

  /** The rate per second, and the time it is measured over. */
  measure(handle: RateHandle, nowMs: number): { rate: number; spanMs: number } {
    const base = this.enter(handle, nowMs)
    const spanMs = this.spanMs(base, nowMs)
    const rate = this.sum(base) / (spanMs / MS_PER_SECOND)
    this.leave(base)
    return { rate, spanMs }
  }

  /** Locks the slot of a rate, wherever it is by now; returns its first 8-byte unit. */
  private enter(handle: RateHandle, nowMs: number): number {
    for (;;) {
      const base = handle.slot * this.units
      lockWord(this.words, base * 2 + LOCK)
      const known =
        this.words[base * 2 + KEY_LOW] === handle.low &&
        this.words[base * 2 + KEY_HIGH] === handle.high
      if (handle.slot === 0 || known) {
        this.numbers[base + LAST_USED] = nowMs
        return base
      }
      unlockWord(this.words, base * 2 + LOCK)
      this.find(handle, nowMs)
    }
  }

  private leave(base: number): void {
    unlockWord(this.words, base * 2 + LOCK)
  }

  private find(handle: RateHandle, nowMs: number): void {
    lockWord(this.words, this.directory)
    handle.slot = this.slotOf(handle, nowMs)
    unlockWord(this.words, this.directory)
  }

  /** Under the directory lock: the key's slot, else a free one or one out of use, else the shared one. */
  private slotOf({ low, high }: RateHandle, nowMs: number): number {
    const { words, numbers, units } = this
    let free = 0
    let oldest = 0
    let oldestMs = Number.POSITIVE_INFINITY
    for (let slot = 1; slot < this.slots && free === 0; slot++) {
      const base = slot * units
      const ownLow = words[base * 2 + KEY_LOW]!
      const ownHigh = words[base * 2 + KEY_HIGH]!
      if (ownLow === low && ownHigh === high) return slot
      if (ownLow === 0 && ownHigh === 0) free = slot
      else if (numbers[base + LAST_USED]! < oldestMs) {
        oldest = slot
        oldestMs = numbers[base + LAST_USED]!
      }
    }
    const idleMs = this.window.samples * this.window.windowMs
    const slot = free !== 0 ? free : nowMs - oldestMs >= idleMs ? oldest : 0
    if (slot !== 0) this.take(slot, low, high, nowMs)
    return slot
  }

  private take(slot: number, low: number, high: number, nowMs: number): void {
    const base = slot * this.units
    lockWord(this.words, base * 2 + LOCK)
    this.words[base * 2 + KEY_LOW] = low
    this.words[base * 2 + KEY_HIGH] = high
    this.words[base * 2 + CURRENT] = 0
    this.numbers[base + MADE] = 0
    this.numbers[base + LAST_USED] = nowMs
    unlockWord(this.words, base * 2 + LOCK)
  }

  private add(base: number, value: number, nowMs: number): void {
    const { numbers, words } = this
    if (numbers[base + MADE] === 0) {
      numbers[base + MADE] = 1
      this.begin(base, 0, nowMs)
    }
    let current = words[base * 2 + CURRENT]!
    let at = sampleAt(base, current)
    if (nowMs - numbers[at + START]! >= this.window.windowMs) {
      current = (current + 1) % (this.window.samples + 1)
      words[base * 2 + CURRENT] = current
      numbers[base + MADE] = Math.max(numbers[base + MADE]!, current + 1)
      this.begin(base, current, nowMs)
      at = sampleAt(base, current)
    }
    numbers[at + VALUE]! += value
    numbers[at + LAST] = nowMs
  }

  private begin(base: number, sample: number, nowMs: number): void {
    const at = sampleAt(base, sample)
    this.numbers[at + START] = nowMs
    this.numbers[at + LAST] = nowMs
    this.numbers[at + VALUE] = 0
  }

  /** Forgets old samples; the time the others are held against. */
  private spanMs(base: number, nowMs: number): number {
    const { numbers, window } = this
    const made = numbers[base + MADE]!
    const expiresMs = window.samples * window.windowMs
    let oldestMs = nowMs
    for (let sample = 0; sample < made; sample++) {
      const at = sampleAt(base, sample)
      if (nowMs - numbers[at + LAST]! >= expiresMs) this.begin(base, sample, nowMs)
      oldestMs = Math.min(oldestMs, numbers[at + START]!)
    }
    let elapsedMs = nowMs - oldestMs
    const fullWindows = Math.floor(elapsedMs / window.windowMs)
    const missing = window.samples - 1 - fullWindows
    if (missing > 0) elapsedMs += missing * window.windowMs
    return Math.max(elapsedMs, 1)
  }

  private sum(base: number): number {
    const made = this.numbers[base + MADE]!
    let sum = 0
    for (let sample = 0; sample < made; sample++)
      sum += this.numbers[sampleAt(base, sample) + VALUE]!
    return sum
  }
}

function sampleAt(base: number, sample: number): number {
  return base + HEADER_UNITS + sample * SAMPLE_UNITS
}
