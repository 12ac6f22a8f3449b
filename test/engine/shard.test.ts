/** A whole shard in one thread on a simulated disk and a clock that stands still. */
import { describe, expect, it, vi } from 'vitest'
import { assembleShard } from '../../engine/assemble-shard.ts'
import { parseBrokerConfig } from '../../engine/base/config.ts'
import { ErrorCode } from '../../engine/base/errors.ts'
import { limits } from '../../engine/base/limits.ts'
import { silentLogger } from '../../engine/base/logger.ts'
import {
  emptyImage,
  type MetadataImage,
  partitionKey,
  type TopicImage,
  withTopics,
} from '../../engine/metadata/image.ts'
import { buildBatch } from '../../engine/record/build.ts'
import type { Shard } from '../../engine/shard.ts'
import type { AppendOptions, ReadRequest, ReadResult } from '../../engine/shard-port.ts'
import { TestClock } from '../support/log-rig.ts'
import { settleFolders } from '../support/settled-folders.ts'
import { SimulatedDisk } from '../support/simulated-disk.ts'

const OPTIONS: AppendOptions = {
  acks: -1,
  timeoutMs: 1_000,
  produceVersion: 9,
  internalAllowed: false,
}

interface Appended {
  errorCode: number
  baseOffset: number
}

function topicOf(name: string, ordinal: number, configs: [string, string][] = []): TopicImage {
  return {
    name,
    topicId: `${name}AAAAAAAAAAAAAAAAAAAAAA`
      .slice(0, 21)
      .replace(/[^A-Za-z0-9]/g, 'A')
      .concat('A'),
    ordinal,
    internal: name.startsWith('__'),
    partitions: [
      { index: 0, leaderEpoch: 0 },
      { index: 1, leaderEpoch: 0 },
    ],
    configs: new Map(configs),
  }
}

async function rig(
  topics: TopicImage[],
  disk = new SimulatedDisk({ seed: 7 }),
  settle: (shard: Shard) => Promise<void> = settleFolders,
) {
  await disk.makeDir('/data')
  const clock = new TestClock()
  const empty = emptyImage('clusterAAAAAAAAAAAAAAA', 1)
  let counter = 0
  const assembled = assembleShard({
    config: parseBrokerConfig(new Map()).config,
    disk,
    clock,
    random: { uuid: () => `${counter++}`.padStart(22, 'A'), int: () => 0 },
    logger: silentLogger,
    compactors: { take: () => null },
    dataFolders: {
      folders: ['/data'],
      failed: new Map(),
      placed: new Map(),
      logStartOffsets: new Map(),
      cleanedOffsets: new Map(),
      damaged: new Map(),
    },
    owns: () => true,
    control: null,
    report: () => {},
    emptyImage: empty,
  })
  let image: MetadataImage = withTopics(empty, topics)
  await assembled.applyImage(image)
  const { shard } = assembled
  await settle(shard)
  return {
    ...assembled,
    disk,
    clock,
    async change(next: (image: MetadataImage) => MetadataImage) {
      image = next(image)
      await assembled.applyImage(image)
      await settle(shard)
    },
    append(key: number, ...values: string[]): Appended {
      const result: Appended = { errorCode: -2, baseOffset: -2 }
      const records = values.map((value) => ({
        key: Buffer.from(value),
        value: Buffer.from(value),
        timestamp: clock.wallMs(),
      }))
      shard.append(key, buildBatch({ records }), OPTIONS, (errorCode, baseOffset) => {
        result.errorCode = errorCode
        result.baseOffset = baseOffset
      })
      return result
    },
    read(key: number, fetchOffset: number, request: Partial<ReadRequest> = {}) {
      const answer: { results: readonly ReadResult[] | null } = { results: null }
      const handle = shard.read(
        {
          partitions: [
            {
              key,
              fetchOffset,
              maxBytes: 1_000_000,
              currentLeaderEpoch: -1,
              lastFetchedEpoch: -1,
            },
          ],
          isolation: 0,
          maxBytes: 1_000_000,
          minBytes: 1,
          deadlineMs: 0,
          ...request,
        },
        (results) => {
          answer.results = results
        },
      )
      return { handle, answer }
    },
  }
}

const KEY = partitionKey(1, 0)

