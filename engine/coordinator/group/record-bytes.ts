/**
 * Keys and values of __consumer_offsets as bytes: both begin with a number of their own.
 *
 *   key    int16 record type | string group | string second part, where the type has one
 *   value  int16 version | struct at that version
 */
import { MalformedRequest } from '../../base/errors.ts'
import { decoderFor, encoderFor } from '../../schema/codec.ts'
import type { Fields, Infer, InferInput, Message } from '../../schema/fields.ts'
import { Reader } from '../../schema/reader.ts'
import { Writer } from '../../schema/writer.ts'

/** Keys are never flexible, so that their strings have lengths of two bytes. */
export function groupRecordKey(recordType: number, groupId: string, second: string | null): Buffer {
  const writer = new Writer()
  writer.int16(recordType)
  writer.string(groupId)
  if (second !== null) writer.string(second)
  return writer.take()
}

export function groupRecordValue<F extends Fields>(
  schema: Message<F>,
  version: number,
  value: InferInput<Message<F>>,
): Buffer {
  return prefixedBytes(version, schema, version, value)
}

/** A number and the struct behind it, as keys and values have it. */
export function prefixedBytes<F extends Fields>(
  prefix: number,
  schema: Message<F>,
  version: number,
  value: InferInput<Message<F>>,
): Buffer {
  const writer = new Writer()
  writer.int16(prefix)
  encoderFor(schema, version)(writer, value)
  return writer.take()
}

/** MalformedRequest when the version is none of ours. */
export function readGroupRecordValue<F extends Fields>(
  schema: Message<F>,
  value: Buffer,
): Infer<Message<F>> {
  const reader = new Reader(value)
  const version = reader.int16()
  if (version < schema.minVersion || version > schema.maxVersion)
    throw new MalformedRequest(`${schema.name} has no version ${version}`)
  return decoderFor(schema, version)(reader)
}
