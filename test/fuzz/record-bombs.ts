/**
 * Batches that are small on the wire and huge once opened, in every codec, to topics whose rules open them
 * (compacted, recompressed): each is refused, and neither memory nor the loop notices (N3).
 */
import { ErrorCode, errorName } from '../../engine/base/errors.ts'
import { limits } from '../../engine/base/limits.ts'
import { ProduceRequest, ProduceResponse } from '../../engine/protocol/00-produce.ts'
import { decodeResponseHeader } from '../../engine/protocol/header.ts'
import { BATCH_HEADER_BYTES, BatchField, setBatchCrc } from '../../engine/record/batch.ts'
import { buildBatch } from '../../engine/record/build.ts'
import { Codec, compress } from '../../engine/record/compression.ts'
import { decoderFor } from '../../engine/schema/codec.ts'
import { Reader } from '../../engine/schema/reader.ts'
import { require } from '../stress/lane-checks.ts'
import { requestFrame } from '../support/connection-rig.ts'
import { InProcessBroker } from './in-process-broker.ts'
import { fuzzTopics } from './known-names.ts'
import { busyMs, inMib, settledBytes } from './memory.ts'

const MIB = 1024 * 1024
const PRODUCE_VERSION = 9
/** Eight times what one batch may come to. */
const BOMB_BYTES = 8 * limits.inflateBytesMax
const PEAK_RISE_MAX = (BOMB_BYTES * 3) / 4
const KEPT_RISE_MAX = 64 * MIB
const STALL_MS_MAX = 100
const ANSWER_MS = 20_000
/** What the first one leaves in allocators the others find there. */
const ROUNDS = 7
const TIMES = 2
const OPENING_TOPICS = ['compact', 'packed']

/** Packed records of a codec, and what they are. */
interface Packed {
  readonly name: string
  readonly codec: Codec
  readonly bytes: Buffer
}

/** Throws unless every one of them is refused within the bounds. */
export async function recordBombs(): Promise<string> {
  const bombs = packedBombs()
  const broker = await InProcessBroker.start(fuzzTopics, { info() {}, warn() {}, error() {} })
  try {
    const peakBefore = process.resourceUsage().maxRSS
    const quickest = new Map<string, number>()
    const kept: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      for (const bomb of bombs)
        for (const topic of OPENING_TOPICS) {
          // Its batches are packed as the topic wants them, and stay closed.
          if (topic === 'packed' && bomb.codec === Codec.zstd) continue
          const ms = await send(broker, topic, bomb)
          const what = `${bomb.name} to ${topic}`
          quickest.set(what, Math.min(ms, quickest.get(what) ?? ms))
        }
      kept.push(await settledBytes())
    }
    const [slowest, slowestMs] = [...quickest].sort(([, a], [, b]) => b - a)[0]!
    const peakRise = (process.resourceUsage().maxRSS - peakBefore) * 1024
    // Allocators hold tens of MiB more or less from one round to the next: of three rounds the lowest counts.
    const rise = Math.min(...kept.slice(-3)) - Math.min(...kept.slice(1, 4))
    require(peakRise < PEAK_RISE_MAX, () => `memory rose to ${inMib(peakRise)} above what it was`)
    require(rise < KEPT_RISE_MAX, () => `${inMib(rise)} are kept`)
    require(slowestMs < STALL_MS_MAX, () =>
      `${slowest} held the loop for ${slowestMs.toFixed(0)} ms`)
    return (
      `${bombs.length} bombs to ${OPENING_TOPICS.length} topics refused, slowest ` +
      `${slowestMs.toFixed(1)} ms (${slowest}), peak ${inMib(peakRise)} up, ${inMib(rise)} kept`
    )
  } finally {
    await broker.stop()
  }
}

