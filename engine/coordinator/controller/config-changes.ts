/**
 * AlterConfigs and IncrementalAlterConfigs as one thing: what each resource's options shall be, or why
 * not. Checks, their order and their words are those of Kafka's ConfigAdminManager (on the broker) and
 * ConfigurationControlManager (on the controller), 4.2. A resource changes as a whole or not at all;
 * the resources of one request are independent of each other.
 *
 *   set       the value, as given
 *   delete    back to the next weaker level; also of a name that is not set or not known
 *   append    list options only: elements that are not there yet, at the end
 *   subtract  list options only: these elements go, wherever they stand
 *
 * differs from Kafka: there are no loggers to set; a broker whose options would outgrow
 * limits.configEntriesMax refuses them; the second of two AlterConfigs for one resource is refused as
 * in IncrementalAlterConfigs (a real 4.2 never answers).
 */
import { type BrokerConfig, brokerOptions } from '../../base/config.ts'
import { clientMetricsProblem } from '../../base/config-client-metrics.ts'
import { dynamicConfigProblem, dynamicOption } from '../../base/config-dynamic.ts'
import { groupConfigProblem, groupOptions } from '../../base/config-group.ts'
import { type Option, type ValueSpec, valueText } from '../../base/config-option.ts'
import { ErrorCode } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import { topicConfigProblem, topicOptionsByName } from '../../base/topic-config.ts'
import { ConfigResourceType as Type } from '../../metadata/config-resource.ts'
import type { ConfigOwner, MetadataImage, NamedConfigs } from '../../metadata/image.ts'
import { topicNameProblem } from '../../metadata/topic-name.ts'
import { type Refusal, refusal } from './refusal.ts'

export const ConfigOperation = { set: 0, delete: 1, append: 2, subtract: 3 } as const

export interface ConfigChange {
  readonly name: string
  readonly configOperation: number
  readonly value: string | null
}

export interface ResourceChanges {
  readonly resourceType: number
  readonly resourceName: string
  readonly configs: readonly ConfigChange[]
  /** AlterConfigs: what is not named is deleted. */
  readonly replaces: boolean
}

type Settings = ReadonlyMap<string, string>

/** What a resource's options shall be, or why not. */
export type ConfigPlan = { readonly settings: Settings; readonly before: Settings } | Refusal

export function planConfigChanges(
  requested: readonly ResourceChanges[],
  image: MetadataImage,
  config: BrokerConfig,
): ConfigPlan[] {
  const times = new Map<string, number>()
  for (const resource of requested) {
    const key = keyOf(resource)
    times.set(key, (times.get(key) ?? 0) + 1)
  }
  return requested.map((resource) =>
    times.get(keyOf(resource)) === 1
      ? planResource(resource, image, config)
      : refusal(ErrorCode.INVALID_REQUEST, 'Each resource must appear at most once.'),
  )
}

function keyOf({ resourceType, resourceName }: ResourceChanges): string {
  return `${resourceType} ${resourceName}`
}

/** Where these options are kept; null: with the topic. */
export function configOwner(resource: ResourceChanges): ConfigOwner | null {
  const { resourceType, resourceName: name } = resource
  if (resourceType === Type.group) return { kind: 'group', name }
  if (resourceType === Type.clientMetrics) return { kind: 'client-metrics', name }
  if (resourceType === Type.topic) return null
  return { kind: name === '' ? 'cluster' : 'broker' }
}

function planResource(
  resource: ResourceChanges,
  image: MetadataImage,
  config: BrokerConfig,
): ConfigPlan {
  const shape = shapeProblem(resource)
  if (shape !== null) return shape
  const { resourceType } = resource
  switch (resourceType) {
    case Type.topic:
      return planTopic(resource, image)
    case Type.broker:
      return planBroker(resource, image, config)
    case Type.group:
      return planGroup(resource, image.groupConfigs, config)
    case Type.clientMetrics:
      return planSubscription(resource, image.clientMetrics)
    case Type.brokerLogger:
      if (!resource.replaces) return loggerRefusal(resource, image.brokerId)
  }
  return invalid(`Unknown resource type ${resourceType}`)
}

