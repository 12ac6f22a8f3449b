/**
 * Writes Kafka's primitive types into memory that grows; the counterpart of reader.ts, which draws
 * the bytes. Values come from our own code: one out of range is our fault and asserts.
 *
 * One writer serves many messages: `reset` starts over in the same memory, `take` hands the bytes
 * written to the caller for good and goes on behind them. Positions given out by `reserve` count from
 * the message's first byte in memory, since growing moves it.
 *
 * With `scatterBytesMin` set, bytes and records of that size and more are not copied: they are noted,
 * and `pieces` gives the list for a gathering write. They must stay unchanged until it is done.
 */
import { assert, broken } from '../base/assert.ts'
import { writeInt32 } from '../base/big-endian.ts'
import { limits } from '../base/limits.ts'
import { viewOf, writeAt } from './fixed.ts'
import { textBytes, writeShortAscii, writeUuid } from './text.ts'

const BLOCK_BYTES = 4096

interface Scattered {
  /** Written bytes that come before it. */
  readonly at: number
  readonly bytes: Buffer
}

export class Writer {
  /** For compiled code; moves when it grows. */
  view: DataView
  private buffer: Buffer
  /** End of the memory. */
  private limit: number
  /** First byte of the message at hand. */
  private start: number
  private position: number
  private readonly blockBytes: number
  private readonly scatterBytesMin: number
  private scattered: Scattered[]
  private scatteredBytes: number

  constructor(initialBytes = BLOCK_BYTES, scatterBytesMin = Number.POSITIVE_INFINITY) {
    this.buffer = Buffer.allocUnsafeSlow(initialBytes)
    this.view = viewOf(this.buffer)
    this.limit = initialBytes
    this.start = 0
    this.position = 0
    this.blockBytes = initialBytes
    this.scatterBytesMin = scatterBytesMin
    this.scattered = []
    this.scatteredBytes = 0
  }

  /** Bytes of the message so far, scattered ones included. */
  get size(): number {
    return this.position - this.start + this.scatteredBytes
  }

  /** Forgets what was written; views given out by `bytes` are overwritten from now on. */
  reset(): void {
    this.position = this.start
    this.forgetScattered()
  }

  /** View of the message, valid until the next write, reset or take. Not with scattered bytes. */
  bytes(): Buffer {
    assert(this.scattered.length === 0, 'a scattered message comes in pieces')
    return this.buffer.subarray(this.start, this.position)
  }

  /** The message as the caller's own: this writer never touches these bytes again. */
  take(): Buffer {
    const bytes = this.bytes()
    this.start = this.position
    return bytes
  }

  /** As `take`, with the scattered bytes in their places. */
  takePieces(): Buffer[] {
    const pieces: Buffer[] = []
    let from = this.start
    for (const { at, bytes } of this.scattered) {
      const to = this.start + at
      if (to > from) pieces.push(this.buffer.subarray(from, to))
      pieces.push(bytes)
      from = to
    }
    if (this.position > from) pieces.push(this.buffer.subarray(from, this.position))
    this.start = this.position
    this.forgetScattered()
    return pieces
  }

  bool(value: boolean): void {
    const at = this.claim(1)
    writeAt.bool(this.view, at, value)
  }

  int8(value: number): void {
    const at = this.claim(1)
    writeAt.int8(this.view, at, value)
  }

  int16(value: number): void {
    const at = this.claim(2)
    writeAt.int16(this.view, at, value)
  }

  uint16(value: number): void {
    const at = this.claim(2)
    writeAt.uint16(this.view, at, value)
  }

  int32(value: number): void {
    const at = this.claim(4)
    writeAt.int32(this.view, at, value)
  }

  uint32(value: number): void {
    const at = this.claim(4)
    writeAt.uint32(this.view, at, value)
  }

  int64(value: number): void {
    const at = this.claim(8)
    writeAt.int64(this.view, at, value)
  }

  bigint64(value: bigint): void {
    this.ensure(8)
    this.position = this.buffer.writeBigInt64BE(value, this.position)
  }

  float64(value: number): void {
    this.ensure(8)
    this.position = this.buffer.writeDoubleBE(value, this.position)
  }

  uuid(value: string): void {
    this.ensure(16)
    writeUuid(this.buffer, this.position, value)
    this.position += 16
  }

  /** 32 bits, 1 to 5 bytes. */
  unsignedVarint(value: number): void {
    this.ensure(5)
    if (value < 0x80) this.buffer[this.position++] = value
    else this.putUnsignedVarint(value)
  }

  /** Zigzag varint of 32 bits. */
  varint(value: number): void {
    this.unsignedVarint(((value << 1) ^ (value >> 31)) >>> 0)
  }

  /** Zigzag varint of a safe integer, 1 to 10 bytes. */
  varlong(value: number): void {
    assert(Number.isSafeInteger(value), `varlong ${value} is out of range`)
    const wide = BigInt(value)
    let left = BigInt.asUintN(64, (wide << 1n) ^ (wide >> 63n))
    this.ensure(10)
    for (; left > 0x7fn; left >>= 7n) this.buffer[this.position++] = Number(left & 0x7fn) | 0x80
    this.buffer[this.position++] = Number(left)
  }

