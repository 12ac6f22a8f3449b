/** The raw client against a broker that is forty lines of this file: its answers are known to the byte. */
import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import {
  batchesOf,
  filledBatch,
  oneRecordBatch,
  PLAIN_SHAPE,
} from '../../bench/load/exact-batch.ts'
import {
  answerRecordBytes,
  answerRecordsRange,
  fetchRequest,
  patchSequence,
} from '../../bench/load/frames.ts'
import { decodeHistogram, type Histogram } from '../../bench/load/histogram.ts'
import type { FetchLoad, PacedLoad, ProduceLoad } from '../../bench/load/load-plan.ts'
import { LoadProcesses } from '../../bench/load/load-process.ts'
import { runLoad, startLoad } from '../../bench/load/load-run.ts'
import { ProduceResponse } from '../../engine/protocol/00-produce.ts'
import { FetchRequest, FetchResponse } from '../../engine/protocol/01-fetch.ts'
import { decodeRequestHeader, encodeResponseFrame } from '../../engine/protocol/header.ts'
import {
  batchBaseSequence,
  batchCrc,
  batchMaxTimestamp,
  batchProducerEpoch,
  batchProducerId,
  batchRecordCount,
  batchSizeInBytes,
  computeBatchCrc,
} from '../../engine/record/batch.ts'
import { decoderFor } from '../../engine/schema/codec.ts'
import { Reader } from '../../engine/schema/reader.ts'
import { Writer } from '../../engine/schema/writer.ts'

interface FakeBroker {
  readonly server: Server
  readonly port: number
  readonly fetchOffsets: Set<number>
  requests: number
}

interface FakeOptions {
  /** Answer number → milliseconds in which it and all later ones are held back and nothing is read. */
  stallAt?: (answer: number) => number
  /** Answer number → error code. */
  errorAt?: (answer: number) => number
  /** Sizes in which answers are cut on the wire; 0 = whole. */
  cut?: number
  records?: Buffer
}

let broker: FakeBroker | null = null
afterEach(() => {
  broker?.server.close()
  broker = null
})

