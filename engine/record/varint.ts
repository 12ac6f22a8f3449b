/**
 * Zigzag variable-length integers inside records (protobuf's encoding;
 * org.apache.kafka.common.utils.ByteUtils): seven bits a byte, lowest first, top bit = more follow.
 * A varint is an int32 in at most 5 bytes, a varlong an int64 in at most 10; ours carry safe
 * integers.
 */

const VARLONG_BYTES_MAX = 10
const TWO_TO_27 = 2 ** 27
const TWO_TO_55 = 2 ** 55

/** Bytes `writeVarint` needs for an int32. */
export function varintBytes(value: number): number {
  const bits = 32 - Math.clz32(((value << 1) ^ (value >> 31)) | 1)
  return ((bits + 6) / 7) | 0
}

/** Writes an int32 at `at`; returns the position behind it. */
export function writeVarint(buffer: Buffer, at: number, value: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0
  let position = at
  while (rest > 0x7f) {
    buffer[position++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  buffer[position++] = rest
  return position
}

function isInt32(value: number): boolean {
  return value === (value | 0)
}

/** Bytes `writeVarlong` needs for a safe integer. */
export function varlongBytes(value: number): number {
  if (isInt32(value)) return varintBytes(value)
  // Zigzag without its lowest bit: |v| or |v|-1, exact where 2|v| would not be.
  let rest = Math.floor((value < 0 ? -(value + 1) : value) / 64)
  let bytes = 1
  while (rest > 0) {
    rest = Math.floor(rest / 128)
    bytes++
  }
  return bytes
}

/** Writes a safe integer at `at`; returns the position behind it. */
export function writeVarlong(buffer: Buffer, at: number, value: number): number {
  if (isInt32(value)) return writeVarint(buffer, at, value)
  const half = value < 0 ? -(value + 1) : value
  let rest = Math.floor(half / 64)
  let position = at
  buffer[position++] = ((half % 64) << 1) | (value < 0 ? 1 : 0) | 0x80
  while (rest > 0x7f) {
    buffer[position++] = (rest % 128) | 0x80
    rest = Math.floor(rest / 128)
  }
  buffer[position++] = rest
  return position
}

/**
 * Reads varints from [position, end) without allocating. Malformed input (too many bytes, cut off,
 * outside the safe range) sets `malformed`, which sticks, and reads as 0: hot loops check once per
 * record.
 */
export class VarintReader {
  buffer: Buffer
  position: number
  end: number
  malformed: boolean

  constructor() {
    this.buffer = EMPTY
    this.position = 0
    this.end = 0
    this.malformed = false
  }

  reset(buffer: Buffer, position: number, end: number): void {
    this.buffer = buffer
    this.position = position
    this.end = end
    this.malformed = false
  }

  /** An int32. */
  varint(): number {
    const { buffer, end } = this
    let position = this.position
    let bits = 0
    for (let shift = 0; shift < 35; shift += 7) {
      if (position >= end) return this.#fail()
      const byte = buffer[position++]!
      bits |= (byte & 0x7f) << shift
      if (byte < 0x80) {
        this.position = position
        return (bits >>> 1) ^ -(bits & 1)
      }
    }
    return this.#fail()
  }

  /** A safe integer; int64 values outside that range are malformed here. */
  varlong(): number {
    const { buffer, end } = this
    const start = this.position
    let low = 0
    let middle = 0
    let high = 0
    for (let index = 0; index < VARLONG_BYTES_MAX; index++) {
      if (start + index >= end) return this.#fail()
      const byte = buffer[start + index]!
      const bits = byte & 0x7f
      if (index < 4) low |= bits << (7 * index)
      else if (index < 8) middle |= bits << (7 * (index - 4))
      else high += index === 8 ? bits : bits * 128
      if (byte < 0x80) {
        this.position = start + index + 1
        const half = (low >>> 1) + middle * TWO_TO_27 + high * TWO_TO_55
        const value = (low & 1) === 0 ? half : -half - 1
        return Number.isSafeInteger(value) ? value : this.#fail()
      }
    }
    return this.#fail()
  }

  #fail(): number {
    this.malformed = true
    this.position = this.end
    return 0
  }
}

const EMPTY = Buffer.alloc(0)
