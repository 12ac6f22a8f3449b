/**
 * AlterClientQuotas decided (KIP-546): checks, their order and their words as in Kafka's
 * ClientQuotaControlManager 4.2, recorded in test/golden-data/quota-answers.jsonl. Each entry stands
 * alone: a refused one does not keep another from being applied.
 *
 *   quotas/[user, client id, ip]   {key: value}   0 = no such component, null = the default one;
 *                                                 values as text, since JSON knows no infinity
 *
 * What Kafka lets pass passes here too: removal of unknown keys, NaN (which never throttles), names
 * of one type twice (the last one counts), values off a whole number by less than 1e-6. Of two entries
 * for one entity the first is applied, and both are answered with the complaint about the second.
 *
 * differs from Kafka: at limits.clientQuotasMax entities a further one is refused with
 * POLICY_VIOLATION. Whether a host name resolves is for whoever has a resolver (net): not checked here.
 */
import { ErrorCode } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import {
  type ClientQuota,
  type ClientQuotas,
  CONNECTION_CREATION_RATE,
  clientQuotaKeys,
  entityKey,
  type QuotaEntity,
} from '../../metadata/client-quotas.ts'
import type { MetaChange, MetaEntry } from '../../metastore/meta-store.ts'
import type { AlterClientQuotasRequest } from '../../protocol/49-alter-client-quotas.ts'
import { type Refusal, refusal } from './refusal.ts'

export const QUOTA_PREFIX = 'quotas/'

type Entry = AlterClientQuotasRequest['entries'][number]
type Component = Entry['entity'][number]

export interface AlteredQuota extends Refusal {
  readonly entity: Component[]
}

export interface QuotaPlan {
  /** One per entity, in the order of the request. */
  readonly answers: readonly AlteredQuota[]
  readonly quotas: ClientQuotas
  readonly changes: readonly MetaChange[]
}

const NO_ERROR: Refusal = { errorCode: ErrorCode.NONE, errorMessage: null }
const TYPES: readonly string[] = ['client-id', 'user', 'ip']
const INT_MAX = 2 ** 31 - 1
const LONG_MAX = 2 ** 63
const WHOLE_WITHIN = 1e-6

/** What the request makes of the quotas. */
export function planQuotaChanges(
  request: AlterClientQuotasRequest,
  before: ClientQuotas,
): QuotaPlan {
  const answers = new Map<string, AlteredQuota>()
  const quotas = new Map(before)
  const changed = new Set<string>()
  for (const { entity: components, ops } of request.entries) {
    const entity = lastOfEachType(components)
    const id = JSON.stringify(entity)
    if (answers.has(id) || namesTwice(ops)) {
      answers.set(id, { entity, ...invalid(`Ignoring duplicate entity ${entityText(entity)}`) })
      continue
    }
    const key = entityKey(quotaEntity(entity))
    const problem = problemOf(entity, ops) ?? boundProblem(quotas, key)
    answers.set(id, { entity, ...(problem ?? NO_ERROR) })
    if (problem !== null) continue
    const values = changedValues(quotas.get(key)?.values, ops)
    if (values.size === 0) quotas.delete(key)
    else quotas.set(key, { entity: quotaEntity(entity), values })
    changed.add(key)
  }
  return {
    answers: [...answers.values()],
    quotas,
    changes: [...changed].map((key) => ({
      key: `${QUOTA_PREFIX}${key}`,
      value: storedValues(quotas.get(key)),
    })),
  }
}

/** The quotas as the store holds them. */
export function storedQuotas(entries: readonly MetaEntry[]): ClientQuotas {
  return new Map(
    entries.map((entry) => {
      const key = entry.key.slice(QUOTA_PREFIX.length)
      const [user, clientId, ip] = JSON.parse(key) as (string | null | 0)[]
      const stored = JSON.parse(entry.value) as Record<string, string>
      const values = Object.entries(stored).map(([name, value]) => [name, Number(value)] as const)
      const entity = {
        ...(user === 0 ? null : { user }),
        ...(clientId === 0 ? null : { clientId }),
        ...(ip === 0 ? null : { ip }),
      } as QuotaEntity
      return [key, { entity, values: new Map(values) }]
    }),
  )
}

