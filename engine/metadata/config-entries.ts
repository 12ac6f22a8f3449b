/**
 * What DescribeConfigs tells of an option: the value in force, where it comes from, and every place
 * that sets it, strongest first (KIP-226). Source: Kafka's ConfigHelper and DynamicBrokerConfig,
 * whose peculiarities are kept, since tools print them:
 *
 * - a topic option lists the broker options behind it only from the first of them on: with
 *   log.retention.hours set and log.retention.ms not, retention.ms shows no synonym and counts as
 *   a default, though its value is that of the hours;
 * - defaults that are null are no synonyms.
 *
 * Options that take no effect here say so in their documentation.
 */
import { type BrokerConfig, brokerOptions } from '../base/config.ts'
import {
  type ConfigType,
  configTypeCode,
  isSensitive,
  type Option,
  parseOption,
  valueText,
} from '../base/config-option.ts'
import { topicOptions } from '../base/config-topic.ts'
import { topicOptionsByName, topicOptionText } from '../base/topic-config.ts'
import type { DynamicConfigs } from './image.ts'

/** Kafka's numbers (DescribeConfigsResponse.ConfigSource). */
export const ConfigSource = {
  topic: 1,
  dynamicBroker: 2,
  dynamicDefaultBroker: 3,
  staticBroker: 4,
  default: 5,
} as const

export interface ConfigSynonym {
  readonly name: string
  readonly value: string | null
  readonly source: number
}

export interface ConfigEntry {
  readonly name: string
  /** Null when it has none, or when it is sensitive. */
  readonly value: string | null
  /** Cannot change at run time. */
  readonly readOnly: boolean
  readonly configSource: number
  readonly isSensitive: boolean
  readonly synonyms: readonly ConfigSynonym[]
  readonly configType: number
  readonly documentation: string
}

/** What is set for the brokers, and on which level. */
export interface BrokerSettings {
  readonly config: BrokerConfig
  readonly dynamic: DynamicConfigs
}

/** Every option of a topic with these overrides, by name. */
export function topicConfigEntries(
  settings: BrokerSettings,
  overrides: ReadonlyMap<string, string>,
): ConfigEntry[] {
  const entries: ConfigEntry[] = []
  for (const [name, option] of topicOptionsByName) {
    if (option.internal && !overrides.has(name)) continue
    const [first] = option.brokerNames
    const synonyms =
      first === undefined ? [] : brokerSynonyms(settings, first, option.brokerNames, option)
    const value = topicOptionText(name, settings.config, overrides, settings.dynamic)
    if (overrides.has(name)) synonyms.unshift({ name, value, source: ConfigSource.topic })
    entries.push({ ...entryOf(name, option, value, synonyms), readOnly: false })
  }
  return entries
}

/** Every option of this broker, by name. */
export function brokerConfigEntries(settings: BrokerSettings): ConfigEntry[] {
  const entries: ConfigEntry[] = []
  for (const [name, option] of brokerOptions) {
    if (option.internal) continue
    const synonyms = brokerSynonyms(settings, name, familyOf(name), option)
    entries.push(entryOf(name, option, brokerOptionText(settings, name, option), synonyms))
  }
  return entries
}

/** What was set at run time for all brokers at once. */
export function clusterConfigEntries({ dynamic }: BrokerSettings): ConfigEntry[] {
  const entries: ConfigEntry[] = []
  for (const [name, text] of dynamic.cluster) {
    const option = brokerOptions.get(name)
    if (option === undefined) continue
    const value = isSensitive(option) ? null : text
    const synonym = { name, value, source: ConfigSource.dynamicDefaultBroker }
    entries.push(entryOf(name, option, value, [synonym]))
  }
  return entries
}

/** Options of groups of the newer protocols; none can be set yet, so every group has the same. */
export function groupConfigEntries(settings: BrokerSettings): ConfigEntry[] {
  return groupOptions.map(([name, fixed]) => {
    const option = brokerOptions.get(`group.${name}`)
    const value = option === undefined ? fixed : brokerOptionText(settings, `group.${name}`, option)
    const type: ConfigType = option?.type ?? 'string'
    return {
      name,
      value,
      readOnly: false,
      configSource: ConfigSource.default,
      isSensitive: false,
      synonyms: [{ name, value, source: ConfigSource.default }],
      configType: configTypeCode(type),
      documentation: 'Groups of this kind are not served yet; their options have no effect.',
    }
  })
}

