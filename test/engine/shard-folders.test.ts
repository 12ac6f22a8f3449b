/** Several data folders in one shard on a simulated disk: placement, failure, moves. */
import { describe, expect, it } from 'vitest'
import { assembleShard } from '../../engine/assemble-shard.ts'
import { parseBrokerConfig } from '../../engine/base/config.ts'
import { ErrorCode } from '../../engine/base/errors.ts'
import { DiskError } from '../../engine/log/disk.ts'
import {
  emptyImage,
  type MetadataImage,
  partitionKey,
  type TopicImage,
  withTopics,
} from '../../engine/metadata/image.ts'
import { buildBatch } from '../../engine/record/build.ts'
import type { DataFolders, FolderReport } from '../../engine/shard-folders.ts'
import { MemoryLogger } from '../support/connection-rig.ts'
import { TestClock } from '../support/log-rig.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { settleFolders } from '../support/settled-folders.ts'
import { SimulatedDisk } from '../support/simulated-disk.ts'

const OPTIONS = { acks: -1, timeoutMs: 1_000, produceVersion: 9, internalAllowed: true }
const FOLDERS = ['/a', '/b', '/c']

function topicOf(name: string, ordinal: number, partitions: number): TopicImage {
  return {
    name,
    topicId: Buffer.alloc(16, ordinal + 1).toString('base64url'),
    ordinal,
    internal: name.startsWith('__'),
    partitions: Array.from({ length: partitions }, (_, index) => ({ index, leaderEpoch: 0 })),
    configs: new Map([['segment.bytes', '2000']]),
  }
}

async function rig(more: Partial<DataFolders> = {}, disk = new SimulatedDisk({ seed: 11 })) {
  for (const folder of FOLDERS) await disk.makeDir(folder)
  const clock = new TestClock()
  const logger = new MemoryLogger()
  const reports: FolderReport[] = []
  const empty = emptyImage('clusterAAAAAAAAAAAAAAA', 1)
  const assembled = assembleShard({
    config: parseBrokerConfig(new Map()).config,
    disk,
    clock,
    random: seededRandom(5),
    logger,
    compactors: { take: () => null },
    dataFolders: {
      folders: FOLDERS,
      failed: new Map(),
      placed: new Map(),
      logStartOffsets: new Map(),
      cleanedOffsets: new Map(),
      damaged: new Map(),
      ...more,
    },
    owns: () => true,
    control: null,
    report: (report) => reports.push(report),
    emptyImage: empty,
  })
  const { shard } = assembled
  let image: MetadataImage = empty
  return {
    ...assembled,
    disk,
    clock,
    logger,
    reports,
    async add(...topics: TopicImage[]) {
      image = withTopics(image, topics)
      await assembled.applyImage(image)
      await settleFolders(shard)
    },
    async remove(name: string) {
      image = withTopics(image, [], [name])
      await assembled.applyImage(image)
    },
    append(key: number, value: string): { errorCode: number; baseOffset: number } {
      const result = { errorCode: -2, baseOffset: -2 }
      const records = [{ key: null, value: Buffer.from(value), timestamp: clock.wallMs() }]
      shard.append(key, buildBatch({ records }), OPTIONS, (errorCode, baseOffset) => {
        result.errorCode = errorCode
        result.baseOffset = baseOffset
      })
      return result
    },
    async replicas() {
      const { replicas } = await shard.calls.describeFolders({})
      return replicas
    },
    async move(key: number, folder: string): Promise<number> {
      const request = { partitions: [{ key, folder: FOLDERS.indexOf(folder) }] }
      const { partitions } = await shard.calls.moveReplicas(request)
      return partitions[0]?.errorCode ?? -1
    },
    folderOf: (key: number) => shard.partition(key)?.log.dataFolder,
  }
}

type Rig = Awaited<ReturnType<typeof rig>>

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 20_000; turn++) {
    if (await condition()) return
    await null
  }
  throw new Error('it never came about')
}

function failWrites(disk: SimulatedDisk, path: RegExp): void {
  disk.inject({ at: 1, operation: 'write', path, fault: { kind: 'error', code: 'EROFS' } })
}

