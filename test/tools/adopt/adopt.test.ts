/** Adopting the folder a real Kafka 4.2 left (test/golden/logs/data), every refusal, and the way back. */
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { silentLogger } from '../../../engine/base/logger.ts'
import { CLUSTER_METADATA_FOLDER } from '../../../engine/log/data-folder.ts'
import { NodeDisk } from '../../../engine/log/node-disk.ts'
import {
  formatPartitionMetadata,
  PARTITION_METADATA_FILE,
  parsePartitionMetadata,
} from '../../../engine/log/partition-metadata.ts'
import { EmbeddedMetaStore } from '../../../engine/metastore/embedded-store.ts'
import { unadoptedProblem } from '../../../net/unadopted-folder.ts'
import { KafkaCluster, RecordType } from '../../../tools/adopt/kafka-cluster.ts'
import { type MetadataRecord, readMetadataLog } from '../../../tools/adopt/metadata-log.ts'
import { appendRecords, readOurState } from '../../../tools/adopt/release.ts'
import { type CliResult, runCli } from '../../support/cli.ts'

const GOLDEN = join(import.meta.dirname, '../../golden/logs/data')
const root = mkdtempSync(join(tmpdir(), 'sluice-adopt-'))
afterAll(() => rmSync(root, { recursive: true }))
const disk = new NodeDisk()

function newFolder(): string {
  const folder = join(mkdtempSync(join(root, 'kafka-')), 'data')
  cpSync(GOLDEN, folder, { recursive: true })
  return folder
}

function clusterOf(folder: string): KafkaCluster {
  const cluster = new KafkaCluster()
  readMetadataLog(join(folder, '__cluster_metadata-0'), (record) => cluster.apply(record))
  return cluster
}

/** Tells the folder's metadata log more, as a controller would have. */
function tell(folder: string, ...records: MetadataRecord[]): void {
  const end = readMetadataLog(join(folder, '__cluster_metadata-0'), () => {})
  appendRecords(end, records, 1_700_000_000_000)
}

function record(type: number, fields: object, version = 0): MetadataRecord {
  return { type, version, fields }
}

/** Every file's bytes by its path, but for the lock. */
function contentOf(folder: string): Map<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
  return new Map(
    files
      .filter((entry) => entry.isFile() && entry.name !== '.lock')
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path, readFileSync(path, 'latin1')]),
  )
}

async function refusedWith(folder: string, reason: RegExp, ...flags: string[]): Promise<CliResult> {
  const before = contentOf(folder)
  const result = await runCli(['storage', 'adopt', folder, ...flags])
  expect(result.code).toBe(1)
  expect(result.stderr).toContain('cannot adopt; nothing was changed')
  expect(result.stderr).toMatch(reason)
  expect(contentOf(folder)).toEqual(before)
  return result
}

describe('adopting', () => {
  it('takes over topics with the ids their folders have, and their options', async () => {
    const folder = newFolder()
    const told = await runCli(['storage', 'adopt', folder, '--format', 'json'])
    expect(told.code).toBe(0)
    expect(JSON.parse(told.stdout)).toMatchObject({ nodeId: 1, adopted: true })
    const ours = await readOurState(disk, folder, silentLogger)
    expect(ours.cluster.incarnation).toBe(0)
    const folders = readdirSync(folder).filter(
      (name) =>
        name !== CLUSTER_METADATA_FOLDER && existsSync(join(folder, name, 'partition.metadata')),
    )
    expect(folders.length).toBeGreaterThan(30)
    for (const name of folders) {
      const dash = name.lastIndexOf('-')
      const topic = ours.topics.get(name.slice(0, dash))
      const content = readFileSync(join(folder, name, 'partition.metadata'))
      expect([name, topic?.topicId]).toEqual([name, parsePartitionMetadata(content, name)])
      expect(topic?.partitions).toBeGreaterThan(Number(name.slice(dash + 1)))
    }
    expect(ours.topics.get('compacted')?.configs['cleanup.policy']).toBe('compact')
    expect(ours.topics.get('__consumer_offsets')?.partitions).toBe(4)
  })

  it('begins leader epochs above those of Kafka', async () => {
    const folder = newFolder()
    const cluster = clusterOf(folder)
    await runCli(['storage', 'adopt', folder])
    const { topics } = await readOurState(disk, folder, silentLogger)
    for (const { name, partitions } of cluster.topics.values())
      for (const { leaderEpoch } of partitions.values())
        expect(topics.get(name)?.epochBase).toBeGreaterThan(leaderEpoch)
  })

  it('changes nothing with --dry-run', async () => {
    const folder = newFolder()
    const before = contentOf(folder)
    const result = await runCli(['storage', 'adopt', folder, '--dry-run'])
    expect([result.code, result.stderr]).toEqual([0, expect.stringContaining('could adopt')])
    expect(contentOf(folder)).toEqual(before)
  })

  it('carries options of brokers and groups, quotas and the next producer id', async () => {
    const folder = newFolder()
    const config = (resourceType: number, resourceName: string, name: string, value: string) =>
      record(RecordType.config, { resourceType, resourceName, name, value })
    tell(
      folder,
      config(4, '', 'log.retention.ms', '1000'),
      config(4, '1', 'log.cleaner.threads', '2'),
      config(32, 'g', 'consumer.session.timeout.ms', '46000'),
      record(RecordType.clientQuota, {
        entity: [
          { entityType: 'user', entityName: null },
          { entityType: 'client-id', entityName: 'app' },
        ],
        key: 'producer_byte_rate',
        value: 1024.5,
        remove: false,
      }),
      record(RecordType.producerIds, { brokerId: 1, brokerEpoch: 5, nextProducerId: 77_000 }),
    )
    await runCli(['storage', 'adopt', folder])
    const ours = await readOurState(disk, folder, silentLogger)
    expect(Object.fromEntries(ours.configs)).toMatchObject({
      'configs/cluster': { 'log.retention.ms': '1000', 'min.insync.replicas': '1' },
      'configs/broker': { 'log.cleaner.threads': '2' },
      'configs/group/g': { 'consumer.session.timeout.ms': '46000' },
    })
    const [quota] = ours.quotas.values()
    expect(quota?.entity).toEqual({ user: null, clientId: 'app' })
    expect(quota?.values.get('producer_byte_rate')).toBe(1024.5)
    expect(ours.cluster.nextProducerId).toBe(77_000)
  })
})

