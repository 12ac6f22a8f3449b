import { describe, expect, it } from 'vitest'
import { limits } from '../../../engine/base/limits.ts'
import {
  type ClientQuotas,
  entityKey,
  type QuotaEntity,
} from '../../../engine/metadata/client-quotas.ts'
import { RateTable, rateTableMemory, rateWindow } from '../../../net/quotas/rate-table.ts'
import { noQuotas, type RequestWork, ShardQuotas } from '../../../net/quotas/shard-quotas.ts'

class SharedClock {
  nowMs = 5_000
}

function quotas(...entries: (readonly [QuotaEntity, Record<string, number>])[]): ClientQuotas {
  return new Map(
    entries.map(([entity, values]) => [
      entityKey(entity),
      { entity, values: new Map(Object.entries(values)) },
    ]),
  )
}

/** Two shards of one process. */
function setup(all: ClientQuotas) {
  const clock = new SharedClock()
  const window = rateWindow(11, 1)
  const memory = rateTableMemory(window, 64)
  const shards = [0, 1].map(() => new ShardQuotas(new RateTable(memory, window), () => clock.nowMs))
  for (const shard of shards) shard.apply(all)
  const [one, other] = shards as [ShardQuotas, ShardQuotas]
  return { clock, one, other }
}

const by = (clientId: string | null, work: RequestWork | null = null) => ({ clientId, work })

describe('quotas of a shard', () => {
  it('cost nothing while there are none', () => {
    const { one } = setup(new Map())
    expect(one.active).toBe(false)
    expect(one.begin()).toBeNull()
    expect(one.produced(by('a'), 1e9, 1)).toBe(0)
    expect(one.fetched(by('a'), 1e9)).toBe(0)
    expect(noQuotas().produced(by('a'), 1e9, 1)).toBe(0)
  })

  it('slow the client that is over its bytes, and no other', () => {
    const { one } = setup(quotas([{ clientId: 'a' }, { producer_byte_rate: 1_000 }]))
    expect(one.produced(by('a'), 10_000, -1)).toBe(0)
    expect(one.produced(by('a'), 5_000, -1)).toBe(5_000)
    expect(one.produced(by('b'), 1e9, -1)).toBe(0)
    expect(one.fetched(by('a'), 1e9)).toBe(0)
  })

  it('count connections on all shards as one client', () => {
    const { one, other } = setup(quotas([{ clientId: 'a' }, { producer_byte_rate: 1_000 }]))
    one.produced(by('a'), 6_000, 1)
    expect(other.produced(by('a'), 6_000, 1)).toBe(2_000)
  })

  it('let the rate fall with time', () => {
    const { clock, one } = setup(quotas([{ clientId: 'a' }, { producer_byte_rate: 1_000 }]))
    one.produced(by('a'), 20_000, 1)
    clock.nowMs += 11_000
    expect(one.produced(by('a'), 1_000, 1)).toBe(0)
  })

  it('do not count a fetch that is answered empty', () => {
    const { one } = setup(quotas([{ clientId: 'a' }, { consumer_byte_rate: 1_000 }]))
    expect(one.fetched(by('a'), 9_000)).toBe(0)
    for (let i = 0; i < 3; i++) expect(one.fetched(by('a'), 3_000)).toBe(2_000)
    expect(one.fetchBytesMax(by('a'))).toBe(10_000)
    expect(one.fetchBytesMax(by('b'))).toBe(Number.MAX_SAFE_INTEGER)
  })

  it('count the time of a handler, running or done, and ask for one window at most', () => {
    const { clock, one } = setup(quotas([{ clientId: null }, { request_percentage: 1 }]))
    const work = one.begin()
    if (work === null) throw new Error('time is not measured')
    clock.nowMs += 50
    one.pause(work)
    clock.nowMs += 10_000
    // 50 ms in 10 s are half a percent.
    expect(one.answered(by('a', work))).toBe(0)
    const second = one.begin()
    clock.nowMs += 70
    expect(one.answered(by('a', second))).toBeGreaterThan(0)
    const third = one.begin()
    clock.nowMs += 5_000
    expect(one.answered(by('a', third))).toBe(1_000)
    expect(one.produced(by('b', { startedMs: -1, busyMs: 90_000 }), 1, 0)).toBe(0)
    expect(one.produced(by('b', { startedMs: -1, busyMs: 90_000 }), 1, 1)).toBe(1_000)
  })

  it('hold for clients without an id by the defaults', () => {
    const { one } = setup(quotas([{ clientId: null }, { producer_byte_rate: 10 }]))
    expect(one.produced(by(null), 1_000, 1)).toBeGreaterThan(0)
  })

  it('follow a change at once, with the rate as it was', () => {
    const { one } = setup(quotas([{ user: 'ANONYMOUS' }, { producer_byte_rate: 1_000 }]))
    one.produced(by('a'), 8_000, 1)
    one.apply(quotas([{ user: 'ANONYMOUS' }, { producer_byte_rate: 100 }]))
    expect(one.produced(by('b'), 0, 1)).toBe(70_000)
    one.apply(new Map())
    expect(one.active).toBe(false)
    expect(one.produced(by('b'), 1e9, 1)).toBe(0)
  })

  it('remember a bounded number of clients', () => {
    const { one } = setup(quotas([{ user: 'ANONYMOUS' }, { producer_byte_rate: 1 }]))
    for (let i = 0; i < limits.quotaClientsMax + 10; i++) one.produced(by(`c${i}`), 1, 1)
    // All of them share the rate of their user.
    expect(one.produced(by('more'), 0, 1)).toBeGreaterThan(0)
  })
})
