/**
 * Frames of one connection that may not start yet, in order, each with bytes of its own. Bound: their
 * connection takes no further ones at limits.connectionRequestsMax or connectionRequestBytesMax.
 */
import { FRAME_LENGTH_BYTES } from './framing.ts'
import type { FrameMemory } from './receive.ts'

export interface HeldFrame {
  readonly buffer: Buffer
  readonly start: number
  readonly end: number
  readonly memory: FrameMemory
}

export class HeldFrames {
  /** Of all frames, without their length fields. */
  bytes = 0
  private readonly frames: HeldFrame[] = []

  get length(): number {
    return this.frames.length
  }

  get first(): HeldFrame | undefined {
    return this.frames[0]
  }

  /** Behind the others, or with `ahead` before them. Copies what is valid in this turn only. */
  add(buffer: Buffer, start: number, end: number, memory: FrameMemory, ahead = false): void {
    this.bytes += end - start
    let frame: HeldFrame = { buffer, start, end, memory }
    if (memory === 'turn') {
      const own = Buffer.from(buffer.subarray(start, end))
      frame = { buffer: own, start: 0, end: own.length, memory: 'own' }
    }
    if (ahead) this.frames.unshift(frame)
    else this.frames.push(frame)
  }

  dropFirst(): void {
    const first = this.frames.shift()
    if (first !== undefined) this.bytes -= first.end - first.start
  }

  /** As they came, with their length fields. */
  asReceived(): Buffer[] {
    return this.frames.flatMap(({ buffer, start, end }) => {
      const length = Buffer.alloc(FRAME_LENGTH_BYTES)
      length.writeInt32BE(end - start)
      return [length, buffer.subarray(start, end)]
    })
  }

  /** Gives back their memory and forgets them. */
  release(): void {
    for (const { memory } of this.frames) if (typeof memory === 'object') memory.release()
    this.frames.length = 0
    this.bytes = 0
  }
}
