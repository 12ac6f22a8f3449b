/**
 * One to four changes to a good frame, written into a buffer of the caller's: bits and bytes, runs,
 * cuts, pieces doubled, dropped or taken from another frame; and, where the marks say a count, a
 * length or a tag section lies, the values that decoders have died of: counts and lengths beyond
 * what is there, negative ones, varints too long, sections of many tags, integers beyond 2^53.
 */
import { limits } from '../../engine/base/limits.ts'
import { BATCH_HEADER_BYTES } from '../../engine/record/batch.ts'
import type { FrameRandom } from './frame-random.ts'
import type { Mark } from './frame-walk.ts'
import { knownIds, knownTexts } from './known-names.ts'
import type { SeedFrame } from './seed-frames.ts'

/** Room a mutated frame may need. */
export const MUTATED_BYTES_MAX = 32 * 1024

const HEADER_BYTES = 8
const PIECE_BYTES_MAX = 24
const BYTES = [0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff] as const
const MANY = [limits.requestElementsMax, limits.requestElementsMax + 1, 0x7fffffff, 0x10000, 255]

/** The frame being changed; `size` bytes of `buffer` from `start`. */
export class MutatedFrame {
  readonly buffer: Buffer
  readonly start: number
  size = 0

  constructor(buffer: Buffer, start: number) {
    this.buffer = buffer
    this.start = start
  }

  /** Fills it from a seed, changed as `random` says. `other` lends pieces. */
  mutate(random: FrameRandom, seed: SeedFrame, other: SeedFrame): void {
    this.size = seed.bytes.copy(this.buffer, this.start)
    // Often one change only: of several, one mostly ruins the frame and hides the others.
    for (let changes = random.once(2) ? 1 : 1 + random.int(4); changes > 0; changes--) {
      if (seed.marks.length > 0 && random.once(3)) this.atMark(random, random.pick(seed.marks))
      else this.anywhere(random, other)
      if (this.size <= HEADER_BYTES) return
    }
  }

  private anywhere(random: FrameRandom, other: SeedFrame): void {
    const { buffer } = this
    // The first bytes choose the decoder; most of the time that stays.
    const from = random.once(24) ? 0 : HEADER_BYTES
    const room = this.size - from
    if (room <= 0) return
    const offset = from + random.int(room)
    const at = this.start + offset
    switch (random.int(8)) {
      case 0:
        buffer[at]! ^= 1 << random.int(8)
        return
      case 1:
        buffer[at] = random.pick(BYTES)
        return
      case 2: {
        const end = Math.min(at + 1 + random.int(8), this.start + this.size)
        for (let each = at; each < end; each++) buffer[each] = random.bits()
        return
      }
      case 3:
        this.size = offset
        return
      case 4:
        this.double(offset, 1 + random.int(PIECE_BYTES_MAX))
        return
      case 5:
        this.replace(offset, 1 + random.int(PIECE_BYTES_MAX), 0)
        return
      case 6:
        this.splice(random, offset, other)
        return
      default:
        buffer.fill(0xff, at, Math.min(at + 1 + random.int(8), this.start + this.size))
    }
  }

  /** The bytes at an offset, once more. */
  private double(offset: number, bytes: number): void {
    const length = Math.min(bytes, this.size - offset)
    if (!this.replace(offset, 0, length)) return
    const at = this.start + offset
    this.buffer.copyWithin(at, at + length, at + 2 * length)
  }

  /** Bytes of another frame, over or between those at an offset. */
  private splice(random: FrameRandom, offset: number, { bytes }: SeedFrame): void {
    const from = random.int(bytes.length)
    const length = Math.min(1 + random.int(64), bytes.length - from)
    const over = random.once(2) ? Math.min(length, this.size - offset) : 0
    if (this.replace(offset, over, length))
      bytes.copy(this.buffer, this.start + offset, from, from + length)
  }

