import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ErrorCode } from '../../../engine/base/errors.ts'
import { FetchResponse } from '../../../engine/protocol/01-fetch.ts'
import { decoderFor, encoderFor } from '../../../engine/schema/codec.ts'
import { Reader } from '../../../engine/schema/reader.ts'
import { Writer } from '../../../engine/schema/writer.ts'
import type { ReadResult } from '../../../engine/shard-port.ts'
import {
  encodeFetchResponse,
  type FetchAnswer,
  type FetchResponseValue,
  fetchResponseBytes,
} from '../../../net/handlers/fetch-response.ts'
import { ReplyOutput } from '../../../net/reply.ts'
import { exchangesOf } from '../../support/golden-wire.ts'

/** A reply whose ranges are found in one buffer that plays the file. */
function encode(version: number, value: FetchResponseValue, inline: boolean): Buffer {
  const output = new ReplyOutput()
  output.frame(7, false, {
    recordBytes: 0,
    uncached: !inline,
    encode: () => encodeFetchResponse(output, version, value),
    release: () => {},
  })
  const bytes = Buffer.from(output.writer.bytes())
  const pieces: Buffer[] = []
  let from = 0
  for (const { at, range } of output.holes) {
    pieces.push(bytes.subarray(from, at))
    const into = Buffer.alloc(range.length)
    range.file?.readSync(into, range.position)
    pieces.push(into)
    from = at
  }
  pieces.push(bytes.subarray(from))
  const frame = Buffer.concat(pieces)
  expect(frame.readInt32BE(0)).toBe(frame.length - 4)
  return frame.subarray(8)
}

function fileOf(content: Buffer): NonNullable<ReadResult['file']> {
  return {
    fd: -1,
    path: 'memory',
    readSync: (into, position) => content.copy(into, 0, position),
    readCached: () => -1,
    read: async (into, position) => content.copy(into, 0, position),
  }
}

const CONTENT = Buffer.from(Array.from({ length: 5_000 }, (_, i) => (i * 13) & 0xff))
const FILE = fileOf(CONTENT)
const ID_A = 'AAAAAAAAAAAAAAAAAAAAAQ'
const ID_B = 'zzzzzzzzzzzzzzzzzzzzzg'

const answer: fc.Arbitrary<FetchAnswer> = fc
  .record({
    topic: fc.constantFrom('a', 'topic-b'),
    partition: fc.nat(20),
    errorCode: fc.constantFrom(0, 0, 0, 1, 3, 6, 56, 74),
    highWatermark: fc.integer({ min: -1, max: 1e12 }),
    lastStableOffset: fc.integer({ min: -1, max: 1e12 }),
    logStartOffset: fc.integer({ min: -1, max: 1e12 }),
    diverging: fc.option(fc.record({ epoch: fc.nat(), endOffset: fc.nat() })),
    aborted: fc.option(
      fc.array(fc.record({ producerId: fc.nat(), firstOffset: fc.nat() }), { maxLength: 3 }),
    ),
    leaderEpoch: fc.nat(9),
    position: fc.nat(1_000),
    length: fc.constantFrom(0, 0, 1, 126, 127, 128, 3_000),
  })
  .map((each) => ({
    partition: {
      topic: each.topic,
      topicId: each.topic === 'a' ? ID_A : ID_B,
      partition: each.partition,
      currentLeaderEpoch: -1,
      fetchOffset: 0,
      lastFetchedEpoch: -1,
      maxBytes: 1,
    },
    result: {
      errorCode: each.errorCode as ReadResult['errorCode'],
      highWatermark: each.highWatermark,
      lastStableOffset: each.lastStableOffset,
      logStartOffset: each.logStartOffset,
      divergingEpoch: each.diverging,
      abortedTransactions: each.aborted,
      leaderEpoch: each.leaderEpoch,
      file: FILE,
      position: each.position,
      length: each.length,
      cached: true,
      zerosBehind: 0,
    },
  }))

