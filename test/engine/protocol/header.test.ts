import { describe, expect, test } from 'vitest'
import { MalformedRequest } from '../../../engine/base/errors.ts'
import { ProduceRequest } from '../../../engine/protocol/00-produce.ts'
import { ApiVersionsResponse } from '../../../engine/protocol/18-api-versions.ts'
import {
  decodeRequestHeader,
  decodeResponseHeader,
  encodeRequestFrame,
  encodeRequestHeader,
  encodeResponseFrame,
  requestHeaderVersion,
  responseHeaderVersion,
} from '../../../engine/protocol/header.ts'
import { apis } from '../../../engine/protocol/index.ts'
import { Reader } from '../../../engine/schema/reader.ts'
import { Writer } from '../../../engine/schema/writer.ts'

test('versions follow the flexible versions of the API', () => {
  expect(requestHeaderVersion(0, 8)).toBe(1)
  expect(requestHeaderVersion(0, 9)).toBe(2)
  expect(responseHeaderVersion(0, 8)).toBe(0)
  expect(responseHeaderVersion(0, 9)).toBe(1)
  expect(requestHeaderVersion(17, 1)).toBe(1)
  expect(requestHeaderVersion(999, 0)).toBe(1)
})

test('the response to ApiVersions has header version 0 in every version', () => {
  expect(requestHeaderVersion(18, 3)).toBe(2)
  for (let version = 0; version <= 9; version++) expect(responseHeaderVersion(18, version)).toBe(0)
})

test('requests and responses of an API agree in versions and flexibility', () => {
  for (const { request, response } of apis.values()) {
    expect(response.apiKey).toBe(request.apiKey)
    expect(response.minVersion).toBe(request.minVersion)
    expect(response.maxVersion).toBe(request.maxVersion)
    expect(response.flexibleSince).toBe(request.flexibleSince)
  }
})

describe('a request header', () => {
  test.each([
    [8, 'client'],
    [9, 'client'],
    [9, null],
    [8, ''],
  ])('of version %i and client %o returns', (apiVersion, clientId) => {
    const writer = new Writer(1)
    writer.int32(0)
    encodeRequestHeader(writer, { apiKey: 0, apiVersion, correlationId: -7, clientId })
    const frame = writer.bytes()
    expect(decodeRequestHeader(frame, 4, frame.length)).toEqual({
      apiKey: 0,
      apiVersion,
      correlationId: -7,
      clientId,
      bodyStart: frame.length,
    })
  })

  test('skips tags nobody knows', () => {
    const frame = Buffer.from('0000000900000001ffff01050161', 'hex')
    expect(decodeRequestHeader(frame, 0, frame.length).bodyStart).toBe(frame.length)
  })

  test('cut short or with a wrong client id is malformed', () => {
    const frame = Buffer.from('0000000900000001000361626300', 'hex')
    for (let end = 0; end < frame.length; end++)
      expect(() => decodeRequestHeader(frame, 0, end)).toThrow(MalformedRequest)
    const bad = Buffer.from('00000008000000010001ff', 'hex')
    expect(() => decodeRequestHeader(bad, 0, bad.length)).toThrow(MalformedRequest)
  })
})

test('frames begin with their length, one behind the other, scattered or not', () => {
  for (const writer of [new Writer(1), new Writer(1, 10)]) {
    const body = {
      acks: 1,
      timeoutMs: 5,
      topicData: [{ name: 't', partitionData: [{ index: 0, records: Buffer.alloc(50) }] }],
    }
    for (const correlationId of [1, 2])
      encodeRequestFrame(
        writer,
        ProduceRequest,
        { apiVersion: 9, correlationId, clientId: 'c' },
        body,
      )
    encodeResponseFrame(
      writer,
      ApiVersionsResponse,
      { apiVersion: 3, correlationId: 3 },
      { errorCode: 0, apiKeys: [] },
    )
    const bytes = Buffer.concat(writer.takePieces())
    const ids: number[] = []
    let at = 0
    for (; at < bytes.length; at += 4 + bytes.readInt32BE(at))
      ids.push(bytes.readInt32BE(ids.length < 2 ? at + 8 : at + 4))
    expect(at).toBe(bytes.length)
    expect(ids).toEqual([1, 2, 3])
  }
})

test('a response header gives the correlation id and leaves the reader at the body', () => {
  const reader = new Reader(Buffer.from('0000000500aa', 'hex'))
  expect(decodeResponseHeader(reader, 0, 9)).toBe(5)
  expect(reader.remaining).toBe(1)
  reader.reset(reader.buffer)
  expect(decodeResponseHeader(reader, 18, 3)).toBe(5)
  expect(reader.remaining).toBe(2)
})
