/** What a start makes of partition folders that a crash left half made. */
import { describe, expect, it } from 'vitest'
import { parseBrokerConfig } from '../../engine/base/config.ts'
import { CheckpointFile, formatOffsetCheckpoint } from '../../engine/log/checkpoints.ts'
import { formatPartitionMetadata } from '../../engine/log/partition-metadata.ts'
import { emptyImage, type TopicImage, withTopics } from '../../engine/metadata/image.ts'
import { placeFolders } from '../../net/data-folders.ts'
import { recoverLogOn } from '../../workers/jobs/recover-log.ts'
import { MemoryLogger } from '../support/connection-rig.ts'
import { TestClock, TOPIC_ID } from '../support/log-rig.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { SimulatedDisk } from '../support/simulated-disk.ts'

const TOPIC: TopicImage = {
  name: 't',
  topicId: TOPIC_ID,
  ordinal: 1,
  internal: false,
  partitions: [{ index: 0, leaderEpoch: 0 }],
  configs: new Map(),
}
const SEGMENT = '00000000000000000000.log'

const NOTHING_DELETED: ReadonlyMap<string, string> = new Map()

function placed(
  files: Record<string, string>,
  folders = '/data',
  before: (disk: SimulatedDisk) => void = () => {},
  deleted = NOTHING_DELETED,
) {
  const disk = SimulatedDisk.holding({ '/data/meta.properties': '', ...files })
  before(disk)
  return placedOn(disk, folders, deleted)
}

async function placedOn(
  disk: SimulatedDisk,
  folders: string,
  deleted: ReadonlyMap<string, string>,
) {
  const { config } = parseBrokerConfig(new Map([['log.dirs', folders]]))
  const ports = {
    disk,
    config,
    clock: new TestClock(),
    random: seededRandom(1),
    logger: new MemoryLogger(),
  }
  const open = { locks: [], clusterId: 'c', clean: new Map(), failed: new Map() }
  const image = withTopics(emptyImage('c', 1), [TOPIC])
  const recoverLog = (input: Parameters<typeof recoverLogOn>[1]) => recoverLogOn(disk, input)
  const { dataFolders } = await placeFolders(ports, open, image, deleted, { recoverLog })
  return { disk, dataFolders, names: (await disk.list('/data')).sort() }
}

it('a folder whose identity was not written yet is used', async () => {
  const { disk, dataFolders } = await placed({ '/data/t-0/partition.metadata.tmp': 'vers' })
  expect(dataFolders.placed.get('t-0')).toBe('/data')
  expect(await disk.list('/data/t-0')).toEqual(['partition.metadata.tmp'])
})

it('a folder with an empty segment and no identity yet is used too', async () => {
  const { dataFolders } = await placed({ [`/data/t-0/${SEGMENT}`]: '' })
  expect(dataFolders.placed.get('t-0')).toBe('/data')
})

it('such a folder of a topic that is gone is removed', async () => {
  const { names } = await placed({ '/data/gone-0/partition.metadata.tmp': 'vers' })
  expect(names).toEqual(['meta.properties'])
})

it('and so is one of a partition that the topic does not have', async () => {
  const { names } = await placed({
    '/data/t-1/partition.metadata.tmp': 'vers',
    [`/data/t-2/${SEGMENT}`]: '',
  })
  expect(names).toEqual(['meta.properties'])
})

it('a folder with records and without an identity is put aside', async () => {
  const { names } = await placed({ [`/data/t-0/${SEGMENT}`]: 'something' })
  expect(names).toEqual(['meta.properties', expect.stringMatching(/^t-0\..*-stray$/)])
})

it('a folder whose identity does not read keeps its partition offline, and is not a stranger', async () => {
  const { dataFolders, names } = await placed({
    '/data/t-0/partition.metadata': 'version: 0\ntopic_id: not one',
    [`/data/t-0/${SEGMENT}`]: 'something',
  })
  expect(names).toEqual(['meta.properties', 't-0'])
  expect(dataFolders.damaged.get('t-0')).toMatch(/is no topic id/)
})

it('of two folders of a partition the one in which nothing was made is removed', async () => {
  const { disk, dataFolders } = await placed(
    {
      '/more/t-0/partition.metadata.tmp': 'vers',
      '/data/t-0/partition.metadata': formatPartitionMetadata(TOPIC_ID),
    },
    '/more,/data',
  )
  expect(dataFolders.placed.get('t-0')).toBe('/data')
  expect(await disk.list('/more')).toEqual([])
})

