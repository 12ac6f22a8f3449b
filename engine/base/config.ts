/**
 * Broker options: one table under Kafka's names feeds the parser, DescribeConfigs, the command line
 * and the reference page. `BrokerConfig` is what the rest of the house reads: every served option
 * as a typed field, its name in camel case (`num.partitions` → numPartitions).
 *
 * Reading files, environment and arguments is net/server-properties.ts; topic options are resolved
 * in topic-config.ts. Parsing never throws: everything wrong is reported at once.
 */

import { clusterOptions } from './config-broker-cluster.ts'
import { coordinatorOptions } from './config-broker-coordinators.ts'
import { logOptions } from './config-broker-log.ts'
import { securityOptions } from './config-broker-security.ts'
import { serverOptions } from './config-broker-server.ts'
import { sluiceOptions } from './config-broker-sluice.ts'
import {
  controllerListeners,
  type ListenerConfig,
  type ListenerTexts,
  parseListeners,
  unadvertisedListeners,
} from './config-listeners.ts'
import { nearestName, retiredOption } from './config-names.ts'
import { type ConfigValue, type Option, parseOption, valueText } from './config-option.ts'
import { requirementProblem, zeroProblem } from './config-relations.ts'
import { topicOptions } from './config-topic.ts'

const tables = [
  serverOptions,
  logOptions,
  coordinatorOptions,
  securityOptions,
  clusterOptions,
  sluiceOptions,
] as const
type Table = typeof serverOptions &
  typeof logOptions &
  typeof coordinatorOptions &
  typeof securityOptions &
  typeof clusterOptions &
  typeof sluiceOptions

/** Every broker option by name. */
export const brokerOptions: ReadonlyMap<string, Option> = new Map(
  tables.flatMap((table) => Object.entries<Option>(table)),
)