async function startFake(options: FakeOptions): Promise<FakeBroker> {
  const server = createServer((socket) => {
    let buffered = Buffer.alloc(0)
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      buffered = Buffer.concat([buffered, chunk])
      while (buffered.length >= 4 && buffered.length >= 4 + buffered.readInt32BE(0)) {
        const end = 4 + buffered.readInt32BE(0)
        answer(socket, buffered.subarray(0, end), options)
        buffered = buffered.subarray(end)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  broker = { server, port, fetchOffsets: new Set(), requests: 0 }
  return broker
}

/** Answers that are held back, in order. */
const held: (() => void)[] = []

function answer(socket: Socket, frame: Buffer, options: FakeOptions): void {
  const request = broker === null ? 0 : broker.requests++
  const stallMs = options.stallAt?.(request) ?? 0
  const now = () => answerNow(socket, frame, options.errorAt?.(request) ?? 0, options)
  const release = () => {
    for (const later of held.splice(0)) later()
  }
  if (stallMs > 0) {
    socket.pause()
    setTimeout(() => {
      release()
      socket.resume()
    }, stallMs)
  }
  if (stallMs > 0 || held.length > 0) held.push(now)
  else now()
}

function answerNow(socket: Socket, frame: Buffer, errorCode: number, options: FakeOptions): void {
  if (broker === null) return
  const header = decodeRequestHeader(frame, 4, frame.length)
  const writer = new Writer()
  if (header.apiKey === 0) {
    const responses = [
      { name: 'load', partitionResponses: [{ index: 0, errorCode, baseOffset: 7 }] },
    ]
    encodeResponseFrame(writer, ProduceResponse, header, { responses })
  } else {
    const request = decoderFor(FetchRequest, header.apiVersion)(new Reader(frame, header.bodyStart))
    broker.fetchOffsets.add(request.topics[0]?.partitions[0]?.fetchOffset ?? -1)
    const partition = {
      partitionIndex: 0,
      errorCode,
      highWatermark: 99,
      abortedTransactions: null,
      records: options.records ?? null,
    }
    const responses = [{ topic: 'load', partitions: [partition] }]
    encodeResponseFrame(writer, FetchResponse, header, { sessionId: 0, responses })
  }
  const bytes = Buffer.from(writer.take())
  const step = options.cut ?? bytes.length
  for (let at = 0; at < bytes.length; at += step) socket.write(bytes.subarray(at, at + step))
}

const target = (port: number) => ({
  leaders: [{ host: '127.0.0.1', port }],
  topic: 'load',
  partitions: 1,
  connections: 2,
  firstConnection: 0,
  depth: 3,
  warmUpMs: 10,
  measureMs: 100,
  bytesMax: Number.POSITIVE_INFINITY,
  brokerPid: process.pid,
  sampleMs: 0,
  latencies: false,
})
const produce = (port: number): ProduceLoad => ({
  ...target(port),
  ...PLAIN_SHAPE,
  api: 'produce',
  batchBytes: 4096,
  acks: -1,
  idempotent: false,
  transactions: null,
})
const fetch = (port: number): FetchLoad => ({
  ...target(port),
  api: 'fetch',
  isolation: 0,
  maxBytes: 65_536,
  recordsPerAnswer: 0,
  rounds: [{ first: 2 ** 32 - 10, step: 5, count: 4 }],
})

it('counts produce answers and weighs them by the batch', async () => {
  const { port } = await startFake({})
  const figures = await runLoad(produce(port))
  expect(figures.answers).toBeGreaterThan(10)
  expect(figures.bytes).toBe(figures.answers * 4096)
  expect(figures.seconds).toBeGreaterThan(0.09)
  expect(figures.clientCpuSeconds).toBeGreaterThan(0)
  expect(figures.brokerCpuSeconds).toBeGreaterThanOrEqual(0)
  expect(figures.peakBytes).toBeGreaterThan(1e6)
})

it.each([1, 3, 7, 64])('reads answers cut into %d bytes', async (cut) => {
  const { port } = await startFake({ cut, records: Buffer.alloc(300, 1) })
  const produced = await runLoad(produce(port))
  expect(produced.answers).toBeGreaterThan(0)
  const fetched = await runLoad(fetch(port))
  expect(fetched.bytes).toBe(fetched.answers * 300)
})

it('counts the bytes of an answer that takes many reads, and asks for offsets in rounds', async () => {
  const fake = await startFake({ records: Buffer.alloc(1_000_000, 1) })
  const figures = await runLoad({ ...fetch(fake.port), connections: 1 })
  expect(figures.answers).toBeGreaterThan(0)
  // An answer that began before the window ends in it, and the other way round.
  expect(figures.bytes % 1_000_000).toBe(0)
  expect(figures.bytes).toBe(figures.answers * 1_000_000)
  expect([...fake.fetchOffsets].sort((a, b) => a - b)).toEqual(
    [0, 1, 2, 3].map((at) => 2 ** 32 - 10 + at * 5),
  )
})

it.each([
  ['produce', produce],
  ['fetch', fetch],
])('ends a %s load at the first error code, by its name', async (_name, plan) => {
  const { port } = await startFake({ errorAt: (answers) => (answers > 20 ? 6 : 0) })
  await expect(runLoad(plan(port))).rejects.toThrow('NOT_LEADER_OR_FOLLOWER')
})

it('ends a load when the broker goes', async () => {
  const { port } = await startFake({})
  const load = runLoad({ ...produce(port), measureMs: 10_000 })
  const failed = expect(load).rejects.toThrow('lost a connection')
  const clients: Socket[] = []
  broker?.server.on('connection', (socket) => clients.push(socket))
  await new Promise((resolve) => broker?.server.once('connection', resolve))
  for (const socket of clients) socket.destroy()
  await failed
})

it('ends a window early at its bound of bytes', async () => {
  const { port } = await startFake({})
  const figures = await runLoad({ ...produce(port), measureMs: 20_000, bytesMax: 409_600 })
  expect(figures.bytes).toBeGreaterThanOrEqual(409_600)
  expect(figures.seconds).toBeLessThan(10)
})

const paced = (port: number): PacedLoad => {
  const { latencies: _latencies, depth: _depth, bytesMax: _bytesMax, ...plan } = produce(port)
  const open = { requestsPerSecond: 500, consumers: false, firstOffsets: [], isolation: 0 } as const
  return { ...plan, api: 'paced', ...open }
}

it('prolongs a window in which nothing was answered', async () => {
  const { port } = await startFake({ stallAt: (request) => (request === 0 ? 400 : 0) })
  const figures = await runLoad({ ...produce(port), measureMs: 50 })
  expect(figures.problem).toBe(null)
  expect(figures.answers).toBeGreaterThan(0)
  expect(figures.seconds).toBeGreaterThan(0.3)
})

it('counts an open loop from the times requests were due, so that all feel a stall', async () => {
  // 200 ms in which 100 more requests were due: each of them waited for the rest of it.
  const { port } = await startFake({ stallAt: (request) => (request === 100 ? 200 : 0) })
  const figures = await runLoad({ ...paced(port), warmUpMs: 0, measureMs: 1000 })
  const latency = decodeHistogram(figures.latency)
  expect(latency.totalCount).toBeGreaterThan(400)
  const stalled = latency.totalCount * (1 - shareBelow(latency, 50_000))
  expect(stalled).toBeGreaterThan(20)
  expect(figures.lateness).not.toBeNull()
}, 20_000)

it('ends an open loop with what was due, though the broker takes it late', async () => {
  // The socket is full when the window ends: 150 requests of 64 KiB were due behind the stall.
  const { port } = await startFake({ stallAt: (request) => (request === 100 ? 1_000 : 0) })
  const plan = { ...paced(port), batchBytes: 65_536, recordBytes: 1_000 }
  const figures = await runLoad({ ...plan, warmUpMs: 0, measureMs: 500 })
  expect(figures.problem).toBeNull()
  expect(decodeHistogram(figures.latency).totalCount).toBeGreaterThan(230)
}, 20_000)

function shareBelow(histogram: Histogram, microseconds: number): number {
  for (let share = 100; share > 0; share -= 0.1)
    if (histogram.getValueAtPercentile(share) < microseconds) return share / 100
  return 0
}

it('keeps what it saw of a load whose broker goes, with the reason', async () => {
  const { port } = await startFake({ errorAt: (answers) => (answers > 2000 ? 56 : 0) })
  const { figures } = startLoad({ ...produce(port), measureMs: 20_000, sampleMs: 50 })
  const { answers, problem, seconds } = await figures
  expect(answers).toBeGreaterThan(100)
  expect(problem).toContain('KAFKA_STORAGE_ERROR')
  expect(seconds).toBeLessThan(15)
})

it('ends an open loop when the broker goes', async () => {
  const { port } = await startFake({ errorAt: (answers) => (answers > 100 ? 56 : 0) })
  const { figures } = startLoad({ ...paced(port), measureMs: 20_000 })
  const { problem, seconds } = await figures
  expect(problem).toContain('KAFKA_STORAGE_ERROR')
  expect(seconds).toBeLessThan(15)
})

it('takes latencies and samples of a closed loop when asked', async () => {
  const { port } = await startFake({})
  const plan = { ...produce(port), latencies: true, sampleMs: 20, measureMs: 1_000 }
  const figures = await runLoad(plan)
  expect(decodeHistogram(figures.latency).totalCount).toBe(figures.answers)
  expect(figures.samples.length).toBeGreaterThan(0)
  const sampled = figures.samples.reduce((sum, { answers }) => sum + answers, 0)
  expect(sampled).toBeGreaterThan(0)
  expect(sampled).toBeLessThanOrEqual(figures.answers)
})

it('writes with sequence numbers when asked, under a CRC that fits', async () => {
  const batch = oneRecordBatch(10).bytes
  patchSequence(batch, { producerId: 2 ** 40 + 1, producerEpoch: 3 }, 77)
  expect(batchProducerId(batch, 0)).toBe(2 ** 40 + 1)
  expect(batchProducerEpoch(batch, 0)).toBe(3)
  expect(batchBaseSequence(batch, 0)).toBe(77)
  expect(batchCrc(batch, 0)).toBe(computeBatchCrc(batch, 0))
})

it('builds batches by count, with keys, text and codecs', async () => {
  const shape = { ...PLAIN_SHAPE, recordsPerBatch: 200, recordBytes: 300, keyBytes: 8 } as const
  for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
    const [batch] = batchesOf({ ...shape, codec, payload: 'text' })
    expect(batch?.records).toBe(200)
    expect(batch!.bytes.length < 200 * 300).toBe(codec !== 'none')
    expect(batchRecordCount(batch!.bytes, 0)).toBe(200)
  }
  expect(() => batchesOf({ ...shape, batchBytes: 100 })).toThrow('has no room for a record')
  expect(() => batchesOf({ ...shape, payload: 'file', payloadFile: '/no/such' })).toThrow('ENOENT')
})

it('shares a load among processes and adds up what they saw', async () => {
  const { port } = await startFake({})
  const clients = new LoadProcesses(2)
  try {
    const figures = await clients.run({
      ...produce(port),
      connections: 3,
      measureMs: 20_000,
      bytesMax: 200 * 4096,
    })
    expect(figures.answers).toBeGreaterThan(10)
    expect(figures.bytes / figures.answers).toBeCloseTo(4096)
    await expect(clients.run({ ...produce(1), connections: 1 })).rejects.toThrow('ECONNREFUSED')
  } finally {
    clients.close()
  }
})

it('builds batches of the wanted size with a right CRC', () => {
  for (const bytes of [300, 4096, 65_536, 1_048_576]) {
    const batch = filledBatch(bytes, 100)
    expect(batch.bytes.length).toBeLessThanOrEqual(bytes)
    expect(batch.bytes.length).toBeGreaterThan(bytes - 8)
    expect(batchSizeInBytes(batch.bytes, 0)).toBe(batch.bytes.length)
    expect(batchRecordCount(batch.bytes, 0)).toBe(batch.records)
    expect(batch.bytes.readUInt32BE(17)).toBe(computeBatchCrc(batch.bytes, 0))
  }
  expect(oneRecordBatch(100).bytes.length).toBe(61 + 2 + 4 + 2 + 100 + 1)
})

it('stamps records with the time of the run: retention deletes older ones under the reader', () => {
  const ageMs = Date.now() - batchMaxTimestamp(filledBatch(4096, 100).bytes, 0)
  expect(ageMs).toBeGreaterThanOrEqual(0)
  expect(ageMs).toBeLessThan(3_600_000)
})

it.each([0, 1, 126, 127, 40_000])('reads answers that list %d aborted transactions', (count) => {
  const request = { topic: 'load', partition: 0, maxBytes: 1, maxWaitMs: 1, isolation: 1 } as const
  const { answer: shape, frame: sent } = fetchRequest(request)
  const header = decodeRequestHeader(sent, 4, sent.length)
  const asked = decoderFor(FetchRequest, header.apiVersion)(new Reader(sent, header.bodyStart))
  expect(asked.isolationLevel).toBe(1)
  for (const bytes of [0, 1, 126, 127, 128, 16_383, 20_000]) {
    const abortedTransactions = Array.from({ length: count }, (_, at) => {
      return { producerId: at, firstOffset: at }
    })
    const records = Buffer.alloc(bytes, 7)
    const partition = {
      partitionIndex: 0,
      errorCode: 0,
      highWatermark: 9,
      abortedTransactions,
      records,
    }
    const writer = new Writer()
    const responses = [{ topic: 'load', partitions: [partition] }]
    encodeResponseFrame(writer, FetchResponse, header, { sessionId: 0, responses })
    const frame = Buffer.from(writer.take())
    expect(answerRecordBytes(shape, frame, 0, frame.length)).toBe(bytes)
    // Its head is all that is at hand of a long one.
    const head = frame.subarray(0, shape.headBytes)
    expect(answerRecordBytes(shape, head, 0, frame.length)).toBe(bytes)
    const [start, end] = answerRecordsRange(shape, frame)
    expect(frame.subarray(start, end).equals(records)).toBe(true)
  }
})
