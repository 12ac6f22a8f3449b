/**
 * A second reading of request frames, made for judging the first: it walks the tables of a message
 * byte by byte, slowly and plainly, shares no code with engine/schema/reader.ts and the generated
 * decoders, and says whether a broker may take the frame. On frames known to be good it notes where
 * counts, lengths and tag sections lie, which is where mutations hurt most.
 *
 * The rules are those of reference/kafka-map.md §1 and of limits.ts (N2).
 */
import { isUtf8 } from 'node:buffer'
import { limits } from '../../engine/base/limits.ts'
import { apis } from '../../engine/protocol/index.ts'
import {
  type FieldLayout,
  layoutOf,
  type MessageLayout,
  type StructLayout,
} from '../../engine/schema/layout.ts'

export type MarkKind =
  | 'int16'
  | 'int32'
  | 'varint'
  | 'tags'
  | 'int64'
  | 'uuid'
  /** A string with its length, of either encoding. */
  | 'text'
  | 'compact-text'
  /** Record batches without their length. */
  | 'records'

/** A place in a frame, counted from its first byte behind the length. */
export interface Mark {
  readonly at: number
  readonly bytes: number
  readonly kind: MarkKind
}

/** Versions a broker serves, by API key. */
export type ServedVersions = ReadonlyMap<number, readonly [min: number, max: number]>

export type Verdict =
  /** Header and body are whole; the API's handler gets it. */
  | 'whole'
  /** ApiVersions in a version unknown here: answered without reading on. */
  | 'other-version'
  | 'malformed'

const API_VERSIONS = 18
const HEADER_BYTES_MIN = 8
const VARINT_BYTES_MAX = 5

export class FrameWalk {
  /** Of the frame walked last, when it asked for them. */
  marks: Mark[] = []
  private readonly served: ServedVersions
  private readonly layouts = new Map<number, MessageLayout>()
  private buffer: Buffer = Buffer.alloc(0)
  private start = 0
  private at = 0
  private end = 0
  private elements = 0
  private noting = false
  private inBody = false

  constructor(served: ServedVersions) {
    this.served = served
  }

  /** Judges the frame in [start, end), its length field not included. */
  judge(buffer: Buffer, start: number, end: number, noting = false): Verdict {
    this.buffer = buffer
    this.start = start
    this.at = start
    this.end = end
    this.elements = 0
    this.noting = noting
    if (noting) this.marks = []
    if (end - start < HEADER_BYTES_MIN) return 'malformed'
    const apiKey = buffer.readInt16BE(start)
    const version = buffer.readInt16BE(start + 2)
    const range = this.served.get(apiKey)
    if (range === undefined) return 'malformed'
    if (version < range[0] || version > range[1])
      return apiKey === API_VERSIONS ? 'other-version' : 'malformed'
    this.at = start + HEADER_BYTES_MIN
    const { root } = this.layout(apiKey, version)
    this.inBody = false
    if (!this.text(true, false) || (root.flexible && !this.tagSection(null))) return 'malformed'
    this.inBody = true
    return this.struct(root) ? 'whole' : 'malformed'
  }

  private layout(apiKey: number, version: number): MessageLayout {
    const key = apiKey * 1_000 + version
    let layout = this.layouts.get(key)
    if (layout === undefined) {
      layout = layoutOf(apis.get(apiKey)!.request, version)
      this.layouts.set(key, layout)
    }
    return layout
  }

  private struct(struct: StructLayout): boolean {
    for (const field of struct.plain) if (!this.field(field, struct.flexible, false)) return false
    return !struct.flexible || this.tagSection(struct)
  }

  private field(field: FieldLayout, flexible: boolean, inTag: boolean): boolean {
    if (field.spec.kind === 'array') return this.array(field, flexible)
    if (field.spec.kind !== 'struct') return this.plain(field.spec.kind, field.nullable, flexible)
    if (field.nullable) {
      if (!this.has(1)) return false
      const mark = this.buffer.readInt8(this.at++)
      if (mark === (inTag ? 0 : -1)) return true
      if (mark !== 1) return false
    }
    return this.struct(field.struct!)
  }