/** The same response for the compiled table. */
function asTable(version: number, value: FetchResponseValue) {
  const responses: {
    topic: string
    topicId: string
    partitions: object[]
  }[] = []
  let hinted = false
  for (const { partition, result } of value.answers) {
    let topic = responses[responses.length - 1]
    if (topic?.topic !== partition.topic) {
      topic = { topic: partition.topic, topicId: partition.topicId, partitions: [] }
      responses.push(topic)
    }
    const hint = version >= 16 && (result.errorCode === 6 || result.errorCode === 74)
    hinted ||= hint
    topic.partitions.push({
      partitionIndex: partition.partition,
      errorCode: version <= 5 && result.errorCode === 56 ? 6 : result.errorCode,
      highWatermark: result.highWatermark,
      lastStableOffset: result.lastStableOffset,
      logStartOffset: result.logStartOffset,
      abortedTransactions: result.abortedTransactions,
      records: CONTENT.subarray(result.position, result.position + result.length),
      ...(result.divergingEpoch === null || version < 12
        ? null
        : { divergingEpoch: result.divergingEpoch }),
      ...(hint
        ? { currentLeader: { leaderId: value.nodeId, leaderEpoch: result.leaderEpoch } }
        : null),
    })
  }
  return {
    throttleTimeMs: 0,
    errorCode: value.errorCode,
    sessionId: version >= 7 ? value.sessionId : 0,
    responses,
    ...(hinted ? { nodeEndpoints: [{ nodeId: value.nodeId, ...value.node, rack: null }] } : null),
  }
}

describe('fetch response by hand', () => {
  it('is what the compiled table writes, in every version, inline or with holes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 4, max: 18 }),
        fc.array(answer, { maxLength: 6 }),
        fc.nat(),
        fc.boolean(),
        (version, answers, sessionId, inline) => {
          // A diverging epoch of all defaults is not sent as a tag; real ones are never that.
          const value: FetchResponseValue = {
            throttleTimeMs: 0,
            errorCode: 0,
            sessionId,
            answers: version < 12 ? answers.map(withoutDiverging) : answers,
            nodeId: 3,
            node: { host: 'broker', port: 9092 },
          }
          const writer = new Writer()
          const encodeTable = encoderFor(FetchResponse, version) as (w: Writer, v: object) => void
          encodeTable(writer, asTable(version, value))
          expect(encode(version, value, inline).toString('hex')).toBe(
            writer.bytes().toString('hex'),
          )
        },
      ),
      { numRuns: 300 },
    )
  })

  it('has the size that quotas count', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 4, max: 18 }),
        fc.array(answer, { maxLength: 6 }),
        (version, all) => {
          const answers = all.map((each) => {
            const { partition, result } = withoutDiverging(each)
            return { partition, result: { ...result, errorCode: ErrorCode.NONE } }
          })
          const node = { host: 'broker', port: 9092 }
          const value = { throttleTimeMs: 0, errorCode: 0, sessionId: 1, answers, nodeId: 3, node }
          expect(fetchResponseBytes(version, answers)).toBe(4 + encode(version, value, true).length)
        },
      ),
      { numRuns: 200 },
    )
  })

  it('gives back the bytes of a real Kafka for every recorded exchange', () => {
    let compared = 0
    for (const exchange of exchangesOf('01-Fetch.jsonl')) {
      const { version, response } = exchange
      if (response === null || response.length === 0) continue
      const start = 8 + (version >= 12 ? 1 : 0)
      const decoded = decoderFor(FetchResponse, version)(new Reader(response, start))
      const answers: FetchAnswer[] = decoded.responses.flatMap((topic) =>
        topic.partitions.map((each) => ({
          partition: {
            topic: topic.topic,
            topicId: topic.topicId,
            partition: each.partitionIndex,
            currentLeaderEpoch: -1,
            fetchOffset: 0,
            lastFetchedEpoch: -1,
            maxBytes: 1,
          },
          result: {
            errorCode: each.errorCode as ReadResult['errorCode'],
            highWatermark: each.highWatermark,
            lastStableOffset: each.lastStableOffset,
            logStartOffset: each.logStartOffset,
            divergingEpoch: each.divergingEpoch.epoch < 0 ? null : each.divergingEpoch,
            abortedTransactions: each.abortedTransactions,
            leaderEpoch: each.currentLeader.leaderEpoch,
            file: fileOf(each.records ?? Buffer.alloc(0)),
            position: 0,
            length: each.records?.length ?? 0,
            cached: true,
            zerosBehind: 0,
          },
        })),
      )
      const node = decoded.nodeEndpoints[0] ?? { nodeId: 0, host: '', port: 0 }
      const { throttleTimeMs, errorCode, sessionId } = decoded
      const { nodeId } = node
      const value = { throttleTimeMs, errorCode, sessionId, answers, nodeId, node }
      const ours = encode(version, value, true).toString('hex')
      expect(ours, exchange.at).toBe(response.subarray(start).toString('hex'))
      compared++
    }
    expect(compared).toBeGreaterThan(20)
  })
})

function withoutDiverging(answer: FetchAnswer): FetchAnswer {
  return { ...answer, result: { ...answer.result, divergingEpoch: null } }
}
