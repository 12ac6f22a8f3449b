/**
 * kafka-configs --alter: what may be set for whom, in the checks and words of kafka.admin.ConfigCommand
 * 4.2. All changes of a command are made, or none.
 */
import type { Client } from '../../../net/client/client.ts'
import { alterConfigs } from '../config-admin.ts'
import type { CommandIo } from '../io.ts'
import { alterQuotas, describeQuotas, type QuotaEntityType } from '../quota-admin.ts'
import { alterScramUser, SCRAM_MECHANISMS, type ScramPassword } from '../scram-admin.ts'
import {
  checkResourceName,
  isResource,
  ownConfigs,
  QUOTA_KINDS,
  quotaFilter,
  RESOURCES,
  type ResourceEntity,
} from './config-describe.ts'
import { type Entities, singular } from './config-entity.ts'
import { type Flags, KafkaToolExit, propertiesFile } from './flags.ts'

/** Values to set by name, and names to delete. */
export interface Changes {
  readonly added: ReadonlyMap<string, string>
  readonly deleted: readonly string[]
}

const CLIENT_QUOTAS = [
  ...['producer_byte_rate', 'consumer_byte_rate', 'request_percentage', 'controller_mutation_rate'],
]
const IP_QUOTAS = ['connection_creation_rate']
const ITERATIONS_MIN = 4096

export function changesOf(flags: Flags, io: CommandIo): Changes {
  const [add, file, remove] = ['add-config', 'add-config-file', 'delete-config'].map((name) =>
    flags.has(name),
  )
  if (add === true && file === true)
    throw new KafkaToolExit('Only one of --add-config or --add-config-file must be specified')
  if (add !== true && file !== true && remove !== true)
    throw new KafkaToolExit(
      'At least one of --add-config, --add-config-file, or --delete-config must be specified with --alter',
    )
  const added =
    file === true
      ? propertiesFile(flags, 'add-config-file', io)
      : parseAdded(flags.value('add-config'))
  for (const key of added.keys())
    if (!/^[a-zA-Z0-9._-]*$/.test(key))
      throw new KafkaToolExit(`Invalid character found for config key: ${key}`)
  const deleted = flags
    .list('delete-config')
    .flatMap((list) => list.split(','))
    .map((name) => name.trim())
  return { added, deleted }
}

/** `k1=v1,k2=[v1,v2]`: commas between brackets belong to the value. */
function parseAdded(text: string | undefined): Map<string, string> {
  const added = new Map<string, string>()
  if (text === undefined) return added
  const pairs = text.split(/,(?=[^\]]*(?:\[|$))/)
  while (pairs.length > 1 && pairs.at(-1) === '') pairs.pop()
  for (const pair of pairs) {
    const at = pair.search(/\s*=\s*/)
    if (at < 0)
      throw new KafkaToolExit(
        'requirement failed: Invalid entity config: all configs to be added must be in the format ' +
          '"key=val" or  "key=[val1,val2]" to group values which contain commas.',
      )
    const value = pair.slice(at).replace(/^\s*=\s*/, '')
    added.set(pair.slice(0, at).trim(), value.replace(/[[\]]/g, '').trim())
  }
  return added
}

export async function alterEntities(
  client: Client,
  entities: Entities,
  changes: Changes,
  io: CommandIo,
): Promise<void> {
  const [type = 'topics'] = entities.types
  const [name = ''] = entities.names
  if (isResource(type)) await alterResource(client, type, name, changes)
  else if (type === 'ips') await alterIp(client, entities, changes)
  else await alterClients(client, entities, changes)
  io.stdout.write(
    name === ''
      ? `Completed updating default config for ${type} in the cluster.\n`
      : `Completed updating config for ${singular(type)} ${name}.\n`,
  )
}

async function alterResource(
  client: Client,
  type: ResourceEntity,
  name: string,
  { added, deleted }: Changes,
): Promise<void> {
  checkResourceName(type, name)
  const known = new Set((await ownConfigs(client, type, name, false)).map((one) => one.name))
  const asked = type === 'broker-loggers' ? [...added.keys(), ...deleted] : deleted
  const unknown = asked.filter((option) => !known.has(option))
  if (unknown.length > 0) {
    const what = type === 'broker-loggers' ? 'broker logger' : 'config'
    throw new KafkaToolExit(`Invalid ${what}(s): ${unknown.join(',')}`)
  }
  const removed = deleted.map((option): [string, null] => [option, null])
  await alterConfigs(client, { type: RESOURCES[type].type, name }, [...added, ...removed])
}

