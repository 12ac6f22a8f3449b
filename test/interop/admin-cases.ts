/**
 * The corner requests of record-admin-answers.ts, in order: a name each, and the request as our tables
 * take it.
 */
import {
  type AdminCase,
  APPEND,
  BROKER,
  DELETE,
  describe,
  GROUP,
  LOGGER,
  list,
  METRICS,
  one,
  replace,
  SET,
  TOPIC,
} from './admin-case.ts'
import { brokerChanges, topicChanges } from './config-cases.ts'

const setup: AdminCase[] = [
  {
    name: 'create topics',
    apiKey: 19,
    version: 7,
    request: {
      topics: [
        { name: 'one', numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] },
        {
          name: 'two',
          numPartitions: 1,
          replicationFactor: 1,
          assignments: [],
          configs: [{ name: 'cleanup.policy', value: 'compact' }],
        },
      ],
      timeoutMs: 10_000,
      validateOnly: false,
    },
  },
]

const loggerChanges: AdminCase[] = [
  describe('loggers', LOGGER, '1', ['root', 'kafka.log']),
  one('set a logger', LOGGER, '1', ['kafka.log', SET, 'DEBUG']),
  describe('logger', LOGGER, '1', ['kafka.log']),
  one('bad level', LOGGER, '1', ['kafka.log', SET, 'LOUD']),
  one('unknown logger', LOGGER, '1', ['no.such.logger', SET, 'DEBUG']),
  one('append to a logger', LOGGER, '1', ['kafka.log', APPEND, 'DEBUG']),
  one('delete root', LOGGER, '1', ['root', DELETE, null]),
  one('delete a logger', LOGGER, '1', ['kafka.log', DELETE, null]),
  one('logger without broker', LOGGER, '', ['kafka.log', SET, 'DEBUG']),
  one('logger of another broker', LOGGER, '9', ['kafka.log', SET, 'DEBUG']),
  one('logger of no broker', LOGGER, 'x', ['kafka.log', SET, 'DEBUG']),
]

const groupChanges: AdminCase[] = [
  one(
    'group timeout',
    GROUP,
    'g',
    ['consumer.session.timeout.ms', SET, '50000'],
    ['consumer.heartbeat.interval.ms', SET, '6000'],
  ),
  describe('group', GROUP, 'g', null),
  describe('another group', GROUP, 'h', null),
  one('group timeout above the maximum', GROUP, 'g', ['consumer.session.timeout.ms', SET, '70000']),
  one('group timeout below the minimum', GROUP, 'g', ['consumer.session.timeout.ms', SET, '44000']),
  one('group heartbeat above the maximum', GROUP, 'g', [
    'consumer.heartbeat.interval.ms',
    SET,
    '16000',
  ]),
  one('group heartbeat below the minimum', GROUP, 'g', [
    'consumer.heartbeat.interval.ms',
    SET,
    '4000',
  ]),
  one('group heartbeat zero', GROUP, 'g', ['consumer.heartbeat.interval.ms', SET, '0']),
  one('group option of no number', GROUP, 'g', ['consumer.session.timeout.ms', SET, 'x']),
  one('group option unknown', GROUP, 'g', ['no.such', SET, 'x']),
  one(
    'group share options',
    GROUP,
    'g',
    ['share.isolation.level', SET, 'read_committed'],
    ['share.auto.offset.reset', SET, 'earliest'],
  ),
  one('group share reset bad', GROUP, 'g', ['share.auto.offset.reset', SET, 'never']),
  one('group share reset by duration', GROUP, 'g', [
    'share.auto.offset.reset',
    SET,
    'by_duration:PT1H',
  ]),
  one('group share isolation bad', GROUP, 'g', ['share.isolation.level', SET, 'x']),
  one('group share lock too short', GROUP, 'g', ['share.record.lock.duration.ms', SET, '1000']),
  one('group share lock too long', GROUP, 'g', ['share.record.lock.duration.ms', SET, '100000']),
  one('group share session too long', GROUP, 'g', ['share.session.timeout.ms', SET, '100000']),
  one('group share session too short', GROUP, 'g', ['share.session.timeout.ms', SET, '40000']),
  one('group share heartbeat too long', GROUP, 'g', ['share.heartbeat.interval.ms', SET, '100000']),
  one('group share heartbeat too short', GROUP, 'g', ['share.heartbeat.interval.ms', SET, '4000']),
  one('group streams session too long', GROUP, 'g', ['streams.session.timeout.ms', SET, '100000']),
  one('group streams session too short', GROUP, 'g', ['streams.session.timeout.ms', SET, '40000']),
  one('group streams heartbeat too long', GROUP, 'g', [
    'streams.heartbeat.interval.ms',
    SET,
    '100000',
  ]),
  one('group streams heartbeat too short', GROUP, 'g', [
    'streams.heartbeat.interval.ms',
    SET,
    '4000',
  ]),
  one('group streams standby', GROUP, 'g', ['streams.num.standby.replicas', SET, '1']),
  one('group streams standby too many', GROUP, 'g', ['streams.num.standby.replicas', SET, '9']),
  one('group streams standby negative', GROUP, 'g', ['streams.num.standby.replicas', SET, '-1']),
  one('group streams delay', GROUP, 'g', ['streams.initial.rebalance.delay.ms', SET, '100']),
  one('group streams delay negative', GROUP, 'g', [
    'streams.initial.rebalance.delay.ms',
    SET,
    '-100',
  ]),
  one(
    'group session not above heartbeat',
    GROUP,
    'i',
    ['consumer.session.timeout.ms', SET, '45000'],
    ['consumer.heartbeat.interval.ms', SET, '15000'],
  ),
  one('group append', GROUP, 'g', ['consumer.session.timeout.ms', APPEND, '1']),
  one('group name empty', GROUP, '', ['consumer.session.timeout.ms', SET, '50000']),
  describe('group after all', GROUP, 'g', null),
  one('group delete', GROUP, 'g', ['consumer.session.timeout.ms', DELETE, null]),
  describe('group after delete', GROUP, 'g', ['consumer.session.timeout.ms']),
  describe('empty group name', GROUP, '', null),
]