function foldersOf(shard: Rig, ordinal: number, count: number): (string | undefined)[] {
  return Array.from({ length: count }, (_, index) => shard.folderOf(partitionKey(ordinal, index)))
}

describe('a new partition', () => {
  it('goes to the folder with the fewest, the first of several', async () => {
    const shard = await rig({ placed: new Map([['old-0', '/a']]) })
    await shard.add(topicOf('old', 1, 1), topicOf('new', 2, 5))
    expect(foldersOf(shard, 1, 1)).toEqual(['/a'])
    expect(foldersOf(shard, 2, 5)).toEqual(['/b', '/c', '/a', '/b', '/c'])
    await shard.remove('old')
    await shard.add(topicOf('next', 3, 1))
    expect(foldersOf(shard, 3, 1)).toEqual(['/a'])
  })

  it('is there at once, so that a start knows it from those of a folder that is missing', async () => {
    const shard = await rig()
    await shard.applyImage(withTopics(shard.shard.image, [topicOf('orders', 1, 2)]))
    expect([await shard.disk.list('/a'), await shard.disk.list('/b')]).toEqual([
      ['orders-0'],
      ['orders-1'],
    ])
  })

  it('avoids a folder that failed, even if that shows at its creation', async () => {
    const shard = await rig()
    await shard.add(topicOf('first', 1, 1))
    shard.disk.inject({
      at: 1,
      operation: 'makeDir',
      path: /^\/b/,
      sticky: true,
      fault: { kind: 'error', code: 'EROFS' },
    })
    await shard.add(topicOf('orders', 2, 4))
    expect(foldersOf(shard, 2, 4)).not.toContain('/b')
    expect(shard.reports).toMatchObject([{ folder: '/b', failed: true, offlineKeys: [] }])
    const answer = shard.append(partitionKey(2, 0), 'x')
    shard.shard.flush()
    expect(answer.errorCode).toBe(0)
  })
})