describe('a shard', () => {
  it('acknowledges an append at the end of the turn and reads it back', async () => {
    const shard = await rig([topicOf('orders', 1)])
    const first = shard.append(KEY, 'a', 'b')
    const second = shard.append(KEY, 'c')
    expect(first.errorCode).toBe(-2)
    shard.shard.flush()
    expect(first).toEqual({ errorCode: 0, baseOffset: 0 })
    expect(second).toEqual({ errorCode: 0, baseOffset: 2 })
    const result = shard.read(KEY, 0).answer.results?.[0]
    expect(result?.errorCode).toBe(0)
    expect(result?.highWatermark).toBe(3)
    expect(result?.length).toBeGreaterThan(122)
    result?.release()
  })

  it('shows nothing of a turn before it is written', async () => {
    const shard = await rig([topicOf('orders', 1)])
    shard.append(KEY, 'a')
    expect(shard.read(KEY, 0).answer.results?.[0]?.length).toBe(0)
    shard.shard.flush()
    expect(shard.read(KEY, 0).answer.results?.[0]?.length).toBeGreaterThan(0)
  })

  it('answers a parked fetch in the turn of the append that satisfies it', async () => {
    const shard = await rig([topicOf('orders', 1)])
    const { answer } = shard.read(KEY, 0, { deadlineMs: shard.clock.monotonicMs() + 500 })
    expect(answer.results).toBeNull()
    shard.append(KEY, 'a')
    shard.shard.flush()
    expect(answer.results?.[0]?.length).toBeGreaterThan(0)
  })

  it('tells a few readers before the producer, and a crowd after it', async () => {
    const { shard, clock } = await rig([topicOf('orders', 1)])
    const told: string[] = []
    const request = {
      partitions: [
        {
          key: KEY,
          fetchOffset: 0,
          maxBytes: 1_000_000,
          currentLeaderEpoch: -1,
          lastFetchedEpoch: -1,
        },
      ],
      isolation: 0,
      maxBytes: 1_000_000,
      minBytes: 1,
      deadlineMs: clock.monotonicMs() + 500,
    } as const
    const readers = limits.readersBeforeAcksMax + 2
    for (let reader = 0; reader < readers; reader++)
      shard.read(request, (results) => {
        told.push('reader')
        for (const result of results) result.release()
      })
    const records = [{ key: null, value: Buffer.from('a'), timestamp: 1 }]
    shard.append(KEY, buildBatch({ records }), OPTIONS, () => {
      told.push('producer')
    })
    shard.flush()
    expect(told.indexOf('producer')).toBe(limits.readersBeforeAcksMax)
    expect(told.length).toBe(readers + 1)
  })

  it('answers a parked fetch empty at its deadline, and a cancelled one never', async () => {
    const shard = await rig([topicOf('orders', 1)])
    const deadlineMs = shard.clock.monotonicMs() + 500
    const waiting = shard.read(KEY, 0, { deadlineMs })
    const cancelled = shard.read(KEY, 0, { deadlineMs })
    cancelled.handle.cancel()
    shard.clock.pass(499)
    shard.shard.tick()
    expect(waiting.answer.results).toBeNull()
    shard.clock.pass(10)
    shard.shard.tick()
    expect(waiting.answer.results?.[0]?.length).toBe(0)
    expect(cancelled.answer.results).toBeNull()
    expect(shard.shard.nextDueMs()).toBeNull()
  })

  it('with flush.mode group answers only after the sync, and shows nothing before it', async () => {
    const shard = await rig([topicOf('orders', 1, [['sluice.flush.mode', 'group']])])
    const append = shard.append(KEY, 'a')
    shard.shard.flush()
    expect(append.errorCode).toBe(-2)
    expect(shard.read(KEY, 0).answer.results?.[0]?.length).toBe(0)
    await shard.shard.partition(KEY)?.log.sync()
    await Promise.resolve()
    expect(append).toEqual({ errorCode: 0, baseOffset: 0 })
    expect(shard.read(KEY, 0).answer.results?.[0]?.length).toBeGreaterThan(0)
  })

  it('tells offsets out of range, old and new epochs, unknown partitions', async () => {
    const shard = await rig([topicOf('orders', 1)])
    const code = (key: number, fetchOffset: number, currentLeaderEpoch: number) =>
      shard.read(key, fetchOffset, {
        partitions: [
          { key, fetchOffset, maxBytes: 1_000, currentLeaderEpoch, lastFetchedEpoch: -1 },
        ],
        deadlineMs: shard.clock.monotonicMs() + 500,
      }).answer.results?.[0]?.errorCode
    expect(code(KEY, 1, -1)).toBe(ErrorCode.OFFSET_OUT_OF_RANGE)
    expect(code(KEY, 0, 1)).toBe(ErrorCode.UNKNOWN_LEADER_EPOCH)
    expect(code(partitionKey(9, 0), 0, -1)).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    await shard.change((image) => {
      const topic = image.topics.get('orders')
      if (topic === undefined) throw new Error('orders is in the image')
      const partitions = topic.partitions.map(({ index }) => ({ index, leaderEpoch: 3 }))
      return withTopics(image, [{ ...topic, partitions }])
    })
    expect(code(KEY, 0, 2)).toBe(ErrorCode.FENCED_LEADER_EPOCH)
  })

  it('keeps serving reads on a full disk, and appends again once there is room', async () => {
    const shard = await rig([topicOf('orders', 1)])
    shard.append(KEY, 'a')
    shard.shard.flush()
    shard.disk.inject({
      at: 1,
      operation: 'write',
      path: /\.log$/,
      fault: { kind: 'error', code: 'ENOSPC' },
    })
    const refused = shard.append(KEY, 'b')
    shard.shard.flush()
    expect(refused.errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
    expect(shard.read(KEY, 0).answer.results?.[0]?.highWatermark).toBe(1)
    expect(await shard.shard.partition(KEY)?.log.resume()).toBe(true)
    const next = shard.append(KEY, 'c')
    shard.shard.flush()
    expect(next).toEqual({ errorCode: 0, baseOffset: 1 })
  })

  it.each([
    ['.log', 'create'],
    ['orders-0', 'syncDir'],
    ['/data', 'syncDir'],
  ] as const)(
    'makes a folder later for which no descriptor is left (%s)',
    async (name, operation) => {
      const shard = await rig([topicOf('orders', 1)], undefined, async () => {})
      const fault = { kind: 'error', code: 'EMFILE' } as const
      shard.disk.inject({ at: 1, operation, path: new RegExp(`${name}$`), fault })
      const settled = async (value: string) => {
        const taken = shard.append(KEY, value)
        for (let turn = 0; taken.errorCode === -2 && turn < 1_000; turn++) {
          await Promise.resolve()
          shard.shard.flush()
        }
        return taken
      }
      expect((await settled('a')).errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
      expect(await settled('b')).toEqual({ errorCode: 0, baseOffset: 0 })
    },
  )

  it('takes its data folder offline for good after an I/O error of a write', async () => {
    const shard = await rig([topicOf('orders', 1)])
    shard.disk.inject({
      at: 1,
      operation: 'write',
      path: /orders-0.*\.log$/,
      fault: { kind: 'error', code: 'EIO' },
    })
    const broken = shard.append(KEY, 'a')
    shard.shard.flush()
    expect(broken.errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
    expect(shard.append(KEY, 'b').errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
    expect(shard.read(KEY, 0).answer.results?.[0]?.errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
    const other = shard.append(partitionKey(1, 1), 'c')
    shard.shard.flush()
    expect(other.errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
  })

  it('tells waiters of a deleted topic that it is unknown, and renames its folder', async () => {
    const shard = await rig([topicOf('orders', 1)])
    shard.append(KEY, 'a')
    shard.shard.flush()
    const { answer } = shard.read(KEY, 1, { deadlineMs: shard.clock.monotonicMs() + 500 })
    await shard.change((image) => withTopics(image, [], ['orders']))
    expect(answer.results?.[0]?.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    expect((await shard.disk.list('/data')).every((name) => name.endsWith('-delete'))).toBe(true)
  })

  it('closes a log after what waited for its folder, not before', async () => {
    const { closeClean, shard, disk } = await rig([topicOf('__consumer_offsets', 4)])
    const key = partitionKey(4, 0)
    shard.append(
      key,
      buildBatch({ records: [{ key: null, value: Buffer.from('last'), timestamp: 1 }] }),
      { ...OPTIONS, internalAllowed: true },
      () => {},
    )
    await closeClean()
    expect(await disk.list('/data/__consumer_offsets-0')).toContain('00000000000000000001.snapshot')
  })

  it.each(['__consumer_offsets', 'orders'])(
    'creates the folder of a partition of %s with its first record',
    async (topic) => {
      const shard = await rig([topicOf(topic, 2)], undefined, async () => {})
      expect(await shard.disk.list('/data')).toEqual([])
      const key = partitionKey(2, 1)
      const partition = shard.shard.partition(key)
      if (partition === undefined) throw new Error('the partition is owned')
      const answers: number[] = []
      for (const value of ['a', 'b']) {
        const batch = buildBatch({
          records: [{ key: Buffer.from('k'), value: Buffer.from(value), timestamp: 1 }],
        })
        shard.shard.appendInternal(partition, batch, (_, baseOffset) => answers.push(baseOffset))
      }
      await partition.log.createFolder()
      await new Promise((resolve) => setImmediate(resolve))
      shard.shard.flush()
      expect(answers).toEqual([0, 1])
      expect(await shard.disk.list('/data')).toEqual([`${topic}-1`])
      await shard.closeClean()
      const again = await rig([topicOf(topic, 2)], shard.disk, async () => {})
      expect(await shard.disk.list('/data')).toEqual([`${topic}-1`])
      expect(
        [0, 1].map((at) => again.shard.partition(partitionKey(2, at))?.log.logEndOffset),
      ).toEqual([0, 2])
    },
  )

  it('reads old data through the pool, and an unreadable disk takes the partition offline', async () => {
    const first = await rig([topicOf('orders', 1)])
    first.append(KEY, 'a', 'b')
    first.shard.flush()
    first.answerAll()
    await first.closeClean()
    const second = await rig([topicOf('orders', 1)], first.disk)
    const answered = (read: { answer: { results: readonly ReadResult[] | null } }) =>
      vi.waitFor(() => {
        const result = read.answer.results?.[0]
        if (result === undefined) throw new Error('not answered yet')
        return result
      })
    const cold = second.read(KEY, 0)
    expect(cold.answer.results).toBeNull()
    const result = await answered(cold)
    expect([result.errorCode, result.cached]).toEqual([0, false])
    expect(result.length).toBeGreaterThan(0)
    result.release()
    second.disk.inject({
      at: 1,
      operation: 'read',
      path: /\.log$/,
      sticky: true,
      fault: { kind: 'error', code: 'EIO' },
    })
    const broken = await answered(second.read(KEY, 0))
    expect(broken.errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
    expect(second.append(KEY, 'c').errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
  })

  it('finds everything again after a clean close', async () => {
    const first = await rig([topicOf('orders', 1)])
    first.append(KEY, 'a', 'b', 'c')
    first.shard.flush()
    first.answerAll()
    await first.closeClean()
    const second = await rig([topicOf('orders', 1)], first.disk)
    expect(second.shard.partition(KEY)?.highWatermark).toBe(3)
    const next = second.append(KEY, 'd')
    second.shard.flush()
    expect(next).toEqual({ errorCode: 0, baseOffset: 3 })
  })

  it('puts options changed for all brokers in force for every partition, but not over its own', async () => {
    const shard = await rig([
      topicOf('orders', 1),
      topicOf('wide', 2, [['max.message.bytes', '900']]),
    ])
    const wide = partitionKey(2, 1)
    const code = (key: number) => {
      const appended = shard.append(key, 'x'.repeat(200))
      shard.shard.flush()
      return appended.errorCode
    }
    expect([code(KEY), code(wide)]).toEqual([0, 0])
    const set = (...settings: [string, string][]) =>
      shard.change((image) => ({
        ...image,
        version: image.version + 1,
        dynamicConfigs: { ...image.dynamicConfigs, cluster: new Map(settings) },
      }))
    await set(['message.max.bytes', '300'])
    expect([code(KEY), code(wide)]).toEqual([ErrorCode.MESSAGE_TOO_LARGE, 0])
    await set()
    expect(code(KEY)).toBe(0)
  })

  it('syncs as early as a shorter flush.ms asks, also what is written already', async () => {
    const shard = await rig([topicOf('orders', 1, [['flush.ms', '60000']])])
    shard.append(KEY, 'a')
    shard.shard.flush()
    const due = () =>
      (shard.shard.nextDueMs() ?? Number.POSITIVE_INFINITY) - shard.clock.monotonicMs()
    expect(due()).toBeGreaterThan(50_000)
    await shard.change((image) => withTopics(image, [topicOf('orders', 1, [['flush.ms', '20']])]))
    expect(due()).toBeLessThan(50)
  })
})