const metricsChanges: AdminCase[] = [
  one('subscription', METRICS, 'm', ['interval.ms', SET, '30000'], ['metrics', SET, 'a,b']),
  describe('subscription', METRICS, 'm', null),
  describe('no subscription', METRICS, 'n', null),
  one('subscription append', METRICS, 'm', ['metrics', APPEND, 'c']),
  one('subscription match', METRICS, 'm', [
    'match',
    SET,
    'client_id=x.*,client_software_version=1.*',
  ]),
  one('subscription match of an unknown selector', METRICS, 'm', ['match', SET, 'color=blue']),
  one('subscription match without =', METRICS, 'm', ['match', SET, 'client_id']),
  one('subscription match with a bad pattern', METRICS, 'm', ['match', SET, 'client_id=(']),
  one('subscription interval below the range', METRICS, 'm', ['interval.ms', SET, '50']),
  one('subscription interval above the range', METRICS, 'm', ['interval.ms', SET, '3600001']),
  one('subscription interval no number', METRICS, 'm', ['interval.ms', SET, 'x']),
  one('subscription unknown option', METRICS, 'm', ['no.such', SET, 'x']),
  one('subscription without name', METRICS, '', ['metrics', SET, 'a']),
  describe('subscription after all', METRICS, 'm', null),
  describe('empty subscription name', METRICS, '', null),
]

const listing: AdminCase[] = [
  list('version 0', 0, []),
  list('everything', 1, []),
  list('topics', 1, [TOPIC]),
  list('brokers', 1, [BROKER]),
  list('loggers', 1, [LOGGER]),
  list('groups', 1, [GROUP]),
  list('metrics and groups', 1, [METRICS, GROUP]),
  list('twice the same', 1, [GROUP, GROUP]),
  list('unknown type', 1, [99]),
  list('unknown and known type', 1, [99, GROUP]),
]

const replacing: AdminCase[] = [
  replace('topic', [[TOPIC, 'one', ['retention.bytes', '5000']]]),
  describe('only that is left', TOPIC, 'one', ['retention.bytes', 'retention.ms', 'flush.ms']),
  replace('bad value', [[TOPIC, 'one', ['retention.bytes', 'x']]]),
  replace('unknown name', [[TOPIC, 'one', ['no.such', 'x']]]),
  replace('null value', [[TOPIC, 'one', ['retention.bytes', null]]]),
  replace('one name twice', [[TOPIC, 'one', ['retention.bytes', '1'], ['retention.bytes', '2']]]),
  replace('unknown topic', [[TOPIC, 'nowhere', ['retention.bytes', '1']]]),
  replace('validate only', [[TOPIC, 'one']], true),
  replace('nothing', [[TOPIC, 'one']]),
  describe('nothing is left', TOPIC, 'one', ['retention.bytes', 'cleanup.policy']),
  replace('broker', [[BROKER, '1', ['log.roll.ms', '70000000']]]),
  replace('read-only broker option', [[BROKER, '1', ['num.partitions', '3']]]),
  replace('cluster', [[BROKER, '', ['log.roll.ms', '80000000']]]),
  describe('broker after replacing', BROKER, '1', ['log.roll.ms', 'min.insync.replicas']),
  describe('cluster after replacing', BROKER, '', null),
  replace('cluster emptied', [[BROKER, '']]),
  replace('logger', [[LOGGER, '1', ['kafka.log', 'DEBUG']]]),
  replace('group', [[GROUP, 'g', ['consumer.session.timeout.ms', '55000']]]),
  replace('metrics', [[METRICS, 'm', ['interval.ms', '1000']]]),
  replace('metrics emptied', [[METRICS, 'm']]),
  replace('group emptied', [[GROUP, 'g']]),
  replace('unknown type', [[5, 'x', ['a', 'b']]]),
  replace('version 0', [[TOPIC, 'one', ['retention.bytes', '6000']]], false, 0),
  list('after emptying', 1, []),
]

