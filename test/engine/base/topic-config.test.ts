import { describe, expect, test } from 'vitest'
import { parseBrokerConfig } from '../../../engine/base/config.ts'
import { valueText } from '../../../engine/base/config-option.ts'
import { topicConfig, topicConfigProblem } from '../../../engine/base/topic-config.ts'
import { DEFAULT_LOG_OPTIONS } from '../../../engine/log/log-options.ts'

type Settings = Record<string, string>

function resolve(
  topic: Settings,
  levels: { static?: Settings; cluster?: Settings; broker?: Settings } = {},
) {
  const map = (settings: Settings | undefined) => new Map(Object.entries(settings ?? {}))
  const { config, errors } = parseBrokerConfig(map(levels.static))
  expect(errors).toEqual([])
  const dynamic = { cluster: map(levels.cluster), broker: map(levels.broker) }
  return topicConfig(config, map(topic), dynamic)
}

describe("a topic's options", () => {
  test('come to the defaults of the log when nothing is set', () => {
    const { flushMs, ...defaults } = DEFAULT_LOG_OPTIONS
    expect(flushMs).toBe(1_000)
    // -1: the topic asks for no time of its own, and the background sync's holds.
    expect(resolve({})).toMatchObject({ ...defaults, flushMs: -1, maxMessageBytes: 1_048_588 })
  })

  test('are found at the topic, then the broker, then the cluster, then the file', () => {
    const levels = {
      static: { 'log.retention.ms': '4' },
      cluster: { 'log.retention.ms': '3' },
      broker: { 'log.retention.ms': '2' },
    }
    expect(resolve({ 'retention.ms': '1' }, levels).retentionMs).toBe(1)
    expect(resolve({}, levels).retentionMs).toBe(2)
    expect(resolve({}, { static: levels.static, cluster: levels.cluster }).retentionMs).toBe(3)
    expect(resolve({}, { static: levels.static }).retentionMs).toBe(4)
  })

  test('take milliseconds before minutes before hours', () => {
    const hours = { 'log.retention.hours': '2' }
    expect(resolve({}, { static: hours }).retentionMs).toBe(7_200_000)
    const minutes = { ...hours, 'log.retention.minutes': '3' }
    expect(resolve({}, { static: minutes }).retentionMs).toBe(180_000)
    expect(resolve({}, { static: { ...minutes, 'log.retention.ms': '-1' } }).retentionMs).toBe(-1)
    expect(resolve({}, { static: { 'log.retention.hours': '-1' } }).retentionMs).toBe(-1)
    expect(resolve({}, { static: { 'log.roll.hours': '1' } }).segmentMs).toBe(3_600_000)
  })

  test('read "never" as none where the log says so', () => {
    const never = '9223372036854775807'
    expect(resolve({ 'flush.messages': never, 'flush.ms': never })).toMatchObject({
      flushMessages: -1,
      flushMs: -1,
    })
    expect(resolve({ 'flush.ms': '0' }).flushMs).toBe(0)
    expect(resolve({}, { static: { 'log.flush.scheduler.interval.ms': '7' } }).flushMs).toBe(7)
  })

  test('let internal.segment.bytes go below the minimum of segment.bytes', () => {
    expect(resolve({ 'internal.segment.bytes': '100' }).segmentBytes).toBe(100)
  })

  test('keep the jitter within the age at which segments roll', () => {
    expect(resolve({ 'segment.ms': '10', 'segment.jitter.ms': '50' }).segmentJitterMs).toBe(10)
  })

  test('know both policies, and neither', () => {
    const policy = (value: string) => resolve({ 'cleanup.policy': value }).cleanupPolicy
    expect(policy('compact, delete')).toEqual({ delete: true, compact: true })
    expect(policy('compact')).toEqual({ delete: false, compact: true })
    expect(policy('')).toEqual({ delete: false, compact: false })
  })

  test('of our own can be set for the broker and for a topic', () => {
    const levels = { static: { 'sluice.flush.mode': 'group', 'sluice.records.validation': 'full' } }
    expect(resolve({}, levels)).toMatchObject({ flushMode: 'group', recordsValidation: 'full' })
    expect(resolve({ 'sluice.flush.mode': 'async' }, levels).flushMode).toBe('async')
  })

  test('that no longer parse count as not set', () => {
    expect(resolve({ 'retention.ms': 'x' }).retentionMs).toBe(604_800_000)
  })
})

