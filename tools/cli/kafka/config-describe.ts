/** kafka-configs --describe: options, quotas and SCRAM credentials in the lines of Kafka's tool. */
import { ConfigResourceType } from '../../../engine/metadata/config-resource.ts'
import { topicNameProblem } from '../../../engine/metadata/topic-name.ts'
import type { Client } from '../../../net/client/client.ts'
import { UnsupportedApi } from '../../../net/client/client-errors.ts'
import { listGroups } from '../cluster-admin.ts'
import {
  CONFIG_SOURCE_NAMES,
  type ConfigResource,
  ConfigSource,
  type ConfigValue,
  describeConfigs,
  listConfigResources,
  type ResourceType,
} from '../config-admin.ts'
import type { CommandIo } from '../io.ts'
import { describeQuotas, type QuotaEntityType, type QuotaFilter } from '../quota-admin.ts'
import { describeScramUsers } from '../scram-admin.ts'
import { listTopics } from '../topic-admin.ts'
import { type Entities, type EntityType, singular } from './config-entity.ts'
import { KafkaToolExit } from './flags.ts'
import { javaDouble } from './java-double.ts'

/** Kinds of entities that are resources with options. */
export const RESOURCES = {
  topics: { type: ConfigResourceType.topic, own: ConfigSource.topic },
  brokers: { type: ConfigResourceType.broker, own: ConfigSource.dynamicBroker },
  'broker-loggers': { type: ConfigResourceType.brokerLogger, own: ConfigSource.brokerLogger },
  'client-metrics': { type: ConfigResourceType.clientMetrics, own: ConfigSource.clientMetrics },
  groups: { type: ConfigResourceType.group, own: ConfigSource.group },
} as const

export type ResourceEntity = keyof typeof RESOURCES

export function isResource(type: EntityType): type is ResourceEntity {
  return type in RESOURCES
}

/** The kind of quota entity behind an entity type. */
export const QUOTA_KINDS: Readonly<Partial<Record<EntityType, QuotaEntityType>>> = {
  users: 'user',
  clients: 'client-id',
  ips: 'ip',
}

export async function describeEntities(
  client: Client,
  entities: Entities,
  all: boolean,
  io: CommandIo,
): Promise<void> {
  const [type] = entities.types
  if (type !== undefined && isResource(type))
    return describeResources(client, type, entities.names[0], all, io)
  await describeQuotaLines(client, entities, io)
  if (type === 'users' && entities.types.length === 1 && !entities.names.includes(''))
    await describeScramLines(client, entities.names, io)
}

async function describeResources(
  client: Client,
  type: ResourceEntity,
  name: string | undefined,
  all: boolean,
  io: CommandIo,
): Promise<void> {
  if (name !== undefined) checkResourceName(type, name)
  // With --all the broker says so itself.
  const checked = name !== undefined && name !== '' && !all && type !== 'broker-loggers'
  if (checked && !(await namesOf(client, type)).includes(name)) {
    io.stdout.write(
      `The ${singular(type)} '${name}' doesn't exist and doesn't have dynamic config.\n`,
    )
    return
  }
  const names = name !== undefined ? [name] : await namesOf(client, type)
  if (name === undefined && type === 'brokers') names.push('')
  for (const one of names) {
    io.stdout.write(
      one === '' && type === 'brokers'
        ? 'Default configs for brokers in the cluster are:\n'
        : `${all ? 'All' : 'Dynamic'} configs for ${singular(type)} ${one} are:\n`,
    )
    for (const config of await ownConfigs(client, type, one, all))
      io.stdout.write(`  ${configLine(config)}\n`)
  }
}

export function checkResourceName(type: ResourceEntity, name: string): void {
  const problem = type === 'topics' && name !== '' ? topicNameProblem(name) : null
  if (problem !== null) throw new KafkaToolExit(problem)
}

/** What has options of this kind, or could. */
async function namesOf(client: Client, type: ResourceEntity): Promise<string[]> {
  if (type === 'topics') return (await listTopics(client)).map(({ name }) => name ?? '')
  if (type === 'brokers') {
    const { brokers } = await client.metadata([])
    return brokers.map(({ nodeId }) => String(nodeId)).sort((a, b) => Number(a) - Number(b))
  }
  const resources = await withOptions(client, RESOURCES[type].type)
  if (type !== 'groups') return resources
  const groups = (await listGroups(client)).map(({ groupId }) => groupId)
  return [...new Set([...groups, ...resources])]
}

/** Brokers before 4.1 cannot list groups that have options. */
async function withOptions(client: Client, type: ResourceType): Promise<string[]> {
  try {
    return await listConfigResources(client, type)
  } catch (error) {
    if (error instanceof UnsupportedApi) return []
    throw error
  }
}

/** All options of a resource, or those set for it, by name. */
export async function ownConfigs(
  client: Client,
  type: ResourceEntity,
  name: string,
  all: boolean,
): Promise<ConfigValue[]> {
  const resource: ConfigResource = { type: RESOURCES[type].type, name }
  const isDefault = type === 'brokers' && name === ''
  const own: number = isDefault ? ConfigSource.dynamicDefaultBroker : RESOURCES[type].own
  const configs = await describeConfigs(client, resource)
  return configs
    .filter(
      ({ configSource, synonyms }) =>
        (all && !isDefault) ||
        type === 'broker-loggers' ||
        configSource === own ||
        synonyms.some(({ source }) => source === own),
    )
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

function configLine({ name, value, isSensitive, synonyms }: ConfigValue): string {
  const list = synonyms.map(
    (one) => `${CONFIG_SOURCE_NAMES[one.source] ?? 'UNKNOWN'}:${one.name}=${one.value}`,
  )
  return `${name}=${value} sensitive=${isSensitive} synonyms={${list.join(', ')}}`
}

export function quotaFilter({ types, names }: Entities): QuotaFilter {
  const filter = new Map<QuotaEntityType, string | null | undefined>()
  for (const [at, type] of types.entries()) {
    const kind = QUOTA_KINDS[type]
    if (kind !== undefined) filter.set(kind, names[at] === '' ? null : names[at])
  }
  return filter
}

const QUOTA_WORDS: readonly (readonly [QuotaEntityType, string])[] = [
  ['user', 'user-principal'],
  ['client-id', 'client-id'],
  ['ip', 'ip'],
]

async function describeQuotaLines(
  client: Client,
  entities: Entities,
  io: CommandIo,
): Promise<void> {
  for (const { entity, values } of await describeQuotas(client, quotaFilter(entities))) {
    const whom = QUOTA_WORDS.filter(([kind]) => entity.has(kind)).map(([kind, word]) => {
      const name = entity.get(kind) ?? null
      return name === null ? `the default ${word}` : `${word} '${name}'`
    })
    const what = [...values].map(([key, value]) => `${key}=${javaDouble(value)}`)
    io.stdout.write(`Quota configs for ${whom.join(', ')} are ${what.join(', ')}\n`)
  }
}

async function describeScramLines(
  client: Client,
  names: readonly string[],
  io: CommandIo,
): Promise<void> {
  for (const { user, credentials } of await describeScramUsers(client, names)) {
    const list = credentials.map(
      ({ mechanism, iterations }) => `${mechanism}=iterations=${iterations}`,
    )
    io.stdout.write(
      `SCRAM credential configs for user-principal '${user}' are ${list.join(', ')}\n`,
    )
  }
}
