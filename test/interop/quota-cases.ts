/**
 * The corner requests of record-quota-answers.ts: a name each, and the request as our tables take it.
 * They run in order; a `describe everything` after changes shows what became of them.
 */

export interface QuotaCase {
  readonly name: string
  readonly apiKey: 48 | 49
  readonly version: number
  readonly request: Record<string, unknown>
}

type Entity = readonly (readonly [type: string, name: string | null])[]
/** A key and its value; undefined removes it. */
type Op = readonly [key: string, value: number | undefined]

function alter(
  name: string,
  entries: readonly (readonly [Entity, ...Op[]])[],
  validateOnly = false,
  version = 1,
): QuotaCase {
  const request = {
    validateOnly,
    entries: entries.map(([entity, ...ops]) => ({
      entity: entity.map(([entityType, entityName]) => ({ entityType, entityName })),
      ops: ops.map(([key, value]) => ({ key, value: value ?? 0, remove: value === undefined })),
    })),
  }
  return { name: `alter: ${name}`, apiKey: 49, version, request }
}

function set(name: string, entity: Entity, ...ops: Op[]): QuotaCase {
  return alter(name, [[entity, ...ops]])
}

const EXACT = 0
const DEFAULT = 1
const ANY = 2

type Component = readonly [type: string, matchType: number, match?: string | null]

function describe(
  name: string,
  components: readonly Component[],
  strict = false,
  version = 1,
): QuotaCase {
  const request = {
    strict,
    components: components.map(([entityType, matchType, match]) => ({
      entityType,
      matchType,
      match: match ?? null,
    })),
  }
  return { name: `describe: ${name}`, apiKey: 48, version, request }
}

const everything = (after: string): QuotaCase => describe(`everything after ${after}`, [])

const user = (name: string | null): Entity => [['user', name]]
const client = (name: string | null): Entity => [['client-id', name]]
const both = (userName: string | null, clientId: string | null): Entity => [
  ['user', userName],
  ['client-id', clientId],
]
const ip = (name: string | null): Entity => [['ip', name]]
const RATE: Op = ['producer_byte_rate', 1024]

const settings: QuotaCase[] = [
  everything('the start'),
  set('a client id', client('one'), RATE, ['consumer_byte_rate', 2048]),
  set('the default client id', client(null), RATE),
  set('a user', user('ann'), ['request_percentage', 12.5]),
  set('the default user', user(null), ['controller_mutation_rate', 0.5]),
  set('a user and a client id', both('ann', 'one'), RATE),
  set('a user and the default client id', both('ann', null), RATE),
  set('the default user and a client id', both(null, 'one'), RATE),
  set('the default user and client id', both(null, null), RATE),
  set(
    'client id before user',
    [
      ['client-id', 'two'],
      ['user', 'bob'],
    ],
    RATE,
  ),
  set('an address', ip('127.0.0.1'), ['connection_creation_rate', 10]),
  set('the default address', ip(null), ['connection_creation_rate', 20]),
  set('a host name as address', ip('localhost'), ['connection_creation_rate', 30]),
  set('an address of six', ip('::1'), ['connection_creation_rate', 40]),
  everything('settings'),
  alter('version 0', [[client('old'), RATE]], false, 0),
]

const refused: QuotaCase[] = [
  set('no host', ip('no such host.invalid'), ['connection_creation_rate', 1]),
  set('a bad address', ip('300.1.2.3'), ['connection_creation_rate', 1]),
  set('an unknown entity type', [['group', 'g']], RATE),
  set('an empty entity type', [['', 'g']], RATE),
  set('no entity', [], RATE),
  set(
    'a type twice',
    [
      ['user', 'a'],
      ['user', 'b'],
    ],
    RATE,
  ),
  set(
    'user and address',
    [
      ['user', 'a'],
      ['ip', '127.0.0.1'],
    ],
    RATE,
  ),
  set(
    'client id and address',
    [
      ['client-id', 'a'],
      ['ip', '127.0.0.1'],
    ],
    ['connection_creation_rate', 1],
  ),
  set(
    'an unknown type beside a user',
    [
      ['user', 'a'],
      ['group', 'g'],
    ],
    RATE,
  ),
  set('an empty client id', client(''), RATE),
  set('an empty user', user(''), RATE),
  set('an empty address', ip(''), ['connection_creation_rate', 1]),
  set('an unknown key', client('bad'), ['records_per_hour', 5]),
  set('an empty key', client('bad'), ['', 5]),
  set('removal of an unknown key', client('bad'), ['records_per_hour', undefined]),
  set('an address key for a user', user('bad'), ['connection_creation_rate', 5]),
  set('an address key for a client', client('bad'), ['connection_creation_rate', 5]),
  set('a byte rate for an address', ip('127.0.0.1'), RATE),
  set('a fraction of bytes', client('bad'), ['producer_byte_rate', 1.5]),
  set('a small fraction of bytes', client('bad'), ['producer_byte_rate', 0.0000001]),
  set('nearly whole bytes', client('near'), ['producer_byte_rate', 7.0000000001]),
  set('a fraction of bytes read', client('bad'), ['consumer_byte_rate', 2.25]),
  set('a fraction of connections', ip('127.0.0.1'), ['connection_creation_rate', 2.5]),
  set('zero', client('bad'), ['producer_byte_rate', 0]),
  set('less than zero', client('bad'), ['producer_byte_rate', -1]),
  set('no number', client('bad'), ['producer_byte_rate', Number.NaN]),
  set('no end', client('bad'), ['producer_byte_rate', Number.POSITIVE_INFINITY]),
  set('more than 64 bits', client('huge'), ['producer_byte_rate', 1e20]),
  set('more than 32 bits of connections', ip('127.0.0.1'), ['connection_creation_rate', 3e9]),
  set('zero connections', ip('127.0.0.1'), ['connection_creation_rate', 0]),
  set('zero percent', client('bad'), ['request_percentage', 0]),
  set('percent without end', client('bad'), ['request_percentage', Number.POSITIVE_INFINITY]),
  set('percent no number', client('nan'), ['request_percentage', Number.NaN]),
  set('a tiny percentage', client('tiny'), ['request_percentage', 0.001]),
  set('mutations below zero', client('bad'), ['controller_mutation_rate', -0.5]),
  set('good and bad keys', client('mixed'), RATE, ['records_per_hour', 5]),
  everything('refusals'),
]