/** Sends it alone; milliseconds it held the loop, each of several times. */
async function send(broker: InProcessBroker, topic: string, bomb: Packed): Promise<number> {
  const batch = batchOf(bomb)
  const topicData = [{ name: topic, partitionData: [{ index: 0, records: batch }] }]
  const frame = requestFrame(ProduceRequest, PRODUCE_VERSION, 1, {
    acks: -1,
    timeoutMs: 1_000,
    topicData,
  })
  let quickestMs = Number.POSITIVE_INFINITY
  for (let again = 0; again < TIMES; again++) {
    const fed = broker.connect()
    let longestMs = busyMs(() => {
      fed.read(frame)
      fed.endTurn()
    })
    // The first one may wait for its partition.
    const lateMs = performance.now() + ANSWER_MS
    while (fed.connection.unanswered > 0 && performance.now() < lateMs) {
      await new Promise((resolve) => setImmediate(resolve))
      longestMs = Math.max(
        longestMs,
        busyMs(() => fed.endTurn()),
      )
    }
    quickestMs = Math.min(quickestMs, longestMs)
    const code = errorOf(Buffer.concat(fed.socket.written), `${bomb.name}, open ${fed.open}`)
    require(code !== ErrorCode.NONE, () => `${bomb.name} was taken by ${topic}: ${errorName(code)}`)
    fed.connection.destroy()
  }
  return quickestMs
}

function errorOf(reply: Buffer, what: string): number {
  require(reply.length > 4, () => `${what}: no answer`)
  const reader = new Reader(reply, 4)
  decodeResponseHeader(reader, ProduceRequest.apiKey, PRODUCE_VERSION)
  const { responses } = decoderFor(ProduceResponse, PRODUCE_VERSION)(reader)
  return responses[0]?.partitionResponses[0]?.errorCode ?? ErrorCode.NONE
}

/** A batch that claims one record and holds these bytes. */
function batchOf({ codec, bytes }: Packed): Buffer {
  const timestamp = Date.now()
  const innocent = buildBatch({ records: [{ key: Buffer.from('k'), value: null, timestamp }] })
  const batch = Buffer.concat([innocent.subarray(0, BATCH_HEADER_BYTES), bytes])
  batch.writeInt16BE(codec, BatchField.attributes)
  batch.writeInt32BE(batch.length - 12, BatchField.length)
  setBatchCrc(batch, 0)
  return batch
}

function packedBombs(): Packed[] {
  const zeros = Buffer.alloc(BOMB_BYTES)
  const bombs: Packed[] = []
  for (const [name, codec] of [
    ['gzip', Codec.gzip],
    ['zstd', Codec.zstd],
    ['lz4', Codec.lz4],
  ] as const) {
    // As much of it as fits a message: lz4 packs less tightly.
    const plain = codec === Codec.lz4 ? zeros.subarray(0, BOMB_BYTES / 2) : zeros
    const bytes = compress(codec, plain)
    bombs.push({ name: `${name} of ${inMib(plain.length)}`, codec, bytes })
    const part = compress(codec, zeros.subarray(0, limits.inflateBytesMax / 4))
    const many = Buffer.concat(Array.from({ length: 6 }, () => part))
    bombs.push({ name: `${name}, six one behind the other`, codec, bytes: many })
  }
  const claim = Buffer.concat([Buffer.from('ffffffff07', 'hex'), Buffer.alloc(64, 0xfe)])
  bombs.push({ name: 'snappy that claims 2 GiB', codec: Codec.snappy, bytes: claim })
  const chunk = Buffer.concat([Buffer.from('8080800f', 'hex'), Buffer.alloc(60, 0xfe)])
  const length = Buffer.alloc(4)
  length.writeInt32BE(chunk.length)
  const head = Buffer.from('82534e4150505900' + '0000000100000001', 'hex')
  const chunks = Array.from({ length: 200 }, () => Buffer.concat([length, chunk]))
  bombs.push({
    name: 'snappy stream of chunks that claim 31 MiB each',
    codec: Codec.snappy,
    bytes: Buffer.concat([head, ...chunks]),
  })
  return bombs
}
