/**
 * How many connections are open, in all and by client address, over all shards: shared memory, one
 * writer at a time by a lock that is held for a microsecond, once per connection opened or closed.
 *
 *   | lock | all | (key low, key high, count) … |     4-byte words
 *
 * An address has its entry within PROBES places of its hash; an entry that counts none is free for
 * another. An address that finds no place is not counted, and its connections are refused: at most
 * limits.connectionAddressesMax addresses, and a few less when hashes lie badly.
 */
import { limits } from '../../engine/base/limits.ts'
import { hashes, lockWord, unlockWord } from './shared-words.ts'

const LOCK = 0
const ALL = 1
const ENTRIES = 2
const ENTRY_WORDS = 3
const COUNT = 2
const PROBES = 64
const WORD_BYTES = 4

export const NO_PLACE = -1

export function connectionCountsMemory(
  addresses: number = limits.connectionAddressesMax,
): SharedArrayBuffer {
  return new SharedArrayBuffer((ENTRIES + addresses * ENTRY_WORDS) * WORD_BYTES)
}

export class ConnectionCounts {
  private readonly words: Int32Array
  private readonly places: number

  constructor(memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory)
    this.places = Math.floor((this.words.length - ENTRIES) / ENTRY_WORDS)
  }

  get all(): number {
    return Atomics.load(this.words, ALL)
  }

  of(address: string): number {
    lockWord(this.words, LOCK)
    const at = this.find(address, false)
    const count = at === NO_PLACE ? 0 : this.words[at + COUNT]!
    unlockWord(this.words, LOCK)
    return count
  }

  /** Counts one more unless the address has `max`: how many it had, or NO_PLACE. */
  enter(address: string, max: number): number {
    lockWord(this.words, LOCK)
    const at = this.find(address, true)
    const before = at === NO_PLACE ? NO_PLACE : this.words[at + COUNT]!
    if (at !== NO_PLACE && before < max) {
      this.words[at + COUNT]!++
      this.words[ALL]!++
    }
    unlockWord(this.words, LOCK)
    return before
  }

  /** One that was counted is gone. */
  leave(address: string): void {
    lockWord(this.words, LOCK)
    const at = this.find(address, false)
    if (at !== NO_PLACE) {
      this.words[at + COUNT]!--
      this.words[ALL]!--
    }
    unlockWord(this.words, LOCK)
  }

  /** First word of the address's entry; with `take`, of a free one that it gets. */
  private find(address: string, take: boolean): number {
    const { words, places } = this
    const [low, high] = hashes(address)
    const home = (low >>> 0) % places
    let free = NO_PLACE
    for (let probe = 0; probe < Math.min(PROBES, places); probe++) {
      const at = ENTRIES + ((home + probe) % places) * ENTRY_WORDS
      if (words[at] === low && words[at + 1] === high) return at
      if (free === NO_PLACE && words[at + COUNT] === 0) free = at
    }
    if (!take || free === NO_PLACE) return NO_PLACE
    words[free] = low
    words[free + 1] = high
    return free
  }
}