it('what a crash leaves of a deletion that is finished goes with the next start', async () => {
  const deleted = 'BBBBBBBBBBBBBBBBBBBBBA'
  const files = {
    '/data/gone-0/partition.metadata': formatPartitionMetadata(deleted),
    [`/data/gone-0/${SEGMENT}`]: 'something',
  }
  const states: SimulatedDisk[] = []
  await placed(
    files,
    '/data',
    (disk) => {
      disk.onCall = () => states.push(...disk.crashStates(states.length, 20))
    },
    new Map([[deleted, 'gone']]),
  )
  expect(states.length).toBeGreaterThan(20)
  for (const disk of states) {
    await placedOn(disk, '/data', new Map([[deleted, 'gone']]))
    expect(await disk.list('/data')).toEqual(['meta.properties'])
  }
})

describe('checkpoints', () => {
  const NAMES = [
    CheckpointFile.logStartOffset,
    CheckpointFile.recoveryPoint,
    CheckpointFile.cleaner,
  ] as const
  const entries = (folder: string) =>
    Object.fromEntries(
      NAMES.map((name) => [
        `${folder}/${name}`,
        formatOffsetCheckpoint(
          new Map([
            ['t-0', 12],
            ['gone-0', 3],
          ]),
        ),
      ]),
    )
  const OTHER_ID = 'BBBBBBBBBBBBBBBBBBBBBA'

  it.each([
    ['a topic deleted while the folder was away', `/more/t-0/partition.metadata`],
    [
      'one whose folder waits for its removal',
      `/more/t-0.${'a'.repeat(32)}-delete/partition.metadata`,
    ],
    ['nothing that is there', '/more/meta.properties'],
  ])('of %s say nothing of a new one of its name, and go', async (_, path) => {
    const { disk, dataFolders } = await placed(
      {
        '/data/t-0/partition.metadata': formatPartitionMetadata(TOPIC_ID),
        [path]: formatPartitionMetadata(OTHER_ID),
        ...entries('/more'),
      },
      '/data,/more',
    )
    expect(dataFolders.logStartOffsets.get('t-0')).toBeUndefined()
    expect(dataFolders.cleanedOffsets.get('t-0')).toBeUndefined()
    for (const name of NAMES)
      expect(String(await disk.readFile(`/more/${name}`))).toBe(formatOffsetCheckpoint(new Map()))
  })

  it.each(['t-0', `t-0.${'a'.repeat(32)}-delete`])(
    'count where the partition is, or was before a move: in %s',
    async (name) => {
      const { dataFolders } = await placed(
        {
          '/data/t-0/partition.metadata': formatPartitionMetadata(TOPIC_ID),
          [`/more/${name}/partition.metadata`]: formatPartitionMetadata(TOPIC_ID),
          ...entries('/more'),
        },
        '/data,/more',
      )
      expect(dataFolders.logStartOffsets.get('t-0')).toBe(12)
      expect(dataFolders.logStartOffsets.get('gone-0')).toBeUndefined()
    },
  )

  it.each(['t-0', `t-0.${'a'.repeat(32)}-delete`])(
    'go to the folder that has the partition now, whatever interrupts the start: from %s',
    async (name) => {
      const states: SimulatedDisk[] = []
      const { disk } = await placed(
        {
          '/data/t-0/partition.metadata': formatPartitionMetadata(TOPIC_ID),
          [`/data/t-0/${SEGMENT}`]: '',
          [`/more/${name}/partition.metadata`]: formatPartitionMetadata(TOPIC_ID),
          ...entries('/more'),
        },
        '/data,/more',
        (before) => {
          before.onCall = () => states.push(...before.crashStates(states.length, 20))
        },
      )
      expect(states.length).toBeGreaterThan(20)
      for (const state of [disk, ...states])
        for (const _ of [1, 2]) {
          const { dataFolders } = await placedOn(state, '/data,/more', NOTHING_DELETED)
          expect(dataFolders.placed.get('t-0')).toBe('/data')
          expect(dataFolders.logStartOffsets.get('t-0')).toBe(12)
          expect(dataFolders.cleanedOffsets.get('t-0')).toBe(12)
        }
    },
  )
})

it('a folder with its identity is recovered in its place', async () => {
  const { disk, dataFolders } = await placed({
    '/data/t-0/partition.metadata': formatPartitionMetadata(TOPIC_ID),
  })
  expect(dataFolders.placed.get('t-0')).toBe('/data')
  expect(await disk.list('/data/t-0')).toContain(SEGMENT)
})