  private plain(kind: string, nullable: boolean, flexible: boolean): boolean {
    switch (kind) {
      case 'bool':
      case 'int8':
        return this.step(1)
      case 'int16':
      case 'uint16':
        return this.step(2)
      case 'int32':
      case 'uint32':
        return this.step(4)
      case 'bigint64':
      case 'float64':
        return this.step(8)
      case 'uuid':
        this.note('uuid', 16)
        return this.step(16)
      case 'int64':
        this.note('int64', 8)
        return this.step(8)
      case 'string':
        return this.text(nullable, flexible)
      default:
        return this.blob(kind, nullable, flexible)
    }
  }

  private array(field: FieldLayout, flexible: boolean): boolean {
    const count = flexible ? this.varint(-1) : this.int32()
    if (count === null) return false
    if (count < 0) return count === -1 && field.nullable
    this.elements += count
    if (this.elements > limits.requestElementsMax) return false
    const { struct } = field
    const kind = field.spec.element?.kind ?? 'int8'
    for (let left = count; left > 0; left--)
      if (!(struct === null ? this.plain(kind, false, flexible) : this.struct(struct))) return false
    return true
  }

  /** Null struct: no tag is known. */
  private tagSection(struct: StructLayout | null): boolean {
    this.note('tags', 1)
    const count = this.varint(0)
    if (count === null || count > limits.taggedFieldsMax) return false
    // Those of a header are not paid for.
    if (this.inBody) this.elements += count
    if (this.elements > limits.requestElementsMax) return false
    for (let left = count; left > 0; left--) {
      const tag = this.varint(0)
      const size = tag === null ? null : this.varint(0)
      if (size === null || !this.has(size)) return false
      const next = this.at + size
      const known = struct?.tagged.find(({ spec }) => spec.tag === tag)
      if (known === undefined) {
        this.at = next
        continue
      }
      const outer = this.end
      this.end = next
      const fills = this.field(known, true, true) && this.at === next
      this.end = outer
      if (!fills) return false
    }
    return true
  }

  private text(nullable: boolean, flexible: boolean): boolean {
    const prefixAt = this.at
    const length = flexible ? this.varint(-1) : this.int16()
    if (length === null) return false
    if (length < 0) return length === -1 && nullable
    if (length > limits.stringBytesMax || !this.has(length)) return false
    const from = this.at
    if (this.noting) this.noteText(prefixAt, from + length, flexible)
    this.at += length
    for (let at = from; at < this.at; at++)
      if (this.buffer[at]! >= 0x80) return isUtf8(this.buffer.subarray(from, this.at))
    return true
  }

  private blob(kind: string, nullable: boolean, flexible: boolean): boolean {
    const length = flexible ? this.varint(-1) : this.int32()
    if (length === null) return false
    if (kind === 'records' && length > 0) this.note('records', length)
    return length < 0 ? length === -1 && nullable : this.step(length)
  }

  private int16(): number | null {
    if (!this.has(2)) return null
    this.note('int16', 2)
    this.at += 2
    return this.buffer.readInt16BE(this.at - 2)
  }

  private int32(): number | null {
    if (!this.has(4)) return null
    this.note('int32', 4)
    this.at += 4
    return this.buffer.readInt32BE(this.at - 4)
  }

  /** An unsigned varint of 32 bits plus `shift`; null when it is none. */
  private varint(shift: number): number | null {
    const from = this.at
    let value = 0
    for (let index = 0; index < VARINT_BYTES_MAX; index++) {
      if (!this.has(1)) return null
      const byte = this.buffer[this.at++]!
      if (index === VARINT_BYTES_MAX - 1 && byte > 0x0f) return null
      value += (byte & 0x7f) * 2 ** (7 * index)
      if (byte >= 0x80) continue
      if (this.noting) this.marks.push({ at: from - this.start, bytes: index + 1, kind: 'varint' })
      return value + shift
    }
    return null
  }

  private step(bytes: number): boolean {
    if (!this.has(bytes)) return false
    this.at += bytes
    return true
  }

  private has(bytes: number): boolean {
    return bytes <= this.end - this.at
  }

  private noteText(start: number, end: number, flexible: boolean): void {
    const kind = flexible ? 'compact-text' : 'text'
    this.marks.push({ at: start - this.start, bytes: end - start, kind })
  }

  private note(kind: MarkKind, bytes: number): void {
    if (this.noting) this.marks.push({ at: this.at - this.start, bytes, kind })
  }
}
