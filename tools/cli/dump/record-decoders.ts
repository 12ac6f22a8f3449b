/**
 * What kafka-dump-log prints of a record's key and value (DumpLogSegments' MessageParser classes): as
 * text or numbers, or read as records of an internal topic and printed as JSON.
 */
import { MalformedRequest } from '../../../engine/base/errors.ts'
import {
  groupRecordSchemas,
  type RecordSchema,
} from '../../../engine/coordinator/group/record-schemas.ts'
import {
  ConsumerProtocolAssignment,
  ConsumerProtocolSubscription,
} from '../../../engine/protocol/consumer-protocol.ts'
import type { StoredRecord } from '../../../engine/record/iterate.ts'
import { decoderFor } from '../../../engine/schema/codec.ts'
import type { Fields, Message } from '../../../engine/schema/fields.ts'
import { Reader } from '../../../engine/schema/reader.ts'
import { type Json, jsonText, messageJson } from './message-json.ts'
import { shareRecordSchemas, transactionRecordSchemas } from './state-schemas.ts'

export interface DecodedRecord {
  /** Null: nothing is printed for it. */
  readonly key: string | null
  readonly payload: string | null
}

export type RecordDecoder = (record: StoredRecord) => DecodedRecord

export const offsetsDecoder: RecordDecoder = (record) =>
  decodeState(record, groupRecordSchemas, withConsumerProtocol)
export const transactionDecoder: RecordDecoder = (record) =>
  decodeState(record, transactionRecordSchemas)
export const shareStateDecoder: RecordDecoder = (record) => decodeState(record, shareRecordSchemas)

export function contentDecoder(key: ContentDecoder, value: ContentDecoder): RecordDecoder {
  return (record) => ({
    key: record.key === null ? null : key(record.key),
    payload: record.value === null ? null : value(record.value),
  })
}

export type ContentDecoder = (bytes: Buffer) => string

/** Decoder classes by the name Kafka gives them; null for one not known here. */
export function contentDecoderNamed(name: string): ContentDecoder | null {
  const match = /^(?:org\.apache\.kafka\.tools\.api\.|kafka\.serializer\.)(\w+)Decoder$/.exec(name)
  return CONTENT_DECODERS[match?.[1] ?? ''] ?? null
}

const CONTENT_DECODERS: Readonly<Record<string, ContentDecoder>> = {
  String: (bytes) => bytes.toString(),
  Integer: (bytes) => (bytes.length === 4 ? String(bytes.readInt32BE(0)) : wrongSize(bytes, 4)),
  Long: (bytes) => (bytes.length === 8 ? String(bytes.readBigInt64BE(0)) : wrongSize(bytes, 8)),
  /** Java prints the array's address here: the bytes say more. */
  Default: (bytes) => bytes.toString('hex'),
}

function wrongSize(bytes: Buffer, size: number): string {
  return `(${bytes.length} bytes, not ${size}: ${bytes.toString('hex')})`
}

type Refine = (value: Readonly<Record<string, Json>>) => Json

function decodeState(
  record: StoredRecord,
  schemas: ReadonlyMap<number, RecordSchema>,
  refine: Refine = (value) => value,
): DecodedRecord {
  const { key, value, offset } = record
  if (key === null)
    return {
      key: `Failed to decode message at offset ${offset} using the specified decoder (message had a missing key)`,
      payload: null,
    }
  try {
    const type = new Reader(key).int16()
    const schema = schemas.get(type)
    if (schema === undefined)
      return { key: `Unknown record type ${type} at offset ${offset}, skipping.`, payload: null }
    const keyData = decodeVersioned(schema.key, key, 0)
    return {
      key: jsonText({ type: String(type), data: keyData }),
      payload: value === null ? '<DELETE>' : valueText(schema.value, value, refine),
    }
  } catch (error) {
    if (!(error instanceof MalformedRequest)) throw error
    return { key: `Error at offset ${offset}, skipping. ${error.message}`, payload: null }
  }
}

function valueText(schema: Message<Fields>, value: Buffer, refine: Refine): string {
  const version = new Reader(value).int16()
  if (version < schema.minVersion || version > schema.maxVersion)
    throw new MalformedRequest(`unknown version ${version} of ${schema.name}`)
  const data = decodeVersioned(schema, value, version)
  return jsonText({ version: String(version), data: refine(data as Record<string, Json>) })
}

/** The struct behind the int16 that a key or value begins with. */
function decodeVersioned(schema: Message<Fields>, bytes: Buffer, version: number): Json {
  return messageJson(schema, version, decoderFor(schema, version)(new Reader(bytes, 2)))
}

/** A consumer group's members carry the consumers' own protocol: read as well. */
function withConsumerProtocol(value: Readonly<Record<string, Json>>): Json {
  const { protocolType, members } = value
  if (protocolType !== 'consumer' || !Array.isArray(members)) return value
  return {
    ...value,
    members: (members as Record<string, Json>[]).map((member) => ({
      ...member,
      subscription: embedded(ConsumerProtocolSubscription, member['subscription'] ?? null),
      assignment: embedded(ConsumerProtocolAssignment, member['assignment'] ?? null),
    })),
  }
}

function embedded(schema: Message<Fields>, base64: Json): Json {
  if (typeof base64 !== 'string' || base64 === '') return base64
  const bytes = Buffer.from(base64, 'base64')
  const version = Math.min(new Reader(bytes).int16(), schema.maxVersion)
  return decodeVersioned(schema, bytes, version)
}
