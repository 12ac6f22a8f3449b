/**
 * Frames whose bytes back what their counts say: the bombs that cutting and flipping small frames never
 * makes. For every array of every served request, in every version:
 *
 *   one element more than limits.requestElementsMax allows                        malformed
 *   two levels, or two arrays, that are allowed each and too many together     malformed
 *   a count just below the bound, all there                                    whole
 *   a count of 2^31 - 1 over a megabyte of zeros                               malformed
 *
 * and sections of limits.taggedFieldsMax tags and one more. The verdict comes from frame-walk.ts all
 * the same; the names here are for messages.
 */
import { limits } from '../../engine/base/limits.ts'
import { ZERO_UUID } from '../../engine/base/random.ts'
import { encodeRequestHeader } from '../../engine/protocol/header.ts'
import { apis } from '../../engine/protocol/index.ts'
import { type FieldLayout, layoutOf, type StructLayout } from '../../engine/schema/layout.ts'
import { Writer } from '../../engine/schema/writer.ts'

/** Elements by array, from the outermost of a path inwards; arrays not on it are empty. */
interface Filling {
  readonly path: readonly FieldLayout[]
  readonly counts: readonly number[]
  /** Written in place of the innermost count. */
  readonly told?: number
}

export interface Bomb {
  readonly name: string
  /** With its length. */
  readonly bytes: Buffer
}

const INT32_MAX = 0x7fffffff
const LENGTH_BYTES = 4

/** Every path to an array field of a struct. */
function arrayPaths(struct: StructLayout, above: readonly FieldLayout[] = []): FieldLayout[][] {
  const paths: FieldLayout[][] = []
  for (const field of [...struct.plain, ...struct.tagged]) {
    if (field.spec.kind === 'array') {
      paths.push([...above, field])
      if (field.struct !== null) paths.push(...arrayPaths(field.struct, [...above, field]))
    } else if (field.struct !== null && !field.nullable && field.spec.tag === -1)
      paths.push(...arrayPaths(field.struct, above))
  }
  return paths
}

/** Bombs of one request in one version, made as they are asked for: each is a megabyte or more. */
export function* bombsOf(apiKey: number, version: number): Generator<Bomb> {
  const { root } = layoutOf(apis.get(apiKey)!.request, version)
  for (const path of arrayPaths(root)) {
    const name = path.map((field) => field.name).join('.')
    const single = path.map((): number => 1)
    const many = limits.requestElementsMax + 1
    const fill = (what: string, filling: Omit<Filling, 'path'>): Bomb => ({
      name: `${what} in ${name}`,
      bytes: frameOf(apiKey, version, root, { path, ...filling }),
    })
    yield fill('one element too many', { counts: [...single.slice(1), many] })
    yield fill('2^31 - 1 told', { counts: [...single.slice(1), 50_000], told: INT32_MAX })
    if (path.length > 1) {
      const outer = 1_000
      const inner = limits.requestElementsMax / outer
      yield fill('too many together', { counts: [...single.slice(2), outer, inner] })
    }
  }
}

/** The largest that are in order: a broker must bear them too. */
export function* largestOf(apiKey: number, version: number, elements: number): Generator<Bomb> {
  const { root } = layoutOf(apis.get(apiKey)!.request, version)
  for (const path of arrayPaths(root)) {
    const counts = path.map((_, level) => (level === path.length - 1 ? elements : 1))
    const name = `${elements} elements of ${path.map((field) => field.name).join('.')}`
    yield { name, bytes: frameOf(apiKey, version, root, { path, counts }) }
  }
}

function frameOf(apiKey: number, version: number, root: StructLayout, filling: Filling): Buffer {
  const writer = new Writer()
  const lengthAt = writer.reserve(LENGTH_BYTES)
  encodeRequestHeader(writer, { apiKey, apiVersion: version, correlationId: 9, clientId: 'bomb' })
  writeStruct(writer, root, filling, 0)
  writer.patchInt32(lengthAt, writer.size - lengthAt - LENGTH_BYTES)
  return Buffer.from(writer.bytes())
}

/** The least a struct can be, but for the array that the filling is about. */
function writeStruct(writer: Writer, struct: StructLayout, filling: Filling, level: number): void {
  for (const field of struct.plain) writeField(writer, field, struct.flexible, filling, level)
  if (!struct.flexible) return
  const wanted = filling.path[level]
  const tagged = wanted !== undefined && struct.tagged.includes(wanted) ? wanted : null
  writer.unsignedVarint(tagged === null ? 0 : 1)
  if (tagged === null) return
  const value = new Writer()
  writeField(value, tagged, true, filling, level)
  writer.unsignedVarint(tagged.spec.tag)
  writer.unsignedVarint(value.size)
  const at = writer.reserve(value.size)
  value.bytes().copy(writer.bytes(), at)
}

function writeField(
  writer: Writer,
  field: FieldLayout,
  flexible: boolean,
  filling: Filling,
  level: number,
): void {
  const { kind } = field.spec
  if (kind === 'array') writeArray(writer, field, flexible, filling, level)
  else if (kind === 'struct') {
    if (field.nullable) writer.int8(-1)
    else writeStruct(writer, field.struct!, filling, level)
  } else writeLeast(writer, kind, flexible)
}

function writeArray(
  writer: Writer,
  field: FieldLayout,
  flexible: boolean,
  filling: Filling,
  level: number,
): void {
  const { path, counts, told } = filling
  const isOnPath = field === path[level]
  const count = isOnPath ? (counts[level] ?? 0) : 0
  const said = isOnPath && level === path.length - 1 ? (told ?? count) : count
  if (flexible) writer.unsignedVarint(said + 1)
  else writer.int32(said)
  if (count === 0) return
  if (level === path.length - 1) {
    // All alike: one is written, and doubled until there are enough.
    const element = new Writer()
    writeElement(element, field, flexible, filling, path.length)
    const at = writer.reserve(count * element.size)
    writer.bytes().fill(element.bytes(), at, at + count * element.size)
  } else
    for (let left = count; left > 0; left--)
      writeElement(writer, field, flexible, filling, level + 1)
}

function writeElement(
  writer: Writer,
  field: FieldLayout,
  flexible: boolean,
  filling: Filling,
  level: number,
): void {
  if (field.struct !== null) writeStruct(writer, field.struct, filling, level)
  else writeLeast(writer, field.spec.element?.kind ?? 'int8', flexible)
}

function writeLeast(writer: Writer, kind: FieldLayout['spec']['kind'], flexible: boolean): void {
  switch (kind) {
    case 'string':
      if (flexible) writer.unsignedVarint(1)
      else writer.int16(0)
      return
    case 'bytes':
    case 'records':
      if (flexible) writer.unsignedVarint(1)
      else writer.int32(0)
      return
    case 'uuid':
      writer.uuid(ZERO_UUID)
      return
    case 'bigint64':
    case 'float64':
    case 'int64':
      writer.int64(0)
      return
    case 'int32':
    case 'uint32':
      writer.int32(0)
      return
    case 'int16':
    case 'uint16':
      writer.int16(0)
      return
    default:
      writer.int8(0)
  }
}
