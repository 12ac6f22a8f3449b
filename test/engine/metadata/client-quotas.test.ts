import { describe, expect, it } from 'vitest'
import {
  type ClientQuota,
  type ClientQuotas,
  clientQuotaKeys,
  connectionRateOf,
  entityKey,
  matchQuota,
  type QuotaEntity,
} from '../../../engine/metadata/client-quotas.ts'

const { produce, fetch } = clientQuotaKeys

function quotas(...entries: (readonly [QuotaEntity, string, number])[]): ClientQuotas {
  const all = new Map<string, ClientQuota>()
  for (const [entity, key, value] of entries) {
    const values = new Map(all.get(entityKey(entity))?.values).set(key, value)
    all.set(entityKey(entity), { entity, values })
  }
  return all
}

/** From the strongest to the weakest, and what a rate of each belongs to. */
const levels: readonly (readonly [name: string, entity: QuotaEntity, sharedBy: string])[] = [
  ['user and client', { user: 'ann', clientId: 'one' }, 'user and client'],
  ['user and default client', { user: 'ann', clientId: null }, 'user and client'],
  ['user', { user: 'ann' }, 'user'],
  ['default user and client', { user: null, clientId: 'one' }, 'user and client'],
  ['default user and default client', { user: null, clientId: null }, 'user and client'],
  ['default user', { user: null }, 'user'],
  ['client', { clientId: 'one' }, 'client'],
  ['default client', { clientId: null }, 'client'],
]

describe('the quota of a client', () => {
  for (const [at, [name, , sharedBy]] of levels.entries())
    it(`is that of ${name} where nothing stronger has one`, () => {
      const from = levels.slice(at).map(([, entity], i) => [entity, produce, at + i + 1] as const)
      const all = quotas(...from)
      expect(matchQuota(all, produce, 'ann', 'one')?.limit).toBe(at + 1)
      const rateOf = (user: string, clientId: string) =>
        matchQuota(quotas(from[0]!), produce, user, clientId)?.rateOf
      const own = rateOf('ann', 'one')
      const sameUser = rateOf('ann', 'two')
      const sameClient = rateOf('bob', 'one')
      if (sharedBy === 'user') expect(sameUser).toBe(own)
      if (sharedBy === 'client') expect(sameClient).toBe(own)
      if (sharedBy === 'user and client') {
        expect(sameUser).not.toBe(own)
        expect(sameClient).not.toBe(own)
      }
    })

  it('is looked for key by key', () => {
    const all = quotas(
      [{ user: 'ann', clientId: 'one' }, fetch, 1],
      [{ clientId: null }, produce, 2],
    )
    expect(matchQuota(all, produce, 'ann', 'one')?.limit).toBe(2)
    expect(matchQuota(all, fetch, 'ann', 'one')?.limit).toBe(1)
    expect(matchQuota(all, fetch, 'ann', 'two')).toBeNull()
  })

  it('tells a client named like a default from the default', () => {
    const all = quotas([{ clientId: '<default>' }, produce, 1])
    expect(matchQuota(all, produce, 'ann', 'one')).toBeNull()
    expect(matchQuota(all, produce, 'ann', '<default>')?.limit).toBe(1)
  })
})

describe('the connection rate of an address', () => {
  const rate = 'connection_creation_rate'
  it('is its own, else the default, else none', () => {
    const all = quotas([{ ip: '10.0.0.1' }, rate, 5], [{ ip: null }, rate, 9])
    expect(connectionRateOf(all, '10.0.0.1', new Map())).toBe(5)
    expect(connectionRateOf(all, '10.0.0.2', new Map())).toBe(9)
    expect(
      connectionRateOf(quotas([{ ip: '10.0.0.1' }, rate, 5]), '10.0.0.2', new Map()),
    ).toBeNull()
  })

  it('may be set by a host name that stands for the address', () => {
    const all = quotas([{ ip: 'farm.example' }, rate, 5], [{ ip: null }, rate, 9])
    const hosts = new Map([['farm.example', '10.0.0.3']])
    expect(connectionRateOf(all, '10.0.0.3', hosts)).toBe(5)
    expect(connectionRateOf(all, '10.0.0.4', hosts)).toBe(9)
  })
})
