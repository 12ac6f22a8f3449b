/**
 * Whom kafka-configs is about: the entity types and names of its command line, by --entity-type and
 * --entity-name or by the flag of a type, checked as kafka.admin.ConfigCommand 4.2 checks them.
 */
import { lookup } from 'node:dns/promises'
import { type Flags, KafkaToolExit } from './flags.ts'

export const ENTITY_TYPES = [
  ...(['topics', 'clients', 'users', 'brokers', 'ips', 'client-metrics', 'groups'] as const),
  'broker-loggers',
] as const
export type EntityType = (typeof ENTITY_TYPES)[number]

/** In the order Kafka's tool takes them up. */
const TYPE_FLAGS: readonly (readonly [flag: string, type: EntityType])[] = [
  ['topic', 'topics'],
  ['client', 'clients'],
  ['user', 'users'],
  ['broker', 'brokers'],
  ['broker-logger', 'broker-loggers'],
  ['ip', 'ips'],
  ['client-metrics', 'client-metrics'],
  ['group', 'groups'],
]
const DEFAULT_FLAGS: readonly (readonly [flag: string, type: EntityType])[] = [
  ['client-defaults', 'clients'],
  ['user-defaults', 'users'],
  ['broker-defaults', 'brokers'],
  ['ip-defaults', 'ips'],
]

/** One type, or users and clients together; '' names the default of a type. */
export interface Entities {
  readonly types: readonly EntityType[]
  /** May be fewer than the types: the rest are any. */
  readonly names: readonly string[]
}

/** `topics` is `topic`, and so on, as messages have it. */
export function singular(type: EntityType): string {
  return type.slice(0, -1)
}

export async function entitiesOf(flags: Flags, altered: boolean): Promise<Entities> {
  const types = entityTypes(flags)
  if ([...TYPE_FLAGS, ...DEFAULT_FLAGS].some(([flag]) => flags.has(flag)))
    if (['entity-type', 'entity-name', 'entity-default'].some((flag) => flags.has(flag)))
      throw new KafkaToolExit(
        '--entity-{type,name,default} should not be used in conjunction with specific entity flags',
      )
  const names = entityNames(flags)
  await checkNames(types, names)
  if (altered) checkAltered(types, names)
  else checkDescribed(types, names)
  return { types, names }
}

function entityTypes(flags: Flags): readonly EntityType[] {
  const given = [
    ...flags.list('entity-type'),
    ...[...TYPE_FLAGS, ...DEFAULT_FLAGS]
      .filter(([flag]) => flags.has(flag))
      .map(([, type]) => type),
  ]
  const again = given.filter((type, at) => given.indexOf(type) !== at)
  if (again.length > 0)
    throw new KafkaToolExit(`Duplicate entity type(s) specified: ${again.join(',')}`)
  const types = given.map((name) => {
    const type = ENTITY_TYPES.find((known) => known === name)
    if (type !== undefined) return type
    throw new KafkaToolExit(
      `Invalid entity type ${name}, the entity type must be one of ${ENTITY_TYPES.join(', ')} with a ` +
        '--bootstrap-server or --bootstrap-controller argument',
    )
  })
  if (types.length === 0) throw new KafkaToolExit('At least one entity type must be specified')
  if (types.length > 1 && !types.every((type) => type === 'users' || type === 'clients'))
    throw new KafkaToolExit("Only 'users' and 'clients' entity types may be specified together")
  return types
}

/** Those of --entity-name and --entity-default as they come, then those of the flags of types. */
function entityNames(flags: Flags): string[] {
  const named = flags.list('entity-name').values()
  const inOrder = flags.order
    .filter((flag) => flag === 'entity-name' || flag === 'entity-default')
    .map((flag) => (flag === 'entity-default' ? '' : String(named.next().value ?? '')))
  const byFlag = TYPE_FLAGS.flatMap(([flag]) => flags.value(flag) ?? [])
  const defaults = DEFAULT_FLAGS.filter(([flag]) => flags.has(flag)).map(() => '')
  return [...inOrder, ...byFlag, ...defaults]
}

async function checkNames(types: readonly EntityType[], names: readonly string[]): Promise<void> {
  const [type] = types
  for (const name of names.filter((given) => given !== '')) {
    if ((type === 'brokers' || type === 'broker-loggers') && !/^[+-]?\d+$/.test(name))
      throw new KafkaToolExit(
        `The entity name for ${type} must be a valid integer broker id, but it is: ${name}`,
      )
    if (type === 'ips' && !(await resolves(name)))
      throw new KafkaToolExit(
        `The entity name for ips must be a valid IP or resolvable host, but it is: ${name}`,
      )
  }
}

async function resolves(host: string): Promise<boolean> {
  try {
    await lookup(host)
    return true
  } catch {
    return false
  }
}

const WITH_DEFAULT: readonly EntityType[] = ['users', 'clients', 'brokers', 'ips']

function checkAltered(types: readonly EntityType[], names: readonly string[]): void {
  const named = names.some((name) => name !== '')
  if (types.some((type) => WITH_DEFAULT.includes(type))) {
    if (names.length === 0)
      throw new KafkaToolExit(
        'An entity-name or default entity must be specified with --alter of users, clients, ' +
          'brokers or ips',
      )
  } else if (!named)
    throw new KafkaToolExit(`An entity name must be specified with --alter of ${types.join(',')}`)
  if (names.length !== types.length)
    throw new KafkaToolExit('An entity name must be specified for every entity type')
}

function checkDescribed([type]: readonly EntityType[], names: readonly string[]): void {
  if (type === 'broker-loggers' && !names.some((name) => name !== ''))
    throw new KafkaToolExit(`An entity name must be specified with --describe of ${type}`)
  if (type !== undefined && !WITH_DEFAULT.includes(type) && names.includes(''))
    throw new KafkaToolExit(`--entity-default must not be specified with --describe of ${type}`)
}
