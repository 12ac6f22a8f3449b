/** A partition on its way to another data folder while its first record comes, on a simulated disk. */
import { expect, it } from 'vitest'
import { ErrorCode } from '../../engine/base/errors.ts'
import { silentLogger } from '../../engine/base/logger.ts'
import { partitionKey } from '../../engine/metadata/image.ts'
import { buildBatch } from '../../engine/record/build.ts'
import { NOW_MS, TestClock } from '../support/log-rig.ts'
import { SimulatedBroker, settled } from '../support/simulated-broker.ts'
import { SimulatedDisk } from '../support/simulated-disk.ts'

const FOLDERS = ['/a', '/b']
const KEY = partitionKey(1, 0)
const APPEND = { acks: -1, timeoutMs: 1_000, produceVersion: 12, internalAllowed: false } as const
/** A move of an empty partition is over within so many turns. */
const TURNS_MAX = 120

async function brokerWithTopic(): Promise<SimulatedBroker> {
  const disk = SimulatedDisk.holding({}, { seed: 3 })
  for (const folder of FOLDERS) await disk.makeDir(folder)
  const parts = { disk, clock: new TestClock(), logger: silentLogger, seed: 1, folders: FOLDERS }
  const broker = await SimulatedBroker.start(parts)
  const topic = { name: 't', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
  await broker.controller.createTopics({ topics: [topic], timeoutMs: 1_000, validateOnly: false })
  return broker
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await null
}

it('takes first records at any moment of a move', async () => {
  for (let until = 0; until < TURNS_MAX; until++) {
    const broker = await brokerWithTopic()
    const { shard } = broker
    const answers: number[] = []
    const append = (): void => {
      const records = [{ key: null, value: Buffer.from('x'), timestamp: NOW_MS }]
      shard.append(KEY, buildBatch({ records }), APPEND, (errorCode) => answers.push(errorCode))
      shard.flush()
    }
    const { log } = shard.partition(KEY)!
    const folder = log.dataFolder === '/a' ? 1 : 0
    const asked = shard.calls.moveReplicas({ partitions: [{ key: KEY, folder }] })
    await turns(until)
    append()
    await turns(3)
    append()
    expect((await asked).partitions).toEqual([{ errorCode: ErrorCode.NONE }])
    await settled()
    expect(answers, `appended after ${until} turns`).toEqual([0, 0])
    expect(log.dataFolder).toBe(FOLDERS[folder])
    await broker.stop()
  }
})
