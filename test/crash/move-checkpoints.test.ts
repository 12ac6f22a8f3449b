/** The log start that DeleteRecords moved up is not forgotten by a move, whenever power goes. */
import { expect, it } from 'vitest'
import { silentLogger } from '../../engine/base/logger.ts'
import { partitionKey } from '../../engine/metadata/image.ts'
import { buildBatch } from '../../engine/record/build.ts'
import { NOW_MS, TestClock } from '../support/log-rig.ts'
import { SimulatedBroker, settled } from '../support/simulated-broker.ts'
import { SimulatedDisk } from '../support/simulated-disk.ts'

const FOLDERS = ['/a', '/b']
const KEYS = [partitionKey(1, 0), partitionKey(1, 1)] as const
const START = 5
const APPEND = { acks: -1, timeoutMs: 1_000, produceVersion: 12, internalAllowed: false } as const
const STATES_PER_CALL = 1

const startOn = (disk: SimulatedDisk): Promise<SimulatedBroker> =>
  SimulatedBroker.start({
    disk,
    clock: new TestClock(),
    logger: silentLogger,
    seed: 1,
    folders: FOLDERS,
  })

/** One partition in each folder, of ten records, the first five deleted, as checkpoints say. */
async function brokerWithDeleted(): Promise<SimulatedBroker> {
  const disk = SimulatedDisk.holding({}, { seed: 3 })
  for (const folder of FOLDERS) await disk.makeDir(folder)
  await disk.syncDir('/')
  const broker = await startOn(disk)
  const { controller, shard } = broker
  const topic = { name: 't', numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] }
  await controller.createTopics({ topics: [topic], timeoutMs: 1_000, validateOnly: false })
  await settled()
  for (const key of KEYS) {
    for (let n = 0; n < 10; n++) {
      const records = [{ key: null, value: Buffer.from(`${n}`), timestamp: NOW_MS }]
      shard.append(key, buildBatch({ records }), APPEND, () => {})
    }
    shard.flush()
    await settled()
    await shard.partition(key)?.log.sync()
    await shard.calls.deleteRecords({ partitions: [{ key, offset: START }] })
  }
  await broker.checkpointer.write()
  return broker
}

const startsOf = ({ shard }: SimulatedBroker): (number | undefined)[] =>
  KEYS.map((key) => shard.partition(key)?.log.logStartOffset)

it('a moved partition keeps its log start over two power cuts in a row', async () => {
  const broker = await brokerWithDeleted()
  const { shard, disk } = broker
  if (!(disk instanceof SimulatedDisk)) throw new Error('a simulated disk')
  const states: SimulatedDisk[] = []
  disk.onCall = () => {
    const units = disk.tree.units()
    for (let n = 0; n < STATES_PER_CALL; n++) states.push(disk.crash(states.length, units))
  }
  // Each to the other's folder: whichever file is written first loses an entry.
  const moves = KEYS.map((key) => {
    const from = shard.partition(key)?.log.dataFolder ?? ''
    return { key, folder: 1 - FOLDERS.indexOf(from) }
  })
  await shard.calls.moveReplicas({ partitions: moves })
  await settled()
  await broker.checkpointer.write()
  disk.onCall = null
  expect(moves.map(({ key }) => shard.partition(key)?.log.dataFolder)).toEqual(
    moves.map(({ folder }) => FOLDERS[folder]),
  )
  expect(states.length).toBeGreaterThan(100)
  for (const state of states) {
    expect(startsOf(await startOn(state))).toEqual([START, START])
    expect(startsOf(await startOn(state.crash(7)))).toEqual([START, START])
  }
})