async function alterIp(client: Client, entities: Entities, changes: Changes): Promise<void> {
  const unknown = [...changes.added.keys(), ...changes.deleted].filter(
    (key) => !IP_QUOTAS.includes(key),
  )
  if (unknown.length > 0)
    throw new KafkaToolExit(
      'Only connection quota configs can be added for ' +
        `'ips' using --bootstrap-server. Unexpected config names: ${unknown.join(',')}`,
    )
  await alterQuotaValues(client, entities, changes)
}

/** Users, clients, or clients of users: quotas; users alone: SCRAM credentials too. */
async function alterClients(client: Client, entities: Entities, changes: Changes): Promise<void> {
  const scramToo = entities.types.length === 1 && entities.types[0] === 'users'
  const isScram = (key: string): boolean => SCRAM_MECHANISMS.has(key as 'SCRAM-SHA-256')
  const known = (key: string): boolean => CLIENT_QUOTAS.includes(key) || (scramToo && isScram(key))
  const kinds = scramToo ? 'quota and SCRAM credential configs' : 'quota configs'
  const whom = scramToo ? 'users' : 'clients'
  const refuse = (verb: string, collection: string, names: readonly string[]): void => {
    const unknown = names.filter((key) => !known(key))
    if (unknown.length > 0)
      throw new KafkaToolExit(
        `Only ${kinds} can be ${verb} for '${whom}' using --bootstrap-server. ` +
          `Unexpected config names: ${collection}(${unknown.join(', ')})`,
      )
  }
  refuse('added', 'Set', [...changes.added.keys()])
  refuse('deleted', 'ArrayBuffer', changes.deleted)
  const keys = [...changes.added.keys(), ...changes.deleted]
  if (!keys.some(isScram)) return alterQuotaValues(client, entities, changes)
  if (entities.names.includes(''))
    throw new KafkaToolExit(
      'The use of --entity-default or --user-defaults is not allowed with User SCRAM Credentials ' +
        'using --bootstrap-server.',
    )
  if (!keys.every(isScram))
    throw new KafkaToolExit(
      'Cannot alter both quota and SCRAM credential configs simultaneously for ' +
        `'users' using --bootstrap-server.`,
    )
  await alterScramUser(client, entities.names[0] ?? '', [
    ...[...changes.added].map(([name, text]): [string, ScramPassword] => [
      name,
      parseScram(name, text),
    ]),
    ...changes.deleted.map((name): [string, null] => [name, null]),
  ])
}

function parseScram(mechanism: string, text: string): ScramPassword {
  const match = /^(?:iterations=([+-]?\d+),)?password=([\s\S]*)$/.exec(text)
  if (match === null)
    throw new KafkaToolExit(`Invalid credential property ${mechanism.replaceAll('-', '_')}=${text}`)
  const iterations = match[1] === undefined ? ITERATIONS_MIN : Number(match[1])
  if (iterations < ITERATIONS_MIN)
    throw new KafkaToolExit(
      `Iterations ${iterations} is less than the minimum ${ITERATIONS_MIN} required for ${mechanism}`,
    )
  const password = match[2] ?? ''
  if (password === '') throw new KafkaToolExit('Password must not be empty')
  return { iterations, password }
}

async function alterQuotaValues(
  client: Client,
  entities: Entities,
  { added, deleted }: Changes,
): Promise<void> {
  const found = await describeQuotas(client, quotaFilter(entities))
  const known = new Set(found.flatMap(({ values }) => [...values.keys()]))
  const unknown = deleted.filter((key) => !known.has(key))
  if (unknown.length > 0) throw new KafkaToolExit(`Invalid config(s): ${unknown.join(',')}`)
  const entity = new Map<QuotaEntityType, string | null>()
  for (const [at, type] of entities.types.entries()) {
    const kind = QUOTA_KINDS[type]
    const name = entities.names[at] ?? ''
    if (kind !== undefined) entity.set(kind, name === '' ? null : name)
  }
  await alterQuotas(client, entity, [
    ...[...added].map(([key, text]): [string, number] => [key, quotaValue(key, text)]),
    ...deleted.map((key): [string, null] => [key, null]),
  ])
}

function quotaValue(key: string, text: string): number {
  const value = Number(text)
  if (text.trim() === '' || Number.isNaN(value))
    throw new KafkaToolExit(`Cannot parse quota configuration value for ${key}: ${text}`)
  return value
}
