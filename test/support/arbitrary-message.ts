/** Random values of any message in any version, made from its layout: what a decoder would give. */
import fc from 'fast-check'
import type { Message } from '../../engine/schema/fields.ts'
import { type FieldLayout, layoutOf, type StructLayout } from '../../engine/schema/layout.ts'

/** Values that fit the version: fields it lacks are at their default. */
export function messageValues(message: Message, version: number): fc.Arbitrary<object> {
  return structValues(layoutOf(message, version).root)
}

function structValues(struct: StructLayout): fc.Arbitrary<object> {
  const members: Record<string, fc.Arbitrary<unknown>> = {}
  for (const field of struct.fields)
    members[field.name] = field.present ? fieldValues(field) : fc.constant(absentValue(field))
  return fc.record(members, { noNullPrototype: true })
}

function fieldValues(field: FieldLayout): fc.Arbitrary<unknown> {
  const values = nonNullValues(field)
  const options = [{ arbitrary: values, weight: 6 }]
  if (field.nullable) options.push({ arbitrary: fc.constant(null), weight: 2 })
  if (field.spec.tag !== -1) options.push({ arbitrary: fc.constant(absentValue(field)), weight: 2 })
  return fc.oneof(...options)
}

function nonNullValues(field: FieldLayout): fc.Arbitrary<unknown> {
  const { spec, struct } = field
  if (spec.kind === 'struct' && struct !== null) return structValues(struct)
  if (spec.kind === 'array') {
    const element = struct !== null ? structValues(struct) : plainValues(spec.element!.kind)
    return fc.array(element, { maxLength: 3 })
  }
  return plainValues(spec.kind)
}

function plainValues(kind: FieldLayout['spec']['kind']): fc.Arbitrary<unknown> {
  switch (kind) {
    case 'bool':
      return fc.boolean()
    case 'int8':
      return fc.integer({ min: -128, max: 127 })
    case 'int16':
      return fc.integer({ min: -32_768, max: 32_767 })
    case 'uint16':
      return fc.integer({ min: 0, max: 65_535 })
    case 'int32':
      return fc.integer()
    case 'uint32':
      return fc.integer({ min: 0, max: 0xffffffff })
    case 'int64':
      return fc.maxSafeInteger().map((value) => value + 0)
    case 'bigint64':
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
    case 'float64':
      return fc.double({ noNaN: true })
    case 'string':
      return fc.oneof(fc.string({ maxLength: 50 }), fc.string({ unit: 'binary', maxLength: 30 }))
    case 'uuid':
      return bytes(16, 16).map((value) => value.toString('base64url'))
    default:
      return bytes(0, 60)
  }
}

function bytes(minLength: number, maxLength: number): fc.Arbitrary<Buffer> {
  return fc.uint8Array({ minLength, maxLength }).map((array) => Buffer.from(array))
}

/** What decoding gives for a field that was not there. */
function absentValue(field: FieldLayout): unknown {
  if (field.defaultValue !== undefined) return field.defaultValue
  switch (field.spec.kind) {
    case 'array':
      return []
    case 'struct':
      return Object.fromEntries(
        field.struct!.fields.map((member) => [member.name, absentValue(member)]),
      )
    default:
      return Buffer.alloc(0)
  }
}
