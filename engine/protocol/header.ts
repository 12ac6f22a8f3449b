/**
 * The headers before request and response bodies.
 *
 *   frame      int32 length of what follows | header | body
 *   request    int16 api key | int16 version | int32 correlation id | int16 string client id
 *              header version 2 (flexible requests): and a tag section
 *   response   int32 correlation id
 *              header version 1 (flexible responses): and a tag section
 *
 * Two oddities: the client id keeps its int16 length even in flexible headers, and the response to
 * ApiVersions has header version 0 in every version, since its reader may not know the version yet.
 * (org.apache.kafka.common.requests.RequestHeader, ApiKeys.)
 */
import { encoderFor } from '../schema/codec.ts'
import type { InferInput, Message } from '../schema/fields.ts'
import { Reader } from '../schema/reader.ts'
import type { Writer } from '../schema/writer.ts'
import { apis } from './index.ts'

export interface RequestHeader {
  readonly apiKey: number
  readonly apiVersion: number
  readonly correlationId: number
  readonly clientId: string | null
  /** Position of the body's first byte in the buffer the header was read from. */
  readonly bodyStart: number
}

const API_VERSIONS = 18
const LENGTH_BYTES = 4

/** First flexible version by API key; requests and responses of an API agree in it. */
const flexibleSince: number[] = []
for (const { apiKey, request } of apis.values()) flexibleSince[apiKey] = request.flexibleSince

/** 2 for flexible requests, else 1; 1 for keys we do not know. */
export function requestHeaderVersion(apiKey: number, apiVersion: number): 1 | 2 {
  return apiVersion >= (flexibleSince[apiKey] ?? Number.POSITIVE_INFINITY) ? 2 : 1
}

/** 1 for flexible responses but ApiVersions, else 0. */
export function responseHeaderVersion(apiKey: number, apiVersion: number): 0 | 1 {
  return apiKey !== API_VERSIONS && requestHeaderVersion(apiKey, apiVersion) === 2 ? 1 : 0
}

/**
 * Reads the header of the frame body between `start` and `end` (exclusive), the length prefix not
 * included. Key and version are not judged here. MalformedRequest when the bytes are no header.
 */
export function decodeRequestHeader(buffer: Buffer, start: number, end: number): RequestHeader {
  const reader = headerReader
  reader.reset(buffer, start, end)
  const apiKey = reader.int16()
  const apiVersion = reader.int16()
  const correlationId = reader.int32()
  const clientId = reader.stringOrNull()
  if (requestHeaderVersion(apiKey, apiVersion) === 2) reader.skipTags()
  return { apiKey, apiVersion, correlationId, clientId, bodyStart: reader.position }
}

/** Headers are read in one go: a reader for each would cost more than the header. */
const headerReader = new Reader(Buffer.alloc(0))

/** Writes a request header in the version the API asks for. */
export function encodeRequestHeader(
  writer: Writer,
  header: Omit<RequestHeader, 'bodyStart'>,
): void {
  writer.int16(header.apiKey)
  writer.int16(header.apiVersion)
  writer.int32(header.correlationId)
  writer.stringOrNull(header.clientId)
  if (requestHeaderVersion(header.apiKey, header.apiVersion) === 2) writer.unsignedVarint(0)
}

/** Reads what comes before the body of a response to this API and version: the correlation id. */
export function decodeResponseHeader(reader: Reader, apiKey: number, apiVersion: number): number {
  const correlationId = reader.int32()
  if (responseHeaderVersion(apiKey, apiVersion) === 1) reader.skipTags()
  return correlationId
}

/** Writes a response header. */
export function encodeResponseHeader(
  writer: Writer,
  header: { readonly apiKey: number; readonly apiVersion: number; readonly correlationId: number },
): void {
  writer.int32(header.correlationId)
  if (responseHeaderVersion(header.apiKey, header.apiVersion) === 1) writer.unsignedVarint(0)
}

/** Writes a whole request frame behind what the writer holds, length prefix included. */
export function encodeRequestFrame<M extends Message>(
  writer: Writer,
  message: M,
  header: {
    readonly apiVersion: number
    readonly correlationId: number
    readonly clientId: string | null
  },
  body: InferInput<M>,
): void {
  const before = writer.size
  const lengthAt = writer.reserve(LENGTH_BYTES)
  encodeRequestHeader(writer, { ...header, apiKey: message.apiKey })
  encoderFor(message, header.apiVersion)(writer, body)
  writer.patchInt32(lengthAt, writer.size - before - LENGTH_BYTES)
}

/** Writes a whole response frame behind what the writer holds, length prefix included. */
export function encodeResponseFrame<M extends Message>(
  writer: Writer,
  message: M,
  header: { readonly apiVersion: number; readonly correlationId: number },
  body: InferInput<M>,
): void {
  const before = writer.size
  const lengthAt = writer.reserve(LENGTH_BYTES)
  encodeResponseHeader(writer, { ...header, apiKey: message.apiKey })
  encoderFor(message, header.apiVersion)(writer, body)
  writer.patchInt32(lengthAt, writer.size - before - LENGTH_BYTES)
}