describe('adopting is refused, with every reason, and changes nothing', () => {
  it('after a stop that was not clean, unless told to recover', async () => {
    const folder = newFolder()
    rmSync(join(folder, '.kafka_cleanshutdown'))
    await refusedWith(folder, /not closed cleanly[\s\S]*--recover/)
    expect((await runCli(['storage', 'adopt', folder, '--recover', '--dry-run'])).code).toBe(0)
  })

  it('for a cluster of several brokers', async () => {
    const folder = newFolder()
    const broker = {
      brokerId: 7,
      incarnationId: 'AAAAAAAAAAAAAAAAAAAAAQ',
      brokerEpoch: 9,
      endPoints: [],
      features: [],
      rack: null,
      fenced: false,
    }
    tell(folder, record(RecordType.registerBroker, broker))
    await refusedWith(folder, /brokers 7 belong to the cluster too/)
    tell(folder, record(RecordType.unregisterBroker, { brokerId: 7, brokerEpoch: 9 }))
    expect((await runCli(['storage', 'adopt', folder, '--dry-run'])).code).toBe(0)
  })

  it('for topics in tiered storage, access rules, and more than one reason at once', async () => {
    const folder = newFolder()
    tell(
      folder,
      record(RecordType.config, {
        resourceType: 2,
        resourceName: 'shapes',
        name: 'remote.storage.enable',
        value: 'true',
      }),
      record(RecordType.accessControlEntry, {
        id: 'AAAAAAAAAAAAAAAAAAAAAg',
        resourceType: 2,
        resourceName: '*',
        patternType: 3,
        principal: 'User:a',
        host: '*',
        operation: 3,
        permissionType: 3,
      }),
    )
    const { stderr } = await refusedWith(folder, /topic shapes: Tiered Storage/)
    expect(stderr).toMatch(/1 access rules[\s\S]*--without-security/)
  })

  it('for a partition whose folder is missing or of another topic', async () => {
    const folder = newFolder()
    rmSync(join(folder, 'shapes-0'), { recursive: true })
    await refusedWith(folder, /shapes-0 is in none of the named folders/)
    renameSync(join(folder, 'txn-0'), join(folder, 'shapes-0'))
    await refusedWith(folder, /shapes-0 is of topic id \S+, but the topic has \S+/)
  })

  it('for damage in the metadata log, and records newer than Kafka 4.2', async () => {
    const damaged = newFolder()
    const path = join(damaged, '__cluster_metadata-0/00000000000000000000.log')
    const bytes = readFileSync(path)
    bytes[300]! ^= 1
    writeFileSync(path, bytes)
    await refusedWith(damaged, /at byte \d+: crc/)
  })

  it('for what is no Kafka folder, one of ZooKeeper days, and one that is ours already', async () => {
    const empty = mkdtempSync(join(root, 'empty-'))
    await refusedWith(empty, /no meta\.properties/)
    const old = newFolder()
    writeFileSync(join(old, 'meta.properties'), 'version=0\nbroker.id=1\ncluster.id=abc\n')
    await refusedWith(old, /ZooKeeper/)
    const ours = newFolder()
    await runCli(['storage', 'adopt', ours])
    await refusedWith(ours, /sluice's already/)
  })

  it('a start on a folder that was not adopted names the command', async () => {
    const folder = newFolder()
    expect(await unadoptedProblem(disk, [folder])).toContain(`sluice storage adopt ${folder}`)
    await runCli(['storage', 'adopt', folder])
    expect(await unadoptedProblem(disk, [folder])).toBeNull()
  })
})

describe('releasing', () => {
  it('right after adopting leaves the folder as Kafka left it', async () => {
    const folder = newFolder()
    const before = contentOf(folder)
    await runCli(['storage', 'adopt', folder])
    const result = await runCli(['storage', 'release', folder, '--format', 'jsonl'])
    expect([result.code, JSON.parse(result.stdout)]).toEqual([0, { released: true, records: 0 }])
    expect(contentOf(folder)).toEqual(before)
  })

  it('tells Kafka of topics made, removed and grown, of options and epochs, once', async () => {
    const folder = newFolder()
    await runCli(['storage', 'adopt', folder])
    const before = clusterOf(folder)
    await changeOurs(folder)
    const result = await runCli(['storage', 'release', folder])
    expect([result.code, result.stderr]).toEqual([0, expect.stringContaining('released')])
    const after = clusterOf(folder)
    const byName = new Map([...after.topics.values()].map((topic) => [topic.name, topic]))
    expect(byName.has('shapes')).toBe(false)
    expect(byName.get('born')?.partitions.get(1)?.replicas).toEqual([1])
    expect(after.configsOf(2, 'born')).toEqual(new Map([['retention.ms', '5']]))
    expect(byName.get('partitioned')?.partitions.size).toBe(4)
    for (const topic of before.topics.values())
      for (const [index, { leaderEpoch }] of byName.get(topic.name)?.partitions ?? [])
        expect(leaderEpoch).toBeGreaterThanOrEqual(topic.partitions.get(index)?.leaderEpoch ?? 0)
    expect(after.nextProducerId).toBe(90_000)
    // A second round has nothing more to tell.
    await runCli(['storage', 'adopt', folder])
    const again = await runCli(['storage', 'release', folder, '--format', 'json'])
    expect(JSON.parse(again.stdout).records).toBe(0)
  })

  it('goes on where a release was cut off: a torn write, or files not yet removed', async () => {
    const folder = newFolder()
    await runCli(['storage', 'adopt', folder])
    await changeOurs(folder)
    const path = join(folder, '__cluster_metadata-0/00000000000000000000.log')
    appendFileSync(path, readFileSync(path).subarray(0, 50))
    expect((await runCli(['storage', 'release', folder])).code).toBe(0)
    expect([...clusterOf(folder).topics.values()].some(({ name }) => name === 'born')).toBe(true)

    await runCli(['storage', 'adopt', folder])
    renameSync(join(folder, 'sluice-meta.log'), join(folder, 'sluice-meta.log.released'))
    expect((await runCli(['storage', 'adopt', folder])).code).toBe(0)
    expect(existsSync(join(folder, 'sluice-meta.log.released'))).toBe(false)
  })

  it('is refused for a folder that is not ours, and after a stop that was not clean', async () => {
    const folder = newFolder()
    const foreign = await runCli(['storage', 'release', folder])
    expect([foreign.code, foreign.stderr]).toEqual([1, expect.stringContaining("not sluice's")])
    await runCli(['storage', 'adopt', folder])
    rmSync(join(folder, '.kafka_cleanshutdown'))
    const unclean = await runCli(['storage', 'release', folder])
    expect([unclean.code, unclean.stderr]).toEqual([1, expect.stringContaining('--recover')])
  })
})

/** What a run of ours would have left in the store: a start, and some changes. */
async function changeOurs(folder: string): Promise<void> {
  const { cluster, topics } = await readOurState(disk, folder, silentLogger)
  const store = await EmbeddedMetaStore.open(disk, folder, silentLogger)
  const born = {
    topicId: 'BornBornBornBornBornBg',
    ordinal: cluster.nextOrdinal,
    partitions: 2,
    epochBase: 0,
    bornIncarnation: 1,
    configs: { 'retention.ms': '5' },
  }
  await store.transact(
    [],
    [
      {
        key: 'cluster',
        value: JSON.stringify({ ...cluster, incarnation: 3, nextProducerId: 90_000 }),
      },
      { key: 'topics/shapes', value: null },
      { key: 'topics/born', value: JSON.stringify(born) },
      {
        key: 'topics/partitioned',
        value: JSON.stringify({ ...topics.get('partitioned'), partitions: 4 }),
      },
    ],
  )
  await store.close()
  const grown = topics.get('partitioned')?.topicId ?? ''
  for (const [name, id] of [
    ['born-0', born.topicId],
    ['born-1', born.topicId],
    ['partitioned-3', grown],
  ] as const) {
    mkdirSync(join(folder, name), { recursive: true })
    writeFileSync(join(folder, name, PARTITION_METADATA_FILE), formatPartitionMetadata(id))
  }
  rmSync(join(folder, 'shapes-0'), { recursive: true })
}
