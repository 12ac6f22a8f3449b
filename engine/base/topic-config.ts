/**
 * What a topic's options come to: its own setting, else the broker's dynamic one (its own, then the
 * cluster's), else its static one, else the default; and the checks of settings given for a topic,
 * with Kafka's texts. Source: org.apache.kafka.storage.internals.log.LogConfig.
 */
import { assert } from './assert.ts'
import { type BrokerConfig, brokerOptions } from './config.ts'
import { effectiveConfig, staticSettings } from './config-dynamic.ts'
import { type ConfigValue, LONG_MAX, parseOption, valueText } from './config-option.ts'
import { type TopicOption, topicOptions, unitFactor } from './config-topic.ts'

type Table = typeof topicOptions
export type TopicOptionName = keyof Table

/** Every topic option by name. */
export const topicOptionsByName: ReadonlyMap<string, TopicOption> = new Map(
  Object.entries(topicOptions),
)

/** Options changed at run time, as text: see DynamicConfigs of the metadata image. */
export interface DynamicSettings {
  readonly cluster: ReadonlyMap<string, string>
  readonly broker: ReadonlyMap<string, string>
  /** In place of the static settings, once the file was read again. */
  readonly file?: ReadonlyMap<string, string>
}

/**
 * A topic's options as its logs and partitions read them; the log's part has the shape of
 * LogOptions. Sizes in bytes, times in milliseconds; -1 is none.
 */
export interface TopicConfig {
  readonly segmentBytes: number
  readonly segmentMs: number
  readonly segmentJitterMs: number
  readonly indexIntervalBytes: number
  readonly segmentIndexBytes: number
  readonly retentionMs: number
  readonly retentionBytes: number
  readonly cleanupPolicy: { readonly delete: boolean; readonly compact: boolean }
  readonly fileDeleteDelayMs: number
  readonly flushMessages: number
  readonly flushMs: number
  readonly flushMode: 'async' | 'group'
  readonly producerIdExpirationMs: number
  readonly minCleanableDirtyRatio: number
  readonly minCompactionLagMs: number
  readonly maxCompactionLagMs: number
  readonly deleteRetentionMs: number
  readonly maxMessageBytes: number
  readonly messageTimestampType: 'CreateTime' | 'LogAppendTime'
  /** Number.MAX_SAFE_INTEGER: no limit. */
  readonly messageTimestampBeforeMaxMs: number
  readonly messageTimestampAfterMaxMs: number
  readonly compressionType: 'producer' | 'uncompressed' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  readonly compressionGzipLevel: number
  readonly compressionLz4Level: number
  readonly compressionZstdLevel: number
  readonly minInsyncReplicas: number
  readonly recordsValidation: 'header' | 'full'
}

/**
 * Resolves the options of one topic. `overrides` and `dynamic` were checked when they were set; a
 * value that no longer parses (an older release wrote it) counts as not set.
 */
export function topicConfig(
  config: BrokerConfig,
  overrides: ReadonlyMap<string, string>,
  dynamic: DynamicSettings,
): TopicConfig {
  const value = <K extends TopicOptionName>(name: K): Table[K]['default'] =>
    // The parser of an option gives values of the type of its default.
    resolve(name, config, overrides, dynamic) as Table[K]['default']
  const policy = value('cleanup.policy')
  return {
    segmentBytes: value('internal.segment.bytes') ?? value('segment.bytes'),
    segmentMs: value('segment.ms'),
    segmentJitterMs: Math.min(value('segment.jitter.ms'), value('segment.ms')),
    indexIntervalBytes: value('index.interval.bytes'),
    segmentIndexBytes: value('segment.index.bytes'),
    retentionMs: value('retention.ms'),
    retentionBytes: value('retention.bytes'),
    cleanupPolicy: { delete: policy.includes('delete'), compact: policy.includes('compact') },
    fileDeleteDelayMs: value('file.delete.delay.ms'),
    flushMessages: orNone(value('flush.messages')),
    flushMs: orNone(value('flush.ms')),
    flushMode: value('sluice.flush.mode') === 'group' ? 'group' : 'async',
    producerIdExpirationMs: effectiveConfig(config, dynamic).producerIdExpirationMs,
    minCleanableDirtyRatio: value('min.cleanable.dirty.ratio'),
    minCompactionLagMs: value('min.compaction.lag.ms'),
    maxCompactionLagMs: value('max.compaction.lag.ms'),
    deleteRetentionMs: value('delete.retention.ms'),
    maxMessageBytes: value('max.message.bytes'),
    messageTimestampType:
      value('message.timestamp.type') === 'LogAppendTime' ? 'LogAppendTime' : 'CreateTime',
    messageTimestampBeforeMaxMs: value('message.timestamp.before.max.ms'),
    messageTimestampAfterMaxMs: value('message.timestamp.after.max.ms'),
    compressionType: compressionOf(value('compression.type')),
    compressionGzipLevel: value('compression.gzip.level'),
    compressionLz4Level: value('compression.lz4.level'),
    compressionZstdLevel: value('compression.zstd.level'),
    minInsyncReplicas: value('min.insync.replicas'),
    recordsValidation: value('sluice.records.validation') === 'full' ? 'full' : 'header',
  }
}