const NOTHING: Settings = new Map()

/** What is wrong whatever the resource is. */
function shapeProblem({ configs }: ResourceChanges): Refusal | null {
  if (new Set(configs.map(({ name }) => name)).size < configs.length)
    return invalid('Error due to duplicate config keys')
  const empty = configs.filter(
    ({ configOperation, value }) => value === null && configOperation !== ConfigOperation.delete,
  )
  if (empty.length > 0)
    return invalid(`Null value not supported for : ${empty.map(({ name }) => name).join(', ')}`)
  return null
}

function planTopic(resource: ResourceChanges, image: MetadataImage): ConfigPlan {
  const { resourceName: name } = resource
  const before = image.topics.get(name)?.configs ?? NOTHING
  const settings = changed(resource, before, topicOptionsByName)
  if ('errorCode' in settings) return settings
  if (name === '') return invalid('Default topic resources are not allowed.')
  const nameProblem = topicNameProblem(name)
  if (nameProblem !== null) return refusal(ErrorCode.INVALID_TOPIC_EXCEPTION, nameProblem)
  if (!image.topics.has(name))
    return refusal(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `The topic '${name}' does not exist.`)
  const problem = topicConfigProblem(settings)
  return problem === null ? { settings, before } : refusal(ErrorCode.INVALID_CONFIG, problem)
}

/** An empty name stands for all brokers. */
function planBroker(
  resource: ResourceChanges,
  image: MetadataImage,
  config: BrokerConfig,
): ConfigPlan {
  const { resourceName: name } = resource
  if (name !== '' && !/^[+-]?\d+$/.test(name))
    return invalid(`Node id must be an integer, but it is: ${name}`)
  if (name !== '' && Number(name) !== image.brokerId)
    return invalid(`Unexpected broker id, expected ${image.brokerId}, but received ${name}`)
  const { broker, cluster } = image.dynamicConfigs
  const level = name === '' ? 'cluster' : 'broker'
  const before = level === 'broker' ? broker : cluster
  for (const { name: option, configOperation: operation } of resource.configs) {
    if (operation !== ConfigOperation.append && operation !== ConfigOperation.subtract) continue
    if (dynamicOption(option)?.option.type === 'list') continue
    const word = operation === ConfigOperation.append ? 'append' : 'subtract'
    return refusal(
      ErrorCode.INVALID_CONFIG,
      `Config value ${word} is not allowed for config key: ${option}`,
    )
  }
  const settings = changed(resource, before, brokerOptions)
  if ('errorCode' in settings) return settings
  const problem = dynamicConfigProblem(config, level, settings, image.dynamicConfigs)
  return problem === null ? { settings, before } : invalid(problem)
}

function planGroup(
  resource: ResourceChanges,
  groups: NamedConfigs,
  config: BrokerConfig,
): ConfigPlan {
  const { resourceName: name } = resource
  const before = groups.get(name) ?? NOTHING
  const settings = changed(resource, before, groupOptions)
  if ('errorCode' in settings) return settings
  if (name === '') return invalid('Default group resources are not allowed.')
  const problem = groupConfigProblem(config, settings)
  if (problem !== null) return refusal(ErrorCode.INVALID_CONFIG, problem)
  return tooMany(groups, name) ?? { settings, before }
}

function planSubscription(resource: ResourceChanges, subscriptions: NamedConfigs): ConfigPlan {
  const { resourceName: name } = resource
  const before = subscriptions.get(name) ?? NOTHING
  // Kafka's controller knows no types for these, so none is a list to it.
  const settings = changed(resource, before, new Map())
  if ('errorCode' in settings) return settings
  if (name === '') return invalid("Subscription name can't be empty")
  return clientMetricsProblem(settings) ?? tooMany(subscriptions, name) ?? { settings, before }
}

