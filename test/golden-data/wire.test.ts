/**
 * Every frame captured from a real Kafka 4.2 and its clients, decoded and encoded again: the bytes
 * must be the same. What cannot be the same is listed with its reason.
 */
import { expect, test } from 'vitest'
import { MalformedRequest } from '../../engine/base/errors.ts'
import {
  decodeRequestHeader,
  decodeResponseHeader,
  encodeRequestFrame,
  encodeResponseFrame,
} from '../../engine/protocol/header.ts'
import { apis } from '../../engine/protocol/index.ts'
import { decoderFor } from '../../engine/schema/codec.ts'
import { Reader } from '../../engine/schema/reader.ts'
import { Writer } from '../../engine/schema/writer.ts'
import { type Exchange, exchangesOf, wireFiles } from '../support/golden-wire.ts'

/**
 * librdkafka 2.16 writes the null topic array of Metadata v13 as a plain int32 zero: read by the
 * schema it says "all topics" and leaves three bytes over, which the broker ignores.
 */
const leftOverBytes = new Map([
  ['sessions/confluent-kafka.jsonl:146', 3],
  ['sessions/confluent-kafka.jsonl:157', 3],
  ['odd.jsonl:1', 3],
  ['odd.jsonl:2', 3],
])

/**
 * franz-go opens with ApiVersions v5, from the future: its body is unknown to us and its answer is the
 * one of version 0.
 */
const unknownVersion = ({ apiKey, version }: Exchange): boolean =>
  apiKey === 18 && version > apis.get(18)!.request.maxVersion

/** Produce 0-2 is advertised for librdkafka's sake and answered by closing (trap T2). */
const closedOn = (exchange: Exchange): boolean => exchange.response === null

const seen = new Set<string>()
const writer = new Writer()

test.each(wireFiles().filter((file) => file !== 'odd.jsonl'))(
  '%s decodes and encodes to the same bytes',
  (file) => {
    for (const exchange of exchangesOf(file)) {
      if (closedOn(exchange)) continue
      if (!unknownVersion(exchange)) checkRequest(exchange)
      checkResponse(exchange)
      seen.add(`${exchange.apiKey} ${exchange.version}`)
    }
  },
)

test('odd frames are left over, unknown or malformed, each as noted', () => {
  for (const exchange of exchangesOf('odd.jsonl')) {
    const apiKey = exchange.request.readInt16BE(4)
    const version = exchange.request.readInt16BE(6)
    const known = { ...exchange, apiKey, version }
    if (leftOverBytes.has(exchange.at)) checkRequest(known)
    else if (unknownVersion(known))
      expect(() => decoderFor(apis.get(apiKey)!.request, version), exchange.at).toThrow()
    if (exchange.response !== null && exchange.response.length > 4) checkResponse(known)
  }
})

test('the frames cover every version of every API in the list', () => {
  const missing: string[] = []
  for (const { apiKey, name, request } of apis.values())
    for (let version = request.minVersion; version <= request.maxVersion; version++)
      if (!seen.has(`${apiKey} ${version}`)) missing.push(`${name} v${version}`)
  expect(missing).toEqual([])
})

test('every request frame cut short anywhere is malformed or has all it needs', () => {
  for (const file of wireFiles().filter((name) => /^\d/.test(name)))
    for (const exchange of exchangesOf(file).slice(0, 8)) {
      if (closedOn(exchange)) continue
      const frame = exchange.request
      for (let end = 4; end < frame.length; end += frame.length > 400 ? 7 : 1)
        expectMalformed(frame, end, exchange.at)
    }
})

function expectMalformed(frame: Buffer, end: number, at: string): void {
  let error: unknown = null
  try {
    const header = decodeRequestHeader(frame, 4, end)
    decoderFor(
      apis.get(header.apiKey)!.request,
      header.apiVersion,
    )(new Reader(frame, header.bodyStart, end))
  } catch (caught) {
    error = caught
  }
  expect(error, `${at} cut at ${end}`).toBeInstanceOf(MalformedRequest)
}

function checkRequest(exchange: Exchange): void {
  const { at, request: frame } = exchange
  const header = decodeRequestHeader(frame, 4, frame.length)
  expect(header.apiKey, at).toBe(exchange.apiKey)
  expect(header.apiVersion, at).toBe(exchange.version)
  const { request } = apis.get(header.apiKey)!
  const reader = new Reader(frame, header.bodyStart)
  const body = decoderFor(request, header.apiVersion)(reader)
  const leftOver = leftOverBytes.get(at) ?? 0
  expect(reader.remaining, at).toBe(leftOver)
  writer.reset()
  encodeRequestFrame(writer, request, header, body)
  expect(writer.bytes().toString('hex', 4), at).toBe(
    frame.toString('hex', 4, frame.length - leftOver),
  )
}

function checkResponse(exchange: Exchange): void {
  const { at, apiKey, response: frame } = exchange
  if (frame === null || frame.length === 0 || apiKey === undefined) return
  const apiVersion = unknownVersion(exchange) ? 0 : exchange.version
  const { response } = apis.get(apiKey)!
  const reader = new Reader(frame, 4)
  const correlationId = decodeResponseHeader(reader, apiKey, apiVersion)
  const body = decoderFor(response, apiVersion)(reader)
  expect(reader.remaining, at).toBe(0)
  writer.reset()
  encodeResponseFrame(writer, response, { apiVersion, correlationId }, body)
  expect(writer.bytes().toString('hex'), at).toBe(frame.toString('hex'))
}
