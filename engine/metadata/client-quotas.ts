/**
 * Client quotas as the image holds them (KIP-13, KIP-546, KIP-612): an entity (user, client id, user
 * and client id, or address, each named or the default of its kind) and its values by key; and which
 * of them holds for a client. Source: Kafka's ClientQuotaImage and DefaultQuotaCallback.
 *
 * For each key on its own the first of these that has a value decides:
 *
 *   1 user, client   2 user, default client   3 user            4 default user, client
 *   5 default user, default client            6 default user    7 client   8 default client
 *
 * The rate that is held against it belongs to the user and client where both or a client is named by
 * the entity (1, 2, 4, 5), to the user over all its clients (3, 6), to the client id (7, 8).
 */

/** Name of the user every connection has until there is authentication. */
export const ANONYMOUS = 'ANONYMOUS'

export type QuotaEntityType = 'user' | 'client-id' | 'ip'

/** A component that is absent does not take part; null is the default of its kind. */
export interface QuotaEntity {
  readonly user?: string | null
  readonly clientId?: string | null
  readonly ip?: string | null
}

export interface ClientQuota {
  readonly entity: QuotaEntity
  /** Never empty. */
  readonly values: ReadonlyMap<string, number>
}

/** By the text of their entity, see entityKey. */
export type ClientQuotas = ReadonlyMap<string, ClientQuota>

export const NO_CLIENT_QUOTAS: ClientQuotas = new Map()

export const clientQuotaKeys = {
  produce: 'producer_byte_rate',
  fetch: 'consumer_byte_rate',
  request: 'request_percentage',
  controllerMutation: 'controller_mutation_rate',
} as const
export type ClientQuotaKey = (typeof clientQuotaKeys)[keyof typeof clientQuotaKeys]

export const CONNECTION_CREATION_RATE = 'connection_creation_rate'

/** One text per entity, whatever the order its components came in. */
export function entityKey({ user, clientId, ip }: QuotaEntity): string {
  return JSON.stringify([name(user), name(clientId), name(ip)])
}

/** Absent, default and named stay apart. */
function name(component: string | null | undefined): string | null | 0 {
  return component === undefined ? 0 : component
}

/** What holds for one client under one key. */
export interface MatchedQuota {
  readonly limit: number
  /** Whose rate is measured: clients with equal ones share it. */
  readonly rateOf: string
}

/** The quota of a client under one key; null: none. */
export function matchQuota(
  quotas: ClientQuotas,
  key: ClientQuotaKey,
  user: string,
  clientId: string,
): MatchedQuota | null {
  if (quotas.size === 0) return null
  const both = JSON.stringify([key, user, clientId])
  const ofUser = JSON.stringify([key, user])
  const ofClient = JSON.stringify([key, 0, clientId])
  const candidates: readonly (readonly [QuotaEntity, rateOf: string])[] = [
    [{ user, clientId }, both],
    [{ user, clientId: null }, both],
    [{ user }, ofUser],
    [{ user: null, clientId }, both],
    [{ user: null, clientId: null }, both],
    [{ user: null }, ofUser],
    [{ clientId }, ofClient],
    [{ clientId: null }, ofClient],
  ]
  for (const [entity, rateOf] of candidates) {
    const limit = quotas.get(entityKey(entity))?.values.get(key)
    if (limit !== undefined) return { limit, rateOf }
  }
  return null
}

/**
 * Connections per second one address may make; null: no limit. `hosts` has the addresses of those
 * entities that are host names.
 */
export function connectionRateOf(
  quotas: ClientQuotas,
  address: string,
  hosts: ReadonlyMap<string, string>,
): number | null {
  const rateOf = (ip: string | null): number | undefined =>
    quotas.get(entityKey({ ip }))?.values.get(CONNECTION_CREATION_RATE)
  const own = rateOf(address)
  if (own !== undefined) return own
  for (const [host, itsAddress] of hosts) {
    const rate = itsAddress === address ? rateOf(host) : undefined
    if (rate !== undefined) return rate
  }
  return rateOf(null) ?? null
}

/** Whether any entity has a value under the key. */
export function hasQuota(quotas: ClientQuotas, key: string): boolean {
  for (const { values } of quotas.values()) if (values.has(key)) return true
  return false
}
