/** A broker on a disk that producers filled: what an operator can still do, and that it helps. */
import { describe, expect, it } from 'vitest'
import { ErrorCode } from '../../engine/base/errors.ts'
import { limits } from '../../engine/base/limits.ts'
import { silentLogger } from '../../engine/base/logger.ts'
import { ConfigOperation } from '../../engine/coordinator/controller/config-changes.ts'
import { checkLog } from '../../engine/log/check.ts'
import { ConfigResourceType } from '../../engine/metadata/config-resource.ts'
import { partitionKey } from '../../engine/metadata/image.ts'
import { buildBatch } from '../../engine/record/build.ts'
import { TestClock } from '../support/log-rig.ts'
import { SimulatedBroker, settled } from '../support/simulated-broker.ts'
import { SimulatedDisk } from '../support/simulated-disk.ts'

const CAPACITY_BYTES = 400_000
const KEY_OF_FILLING = partitionKey(2, 0)
const APPEND = { acks: -1, timeoutMs: 1_000, produceVersion: 12, internalAllowed: false } as const

async function brokerOn(disk: SimulatedDisk, clock: TestClock) {
  const more = { logger: silentLogger, seed: 1, folders: ['/d0'] }
  const broker = await SimulatedBroker.start({ disk, clock, ...more })
  const { controller, shard } = broker
  return {
    broker,
    async create(name: string): Promise<number> {
      const topic = { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
      const request = { topics: [topic], timeoutMs: 1_000, validateOnly: false }
      const [created] = await controller.createTopics(request)
      return created?.errorCode ?? -1
    },
    async remove(name: string): Promise<number> {
      const request = { topics: [], topicNames: [name], timeoutMs: 1_000 }
      const [deleted] = await controller.deleteTopics(request)
      return deleted?.errorCode ?? -1
    },
    async limit(name: string, retentionBytes: number): Promise<number> {
      const value = String(retentionBytes)
      const operation = { configOperation: ConfigOperation.set }
      const configs = [{ name: 'retention.bytes', value, ...operation }]
      const resource = { resourceType: ConfigResourceType.topic, resourceName: name, configs }
      const [answer] = await controller.alterConfigs([{ ...resource, replaces: false }], false)
      return answer?.errorCode ?? -1
    },
    async append(name: string, bytes: number): Promise<number> {
      const key = partitionKey(controller.image.topics.get(name)!.ordinal, 0)
      const records = [{ key: null, value: Buffer.alloc(bytes, 1), timestamp: clock.wallMs() }]
      let answer = -2
      shard.append(key, buildBatch({ records }), APPEND, (errorCode) => {
        answer = errorCode
      })
      shard.flush()
      await settled()
      return answer
    },
  }
}

type Driven = Awaited<ReturnType<typeof brokerOn>>

/** Two topics that leave no room for another record: `old` holds a quarter of it. */
async function filled() {
  const disk = SimulatedDisk.holding({}, { seed: 3, capacityBytes: CAPACITY_BYTES })
  await disk.makeDir('/d0')
  const clock = new TestClock()
  const at = await brokerOn(disk, clock)
  for (const name of ['old', 'filling']) expect(await at.create(name)).toBe(0)
  for (let n = 0; n < 20; n++) expect(await at.append('old', 5_000)).toBe(0)
  for (const bytes of [900, 1]) while ((await at.append('filling', bytes)) === 0);
  expect(await at.append('filling', 900)).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
  expect(disk.freeNow()).toBeLessThan(200)
  const end = at.broker.shard.partition(KEY_OF_FILLING)?.log.logEndOffset ?? -1
  return { disk, clock, at, end }
}

it('on a full disk options can be lowered and topics deleted, which makes room', async () => {
  const { disk, at } = await filled()
  expect(await at.limit('filling', 50_000)).toBe(0)
  expect(await at.remove('old')).toBe(0)
  at.broker.pass(120_000)
  await settled()
  expect(disk.freeNow()).toBeGreaterThan(90_000)
  // The first one finds that there is room again.
  await at.append('filling', 900)
  expect(await at.append('filling', 900)).toBe(0)
  expect(await at.create('new')).toBe(0)
  await at.broker.stop()
})

it('after a crash on a full disk everything is served, and there is room after a deletion', async () => {
  const { disk, clock, end } = await filled()
  const crashed = await brokerOn(disk, clock)
  const { shard } = crashed.broker
  expect([...shard.offline.values()]).toEqual([])
  const partition = shard.partition(KEY_OF_FILLING)!
  expect(partition.log.logEndOffset).toBe(end)
  expect(await partition.log.offsetForTimestamp(clock.wallMs() - 1, end)).toMatchObject({
    offset: 0,
  })
  expect(await crashed.append('filling', 900)).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
  expect(await crashed.remove('old')).toBe(0)
  crashed.broker.pass(120_000)
  await settled()
  await crashed.append('filling', 900)
  expect(await crashed.append('filling', 900)).toBe(0)
  await crashed.broker.stop()
  const { problems } = await checkLog(disk, partition.log.dir, { indexIntervalBytes: 4_096 })
  expect(problems).toEqual([])
})

describe('a topic that was deleted when its checkpoints could not be written', () => {
  /** Everything is kept: kill -9. */
  const killed = (disk: SimulatedDisk): SimulatedDisk => {
    const units = disk.tree.units()
    return disk.crashKeeping(
      units,
      units.map(() => true),
    )
  }

  const noCheckpoints = (disk: SimulatedDisk): void => {
    const fault = { kind: 'error', code: 'ENOSPC' } as const
    disk.inject({ at: 1, sticky: true, path: /checkpoint\.tmp$/, operation: 'open', fault })
  }

  /** `topic` began at 7, says a checkpoint, and is another one now. */
  async function madeAnew() {
    const disk = SimulatedDisk.holding({}, { seed: 3 })
    await disk.makeDir('/d0')
    const clock = new TestClock()
    const at = await brokerOn(disk, clock)
    expect(await at.create('topic')).toBe(0)
    for (let n = 0; n < 20; n++) expect(await at.append('topic', 100)).toBe(0)
    at.broker.shard.partition(partitionKey(1, 0))?.log.deleteRecordsBefore(7)
    await at.broker.checkpointer.write()
    noCheckpoints(disk)
    expect(await at.remove('topic')).toBe(0)
    expect(await at.create('topic')).toBe(0)
    expect(await at.append('topic', 100)).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
    return { disk, clock, at }
  }

  /** The first record of the new one is taken once there is room, and is there after a crash. */
  async function holdsWithRoom(disk: SimulatedDisk, clock: TestClock, at: Driven): Promise<void> {
    disk.clearFaults()
    at.broker.pass(2 * limits.checkpointRetryMs)
    await settled()
    expect(await at.append('topic', 100)).toBe(0)
    const { controller, shard } = (await brokerOn(killed(disk), clock)).broker
    const key = partitionKey(controller.image.topics.get('topic')!.ordinal, 0)
    expect(shard.partition(key)?.log).toMatchObject({ logStartOffset: 0, logEndOffset: 1 })
  }

  it('says nothing of the next one of its name', async () => {
    const { disk, clock, at } = await madeAnew()
    await holdsWithRoom(disk, clock, at)
  })

  it('says nothing of it after a start without room either', async () => {
    const { disk, clock } = await madeAnew()
    const after = killed(disk)
    noCheckpoints(after)
    const again = await brokerOn(after, clock)
    expect(await again.append('topic', 100)).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
    await holdsWithRoom(after, clock, again)
  })
})