function tooMany(resources: NamedConfigs, name: string): Refusal | null {
  if (resources.has(name) || resources.size < limits.configResourcesMax) return null
  return refusal(
    ErrorCode.POLICY_VIOLATION,
    `Options are set for ${limits.configResourcesMax} others already; delete some of them first.`,
  )
}

/** Kafka's answers of a broker whose logging has no loggers by name. */
function loggerRefusal(resource: ResourceChanges, brokerId: number): Refusal {
  const { resourceName: name, configs } = resource
  if (!/^[+-]?\d+$/.test(name)) return invalid(`Node id must be an integer, but it is: ${name}`)
  if (Number(name) !== brokerId)
    return invalid(`Unexpected node id. Expected ${brokerId}, but received ${name}`)
  for (const { name: logger, configOperation: operation } of configs) {
    if (operation === ConfigOperation.append || operation === ConfigOperation.subtract) {
      const word = operation === ConfigOperation.append ? 'APPEND' : 'SUBTRACT'
      return invalid(`${word} operation is not allowed for the BROKER_LOGGER resource`)
    }
    if (operation === ConfigOperation.delete && logger === 'root')
      return invalid('Removing the log level of the root logger is not allowed')
    return refusal(ErrorCode.INVALID_CONFIG, `Logger ${logger} does not exist!`)
  }
  return refusal(ErrorCode.NONE, null)
}

/** The settings after these changes, unchecked but for the operations themselves. */
function changed(
  { configs, replaces }: ResourceChanges,
  before: Settings,
  options: ReadonlyMap<string, ValueSpec>,
): Settings | Refusal {
  const after = new Map(replaces ? [] : before)
  for (const { name, configOperation: operation, value } of configs) {
    const next = changedValue(name, operation, value, before.get(name), options.get(name))
    if (typeof next === 'object' && next !== null) return next
    if (next === null) after.delete(name)
    else after.set(name, next)
  }
  if (after.size > limits.configEntriesMax)
    return refusal(
      ErrorCode.POLICY_VIOLATION,
      `At most ${limits.configEntriesMax} options can be set for one resource.`,
    )
  return after
}

function changedValue(
  name: string,
  operation: number,
  value: string | null,
  current: string | undefined,
  option: ValueSpec | Option | undefined,
): string | null | Refusal {
  switch (operation) {
    case ConfigOperation.set:
      return value
    case ConfigOperation.delete:
      return null
    case ConfigOperation.append:
    case ConfigOperation.subtract: {
      const appends = operation === ConfigOperation.append
      if (option?.type !== 'list')
        return refusal(
          ErrorCode.INVALID_CONFIG,
          `Can't ${appends ? 'APPEND' : 'SUBTRACT'} to key ${name} because its type is not LIST.`,
        )
      const elements = partsOf(current ?? valueText('list', option.default) ?? '')
      return listText(appends ? withParts(elements, value) : withoutParts(elements, value))
    }
    default:
      return invalid(`Unknown operations type ${operation}`)
  }
}

/** Neither trimmed nor freed of repeats: that is done where the list is read. */
function partsOf(text: string): string[] {
  return text.split(',').filter((part) => part !== '')
}

function withParts(elements: readonly string[], value: string | null): string[] {
  const after = [...elements]
  for (const part of (value ?? '').split(',')) if (!after.includes(part)) after.push(part)
  return after
}

function withoutParts(elements: readonly string[], value: string | null): string[] {
  const gone = new Set((value ?? '').split(','))
  return elements.filter((element) => !gone.has(element))
}

function listText(elements: readonly string[]): string | Refusal {
  const text = elements.join(',')
  if (Buffer.byteLength(text) <= limits.stringBytesMax) return text
  return refusal(
    ErrorCode.INVALID_CONFIG,
    'The configuration value cannot be added because it exceeds the maximum value size of ' +
      `${limits.stringBytesMax} bytes.`,
  )
}

function invalid(errorMessage: string): Refusal {
  return refusal(ErrorCode.INVALID_REQUEST, errorMessage)
}
