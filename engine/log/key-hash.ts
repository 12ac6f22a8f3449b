/**
 * The hash by which compaction knows keys: 128 bits under a secret of the pass, so that nobody can
 * choose two keys that look alike and have one of them removed. Built as HalfSipHash (J.-P. Aumasson,
 * D. J. Bernstein, SipHash: a fast short-input PRF): 32-bit additions, rotations and xors only, two
 * rounds for each four bytes and four at the end, of which the whole state is the result. Not for
 * anything that leaves the process.
 */

/** Four random uint32. */
export type KeyHashSeed = readonly [number, number, number, number]

const INITIAL_2 = 0x6c796765
const INITIAL_3 = 0x74656462

export class KeyHash {
  /** The sum of the last `update`: four int32. */
  readonly words = new Int32Array(4)
  private readonly seed: Int32Array

  constructor(seed: KeyHashSeed) {
    this.seed = Int32Array.from(seed, (word) => word | 0)
  }

  /** Sums the key in [start, start + length) into `words`. */
  update(buffer: Buffer, start: number, length: number): void {
    const { seed, words } = this
    let a = seed[0]!
    let b = seed[1]!
    let c = INITIAL_2 ^ seed[2]!
    let d = INITIAL_3 ^ seed[3]!
    const end = start + length
    let at = start
    let last = false
    let rounds = 2
    for (;;) {
      let word: number
      if (last) word = 0
      else if (at + 4 <= end) {
        word =
          buffer[at]! | (buffer[at + 1]! << 8) | (buffer[at + 2]! << 16) | (buffer[at + 3]! << 24)
        at += 4
      } else {
        // What is left, and the length, so that keys of zeros differ by it.
        word = (length & 0xff) << 24
        for (let shift = 0; at < end; at++, shift += 8) word |= buffer[at]! << shift
        at = end + 1
      }
      d ^= word
      for (let round = 0; round < rounds; round++) {
        a = (a + b) | 0
        b = ((b << 5) | (b >>> 27)) ^ a
        a = (a << 16) | (a >>> 16)
        c = (c + d) | 0
        d = ((d << 8) | (d >>> 24)) ^ c
        a = (a + d) | 0
        d = ((d << 7) | (d >>> 25)) ^ a
        c = (c + b) | 0
        b = ((b << 13) | (b >>> 19)) ^ c
        c = (c << 16) | (c >>> 16)
      }
      a ^= word
      if (last) break
      if (at <= end) continue
      last = true
      rounds = 4
      c ^= 0xff
    }
    words[0] = a
    words[1] = b
    words[2] = c
    words[3] = d
  }
}
