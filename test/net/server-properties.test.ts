import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  loadBrokerConfig,
  optionOfVariable,
  type PropertySources,
  parseProperties,
} from '../../net/server-properties.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-properties-'))
})
afterAll(() => rm(folder, { recursive: true }))

function load(sources: Partial<PropertySources>) {
  return loadBrokerConfig({
    file: null,
    environment: {},
    overrides: [],
    workingFolder: folder,
    ...sources,
  })
}

async function fileWith(text: string): Promise<string> {
  const path = join(folder, 'server.properties')
  await writeFile(path, text)
  return path
}

describe('sources', () => {
  test('none: one PLAINTEXT listener and a data folder in the working directory', async () => {
    const { config, warnings, errors } = await load({})
    expect(errors).toEqual([])
    expect(warnings).toEqual([])
    expect(config.dataFolders).toEqual([join(folder, 'sluice-data')])
    expect(config.clientListeners).toMatchObject([{ name: 'PLAINTEXT', host: '', port: 9092 }])
  })

  test('an override wins over the environment, which wins over the file', async () => {
    const file = await fileWith(
      'num.partitions=2\nlog.segment.bytes=2000000\nfetch.max.bytes=5000\n',
    )
    const { config, errors } = await load({
      file,
      environment: { KAFKA_NUM_PARTITIONS: '3', KAFKA_LOG_SEGMENT_BYTES: '3000000' },
      overrides: ['num.partitions=4'],
    })
    expect(errors).toEqual([])
    expect(config.numPartitions).toBe(4)
    expect(config.logSegmentBytes).toBe(3_000_000)
    expect(config.fetchMaxBytes).toBe(5_000)
  })

  test('a file that is not there is an error that names it', async () => {
    const { errors } = await load({ file: 'nowhere.properties' })
    expect(errors).toHaveLength(1)
    expect(errors[0]).toContain(join(folder, 'nowhere.properties'))
  })

  test('an override without an equals sign is an error', async () => {
    const { errors } = await load({ overrides: ['num.partitions'] })
    expect(errors).toEqual(['--override takes name=value, not num.partitions'])
  })

  test('an override value may itself hold an equals sign', async () => {
    const { config } = await load({ overrides: ['broker.rack=a=b'] })
    expect(config.brokerRack).toBe('a=b')
  })

  test('relative data folders start at the working directory', async () => {
    const { config } = await load({ overrides: ['log.dirs=/abs/one,two'] })
    expect(config.dataFolders).toEqual(['/abs/one', join(folder, 'two')])
  })
})

describe('the properties format', () => {
  test('comments, separators, long lines, escapes, repeated names are read as Java does', () => {
    const text = '# no\n! no\na=1\nb : 2\nc 3\nd=x\\\n   y\ne=\\u0041\nf=one\nf=two\ng=\nh = 4  \n'
    expect(Object.fromEntries(parseProperties(text))).toEqual({
      a: '1',
      b: '2',
      c: '3',
      d: 'xy',
      e: 'A',
      f: 'two',
      g: '',
      h: '4',
    })
  })

  test('a stock server.properties of Kafka 4.2 has no errors and few warnings', async () => {
    const { config, warnings, errors } = await load({ file: await fileWith(STOCK_KRAFT) })
    expect(errors).toEqual([])
    expect(warnings).toEqual([
      'process.roles, controller.quorum.bootstrap.servers, the listener CONTROLLER://:9093 have ' +
        'no effect: sluice keeps its metadata itself and needs no controllers; remove it',
    ])
    expect(config.nodeId).toBe(1)
    expect(config.clientListeners).toEqual([
      {
        name: 'PLAINTEXT',
        host: '',
        port: 9092,
        advertisedHost: 'localhost',
        advertisedPort: 9092,
      },
    ])
    expect(config.dataFolders).toEqual(['/tmp/kraft-combined-logs'])
    expect(config.logRetentionHours).toBe(168)
  })

  test('an old one with ZooKeeper is taken, with one warning about ZooKeeper', async () => {
    const file = await fileWith(
      'broker.id=113\nlog.dirs=/data\nzookeeper.connect=a:2181\n' +
        'zookeeper.connection.timeout.ms=18000\n',
    )
    const { config, warnings, errors } = await load({ file })
    expect(errors).toEqual([])
    expect(config.nodeId).toBe(113)
    expect(warnings).toEqual([
      'zookeeper.connect, zookeeper.connection.timeout.ms have no effect: sluice keeps its ' +
        'metadata itself and needs no ZooKeeper; remove it',
    ])
  })
})