/** Options of a client metrics subscription; none can be made yet, so each has the defaults. */
export function clientMetricsConfigEntries(): ConfigEntry[] {
  return clientMetricsOptions.map(([name, type, value]) => ({
    name,
    value,
    readOnly: false,
    configSource: ConfigSource.default,
    isSensitive: false,
    synonyms: [],
    configType: configTypeCode(type),
    documentation: 'Client metrics are not taken yet; these options have no effect.',
  }))
}

const clientMetricsOptions: readonly (readonly [name: string, type: ConfigType, value: string])[] =
  [
    ['interval.ms', 'int', '300000'],
    ['match', 'list', ''],
    ['metrics', 'list', ''],
  ]

/** With the value of those that no broker option stands behind. */
const groupOptions: readonly (readonly [name: string, fixed: string])[] = [
  ['consumer.heartbeat.interval.ms', ''],
  ['consumer.session.timeout.ms', ''],
  ['share.auto.offset.reset', 'latest'],
  ['share.heartbeat.interval.ms', ''],
  ['share.isolation.level', 'read_uncommitted'],
  ['share.record.lock.duration.ms', ''],
  ['share.session.timeout.ms', ''],
  ['streams.heartbeat.interval.ms', ''],
  ['streams.initial.rebalance.delay.ms', ''],
  ['streams.num.standby.replicas', ''],
  ['streams.session.timeout.ms', ''],
]

function entryOf(
  name: string,
  option: Option,
  value: string | null,
  synonyms: readonly ConfigSynonym[],
): ConfigEntry {
  return {
    name,
    value,
    readOnly: option.update === 'read-only',
    configSource: synonyms[0]?.source ?? ConfigSource.default,
    isSensitive: isSensitive(option),
    synonyms,
    configType: configTypeCode(option.type),
    documentation: documentationOf(option),
  }
}

function documentationOf(option: Option): string {
  if (option.support === 'ignored') return `Has no effect here: ${option.text}.`
  return option.support === 'refused' ? `Cannot be set: ${option.text}.` : option.text
}

/** Everything that sets one of `names`, by level; what comes before `name` itself is left out. */
function brokerSynonyms(
  { config, dynamic }: BrokerSettings,
  name: string,
  names: readonly string[],
  option: Option,
): ConfigSynonym[] {
  const found: ConfigSynonym[] = []
  const sensitive = isSensitive(option)
  const add = (from: string, value: string | null | undefined, source: number): void => {
    if (value !== null && value !== undefined)
      found.push({ name: from, value: sensitive ? null : value, source })
  }
  for (const from of names) add(from, dynamic.broker.get(from), ConfigSource.dynamicBroker)
  for (const from of names) add(from, dynamic.cluster.get(from), ConfigSource.dynamicDefaultBroker)
  for (const from of names) add(from, config.settings.get(from), ConfigSource.staticBroker)
  for (const from of names) add(from, defaultText(from), ConfigSource.default)
  const start = found.findIndex((synonym) => synonym.name === name)
  return start === -1 ? [] : found.slice(start)
}

function defaultText(brokerName: string): string | null {
  const option = brokerOptions.get(brokerName)
  return option === undefined ? null : valueText(option.type, option.default)
}

/** The value in force: the strongest level that sets this very option. */
function brokerOptionText(
  { config, dynamic }: BrokerSettings,
  name: string,
  option: Option,
): string | null {
  if (isSensitive(option)) return null
  // One may be set through the other.
  if (name === 'node.id' || name === 'broker.id') return String(config.nodeId)
  const text = dynamic.broker.get(name) ?? dynamic.cluster.get(name) ?? config.settings.get(name)
  if (text === undefined) return valueText(option.type, option.default)
  const parsed = parseOption(name, option, text)
  return 'value' in parsed ? valueText(option.type, parsed.value) : text
}

/** Options that mean the same in different units, finest first. */
const families = new Map<string, readonly string[]>()
for (const { brokerNames } of Object.values(topicOptions))
  for (const name of brokerNames) if (brokerNames.length > 1) families.set(name, brokerNames)
// It stands behind log.flush.interval.ms, and not the other way round.
families.delete('log.flush.scheduler.interval.ms')

function familyOf(name: string): readonly string[] {
  return families.get(name) ?? [name]
}
