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
import { clientMetricsOptions } from '../base/config-client-metrics.ts'
import { type DynamicOption, dynamicOption, staticSettings } from '../base/config-dynamic.ts'
import { groupOptions, groupOptionText } from '../base/config-group.ts'
import {
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
  clientMetrics: 7,
  group: 8,
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
  const { broker, cluster } = settings.dynamic
  for (const name of new Set([...broker.keys(), ...cluster.keys()]))
    if (!brokerOptions.has(name)) entries.push(foreignEntry(settings, name))
  return entries
}

/** What was set at run time for all brokers at once. */
export function clusterConfigEntries({ dynamic }: BrokerSettings): ConfigEntry[] {
  return [...dynamic.cluster.keys()].map((name) => clusterEntry(dynamic.cluster, name))
}

/** A setting for all brokers, as it was given. */
function clusterEntry(cluster: ReadonlyMap<string, string>, name: string): ConfigEntry {
  const source = ConfigSource.dynamicDefaultBroker
  const known = dynamicOption(name)
  const names = known?.prefixed === true ? [name, known.baseName] : [name]
  const hidden = known === null || isSensitive(known.option)
  const synonyms = names
    .filter((one) => cluster.has(one))
    .map((one) => ({ name: one, value: hidden ? null : (cluster.get(one) ?? null), source }))
  return settingEntry(name, known, synonyms)
}

/** A setting of this broker that its table does not have: with a listener prefix, or not known. */
function foreignEntry(settings: BrokerSettings, name: string): ConfigEntry {
  const known = dynamicOption(name)
  const names = known?.prefixed === true ? [name, known.baseName] : [name]
  const synonyms = brokerSynonyms(settings, name, names, known?.option ?? null)
  return settingEntry(name, known, synonyms)
}

/** What Kafka's table does not have is read-only to it; what nobody knows might be a secret. */
function settingEntry(
  name: string,
  known: DynamicOption | null,
  synonyms: readonly ConfigSynonym[],
): ConfigEntry {
  const value = synonyms[0]?.value ?? null
  if (known !== null) {
    const entry = entryOf(name, known.option, value, synonyms)
    return { ...entry, readOnly: known.prefixed || known.outside || entry.readOnly }
  }
  return {
    name,
    value,
    readOnly: true,
    configSource: synonyms[0]?.source ?? ConfigSource.default,
    isSensitive: true,
    synonyms,
    configType: CONFIG_TYPE_UNKNOWN,
    documentation: 'No option of this broker.',
  }
}

const CONFIG_TYPE_UNKNOWN = 0

/** Every option of a group with these of its own, by name. */
export function groupConfigEntries(
  config: BrokerConfig,
  own: ReadonlyMap<string, string> | undefined,
): ConfigEntry[] {
  return [...groupOptions].map(([name, option]) => {
    const value = groupOptionText(name, config, own)
    const source = own?.has(name) === true ? ConfigSource.group : ConfigSource.default
    return {
      name,
      value,
      readOnly: false,
      configSource: source,
      isSensitive: false,
      synonyms: [{ name, value, source }],
      configType: configTypeCode(option.type),
      documentation: option.text,
    }
  })
}

/** Every option of a client metrics subscription with these of its own. */
export function clientMetricsConfigEntries(
  own: ReadonlyMap<string, string> | undefined,
): ConfigEntry[] {
  return [...clientMetricsOptions].map(([name, option]) => {
    const set = own?.get(name)
    const value = set ?? valueText(option.type, option.default)
    const source = ConfigSource.clientMetrics
    return {
      name,
      value,
      readOnly: false,
      configSource: set === undefined ? ConfigSource.default : source,
      isSensitive: false,
      synonyms: set === undefined ? [] : [{ name, value, source }],
      configType: configTypeCode(option.type),
      documentation: 'Client metrics are not taken yet; these options have no effect.',
    }
  })
}

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
  option: Option | null,
): ConfigSynonym[] {
  const found: ConfigSynonym[] = []
  const sensitive = option === null || isSensitive(option)
  const add = (from: string, value: string | null | undefined, source: number): void => {
    if (value !== null && value !== undefined)
      found.push({ name: from, value: sensitive ? null : value, source })
  }
  for (const from of names) add(from, dynamic.broker.get(from), ConfigSource.dynamicBroker)
  for (const from of names) add(from, dynamic.cluster.get(from), ConfigSource.dynamicDefaultBroker)
  for (const from of names)
    add(from, staticSettings(config, dynamic).get(from), ConfigSource.staticBroker)
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
  const set = dynamic.broker.get(name) ?? dynamic.cluster.get(name)
  // Kafka forgets the static value of what is set at run time under a synonym.
  const family = familyOf(name)
  const overruled = family.some((other) => dynamic.broker.has(other) || dynamic.cluster.has(other))
  const text = set ?? (overruled ? undefined : staticSettings(config, dynamic).get(name))
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