const changes: QuotaCase[] = [
  set('no change', client('none')),
  set('removal of what is not there', client('nobody'), ['producer_byte_rate', undefined]),
  set('one key twice', client('twice'), ['producer_byte_rate', 1], ['producer_byte_rate', 2]),
  set(
    'set and removed',
    client('twice'),
    ['consumer_byte_rate', 1],
    ['consumer_byte_rate', undefined],
  ),
  set(
    'removed and set',
    client('twice'),
    ['request_percentage', undefined],
    ['request_percentage', 3],
  ),
  alter('only to try', [[client('tried'), RATE]], true),
  alter('only to try, bad', [[client('tried'), ['bad', 1]]], true),
  alter('good beside bad', [
    [client('good'), RATE],
    [client('bad'), ['bad', 1]],
  ]),
  alter('one entity twice', [
    [client('double'), RATE],
    [client('double'), ['consumer_byte_rate', 9]],
  ]),
  alter('one entity twice, one bad', [
    [client('double2'), RATE],
    [client('double2'), ['bad', 9]],
  ]),
  alter('nothing', []),
  everything('changes'),
  set('one of two keys removed', client('one'), ['consumer_byte_rate', undefined]),
  set('the last key removed', client(null), ['producer_byte_rate', undefined]),
  set('key of the default user removed', both(null, null), ['producer_byte_rate', undefined]),
  set('a value changed', both('ann', 'one'), ['producer_byte_rate', 4096]),
  set('names with signs', client('a/b <default> ü%'), RATE),
  set('the name of the default', client('<default>'), RATE),
  everything('removals'),
]

const filters: QuotaCase[] = [
  describe('exact client', [['client-id', EXACT, 'one']]),
  describe('exact client, strict', [['client-id', EXACT, 'one']], true),
  describe('default client', [['client-id', DEFAULT]]),
  describe('default client, strict', [['client-id', DEFAULT]], true),
  describe('any client', [['client-id', ANY]]),
  describe('any client, strict', [['client-id', ANY]], true),
  describe('exact user', [['user', EXACT, 'ann']]),
  describe('exact user, strict', [['user', EXACT, 'ann']], true),
  describe('default user, strict', [['user', DEFAULT]], true),
  describe('any user', [['user', ANY]]),
  describe('any user, strict', [['user', ANY]], true),
  describe('user and client', [
    ['user', EXACT, 'ann'],
    ['client-id', EXACT, 'one'],
  ]),
  describe(
    'user and client, strict',
    [
      ['user', EXACT, 'ann'],
      ['client-id', EXACT, 'one'],
    ],
    true,
  ),
  describe('user and default client', [
    ['user', EXACT, 'ann'],
    ['client-id', DEFAULT],
  ]),
  describe(
    'any user and any client',
    [
      ['user', ANY],
      ['client-id', ANY],
    ],
    true,
  ),
  describe('default user and any client', [
    ['user', DEFAULT],
    ['client-id', ANY],
  ]),
  describe('exact address', [['ip', EXACT, '127.0.0.1']]),
  describe('default address', [['ip', DEFAULT]], true),
  describe('any address', [['ip', ANY]]),
  describe('nothing, strict', [], true),
  describe('nobody', [['client-id', EXACT, 'nobody']]),
  describe('user and address', [
    ['user', ANY],
    ['ip', ANY],
  ]),
  describe('client and address', [
    ['client-id', ANY],
    ['ip', ANY],
  ]),
  describe('a type twice', [
    ['user', ANY],
    ['user', EXACT, 'ann'],
  ]),
  describe('unknown type', [['group', ANY]]),
  describe('unknown type beside a user', [
    ['user', ANY],
    ['group', ANY],
  ]),
  describe('empty type', [['', ANY]]),
  describe('unknown match type', [['user', 3]]),
  describe('match type below zero', [['user', -1]]),
  describe('exact without a name', [['user', EXACT, null]]),
  describe('default with a name', [['user', DEFAULT, 'ann']]),
  describe('any with a name', [['user', ANY, 'ann']]),
  describe('exact empty name', [['user', EXACT, '']]),
  describe('version 0', [['client-id', EXACT, 'one']], false, 0),
  describe('unknown type, version 0', [['group', ANY]], false, 0),
]

export const quotaCases: readonly QuotaCase[] = [...settings, ...refused, ...changes, ...filters]
