/** When a shard compacts what, on a simulated disk and a clock that tests move. */
import { describe, expect, it } from 'vitest'
import { assembleShard } from '../../engine/assemble-shard.ts'
import { parseBrokerConfig } from '../../engine/base/config.ts'
import type { CompactPool } from '../../engine/log/compact-steps.ts'
import {
  emptyImage,
  type MetadataImage,
  partitionKey,
  type TopicImage,
  withTopics,
} from '../../engine/metadata/image.ts'
import { BATCH_HEADER_BYTES } from '../../engine/record/batch.ts'
import { buildBatch } from '../../engine/record/build.ts'
import { inlineCompactors } from '../support/compact-rig.ts'
import { MemoryLogger } from '../support/connection-rig.ts'
import { TestClock } from '../support/log-rig.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { SimulatedDisk } from '../support/simulated-disk.ts'

const OPTIONS = { acks: -1, timeoutMs: 1_000, produceVersion: 9, internalAllowed: true }
const BACKOFF_MS = 15_000

function topicOf(name: string, ordinal: number, configs: Record<string, string> = {}): TopicImage {
  const all = { 'cleanup.policy': 'compact', 'internal.segment.bytes': '500', ...configs }
  return {
    name,
    topicId: Buffer.alloc(16, ordinal + 1).toString('base64url'),
    ordinal,
    internal: false,
    partitions: [{ index: 0, leaderEpoch: 0 }],
    configs: new Map(Object.entries(all)),
  }
}

async function rig(
  topics: TopicImage[],
  settings: Record<string, string> = {},
  poolOf: (disk: SimulatedDisk) => CompactPool = inlineCompactors,
) {
  const disk = new SimulatedDisk({ seed: 3 })
  await disk.makeDir('/a')
  await disk.makeDir('/b')
  const clock = new TestClock()
  const logger = new MemoryLogger()
  const config = parseBrokerConfig(new Map(Object.entries(settings))).config
  const assembled = assembleShard({
    config,
    disk,
    clock,
    random: seededRandom(5),
    logger,
    compactors: poolOf(disk),
    dataFolders: {
      folders: ['/a', '/b'],
      failed: new Map(),
      placed: new Map(),
      logStartOffsets: new Map(),
      cleanedOffsets: new Map([['orders-0', 0]]),
      damaged: new Map(),
    },
    owns: () => true,
    control: null,
    report: () => {},
    emptyImage: emptyImage('clusterAAAAAAAAAAAAAAA', 1),
  })
  const { shard } = assembled
  // A turn ends behind what staged first, as a new partition's appends do once its folder is durable.
  shard.onStaged = () => queueMicrotask(() => shard.flush())
  let image: MetadataImage = withTopics(shard.image, topics)
  await assembled.applyImage(image)
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 60; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
  return {
    ...assembled,
    disk,
    clock,
    logger,
    settle,
    async change(next: (image: MetadataImage) => MetadataImage) {
      image = next(image)
      await assembled.applyImage(image)
    },
    log: (ordinal: number) => shard.partition(partitionKey(ordinal, 0))!.log,
    /** The same two keys over and over, over several segments. */
    async write(ordinal: number, count = 20) {
      for (let value = 0; value < count; value++) {
        const records = ['a', 'b'].map((key) => ({
          key: Buffer.from(key),
          value: Buffer.from(`${value}`),
          timestamp: clock.wallMs(),
        }))
        shard.append(partitionKey(ordinal, 0), buildBatch({ records }), OPTIONS, () => {})
        await settle()
      }
      // The background sync, behind which segments count as finished.
      await this.pass(1_100)
    },
    async pass(ms: number) {
      for (let left = ms; left > 0; left -= 500) {
        clock.pass(Math.min(500, left))
        shard.tick()
        await settle()
      }
    },
    passes: () => logger.lines.filter((line) => /compacted \S+ up to/.test(line)),
  }
}