type Update = readonly [feature: string, level: number, upgradeType: number]

function features(
  name: string,
  version: number,
  updates: readonly Update[],
  dry = false,
): AdminCase {
  const featureUpdates = updates.map(([feature, maxVersionLevel, upgradeType]) => ({
    feature,
    maxVersionLevel,
    ...(version === 0 ? { allowDowngrade: upgradeType !== 1 } : { upgradeType }),
  }))
  const request = {
    timeoutMs: 10_000,
    featureUpdates,
    ...(version > 0 ? { validateOnly: dry } : null),
  }
  return { name: `features: ${name}`, apiKey: 57, version, request }
}

const UPGRADE = 1
const SAFE = 2
const UNSAFE = 3

const featureCases: AdminCase[] = [
  {
    name: 'api versions',
    apiKey: 18,
    version: 4,
    request: { clientSoftwareName: 'a', clientSoftwareVersion: '1' },
  },
  features('none', 2, []),
  features('none, version 1', 1, []),
  features('same level', 2, [['group.version', 1, UPGRADE]]),
  features('too high', 2, [['group.version', 2, UPGRADE]]),
  features('too high, version 1', 1, [['group.version', 2, UPGRADE]]),
  features('too high, version 0', 0, [['group.version', 2, UPGRADE]]),
  features('unknown', 2, [['no.such', 1, UPGRADE]]),
  features('negative', 2, [['group.version', -1, SAFE]]),
  features('downgrade as upgrade', 2, [['group.version', 0, UPGRADE]]),
  features('safe downgrade, dry', 2, [['group.version', 0, SAFE]], true),
  features('unsafe downgrade, dry', 2, [['group.version', 0, UNSAFE]], true),
  features('upgrade as downgrade', 2, [['group.version', 1, SAFE]]),
  features('unknown upgrade type', 2, [['group.version', 1, 9]]),
  features('twice', 2, [
    ['group.version', 1, UPGRADE],
    ['group.version', 0, SAFE],
  ]),
  features('metadata version too high', 2, [['metadata.version', 99, UPGRADE]]),
  features('metadata version too low', 2, [['metadata.version', 6, SAFE]]),
  features('metadata version zero', 2, [['metadata.version', 0, SAFE]]),
  features('metadata version same', 2, [['metadata.version', 29, UPGRADE]]),
  features('metadata version safe downgrade, dry', 2, [['metadata.version', 28, SAFE]], true),
  features('metadata version unsafe downgrade, dry', 2, [['metadata.version', 28, UNSAFE]], true),
  features('metadata version far downgrade, dry', 2, [['metadata.version', 7, UNSAFE]], true),
  features('metadata version 24 downgrade, dry', 2, [['metadata.version', 24, SAFE]], true),
  features('transaction version down, dry', 2, [['transaction.version', 0, SAFE]], true),
  features('transaction version to 1, dry', 2, [['transaction.version', 1, UNSAFE]], true),
  features('kraft version', 2, [['kraft.version', 1, UPGRADE]], true),
  features('good and bad', 1, [
    ['group.version', 0, SAFE],
    ['no.such', 1, UPGRADE],
  ]),
  features('group version down', 2, [['group.version', 0, SAFE]]),
  {
    name: 'api versions after it',
    apiKey: 18,
    version: 4,
    request: { clientSoftwareName: 'a', clientSoftwareVersion: '1' },
  },
  features('group version up, version 1', 1, [['group.version', 1, UPGRADE]]),
]