type CamelCase<S extends string> = S extends `${infer Head}.${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : S

type ServedName = {
  [K in keyof Table]: Table[K] extends { readonly support: 'served' } ? K : never
}[keyof Table]

type ServedFields = {
  readonly [K in ServedName as CamelCase<K>]: Table[K]['default']
}

/** Plain data: a structured clone carries it to every thread. */
export interface BrokerConfig extends ServedFields {
  /**
   * What was set, as written and under the option's own name: the static source of DescribeConfigs.
   */
  readonly settings: ReadonlyMap<string, string>
  /** From listeners, advertised.listeners and their kin. */
  readonly clientListeners: readonly ListenerConfig[]
  /** log.dirs, or else log.dir. The first one also holds the metadata. */
  readonly dataFolders: readonly string[]
}

export interface ParsedConfig {
  /** Defaults stand in for what is wrong: not for use unless `errors` is empty. */
  readonly config: BrokerConfig
  /** One line per kind of option that has no effect here. */
  readonly warnings: readonly string[]
  readonly errors: readonly string[]
}

/** Reads settings by name. Order does not matter; a name comes once. */
export function parseBrokerConfig(entries: ReadonlyMap<string, string>): ParsedConfig {
  const errors: string[] = []
  const idle = new Map<string, string[]>()
  const values: Record<string, ConfigValue> = {}
  for (const [name, option] of brokerOptions) {
    if (option.support === 'served') values[camelCase(name)] = option.default
  }
  for (const [name, text] of entries) {
    const option = brokerOptions.get(name)
    if (option === undefined) {
      const advice = retiredOption(name)
      if (advice === null) errors.push(unknownOption(name))
      else addTo(idle, advice, name)
      continue
    }
    const value = readSetting(name, option, text, idle, errors)
    if (option.support === 'served') values[camelCase(name)] = value
  }
  const config = complete(values, entries, errors)
  noteControllers(config, idle)
  return { config, warnings: [...warningLines(idle), ...notes(config)], errors }
}

/** `num.partitions` → `numPartitions`, as the fields of BrokerConfig are named. */
export function camelCase(name: string): string {
  return name.replace(/\.(.)/g, (_, letter: string) => letter.toUpperCase())
}

/** The value, or the default after noting what is wrong or without effect. */
function readSetting(
  name: string,
  option: Option,
  text: string,
  idle: Map<string, string[]>,
  errors: string[],
): ConfigValue {
  const parsed = parseOption(name, option, text)
  if ('problem' in parsed) {
    errors.push(parsed.problem)
    return option.default
  }
  const isDefault =
    valueText(option.type, parsed.value) === (valueText(option.type, option.default) ?? '')
  if (option.support === 'refused' && !isDefault)
    errors.push(`${name} cannot be set: ${option.text}`)
  if (option.support === 'ignored' && !isDefault) addTo(idle, option.text, name)
  return parsed.value
}

function addTo(map: Map<string, string[]>, key: string, value: string): void {
  const values = map.get(key)
  if (values === undefined) map.set(key, [value])
  else values.push(value)
}

/**
 * One line for all options with the same advice, so that a stock server.properties stays readable.
 */
function warningLines(idle: ReadonlyMap<string, readonly string[]>): string[] {
  return [...idle].map(
    ([advice, names]) =>
      `${names.join(', ')} ${names.length === 1 ? 'has' : 'have'} no effect: ${advice}`,
  )
}

function unknownOption(name: string): string {
  const topicOption = (
    topicOptions as Readonly<Record<string, { brokerNames: readonly string[] }>>
  )[name]
  if (topicOption !== undefined && topicOption.brokerNames.length > 0)
    return `${name} is an option of topics; for the broker write ${topicOption.brokerNames[0]}`
  const nearest = nearestName(name, brokerOptions.keys())
  return `unknown option ${name}${nearest === null ? '' : `; did you mean ${nearest}?`}`
}

/** Adds what follows from several options together, and checks them against each other. */
function complete(
  values: Record<string, ConfigValue>,
  entries: ReadonlyMap<string, string>,
  errors: string[],
): BrokerConfig {
  // Every served option has its value under its field name here, which is what ServedFields says.
  const fields = values as typeof values & ServedFields
  const roles = entries.get('process.roles')
  if (roles !== undefined && !roles.split(',').some((role) => role.trim() === 'broker'))
    errors.push(
      'process.roles has no broker in it: sluice needs no separate controllers, do not start one',
    )
  const nodeId = nodeIdOf(fields, entries, errors)
  checkRelations(fields, errors)
  const clientListeners = parseListeners(listenerTexts(fields), errors)
  const dataFolders = fields.logDirs ?? fields.logDir
  if (dataFolders.length === 0 || dataFolders.includes(''))
    errors.push('log.dirs names no folder: give the data at least one')
  const settings = new Map([...entries].filter(([name]) => brokerOptions.has(name)))
  return { ...fields, nodeId, brokerId: nodeId, settings, clientListeners, dataFolders }
}

function listenerTexts(fields: ServedFields): ListenerTexts {
  return {
    listeners: fields.listeners,
    advertised: fields.advertisedListeners,
    protocolMap: fields.listenerSecurityProtocolMap,
    controllerNames: fields.controllerListenerNames ?? [],
    interBrokerName: fields.interBrokerListenerName,
  }
}

/** The listeners of controllers join what else of KRaft has no effect, in the same line. */
function noteControllers(config: BrokerConfig, idle: Map<string, string[]>): void {
  for (const listener of controllerListeners(listenerTexts(config)))
    addTo(idle, brokerOptions.get('process.roles')!.text, `the listener ${listener}`)
}

/** What may not be what was meant. */
function notes(config: BrokerConfig): string[] {
  const lines = unadvertisedListeners(listenerTexts(config)).map(
    (name) =>
      `advertised.listeners says nothing of ${name}: clients there are told the address it is bound to`,
  )
  const voters = config.settings.get('controller.quorum.voters')?.split(',').length ?? 0
  if (voters > 1)
    lines.push(
      `controller.quorum.voters names ${voters} controllers: this broker runs alone and does not join them`,
    )
  return lines
}

function nodeIdOf(
  fields: ServedFields,
  entries: ReadonlyMap<string, string>,
  errors: string[],
): number {
  if (!entries.has('broker.id') || fields.brokerId < 0) return fields.nodeId
  if (entries.has('node.id') && fields.nodeId !== fields.brokerId)
    errors.push(
      'You must set `node.id` to the same value as `broker.id`: they are ' +
        `${fields.nodeId} and ${fields.brokerId}`,
    )
  return fields.brokerId
}

function checkRelations(
  fields: ServedFields & Readonly<Record<string, ConfigValue>>,
  errors: string[],
): void {
  for (const [name, value] of [
    ['log.retention.ms', fields.logRetentionMs],
    ['log.retention.minutes', fields.logRetentionMinutes],
    ['log.retention.hours', fields.logRetentionHours],
  ] as const) {
    if (value !== null && value !== -1 && value < 1)
      errors.push(`${name} must be unlimited (-1) or, equal or greater than 1`)
  }
  for (const problem of [requirementProblem(fields), zeroProblem(fields)])
    if (problem !== null) errors.push(problem)
  if (fields.groupMinSessionTimeoutMs > fields.groupMaxSessionTimeoutMs)
    errors.push('group.min.session.timeout.ms is greater than group.max.session.timeout.ms')
  for (const rest of ['session.timeout.ms', 'heartbeat.interval.ms'])
    checkBounds(`group.consumer.${rest}`, fields, errors)
  if (fields.groupConsumerHeartbeatIntervalMs >= fields.groupConsumerSessionTimeoutMs)
    errors.push(
      'group.consumer.heartbeat.interval.ms must be less than group.consumer.session.timeout.ms',
    )
}

/** `group.x.some.time` lies between `group.x.min.some.time` and `group.x.max.some.time`. */
function checkBounds(
  name: string,
  fields: Readonly<Record<string, ConfigValue>>,
  errors: string[],
): void {
  const bound = (word: string): string => name.replace(/^(group\.\w+\.)/, `$1${word}.`)
  const value = Number(fields[camelCase(name)])
  if (value < Number(fields[camelCase(bound('min'))]))
    errors.push(`${name} must be greater than or equal to ${bound('min')}`)
  if (value > Number(fields[camelCase(bound('max'))]))
    errors.push(`${name} must be less than or equal to ${bound('max')}`)
}