/** Each pair was given to a Kafka 4.2 (LogConfig.validate, CreateTopics); null: it was taken. */
const ANSWERS: readonly (readonly [name: string, value: string | null, answer: string | null])[] = [
  [
    'retention.ms',
    'abc',
    'Invalid value abc for configuration retention.ms: Not a number of type LONG',
  ],
  [
    'retention.ms',
    '-2',
    'Invalid value -2 for configuration retention.ms: Value must be at least -1',
  ],
  ['retention.ms', ' 5 ', null],
  ['retention.ms', '', 'Invalid value  for configuration retention.ms: Not a number of type LONG'],
  [
    'retention.ms',
    '99999999999999999999',
    'Invalid value 99999999999999999999 for configuration retention.ms: Not a number of type LONG',
  ],
  ['retention.ms', '+5', null],
  [
    'retention.ms',
    '1e3',
    'Invalid value 1e3 for configuration retention.ms: Not a number of type LONG',
  ],
  ['retention.ms', null, 'Null value not supported for topic configs: retention.ms'],
  [
    'cleanup.policy',
    'compact,foo',
    'Invalid value foo for configuration cleanup.policy: String must be one of: compact, delete',
  ],
  ['cleanup.policy', '', null],
  ['cleanup.policy', 'delete,delete', null],
  [
    'compression.type',
    'none',
    'Invalid value none for configuration compression.type: String must be one of: ' +
      'uncompressed, zstd, lz4, snappy, gzip, producer',
  ],
  [
    'compression.gzip.level',
    '0',
    'Invalid value 0 for configuration compression.gzip.level: Value must be between 1 and 9 ' +
      'or equal to -1',
  ],
  [
    'compression.lz4.level',
    '18',
    'Invalid value 18 for configuration compression.lz4.level: Value must be no more than 17',
  ],
  [
    'segment.bytes',
    '100',
    'Invalid value 100 for configuration segment.bytes: Value must be at least 1048576',
  ],
  [
    'segment.bytes',
    '3000000000',
    'Invalid value 3000000000 for configuration segment.bytes: Not a number of type INT',
  ],
  [
    'min.cleanable.dirty.ratio',
    '1.5',
    'Invalid value 1.5 for configuration min.cleanable.dirty.ratio: Value must be no more than 1',
  ],
  [
    'min.cleanable.dirty.ratio',
    '-1',
    'Invalid value -1.0 for configuration min.cleanable.dirty.ratio: Value must be at least 0',
  ],
  [
    'min.cleanable.dirty.ratio',
    '0x1',
    'Invalid value 0x1 for configuration min.cleanable.dirty.ratio: Not a number of type DOUBLE',
  ],
  ['min.cleanable.dirty.ratio', '0.5f', null],
  ['min.cleanable.dirty.ratio', '.5', null],
  [
    'preallocate',
    'yes',
    'Invalid value yes for configuration preallocate: Expected value to be either true or false',
  ],
  ['preallocate', 'TRUE', null],
  [
    'leader.replication.throttled.replicas',
    'x',
    'Invalid value [x] for configuration leader.replication.throttled.replicas: ' +
      "leader.replication.throttled.replicas must be the literal '*' or a list of replicas in " +
      'the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],...',
  ],
  ['leader.replication.throttled.replicas', '*', null],
  ['leader.replication.throttled.replicas', '0:1,1:2', null],
  ['no.such', 'x', 'Unknown topic config name: no.such'],
  ['message.format.version', '2.0', 'Unknown topic config name: message.format.version'],
  [
    'remote.storage.enable',
    'true',
    'Tiered Storage functionality is disabled in the broker. Topic cannot be configured with ' +
      'remote log storage.',
  ],
  ['local.retention.ms', '700000000', null],
  ['internal.segment.bytes', '100', null],
]

describe('settings given for a topic are answered as Kafka does', () => {
  test.each(ANSWERS)('%s=%s', (name, value, answer) => {
    expect(topicConfigProblem(new Map([[name, value]]))).toBe(answer)
  })

  test('unknown names come before wrong values', () => {
    const settings = new Map([
      ['retention.ms', 'abc'],
      ['no.such', '1'],
    ])
    expect(topicConfigProblem(settings)).toBe('Unknown topic config name: no.such')
  })

  test('a compaction lag may not begin after it ends', () => {
    const settings = new Map([
      ['min.compaction.lag.ms', '10'],
      ['max.compaction.lag.ms', '5'],
    ])
    expect(topicConfigProblem(settings)).toBe(
      'conflict topic config setting min.compaction.lag.ms (10) > max.compaction.lag.ms (5)',
    )
  })
})

test('doubles print as Java prints them', () => {
  const texts = [0.5, 1, 1e7, 1e-3, 1e-4, 123456789.5, Number.MAX_VALUE, 100].map((value) =>
    valueText('double', value),
  )
  expect(texts).toEqual([
    '0.5',
    '1.0',
    '1.0E7',
    '0.001',
    '1.0E-4',
    '1.234567895E8',
    '1.7976931348623157E308',
    '100.0',
  ])
})
