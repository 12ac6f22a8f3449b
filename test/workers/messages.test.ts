import { describe, expect, it } from 'vitest'
import { Reader } from '../../engine/schema/reader.ts'
import { Writer } from '../../engine/schema/writer.ts'
import { type CallOp, calls, opcodes, stopStages } from '../../workers/messages.ts'

/** One request and response of each call, with values at the edges of their ranges. */
const samples: { [K in keyof typeof calls]: [unknown, unknown] } = {
  listOffsets: [
    { isolation: 1, partitions: [{ key: 2 ** 52, currentLeaderEpoch: -1, timestamp: -5 }] },
    { partitions: [{ errorCode: 6, timestamp: -1, offset: 2 ** 53 - 1, leaderEpoch: 4 }] },
  ],
  endOffsetsForEpoch: [
    { partitions: [{ key: 0, currentLeaderEpoch: 2, leaderEpoch: 1 }] },
    { partitions: [{ errorCode: 0, leaderEpoch: -1, endOffset: -1 }] },
  ],
  deleteRecords: [
    { partitions: [{ key: 1, offset: -1 }] },
    { partitions: [{ errorCode: 1, lowWatermark: 0 }] },
  ],
  coordinate: [
    {
      partition: 49,
      apiKey: 11,
      apiVersion: 9,
      clientId: 'ä',
      clientHost: '/::1',
      body: Buffer.from([1, 2, 3]),
    },
    { body: Buffer.alloc(0) },
  ],
  control: [
    {
      partition: 0,
      apiKey: 19,
      apiVersion: 7,
      clientId: null,
      clientHost: '',
      body: Buffer.alloc(0),
    },
    { body: Buffer.from([0xff]) },
  ],
  allocateProducerIds: [{ count: 1000 }, { firstProducerId: 2 ** 40, count: 1000 }],
  adoptConnection: [
    { listener: 'PLAINTEXT', clientHost: '::1', fd: 2 ** 31 - 1, received: Buffer.from([0, 1]) },
    { adopted: true },
  ],
  checkpoints: [
    {},
    {
      partitions: [
        {
          key: 9,
          recoveryPoint: 1,
          logStartOffset: 0,
          highWatermark: 2,
          cleanedOffset: 2 ** 40,
          folder: 1,
        },
      ],
    },
  ],
  describeFolders: [
    {},
    {
      replicas: [
        { key: 2 ** 52, folder: 3, sizeBytes: 2 ** 50, offsetLag: 2 ** 40, isFuture: true },
        { key: 0, folder: -1, sizeBytes: 0, offsetLag: 0, isFuture: false },
      ],
    },
  ],
  describeVolumes: [
    {},
    { volumes: [{ errorCode: 56, totalBytes: -1, usableBytes: Number.MAX_SAFE_INTEGER }] },
  ],
  moveReplicas: [{ partitions: [{ key: 7, folder: 2 }] }, { partitions: [{ errorCode: 57 }] }],
  describeProducers: [
    { partitions: [{ key: 7 }] },
    {
      partitions: [
        {
          errorCode: 0,
          producers: [
            {
              producerId: 2 ** 45,
              producerEpoch: 32767,
              lastSequence: -1,
              lastTimestamp: 1_700_000_000_000,
              coordinatorEpoch: -1,
              transactionFirstOffset: 2 ** 52,
            },
          ],
        },
      ],
    },
  ],
  failFolder: [{ folder: '/ä', reason: 'EIO' }, { offlineKeys: [0, 2 ** 52] }],
  reportFolder: [
    { folder: '/b', failed: true, reason: 'write: EROFS', offlineKeys: [5], moved: false },
    {},
  ],
  stats: [
    {},
    {
      appendsForwarded: 1,
      readsForwarded: 2,
      callsForwarded: 3,
      wakesSent: 4,
      turns: 5,
      backlog: 6,
      pending: 7,
      leases: 8,
      slabBytesInUse: 2 ** 40,
      slabBytesIdle: 10,
    },
  ],
}

describe('messages between threads', () => {
  for (const [name, call] of Object.entries(calls))
    it(`carry request and response of ${name} unchanged`, () => {
      const op = call as CallOp<unknown, unknown>
      const [request, response] = samples[name as keyof typeof calls]
      const writer = new Writer()
      op.encodeRequest(writer, request)
      expect(op.decodeRequest(new Reader(writer.take()))).toEqual(request)
      op.encodeResponse(writer, response)
      expect(op.decodeResponse(new Reader(writer.take()))).toEqual(response)
    })

  it('have one opcode each', () => {
    const all = [...Object.values(opcodes), ...Object.values(calls).map((call) => call.opcode)]
    expect(new Set(all).size).toBe(all.length)
    expect(all).not.toContain(0)
  })

  it('stop in stages, each after the one before', () => {
    expect(stopStages).toEqual(['refuse', 'drain', 'close', 'end'])
  })
})
