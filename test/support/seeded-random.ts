/**
 * Repeatable chance for tests: one 32-bit seed, the same sequence on every machine (mulberry32).
 */
import type { Random } from '../../engine/base/random.ts'

export interface SeededRandom extends Random {
  /** Uniform in [0, 1). */
  fraction(): number
  /** True with the given probability. */
  chance(probability: number): boolean
}

const URL_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

export function seededRandom(seed: number): SeededRandom {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  const fraction = () => next() / 4_294_967_296
  return {
    fraction,
    chance: (probability) => fraction() < probability,
    int: (bound) => Math.floor(fraction() * bound),
    uuid() {
      let text = ''
      for (let i = 0; i < 21; i++) text += URL_ALPHABET[next() & 63]
      // 22 characters carry 132 bits: the last one may only use its upper two.
      return text + 'AQgw'[next() & 3]
    },
  }
}
