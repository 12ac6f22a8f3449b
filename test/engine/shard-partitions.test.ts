/** What the start found of a topic says nothing of a later one of its name. */
import { expect, it } from 'vitest'
import { silentLogger } from '../../engine/base/logger.ts'
import { partitionKey } from '../../engine/metadata/image.ts'
import { buildBatch } from '../../engine/record/build.ts'
import { NOW_MS, TestClock } from '../support/log-rig.ts'
import { SimulatedBroker, settled } from '../support/simulated-broker.ts'
import { SimulatedDisk } from '../support/simulated-disk.ts'

const APPEND = { acks: -1, timeoutMs: 1_000, produceVersion: 12, internalAllowed: false } as const
const LOG = '/a/t-0/00000000000000000000.log'

async function rig(disk: SimulatedDisk) {
  const parts = { disk, clock: new TestClock(), logger: silentLogger, seed: 1, folders: ['/a'] }
  const broker = await SimulatedBroker.start(parts)
  const { controller, shard } = broker
  const keyOf = () => partitionKey(controller.image.topics.get('t')?.ordinal ?? -1, 0)
  return {
    broker,
    keyOf,
    log: () => shard.partition(keyOf())?.log,
    reason: () => shard.offline.get(keyOf()),
    async create(): Promise<void> {
      const topic = { name: 't', numPartitions: 1, replicationFactor: 1, assignments: [] }
      const topics = [{ ...topic, configs: [] }]
      await controller.createTopics({ topics, timeoutMs: 1_000, validateOnly: false })
    },
    async remove(): Promise<void> {
      await controller.deleteTopics({ topics: [], topicNames: ['t'], timeoutMs: 1_000 })
    },
    async append(): Promise<number> {
      const records = [{ key: null, value: Buffer.from('x'), timestamp: NOW_MS }]
      const answers: number[] = []
      const done = (errorCode: number) => void answers.push(errorCode)
      shard.append(keyOf(), buildBatch({ records }), APPEND, done)
      shard.flush()
      await settled()
      return answers[0] ?? -1
    },
  }
}

async function withTenRecords(): Promise<SimulatedDisk> {
  const disk = SimulatedDisk.holding({}, { seed: 3 })
  await disk.makeDir('/a')
  await disk.syncDir('/')
  const at = await rig(disk)
  await at.create()
  for (let n = 0; n < 10; n++) expect(await at.append()).toBe(0)
  await at.log()?.sync()
  await at.broker.shard.calls.deleteRecords({ partitions: [{ key: at.keyOf(), offset: 5 }] })
  await at.broker.checkpointer.write()
  return disk
}

it('a topic made anew begins at offset 0, whatever the log start of the old one was', async () => {
  const at = await rig(await withTenRecords())
  expect(at.log()?.logStartOffset).toBe(5)
  await at.remove()
  await at.create()
  expect(await at.append()).toBe(0)
  expect(at.log()?.logStartOffset).toBe(0)
  expect(at.log()?.logEndOffset).toBe(1)
})

it('a topic whose log is damaged can be deleted and made anew', async () => {
  const disk = await withTenRecords()
  const file = await disk.open(LOG, 'read-write')
  await file.write(Buffer.from([1, 2, 3, 4]), 200)
  await file.close()
  const at = await rig(disk)
  expect(at.reason()).toMatch(/corrupt/)
  await at.remove()
  await at.create()
  expect(at.reason()).toBeUndefined()
  expect(await at.append()).toBe(0)
  expect(at.log()?.logEndOffset).toBe(1)
  at.broker.pass(120_000)
  await settled()
  expect((await disk.list('/a')).filter((name) => name.startsWith('t-'))).toEqual(['t-0'])
})

it('what a crash left of a partition that was never written to goes with its topic', async () => {
  const disk = SimulatedDisk.holding({}, { seed: 3 })
  await disk.makeDir('/a')
  const before = await rig(disk)
  await before.create()
  await before.broker.stop()
  await disk.makeDir('/a/t-0')
  const at = await rig(disk)
  expect(await disk.list('/a')).toContain('t-0')
  await at.remove()
  expect(await disk.list('/a')).not.toContain('t-0')
  await at.create()
  expect(await at.append()).toBe(0)
})