  string(value: string): void {
    const length = value.length
    this.ensure(2 + length)
    if (writeShortAscii(this.buffer, this.position + 2, value)) {
      this.putInt16(length)
      this.position += length
      return
    }
    const size = textSize(value)
    this.ensure(2 + size)
    this.putInt16(size)
    this.putText(value, size)
  }

  stringOrNull(value: string | null): void {
    if (value === null) this.int16(-1)
    else this.string(value)
  }

  compactString(value: string): void {
    const length = value.length
    this.ensure(5 + length)
    // A short text's length takes one byte.
    if (writeShortAscii(this.buffer, this.position + 1, value)) {
      this.buffer[this.position] = length + 1
      this.position += 1 + length
      return
    }
    const size = textSize(value)
    this.ensure(5 + size)
    this.putUnsignedVarint(size + 1)
    this.putText(value, size)
  }

  compactStringOrNull(value: string | null): void {
    if (value === null) this.unsignedVarint(0)
    else this.compactString(value)
  }

  bytesField(value: Buffer): void {
    this.int32(value.length)
    this.append(value)
  }

  bytesFieldOrNull(value: Buffer | null): void {
    if (value === null) this.int32(-1)
    else this.bytesField(value)
  }

  compactBytesField(value: Buffer): void {
    this.unsignedVarint(value.length + 1)
    this.append(value)
  }

  compactBytesFieldOrNull(value: Buffer | null): void {
    if (value === null) this.unsignedVarint(0)
    else this.compactBytesField(value)
  }

  /** Bytes without a length before them. */
  append(value: Buffer): void {
    if (value.length >= this.scatterBytesMin) {
      this.scattered.push({ at: this.position - this.start, bytes: value })
      this.scatteredBytes += value.length
      return
    }
    this.ensure(value.length)
    value.copy(this.buffer, this.position)
    this.position += value.length
  }

  /** Leaves `size` bytes to be filled by `patchInt32`; returns where they begin. */
  reserve(size: number): number {
    this.ensure(size)
    const at = this.position - this.start
    this.position += size
    return at
  }

  /** Overwrites four bytes at `at`, which `reserve` gave. */
  patchInt32(at: number, value: number): void {
    if (at < 0 || at + 4 > this.position - this.start) broken(`int32 at ${at}`)
    writeInt32(this.buffer, this.start + at, value)
  }

  /** Begins a tagged field; returns the mark for `closeTag`. */
  openTag(tag: number): number {
    this.unsignedVarint(tag)
    return this.reserve(1)
  }

  /** Puts the size before the value; one byte was kept for it, longer ones push the value back. */
  closeTag(mark: number): void {
    const size = this.position - this.start - mark - 1
    if (size < 0x80) {
      this.buffer[this.start + mark] = size
      return
    }
    const more = varintBytes(size) - 1
    this.ensure(more)
    const at = this.start + mark
    this.buffer.copyWithin(at + 1 + more, at + 1, this.position)
    this.position = at
    this.putUnsignedVarint(size)
    this.position += size
  }

  /** Takes up `size` bytes for compiled code to fill; returns where they begin in `view`. */
  claim(size: number): number {
    this.ensure(size)
    const at = this.position
    this.position = at + size
    return at
  }

  private ensure(size: number): void {
    if (this.position + size > this.limit) this.grow(size)
  }

  private grow(size: number): void {
    const used = this.position - this.start
    const larger = Buffer.allocUnsafeSlow(Math.max(this.blockBytes, (used + size) * 2))
    this.buffer.copy(larger, 0, this.start, this.position)
    this.buffer = larger
    this.view = viewOf(larger)
    this.limit = larger.length
    this.start = 0
    this.position = used
  }

  private putInt16(value: number): void {
    const { buffer, position } = this
    buffer[position] = value >> 8
    buffer[position + 1] = value
    this.position = position + 2
  }

  private putUnsignedVarint(value: number): void {
    const buffer = this.buffer
    let position = this.position
    let left = value
    while (left > 0x7f) {
      buffer[position++] = (left & 0x7f) | 0x80
      left >>>= 7
    }
    buffer[position++] = left
    this.position = position
  }

  private putText(value: string, size: number): void {
    this.buffer.write(value, this.position, size, 'utf8')
    this.position += size
  }

  private forgetScattered(): void {
    if (this.scattered.length === 0) return
    this.scattered = []
    this.scatteredBytes = 0
  }
}

function textSize(value: string): number {
  const size = textBytes(value)
  if (size > limits.stringBytesMax) broken(`a string of ${size} bytes has no room on the wire`)
  return size
}

function varintBytes(value: number): number {
  let size = 1
  for (let left = value; left > 0x7f; left >>>= 7) size++
  return size
}
