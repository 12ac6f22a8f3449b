/** DeleteRecords of a shard: which topics allow it, and which offsets are there. */
import { expect, it } from 'vitest'
import { ErrorCode } from '../../engine/base/errors.ts'
import { silentLogger } from '../../engine/base/logger.ts'
import { partitionKey } from '../../engine/metadata/image.ts'
import { buildBatch } from '../../engine/record/build.ts'
import { NOW_MS, TestClock } from '../support/log-rig.ts'
import { SimulatedBroker, settled } from '../support/simulated-broker.ts'
import { SimulatedDisk } from '../support/simulated-disk.ts'

const APPEND = { acks: -1, timeoutMs: 1_000, produceVersion: 12, internalAllowed: false } as const
const RECORDS = 3

/** A topic with records of that policy; returns what a deletion below an offset answers. */
async function holding(policy: string) {
  const disk = SimulatedDisk.holding({}, { seed: 3 })
  await disk.makeDir('/a')
  const parts = { disk, clock: new TestClock(), logger: silentLogger, seed: 1, folders: ['/a'] }
  const { controller, shard } = await SimulatedBroker.start(parts)
  const topic = { name: 't', numPartitions: 1, replicationFactor: 1, assignments: [] }
  const configs = [{ name: 'cleanup.policy', value: policy }]
  const topics = [{ ...topic, configs }]
  await controller.createTopics({ topics, timeoutMs: 1_000, validateOnly: false })
  const key = partitionKey(controller.image.topics.get('t')?.ordinal ?? -1, 0)
  for (let n = 0; n < RECORDS; n++) {
    const records = [{ key: Buffer.from('k'), value: Buffer.from('v'), timestamp: NOW_MS }]
    shard.append(key, buildBatch({ records }), APPEND, (errorCode) => expect(errorCode).toBe(0))
    shard.flush()
    await settled()
  }
  return async (offset: number) => {
    const { partitions } = await shard.calls.deleteRecords({ partitions: [{ key, offset }] })
    return partitions[0]
  }
}

it.each(['delete', 'compact,delete', ''])(
  'takes what lies below with policy "%s"',
  async (policy) => {
    const deleteBelow = await holding(policy)
    expect(await deleteBelow(2)).toEqual({ errorCode: ErrorCode.NONE, lowWatermark: 2 })
  },
)

it('is against the policy of a topic that is only compacted', async () => {
  const deleteBelow = await holding('compact')
  expect(await deleteBelow(2)).toEqual({ errorCode: ErrorCode.POLICY_VIOLATION, lowWatermark: -1 })
})

it('knows the end, and nothing beyond it', async () => {
  const deleteBelow = await holding('delete')
  for (const offset of [RECORDS + 1, Number.MAX_SAFE_INTEGER, -2, Number.MIN_SAFE_INTEGER])
    expect(await deleteBelow(offset)).toMatchObject({ errorCode: ErrorCode.OFFSET_OUT_OF_RANGE })
  expect(await deleteBelow(-1)).toEqual({ errorCode: ErrorCode.NONE, lowWatermark: RECORDS })
})