describe('files as Kafka ships them', () => {
  const common = `
num.network.threads=3
num.io.threads=8
socket.send.buffer.bytes=102400
socket.receive.buffer.bytes=102400
socket.request.max.bytes=104857600
num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
log.retention.hours=168
log.segment.bytes=1073741824
log.retention.check.interval.ms=300000
`
  const kraftOnly = `
inter.broker.listener.name=PLAINTEXT
advertised.listeners=PLAINTEXT://localhost:9092
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,\\
  SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL
`
  test.each([
    [
      'broker.properties of 4.2',
      `process.roles=broker\nnode.id=2\ncontroller.quorum.bootstrap.servers=localhost:9093
listeners=PLAINTEXT://localhost:9092\nlog.dirs=/tmp/kraft-broker-logs
num.recovery.threads.per.data.dir=2\nshare.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.replication.factor=1${common}${kraftOnly}`,
      2,
      'process.roles, controller.quorum.bootstrap.servers have no effect: ',
    ],
    [
      'kraft/server.properties of 3.x',
      `process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@localhost:9093
listeners=PLAINTEXT://:9092,CONTROLLER://:9093\nlog.dirs=/tmp/kraft-combined-logs
num.recovery.threads.per.data.dir=1${common}${kraftOnly}`,
      1,
      'process.roles, controller.quorum.voters, the listener CONTROLLER://:9093 have no effect: ',
    ],
    [
      'server.properties of 2.x and 3.x',
      `broker.id=0\nlog.dirs=/tmp/kafka-logs\nzookeeper.connect=localhost:2181
num.recovery.threads.per.data.dir=1\nzookeeper.connection.timeout.ms=18000
group.initial.rebalance.delay.ms=0${common}`,
      0,
      'zookeeper.connect, zookeeper.connection.timeout.ms have no effect: ',
    ],
  ])('%s starts unchanged, with one warning', async (_name, text, nodeId, warning) => {
    const { config, warnings, errors } = await load({ file: await fileWith(text) })
    expect(errors).toEqual([])
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain(warning)
    expect(config.nodeId).toBe(nodeId)
    expect(config.clientListeners.map(({ name, port }) => [name, port])).toEqual([
      ['PLAINTEXT', 9092],
    ])
  })
})

describe('the environment', () => {
  test('underscores stand for dots, two for one, three for a dash', () => {
    expect(optionOfVariable('KAFKA_A_B__C___D')).toBe('a.b_c-d')
    expect(optionOfVariable('KAFKA_NUM_PARTITIONS')).toBe('num.partitions')
    expect(optionOfVariable('KAFKA_CFG_LOG_DIRS')).toBe('log.dirs')
  })

  test("variables of Kafka's start scripts are passed over in silence", async () => {
    const environment = { KAFKA_HEAP_OPTS: '-Xmx1g', KAFKA_VERSION: '4.2.0', PATH: '/bin' }
    const { warnings, errors } = await load({ environment })
    expect([...warnings, ...errors]).toEqual([])
  })

  test('a variable of an unknown option is a warning with the nearest name', async () => {
    const { warnings, errors } = await load({ environment: { KAFKA_NUM_PARTITION: '3' } })
    expect(errors).toEqual([])
    expect(warnings).toEqual([
      'the environment variable KAFKA_NUM_PARTITION stands for num.partition, which is no ' +
        'option: did you mean num.partitions?',
    ])
  })

  test('CLUSTER_ID names the cluster', async () => {
    const { config } = await load({ environment: { CLUSTER_ID: 'Wq7sKz4fRbuHn2p0yXvLcA' } })
    expect(config.sluiceClusterId).toBe('Wq7sKz4fRbuHn2p0yXvLcA')
  })
})

/** What Kafka 4.2 ships as config/server.properties, without its comments. */
const STOCK_KRAFT = `
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=localhost:9093
listeners=PLAINTEXT://:9092,CONTROLLER://:9093
inter.broker.listener.name=PLAINTEXT
advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,\\
  SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL
num.network.threads=3
num.io.threads=8
socket.send.buffer.bytes=102400
socket.receive.buffer.bytes=102400
socket.request.max.bytes=104857600
log.dirs=/tmp/kraft-combined-logs
num.partitions=1
num.recovery.threads.per.data.dir=1
offsets.topic.replication.factor=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
log.retention.hours=168
log.segment.bytes=1073741824
log.retention.check.interval.ms=300000
`