describe('a shard with compacted topics', () => {
  it('looks at them log.cleaner.backoff.ms after a write, and rests when nothing is dirty', async () => {
    const shard = await rig([topicOf('orders', 0)])
    expect(shard.shard.nextDueMs()).toBeNull()
    await shard.write(0)
    expect(shard.log(0).segmentBaseOffsets().length).toBeGreaterThan(3)
    const before = shard.log(0).sizeBytes
    expect(shard.passes()).toEqual([])
    await shard.pass(BACKOFF_MS)
    expect(shard.passes()).toHaveLength(1)
    expect(shard.log(0).sizeBytes).toBeLessThan(before / 2)
    const { partitions } = await shard.shard.calls.checkpoints({})
    expect(partitions[0]?.cleanedOffset).toBe(shard.log(0).segmentBaseOffsets().at(-1))
    await shard.pass(BACKOFF_MS * 3)
    expect(shard.passes()).toHaveLength(1)
  })

  it('takes the dirtiest first, one after the other', async () => {
    const topics = ['clean', 'dirty'].map((name, ordinal) => topicOf(name, ordinal))
    const shard = await rig(topics, { 'log.cleaner.min.cleanable.ratio': '0' })
    await shard.write(0)
    await shard.pass(BACKOFF_MS)
    await shard.write(0, 8)
    await shard.write(1)
    await shard.pass(BACKOFF_MS)
    const names = shard.passes().map((line) => /compacted (\w+)-0/.exec(line)?.[1])
    expect(names).toEqual(['clean', 'dirty', 'clean'])
  })

  it('begins none while other shards use all threads, nor without log.cleaner.enable', async () => {
    const full = await rig([topicOf('orders', 0)], {}, () => ({ take: () => null }))
    await full.write(0)
    await full.pass(BACKOFF_MS * 2)
    expect(full.passes()).toEqual([])
    const off = await rig([topicOf('orders', 0)], { 'log.cleaner.enable': 'false' })
    await off.write(0)
    await off.pass(BACKOFF_MS * 2)
    expect(off.passes()).toEqual([])
  })

  it('leaves a log alone that cannot be read, and says so once', async () => {
    const shard = await rig([topicOf('orders', 0), topicOf('others', 1)])
    await shard.write(0)
    await shard.write(1)
    const { dir } = shard.shard.partition(partitionKey(0, 0))!.log
    const file = await shard.disk.open(`${dir}/00000000000000000000.log`, 'read-write')
    await file.write(Buffer.from('?'), BATCH_HEADER_BYTES)
    await file.close()
    await shard.pass(BACKOFF_MS * 3)
    const errors = shard.logger.lines.filter((line) => line.includes('cannot be compacted'))
    expect(errors).toHaveLength(1)
    expect(shard.passes().some((line) => line.includes('orders-0'))).toBe(false)
    expect(shard.passes()).not.toEqual([])
    expect(shard.shard.partition(partitionKey(0, 0))?.offline).toBeNull()
  })

  it('tries again after a full disk', async () => {
    const shard = await rig([topicOf('orders', 0)])
    await shard.write(0)
    const fault = { kind: 'error', code: 'ENOSPC' } as const
    shard.disk.inject({ at: 1, operation: 'write', path: /cleaned$/, fault })
    await shard.pass(BACKOFF_MS)
    expect(shard.passes()).toEqual([])
    expect(shard.shard.partition(partitionKey(0, 0))?.offline).toBeNull()
    await shard.pass(BACKOFF_MS)
    expect(shard.passes()).toHaveLength(1)
  })

  it('takes the data folder offline when a result cannot be written', async () => {
    const shard = await rig([topicOf('orders', 0)])
    await shard.write(0)
    const fault = { kind: 'error', code: 'EIO' } as const
    shard.disk.inject({ at: 1, operation: 'write', path: /cleaned$/, fault })
    await shard.pass(BACKOFF_MS)
    expect(shard.shard.partition(partitionKey(0, 0))?.offline).toContain('/a failed')
  })

  it('ends a pass for a deletion, a move and a stop', async () => {
    let isCancelled = false
    let passes = 0
    let letGo = (): void => {}
    /** A pass that goes on until it is cancelled. */
    const endless: CompactPool = {
      take: () => ({
        begin: () =>
          new Promise((resolve) => {
            passes++
            letGo = () => resolve({ kind: 'cancelled' })
          }),
        compact: () => Promise.reject(new Error('no group is reached')),
        cancel: () => {
          isCancelled = true
          letGo()
        },
        end: () => {},
      }),
    }
    const begun = async (shard: Awaited<ReturnType<typeof rig>>): Promise<void> => {
      isCancelled = false
      passes = 0
      await shard.write(0)
      await shard.pass(BACKOFF_MS)
      expect([passes, isCancelled]).toEqual([1, false])
    }
    const deleting = await rig([topicOf('orders', 0)], {}, () => endless)
    await begun(deleting)
    await deleting.change((image) => withTopics(image, [], ['orders']))
    expect(isCancelled).toBe(true)
    const moving = await rig([topicOf('orders', 0)], {}, () => endless)
    await begun(moving)
    const partitions = [{ key: partitionKey(0, 0), folder: 1 }]
    await moving.shard.calls.moveReplicas({ partitions })
    await moving.settle()
    expect(isCancelled).toBe(true)
    expect(moving.log(0).dataFolder).toBe('/b')
    const stopping = await rig([topicOf('orders', 0)], {}, () => endless)
    await begun(stopping)
    await stopping.closeClean()
    expect(isCancelled).toBe(true)
  })

  it('leaves no record in the active segment longer than max.compaction.lag.ms', async () => {
    const lag = { 'max.compaction.lag.ms': '5000' }
    const policy = { ...lag, 'cleanup.policy': 'delete' }
    const shard = await rig([topicOf('orders', 0, lag), topicOf('others', 1, policy)])
    expect(shard.log(0).options.segmentMs).toBe(5_000)
    expect(shard.log(1).options.segmentMs).toBe(604_800_000)
  })

  it('compacts where it was moved to', async () => {
    const shard = await rig([topicOf('orders', 0)])
    await shard.write(0)
    const partitions = [{ key: partitionKey(0, 0), folder: 1 }]
    await shard.shard.calls.moveReplicas({ partitions })
    await shard.settle()
    await shard.pass(BACKOFF_MS)
    expect(shard.passes()).toHaveLength(1)
    expect((await shard.disk.list('/b/orders-0')).some((name) => name.endsWith('.log'))).toBe(true)
  })
})