describe('a data folder that fails', () => {
  it('takes its partitions offline in the same turn, and no other', async () => {
    const shard = await rig()
    await shard.add(topicOf('orders', 1, 6))
    const [a, b, b2] = [partitionKey(1, 0), partitionKey(1, 1), partitionKey(1, 4)]
    const waiting: number[] = []
    shard.shard.read(
      {
        partitions: [
          { key: b2, fetchOffset: 0, maxBytes: 100, currentLeaderEpoch: -1, lastFetchedEpoch: -1 },
        ],
        isolation: 0,
        maxBytes: 100,
        minBytes: 1,
        deadlineMs: shard.clock.monotonicMs() + 500,
      },
      (results) => waiting.push(...results.map(({ errorCode }) => errorCode)),
    )
    failWrites(shard.disk, /^\/b\/orders-1/)
    const [fine, failing, sibling] = [
      shard.append(a, 'x'),
      shard.append(b, 'x'),
      shard.append(b2, 'x'),
    ]
    shard.shard.flush()
    expect(fine.errorCode).toBe(0)
    expect(failing.errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
    expect(sibling.errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
    expect(waiting).toEqual([ErrorCode.KAFKA_STORAGE_ERROR])
    expect(shard.reports).toEqual([
      {
        folder: '/b',
        failed: true,
        reason: expect.stringContaining('EROFS'),
        offlineKeys: expect.arrayContaining([b, b2]),
        moved: false,
      },
    ])
    const { volumes } = await shard.shard.calls.describeVolumes({})
    expect(volumes.map(({ errorCode }) => errorCode)).toEqual([0, 56, 0])
    expect(await shard.move(a, '/b')).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
    const again = shard.append(a, 'y')
    shard.shard.flush()
    expect(again).toEqual({ errorCode: 0, baseOffset: 1 })
    await shard.closeClean()
  })

  it('is told to the other shards, which take theirs offline without a report', async () => {
    const shard = await rig()
    await shard.add(topicOf('orders', 1, 3))
    const told = await shard.shard.calls.failFolder({ folder: '/c', reason: 'EIO' })
    expect(told.offlineKeys).toEqual([partitionKey(1, 2)])
    expect(shard.append(partitionKey(1, 2), 'x').errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
    expect(shard.reports).toEqual([])
    expect(await shard.shard.calls.failFolder({ folder: '/c', reason: 'EIO' })).toEqual({
      offlineKeys: [],
    })
  })

  it('fails by a sync too, and with it what is only read there', async () => {
    const shard = await rig()
    const topic = topicOf('orders', 1, 4)
    await shard.add({ ...topic, configs: new Map([['flush.messages', '1']]) })
    shard.disk.inject({
      at: 1,
      operation: 'sync',
      path: /^\/a\/orders-0/,
      fault: { kind: 'sync-failure', mode: 'lost' },
    })
    shard.append(partitionKey(1, 0), 'x')
    shard.shard.flush()
    shard.clock.pass(20)
    shard.shard.tick()
    await until(() => shard.reports.length > 0)
    expect(shard.reports).toMatchObject([{ folder: '/a', failed: true }])
    for (const index of [0, 3])
      expect(shard.append(partitionKey(1, index), 'y').errorCode).toBe(
        ErrorCode.KAFKA_STORAGE_ERROR,
      )
    await shard.closeClean()
  })

  it('does not fail for a full disk, nor for a read', async () => {
    const shard = await rig()
    await shard.add(topicOf('orders', 1, 2))
    shard.disk.inject({
      at: 1,
      operation: 'write',
      path: /^\/a/,
      fault: { kind: 'error', code: 'ENOSPC' },
    })
    expect(shard.append(partitionKey(1, 0), 'x').errorCode).toBe(-2)
    shard.shard.flush()
    expect(shard.reports).toEqual([])
    expect(shard.shard.partition(partitionKey(1, 0))?.offline).toBeNull()
  })

  it('at the start leaves partitions nobody found offline, and makes new ones elsewhere', async () => {
    const failed = new Map([['/b', 'EIO']])
    const shard = await rig({ failed, placed: new Map([['orders-0', '/a']]) })
    await shard.add(topicOf('orders', 1, 2))
    expect(shard.folderOf(partitionKey(1, 0))).toBe('/a')
    expect(shard.append(partitionKey(1, 1), 'x').errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
    expect(shard.reports).toMatchObject([{ failed: false, offlineKeys: [partitionKey(1, 1)] }])
    await shard.add(topicOf('new', 2, 3))
    expect(foldersOf(shard, 2, 3)).toEqual(['/c', '/a', '/c'])
    await shard.remove('orders')
  })
})

describe('a partition that is moved', () => {
  it('shows up as future until it changed over, and serves throughout', async () => {
    const shard = await rig()
    await shard.add(topicOf('orders', 1, 1))
    const key = partitionKey(1, 0)
    for (let i = 0; i < 100; i++) {
      shard.append(key, `value ${i}`)
      shard.shard.flush()
    }
    expect(await shard.move(key, '/c')).toBe(0)
    expect(await shard.replicas()).toMatchObject([
      { key, folder: 0, offsetLag: 0, isFuture: false },
      { key, folder: 2, offsetLag: expect.any(Number), isFuture: true },
    ])
    let appended = 100
    const answers: { errorCode: number; baseOffset: number }[] = []
    await until(async () => {
      if (appended < 400) {
        answers.push(shard.append(key, `value ${appended++}`))
        shard.shard.flush()
      }
      return shard.folderOf(key) === '/c' && appended === 400
    })
    await until(async () => (await shard.replicas()).length === 1)
    shard.shard.flush()
    expect(answers.map(({ errorCode }) => errorCode).every((code) => code === 0)).toBe(true)
    expect(answers.map(({ baseOffset }) => baseOffset)).toEqual(
      answers.map((_, index) => 100 + index),
    )
    expect(shard.reports).toMatchObject([{ folder: '/c', moved: true }])
    const { partitions } = await shard.shard.calls.checkpoints({})
    expect(partitions).toMatchObject([{ key, folder: 2, highWatermark: 400 }])
    await shard.closeClean()
  })

  it('may be sent elsewhere or called back, and its copy goes', async () => {
    const shard = await rig()
    await shard.add(topicOf('orders', 1, 1))
    const key = partitionKey(1, 0)
    shard.append(key, 'x')
    shard.shard.flush()
    await Promise.all([shard.move(key, '/b'), shard.move(key, '/c'), shard.move(key, '/a')])
    await until(async () => (await shard.replicas()).length === 1)
    expect(shard.folderOf(key)).toBe('/a')
    expect(await shard.disk.list('/b')).toEqual([])
    expect(await shard.disk.list('/c')).toEqual([])
  })

  it('goes with its topic', async () => {
    const shard = await rig()
    await shard.add(topicOf('orders', 1, 2))
    const key = partitionKey(1, 0)
    shard.append(key, 'x')
    shard.shard.flush()
    await shard.move(key, '/c')
    await shard.move(partitionKey(1, 1), '/c')
    await shard.remove('orders')
    await until(async () => (await shard.replicas()).length === 0)
    expect(await shard.disk.list('/c')).toEqual([])
  })

  it.each([
    ['syncs its index in the old folder', 'sync', /^\/a\/orders-0\/\d+\.index$/],
    ['syncs the name of what it left', 'syncDir', /^\/a$/],
  ] as const)('takes the old folder offline when it fails as it %s', async (_, operation, path) => {
    const shard = await rig()
    const configs = new Map([['index.interval.bytes', '100']])
    await shard.add({ ...topicOf('orders', 1, 4), configs })
    const [key, sibling] = [partitionKey(1, 0), partitionKey(1, 3)]
    for (const value of ['x'.repeat(200), 'y'.repeat(200)])
      for (const each of [key, sibling]) {
        expect(shard.append(each, value).errorCode).toBe(-2)
        shard.shard.flush()
      }
    const fault = { kind: 'sync-failure', mode: 'lost' } as const
    shard.disk.inject({ at: 1, operation, path, fault })
    expect(await shard.move(key, '/c')).toBe(0)
    await until(() => shard.reports.some(({ failed }) => failed))
    expect(shard.reports).toContainEqual(expect.objectContaining({ folder: '/a', failed: true }))
    expect(shard.append(sibling, 'late').errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
    expect(shard.shard.partition(key)?.offline === null).toBe(operation === 'syncDir')
    // Whatever was under way goes no further there.
    await expect(shard.disk.syncDir('/a')).rejects.toThrow(/EIO/)
    expect(shard.disk.retriedSyncs).toEqual([])
    await shard.closeClean()
  })

  it('stays when the other folder fails, which then takes no more', async () => {
    const shard = await rig()
    await shard.add(topicOf('orders', 1, 1))
    const key = partitionKey(1, 0)
    shard.append(key, 'x')
    shard.shard.flush()
    shard.disk.inject({
      at: 1,
      operation: 'sync',
      path: /^\/b\/.*-future\/.*\.log/,
      fault: { kind: 'sync-failure', mode: 'lost' },
    })
    expect(await shard.move(key, '/b')).toBe(0)
    await until(async () => shard.reports.length > 0 && (await shard.replicas()).length === 1)
    expect(shard.reports).toMatchObject([{ folder: '/b', failed: true, offlineKeys: [] }])
    expect(shard.folderOf(key)).toBe('/a')
    const answer = shard.append(key, 'y')
    shard.shard.flush()
    expect(answer).toEqual({ errorCode: 0, baseOffset: 1 })
  })

  it('without a folder yet is moved by name, and an unknown one is refused', async () => {
    const shard = await rig()
    await shard.add(topicOf('__consumer_offsets', 1, 1))
    const key = partitionKey(1, 0)
    expect(await shard.move(key, '/c')).toBe(0)
    expect(shard.folderOf(key)).toBe('/c')
    expect(await shard.move(partitionKey(9, 0), '/c')).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    const { partitions } = await shard.shard.calls.moveReplicas({
      partitions: [{ key, folder: 99 }],
    })
    expect(partitions).toEqual([{ errorCode: ErrorCode.LOG_DIR_NOT_FOUND }])
  })
})

describe('the producers of a partition', () => {
  it('are told with what was last written, and none of a partition that is offline', async () => {
    const shard = await rig()
    await shard.add(topicOf('orders', 1, 2))
    const key = partitionKey(1, 0)
    const records = [1, 2, 3].map((at) => ({
      key: null,
      value: Buffer.from('x'),
      timestamp: 1_700_000_000_000 + at,
    }))
    const batch = buildBatch({ records, producerId: 42, producerEpoch: 3, baseSequence: 0 })
    shard.shard.append(key, batch, OPTIONS, () => {})
    shard.shard.flush()
    await shard.shard.calls.failFolder({ folder: '/b', reason: 'EIO' })
    const keys = [key, partitionKey(1, 1), partitionKey(9, 0)].map((each) => ({ key: each }))
    expect(await shard.shard.calls.describeProducers({ partitions: keys })).toEqual({
      partitions: [
        {
          errorCode: 0,
          producers: [
            {
              producerId: 42,
              producerEpoch: 3,
              lastSequence: 2,
              lastTimestamp: 1_700_000_000_003,
              coordinatorEpoch: -1,
              transactionFirstOffset: -1,
            },
          ],
        },
        { errorCode: ErrorCode.KAFKA_STORAGE_ERROR, producers: [] },
        { errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, producers: [] },
      ],
    })
  })
})

describe('a folder that fails', () => {
  const broken = { kind: 'error', code: 'EIO' } as const

  it('while a topic in it is deleted does not stop what comes after', async () => {
    const shard = await rig()
    await shard.add(topicOf('t', 1, 3))
    shard.disk.inject({ at: 1, operation: 'rename', path: /^\/b\/t-1/, fault: broken })
    await shard.remove('t')
    expect(shard.reports.some(({ folder, failed }) => failed && folder === '/b')).toBe(true)
    await shard.add(topicOf('u', 2, 4))
    expect(foldersOf(shard, 2, 4)).toEqual(['/a', '/c', '/a', '/c'])
  })

  it('is not chosen for a later topic of the same name', async () => {
    const shard = await rig({ placed: new Map([['t-0', '/a']]) })
    await shard.add(topicOf('t', 1, 1))
    await shard.remove('t')
    failWrites(shard.disk, /^\/a\//)
    await shard.add(topicOf('t', 2, 1))
    expect(shard.folderOf(partitionKey(2, 0))).not.toBe('/a')
    expect(shard.append(partitionKey(2, 0), 'x').errorCode).toBe(-2)
  })

  it('is told by a partition that was offline already, since it could not be read', async () => {
    const shard = await rig()
    await shard.add(topicOf('t', 1, 1))
    const key = partitionKey(1, 0)
    const { log, ...partition } = shard.shard.partition(key)!
    expect(partition.identity.key).toBe(key)
    shard.append(key, 'x')
    shard.shard.flush()
    log.abandon(new DiskError('EIO', `${log.dataFolder}/t-0`, 'read'))
    shard.disk.inject({ at: 1, operation: 'sync', fault: broken })
    shard.shard.partition(key)!.fail(new DiskError('EIO', '/a/t-0/x.log', 'sync'))
    expect(shard.reports.some(({ failed }) => failed)).toBe(true)
  })
})

describe('a full disk', () => {
  it('refuses the first record of a lazy partition, and takes it when there is room', async () => {
    const shard = await rig()
    await shard.add(topicOf('__lazy', 1, 1))
    const key = partitionKey(1, 0)
    const full = { kind: 'error', code: 'ENOSPC' } as const
    shard.disk.inject({ at: 1, operation: 'makeDir', fault: full })
    const refused = shard.append(key, 'x')
    await until(() => refused.errorCode !== -2)
    expect(refused.errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
    const taken = shard.append(key, 'y')
    await until(() => shard.shard.partition(key)?.log.hasFolder === true)
    await until(() => {
      shard.shard.flush()
      return taken.errorCode !== -2
    })
    expect(taken).toEqual({ errorCode: 0, baseOffset: 0 })
  })

  it.each(['ENOSPC', 'EMFILE'])(
    'makes a new topic all the same, its folder with the first record (%s)',
    async (code) => {
      const shard = await rig()
      shard.disk.inject({ at: 1, operation: 'create', fault: { kind: 'error', code } })
      await shard.add(topicOf('t', 1, 1))
      expect(shard.shard.offline.size).toBe(0)
      const taken = shard.append(partitionKey(1, 0), 'y')
      await until(() => {
        shard.shard.flush()
        return taken.errorCode !== -2
      })
      expect(taken.errorCode).toBe(0)
    },
  )
})
