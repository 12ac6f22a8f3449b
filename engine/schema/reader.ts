/**
 * Reads Kafka's primitive types from a region of a buffer. Nothing read here is trusted (N2): every
 * length is checked against the bytes left before it is used, every count against the bytes left
 * divided by the smallest element, and against the budget of elements one reader may create.
 * Anything outside throws MalformedRequest. Nothing is allocated by a number on the wire.
 *
 *   int8 … int64        big-endian, two's complement
 *   varint              7 bits a byte, low bits first; at most 5 bytes for 32 bits
 *   string              int16 length, UTF-8; null = -1     compact: varint length + 1; null = 0
 *   bytes, records      int32 length, bytes; null = -1     compact: varint length + 1; null = 0
 *   array               int32 count, elements; null = -1   compact: varint count + 1; null = 0
 *   struct, nullable    int8 1 or -1 (inside a tag 1 or 0), then its fields if 1
 *   tag section         varint count, then per field: varint tag, varint size, value
 *
 * Used by compiled decoders; `remaining` after a body tells whether bytes were left over.
 */
import { MalformedRequest } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import { readAt, viewOf } from './fixed.ts'
import { readText, readUuid } from './text.ts'

export class Reader {
  buffer: Buffer
  /** The same bytes, for numbers of fixed width. */
  view: DataView
  /** Next byte to read. */
  position: number
  /** End of the region, exclusive. Inside a tag it is the tag's end. */
  end: number
  /** Array elements and tagged fields this reader may still create. */
  elementsLeft: number

  constructor(buffer: Buffer, start = 0, end = buffer.length) {
    this.buffer = buffer
    this.view = viewOf(buffer)
    this.position = start
    this.end = end
    this.elementsLeft = limits.messageElementsMax
  }

  /** Takes up another region with a fresh budget of elements, to spare a reader per request. */
  reset(
    buffer: Buffer,
    start = 0,
    end = buffer.length,
    elements: number = limits.messageElementsMax,
  ): void {
    // A view over shared memory costs as much as decoding a small request: kept while it can be.
    if (buffer !== this.buffer) {
      this.buffer = buffer
      this.view = viewOf(buffer)
    }
    this.position = start
    this.end = end
    this.elementsLeft = elements
  }

  get remaining(): number {
    return this.end - this.position
  }

  bool(): boolean {
    return readAt.bool(this.view, this.advance(1))
  }

  int8(): number {
    return readAt.int8(this.view, this.advance(1))
  }

  int16(): number {
    return readAt.int16(this.view, this.advance(2))
  }

  uint16(): number {
    return readAt.uint16(this.view, this.advance(2))
  }

  int32(): number {
    return readAt.int32(this.view, this.advance(4))
  }

  uint32(): number {
    return readAt.uint32(this.view, this.advance(4))
  }

  /** A safe integer; what lies beyond is read as the last one. */
  int64(): number {
    return readAt.int64(this.view, this.advance(8))
  }

  bigint64(): bigint {
    return this.buffer.readBigInt64BE(this.advance(8))
  }

  float64(): number {
    return this.buffer.readDoubleBE(this.advance(8))
  }

  uuid(): string {
    return readUuid(this.buffer, this.view, this.advance(16))
  }

  /** At most 5 bytes, at most 32 bits. */
  unsignedVarint(): number {
    const first = this.buffer[this.advance(1)]!
    return first < 0x80 ? first : this.longVarint(first & 0x7f)
  }

  /** Zigzag varint of 32 bits. */
  varint(): number {
    const value = this.unsignedVarint()
    return (value >>> 1) ^ -(value & 1)
  }

