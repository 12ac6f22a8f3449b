/**
 * Chance that depends on a seed and a frame's number alone, so that any frame of any run can be made
 * again without those before it. One object for all frames: nothing is allocated per frame.
 */
export class FrameRandom {
  private readonly seed: number
  private state = 0

  constructor(seed: number) {
    this.seed = seed
  }

  /** From here on the sequence of this frame. */
  begin(frame: number): void {
    this.state = Math.imul(frame ^ Math.imul(this.seed, 0x9e3779b1), 0x85ebca6b)
    this.bits()
  }

  /** 32 random bits (mulberry32). */
  bits(): number {
    this.state = (this.state + 0x6d2b79f5) | 0
    let mixed = this.state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }

  /** Uniform in [0, bound). */
  int(bound: number): number {
    return Math.floor((this.bits() / 4_294_967_296) * bound)
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.int(times) === 0
  }

  pick<T>(list: readonly T[]): T {
    return list[this.int(list.length)] as T
  }
}