/** Kafka says "never" with the largest long, the log with -1. */
function orNone(value: number): number {
  return value >= LONG_MAX ? -1 : value
}

function compressionOf(value: string): TopicConfig['compressionType'] {
  switch (value) {
    case 'uncompressed':
    case 'gzip':
    case 'snappy':
    case 'lz4':
    case 'zstd':
      return value
    default:
      return 'producer'
  }
}

function resolve(
  name: TopicOptionName,
  config: BrokerConfig,
  overrides: ReadonlyMap<string, string>,
  dynamic: DynamicSettings,
): ConfigValue {
  const option: TopicOption = topicOptions[name]
  const own = overrides.get(name)
  if (own !== undefined) {
    const parsed = parseOption(name, option, own)
    if ('value' in parsed) return parsed.value
  }
  // All levels of one broker option come before the next weaker option, as Kafka resolves synonyms.
  for (const brokerName of option.brokerNames) {
    for (const level of [dynamic.broker, dynamic.cluster, staticSettings(config, dynamic)]) {
      const text = level.get(brokerName)
      if (text === undefined) continue
      const parsed = parseOption(brokerName, brokerOptions.get(brokerName) ?? option, text)
      if ('value' in parsed) return inTopicTerms(parsed.value, brokerName)
    }
  }
  return option.default
}

/** The text of the value in force for a topic, as Kafka prints it; null for none. */
export function topicOptionText(
  name: string,
  config: BrokerConfig,
  overrides: ReadonlyMap<string, string>,
  dynamic: DynamicSettings,
): string | null {
  const option = topicOptionsByName.get(name)
  assert(option !== undefined, `${name} is no topic option`)
  const value = resolve(name as TopicOptionName, config, overrides, dynamic)
  const own = overrides.get(name)
  // A number cannot hold it, but the client that set it expects its own digits back.
  if (own !== undefined && Math.abs(Number(value)) === LONG_MAX && option.type === 'long')
    return String(BigInt(own.trim().replace('+', '')))
  return valueText(option.type, value)
}

/** The topic option's unit, and its one word for "no limit". */
function inTopicTerms(value: ConfigValue, brokerName: string): ConfigValue {
  if (typeof value !== 'number') return value
  if (value < 0) return brokerName.startsWith('log.retention.') ? -1 : value
  return Math.min(value * unitFactor(brokerName), LONG_MAX)
}

/** Kafka's words on a broker without tiered storage; no other topic option is refused. */
const REMOTE_STORAGE_REFUSED =
  'Tiered Storage functionality is disabled in the broker. Topic cannot be configured with ' +
  'remote log storage.'

/**
 * What is wrong with settings given for a topic, or null: Kafka's text of the first problem.
 * Unknown names come first, then values in the order of the options' names, then settings against
 * each other.
 */
export function topicConfigProblem(overrides: ReadonlyMap<string, string | null>): string | null {
  for (const [name, text] of overrides) {
    if (text === null) return `Null value not supported for topic configs: ${name}`
    if (!topicOptionsByName.has(name)) return `Unknown topic config name: ${name}`
  }
  const values = new Map<string, ConfigValue>()
  for (const [name, option] of topicOptionsByName) {
    const text = overrides.get(name)
    if (text === undefined || text === null) continue
    const parsed = parseOption(name, option, text)
    if ('problem' in parsed) return parsed.problem
    if (option.support === 'refused' && parsed.value !== option.default)
      return REMOTE_STORAGE_REFUSED
    values.set(name, parsed.value)
  }
  const minLagMs = Number(values.get('min.compaction.lag.ms') ?? 0)
  const maxLagMs = Number(values.get('max.compaction.lag.ms') ?? LONG_MAX)
  if (minLagMs > maxLagMs)
    return (
      `conflict topic config setting min.compaction.lag.ms (${minLagMs}) > ` +
      `max.compaction.lag.ms (${maxLagMs})`
    )
  return null
}
