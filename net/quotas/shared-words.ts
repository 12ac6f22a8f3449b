/**
 * Locks and keys in memory that all shards share. A lock is held for a microsecond at most; whoever
 * finds it taken spins, then sleeps a millisecond at a time. Its holder is never gone: a thread that
 * dies takes the process with it.
 */

const SPINS = 1_000
const SLEEP_MS = 1

export function lockWord(words: Int32Array, at: number): void {
  for (let tries = 0; Atomics.compareExchange(words, at, 0, 1) !== 0; tries++)
    if (tries >= SPINS) Atomics.wait(words, at, 1, SLEEP_MS)
}

export function unlockWord(words: Int32Array, at: number): void {
  Atomics.store(words, at, 0)
}

/** 64 bits of a text, never all zero: two with the same ones are not to be expected. */
export function hashes(text: string): [low: number, high: number] {
  let low = 0x811c9dc5
  let high = 0x9e3779b9
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    low = Math.imul(low ^ code, 0x01000193)
    high = Math.imul(high ^ code, 0x85ebca6b) ^ (high >>> 13)
  }
  return [low | 0, high | 1]
}