  /** Zigzag varint of 64 bits, at most 10 bytes; a safe integer or refused. */
  varlong(): number {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.buffer[this.advance(1)]!
      if (shift === 63n && byte > 1) throw new MalformedRequest('varint exceeds 64 bits')
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) break
    }
    const result = Number((value >> 1n) ^ -(value & 1n))
    if (!Number.isSafeInteger(result)) throw new MalformedRequest('varlong is out of range')
    return result
  }

  string(): string {
    return this.text(this.int16())
  }

  stringOrNull(): string | null {
    const length = this.int16()
    return length === -1 ? null : this.text(length)
  }

  compactString(): string {
    return this.text(this.unsignedVarint() - 1)
  }

  compactStringOrNull(): string | null {
    const length = this.unsignedVarint() - 1
    return length === -1 ? null : this.text(length)
  }

  bytes(): Buffer {
    return this.slice(this.int32())
  }

  bytesOrNull(): Buffer | null {
    const length = this.int32()
    return length === -1 ? null : this.slice(length)
  }

  compactBytes(): Buffer {
    return this.slice(this.unsignedVarint() - 1)
  }

  compactBytesOrNull(): Buffer | null {
    const length = this.unsignedVarint() - 1
    return length === -1 ? null : this.slice(length)
  }

  /** The int16 version before a blob, taken as `highest` when above: later ones add to the end. */
  versionUpTo(highest: number): number {
    const version = this.int16()
    if (version < 0) throw new MalformedRequest(`version ${version}`)
    return Math.min(version, highest)
  }

  /** Count of an array whose elements take at least `elementBytesMin` bytes each. */
  count(elementBytesMin: number): number {
    return this.checkCount(this.int32(), elementBytesMin)
  }

  /** As `count`, -1 for a null array. */
  countOrNull(elementBytesMin: number): number {
    const count = this.int32()
    return count === -1 ? -1 : this.checkCount(count, elementBytesMin)
  }

  compactCount(elementBytesMin: number): number {
    return this.checkCount(this.unsignedVarint() - 1, elementBytesMin)
  }

  compactCountOrNull(elementBytesMin: number): number {
    const count = this.unsignedVarint() - 1
    return count === -1 ? -1 : this.checkCount(count, elementBytesMin)
  }

  /** The mark before a nullable struct: true if the struct follows. */
  structFollows(): boolean {
    const mark = this.int8()
    if (mark !== 1 && mark !== -1) throw new MalformedRequest(`struct mark ${mark}`)
    return mark === 1
  }

  /** The same inside a tag, where absence is 0. */
  taggedStructFollows(): boolean {
    const mark = this.int8()
    if (mark !== 1 && mark !== 0) throw new MalformedRequest(`struct mark ${mark} in a tag`)
    return mark === 1
  }

  /** Number of tagged fields that follow. */
  tagCount(): number {
    if (this.position < this.end && this.buffer[this.position] === 0) {
      this.position++
      return 0
    }
    const count = this.unsignedVarint()
    if (count > limits.taggedFieldsMax || count * 2 > this.remaining)
      throw new MalformedRequest(`${count} tagged fields in ${this.remaining} bytes`)
    this.spend(count)
    return count
  }

  /** Narrows the region to a tag's value; returns the outer end for `closeTag`. */
  openTag(): number {
    const size = this.unsignedVarint()
    if (size > this.remaining) throw tooShort(size, this.remaining)
    const outerEnd = this.end
    this.end = this.position + size
    return outerEnd
  }

  /** A tag's value must fill its size exactly. */
  closeTag(outerEnd: number): void {
    if (this.position !== this.end)
      throw new MalformedRequest(`${this.remaining} bytes left over in a tagged field`)
    this.end = outerEnd
  }

  /** Leaves out what is left of the region: the value of a tag nobody knows. */
  skipRest(): void {
    this.position = this.end
  }

  /** Reads over a tag section nobody here knows anything of. */
  skipTags(): void {
    for (let tags = this.tagCount(); tags > 0; tags--) {
      this.unsignedVarint()
      const outerEnd = this.openTag()
      this.skipRest()
      this.closeTag(outerEnd)
    }
  }

  /** Steps over `size` bytes that are there; returns where they begin. */
  advance(size: number): number {
    const at = this.position
    const next = at + size
    if (next > this.end) throw tooShort(size, this.end - at)
    this.position = next
    return at
  }

  private longVarint(lowBits: number): number {
    const buffer = this.buffer
    let at = this.position
    let value = lowBits
    for (let shift = 7; ; shift += 7) {
      if (at >= this.end) throw tooShort(1, 0)
      const byte = buffer[at++]!
      if (shift === 28 && byte > 0x0f) throw new MalformedRequest('varint exceeds 32 bits')
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) break
    }
    this.position = at
    return value >>> 0
  }

  private text(length: number): string {
    if (length < 0) throw new MalformedRequest('null or negative length where a string must be')
    if (length > limits.stringBytesMax) throw new MalformedRequest(`string of ${length} bytes`)
    return readText(this.buffer, this.advance(length), length)
  }

  private slice(length: number): Buffer {
    if (length < 0) throw new MalformedRequest('null or negative length where bytes must be')
    const at = this.advance(length)
    return this.buffer.subarray(at, at + length)
  }

  private checkCount(count: number, elementBytesMin: number): number {
    if (count < 0) throw new MalformedRequest('null or negative count where an array must be')
    if (count * elementBytesMin > this.end - this.position)
      throw new MalformedRequest(`array of ${count} elements in ${this.remaining} bytes`)
    this.spend(count)
    return count
  }

  private spend(elements: number): void {
    this.elementsLeft -= elements
    if (this.elementsLeft < 0)
      throw new MalformedRequest(`${-this.elementsLeft} elements too many in one message`)
  }
}

function tooShort(wanted: number, left: number): MalformedRequest {
  return new MalformedRequest(`${wanted} bytes wanted where ${left} are left`)
}