function quorum(name: string, version: number, topicName: string, partitions: number[]): AdminCase {
  const request = {
    topics: [{ topicName, partitions: partitions.map((partitionIndex) => ({ partitionIndex })) }],
  }
  return { name: `quorum: ${name}`, apiKey: 55, version, request }
}

function elect(
  name: string,
  version: number,
  electionType: number,
  topicPartitions: { topic: string; partitions: number[] }[] | null,
): AdminCase {
  const request = { timeoutMs: 10_000, topicPartitions, ...(version > 0 ? { electionType } : null) }
  return { name: `elect: ${name}`, apiKey: 43, version, request }
}

type Move = readonly [partition: number, replicas: number[] | null]

function move(name: string, moves: Record<string, Move[]>, allow = true, version = 1): AdminCase {
  const topics = Object.entries(moves).map(([topic, partitions]) => ({
    name: topic,
    partitions: partitions.map(([partitionIndex, replicas]) => ({ partitionIndex, replicas })),
  }))
  const request = {
    timeoutMs: 10_000,
    topics,
    ...(version > 0 ? { allowReplicationFactorChange: allow } : null),
  }
  return { name: `move: ${name}`, apiKey: 45, version, request }
}

function moving(
  name: string,
  topics: { name: string; partitionIndexes: number[] }[] | null,
): AdminCase {
  return { name: `moving: ${name}`, apiKey: 46, version: 0, request: { timeoutMs: 10_000, topics } }
}

const clusterCases: AdminCase[] = [
  quorum('version 0', 0, '__cluster_metadata', [0]),
  quorum('version 1', 1, '__cluster_metadata', [0]),
  quorum('version 2', 2, '__cluster_metadata', [0]),
  quorum('another partition', 2, '__cluster_metadata', [1]),
  quorum('another topic', 2, 'one', [0]),
  quorum('two partitions', 2, '__cluster_metadata', [0, 1]),
  quorum('no partitions', 2, '__cluster_metadata', []),
  { name: 'quorum: no topics', apiKey: 55, version: 2, request: { topics: [] } },
  elect('preferred', 2, 0, [{ topic: 'one', partitions: [0, 1] }]),
  elect('preferred, version 0', 0, 0, [{ topic: 'one', partitions: [0] }]),
  elect('unclean', 2, 1, [{ topic: 'one', partitions: [0] }]),
  elect('unknown topic and partition', 2, 0, [
    { topic: 'nowhere', partitions: [0] },
    { topic: 'one', partitions: [9, -1, 0] },
  ]),
  elect('all', 2, 0, null),
  elect('all, unclean', 2, 1, null),
  elect('none', 2, 0, []),
  elect('one twice', 2, 0, [{ topic: 'one', partitions: [0, 0] }]),
  elect('unknown type', 2, 7, [{ topic: 'one', partitions: [0] }]),
  move('where it is', { one: [[0, [1]]] }),
  move('version 0', { one: [[0, [1]]] }, true, 0),
  move('unknown broker', { one: [[0, [2]]] }),
  move('more brokers', { one: [[0, [1, 2]]] }),
  move('more brokers, not allowed', { one: [[0, [1, 2]]] }, false),
  move('same broker twice', { one: [[0, [1, 1]]] }),
  move('negative broker', { one: [[0, [-1]]] }),
  move('no broker', { one: [[0, []]] }),
  move('cancel', { one: [[0, null]] }),
  move('unknown partition and topic', { one: [[9, [1]]], nowhere: [[0, [1]]] }),
  move('cancel unknown', { one: [[9, null]], nowhere: [[0, null]] }),
  move('good and bad', {
    one: [
      [0, [1]],
      [1, [7]],
    ],
    two: [[0, null]],
  }),
  move('twice', {
    one: [
      [0, [1]],
      [0, [1]],
    ],
  }),
  move('nothing', {}),
  move('no partitions', { one: [] }),
  moving('all', null),
  moving('none', []),
  moving('named', [{ name: 'one', partitionIndexes: [0, 1] }]),
  moving('unknown', [{ name: 'nowhere', partitionIndexes: [0] }]),
  { name: 'unregister: unknown', apiKey: 64, version: 0, request: { brokerId: 9 } },
  { name: 'unregister: negative', apiKey: 64, version: 0, request: { brokerId: -1 } },
]

export const adminCases: readonly AdminCase[] = [
  ...setup,
  ...topicChanges,
  ...brokerChanges,
  ...loggerChanges,
  ...groupChanges,
  ...metricsChanges,
  ...listing,
  ...replacing,
  ...featureCases,
  ...clusterCases,
]