  private atMark(random: FrameRandom, { at, bytes, kind }: Mark): void {
    if (at + bytes > this.size) return
    const place = this.start + at
    const left = this.size - at - bytes
    switch (kind) {
      case 'int16':
        this.buffer.writeInt16BE(
          random.pick([
            -1,
            -2,
            -32_768,
            32_767,
            Math.min(left, 32_767),
            Math.min(left + 1, 32_767),
          ]),
          place,
        )
        return
      case 'int32':
        this.buffer.writeInt32BE(
          random.pick([-1, -2, -0x80000000, 0, 1, left, left + 1, random.pick(MANY)]),
          place,
        )
        return
      case 'int64':
        this.buffer.writeInt32BE(
          random.pick([0x7fffffff, -1, 0x001fffff, 0x00200000, -0x200000]),
          place,
        )
        return
      case 'varint':
        this.varintAt(random, at, bytes, left)
        return
      case 'uuid':
        random.pick(knownIds).copy(this.buffer, place)
        return
      case 'text':
      case 'compact-text':
        this.textAt(at, bytes, random.pick(knownTexts), kind === 'compact-text')
        return
      case 'records':
        // A batch of another codec, with another count, of another time.
        this.buffer[place + random.int(Math.min(bytes, BATCH_HEADER_BYTES))] = random.pick(BYTES)
        return
      default:
        this.tagsAt(random, at, bytes)
    }
  }

  private varintAt(random: FrameRandom, at: number, bytes: number, left: number): void {
    if (random.once(3)) {
      // Too long, or with bits beyond the 32nd.
      const length = 5 + random.int(6)
      if (!this.replace(at, bytes, length)) return
      this.buffer.fill(0xff, this.start + at, this.start + at + length)
      this.buffer[this.start + at + length - 1] = random.pick([0x0f, 0x10, 0x7f, 0x01, 0x00])
      return
    }
    this.writeVarint(
      at,
      bytes,
      random.pick([0, 1, left, left + 1, left + 2, random.pick(MANY), 2 ** 32 - 1]),
    )
  }

  /** A section of many tags in place of the count of one. */
  private tagsAt(random: FrameRandom, at: number, bytes: number): void {
    const count = random.pick([1, 2, 3, 40, limits.taggedFieldsMax, limits.taggedFieldsMax + 1])
    const told = random.once(4) ? random.pick(MANY) : count
    const valueBytes = random.int(4)
    const countBytes = varintBytes(told)
    if (!this.replace(at, bytes, countBytes + count * (2 + valueBytes))) return
    this.writeVarint(at, countBytes, told)
    let to = this.start + at + countBytes
    const tag = random.int(20)
    for (let index = 0; index < count; index++) {
      // One tag again and again, or one after the other.
      this.buffer[to++] = (told === count ? tag : index) & 0x7f
      this.buffer[to++] = random.once(30) ? 0x7f : valueBytes
      for (let left = valueBytes; left > 0; left--) this.buffer[to++] = random.pick(BYTES)
    }
  }

  /** Another string in place of one. */
  private textAt(at: number, bytes: number, text: Buffer, compact: boolean): void {
    const prefixBytes = compact ? varintBytes(text.length + 1) : 2
    if (!this.replace(at, bytes, prefixBytes + text.length)) return
    if (compact) this.writeVarint(at, prefixBytes, text.length + 1)
    else this.buffer.writeInt16BE(text.length, this.start + at)
    text.copy(this.buffer, this.start + at + prefixBytes)
  }

  private writeVarint(at: number, bytes: number, value: number): void {
    if (!this.replace(at, bytes, varintBytes(value))) return
    let to = this.start + at
    let rest = value
    while (rest >= 0x80) {
      this.buffer[to++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.buffer[to] = rest
  }

  /** Makes `next` bytes of room where `bytes` were; false, and nothing done, when they do not fit. */
  private replace(offset: number, bytes: number, next: number): boolean {
    const gone = Math.min(bytes, this.size - offset)
    if (this.size - gone + next > MUTATED_BYTES_MAX) return false
    const at = this.start + offset
    if (gone !== next) this.buffer.copyWithin(at + next, at + gone, this.start + this.size)
    this.size += next - gone
    return true
  }
}

function varintBytes(value: number): number {
  let bytes = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++
  return bytes
}