function storedValues(quota: ClientQuota | undefined): string | null {
  if (quota === undefined) return null
  return JSON.stringify(
    Object.fromEntries([...quota.values].map(([name, value]) => [name, String(value)])),
  )
}

/** In the order in which Kafka tells them. */
function lastOfEachType(components: readonly Component[]): Component[] {
  const byType = new Map(components.map((component) => [component.entityType, component]))
  const rank = ({ entityType }: Component): number => {
    const at = TYPES.indexOf(entityType)
    return at < 0 ? TYPES.length : at
  }
  return [...byType.values()].sort((one, other) => rank(one) - rank(other))
}

function quotaEntity(components: readonly Component[]): QuotaEntity {
  const entity: { user?: string | null; clientId?: string | null; ip?: string | null } = {}
  for (const { entityType, entityName } of components) {
    if (entityType === 'user') entity.user = entityName
    else if (entityType === 'client-id') entity.clientId = entityName
    else if (entityType === 'ip') entity.ip = entityName
  }
  return entity
}

function namesTwice(ops: Entry['ops']): boolean {
  return new Set(ops.map(({ key }) => key)).size < ops.length
}

function entityText(entity: readonly Component[]): string {
  const entries = entity.map(({ entityType, entityName }) => `${entityType}=${entityName}`)
  return `ClientQuotaEntity(entries={${entries.join(', ')}})`
}

function problemOf(entity: readonly Component[], ops: Entry['ops']): Refusal | null {
  if (entity.length === 0) return invalid('Invalid empty client quota entity')
  for (const { entityType, entityName } of entity) {
    if (!TYPES.includes(entityType))
      return invalid(`Unhandled client quota entity type: ${entityType}`)
    if (entityName === '') return invalid(`Empty ${entityType} not supported`)
  }
  const ofAddress = entity.some(({ entityType }) => entityType === 'ip')
  if (ofAddress && entity.length > 1)
    return invalid(
      'Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId',
    )
  for (const { key, value, remove } of ops) {
    const problem = remove ? null : valueProblem(key, value, ofAddress)
    if (problem !== null) return problem
  }
  return null
}

/** What a key's value must fit into. */
function valueTypeOf(key: string, ofAddress: boolean): 'double' | 'long' | 'int' | null {
  if (ofAddress) return key === CONNECTION_CREATION_RATE ? 'int' : null
  switch (key) {
    case clientQuotaKeys.produce:
    case clientQuotaKeys.fetch:
      return 'long'
    case clientQuotaKeys.request:
    case clientQuotaKeys.controllerMutation:
      return 'double'
    default:
      return null
  }
}

function valueProblem(key: string, value: number, ofAddress: boolean): Refusal | null {
  const type = valueTypeOf(key, ofAddress)
  if (type === null) return invalid(`Invalid configuration key ${key}`)
  if (value <= 0) return invalid(`Quota ${key} must be greater than 0`)
  if (type === 'double') return null
  const max = type === 'int' ? INT_MAX : LONG_MAX
  if (value > max)
    return invalid(
      `Proposed value for ${key} is too large for ${type === 'int' ? 'an INT' : 'a LONG'}.`,
    )
  if (Math.abs(value - Math.round(value)) > WHOLE_WITHIN)
    return invalid(`${key} cannot be a fractional value.`)
  return null
}

function boundProblem(quotas: ClientQuotas, key: string): Refusal | null {
  if (quotas.has(key) || quotas.size < limits.clientQuotasMax) return null
  return refusal(
    ErrorCode.POLICY_VIOLATION,
    `There are ${quotas.size} quotas already, the most this broker keeps; remove some first.`,
  )
}

function changedValues(
  before: ReadonlyMap<string, number> | undefined,
  ops: Entry['ops'],
): ReadonlyMap<string, number> {
  const values = new Map(before)
  for (const { key, value, remove } of ops) {
    if (remove) values.delete(key)
    else values.set(key, value)
  }
  return values
}

function invalid(message: string): Refusal {
  return refusal(ErrorCode.INVALID_REQUEST, message)
}
