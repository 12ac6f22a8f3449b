import { describe, expect, it } from 'vitest'
import { ErrorCode } from '../../../../engine/base/errors.ts'
import { limits } from '../../../../engine/base/limits.ts'
import {
  type MutationQuota,
  MutationQuotas,
} from '../../../../engine/coordinator/controller/mutation-quota.ts'
import { type ClientQuotas, entityKey } from '../../../../engine/metadata/client-quotas.ts'
import { ManualClock } from '../../../support/connection-rig.ts'
import {
  creation,
  newDisk,
  removal,
  startController,
  topic,
} from '../../../support/controller-rig.ts'

const CREATE_TOPICS = 19
const STRICT = 7
const LENIENT = 5

function perSecond(rate: number): ClientQuotas {
  const entity = { clientId: null }
  return new Map([
    [entityKey(entity), { entity, values: new Map([['controller_mutation_rate', rate]]) }],
  ])
}

function setup(rate: number) {
  const clock = new ManualClock()
  const quotas = new MutationQuotas(clock, { samples: 11, windowSeconds: 1 })
  const of = (apiVersion: number, clientId = 'c', apiKey = CREATE_TOPICS) =>
    quotas.of(perSecond(rate), { apiKey, apiVersion, clientId })
  return { clock, quotas, of }
}

describe('the quota of topic changes', () => {
  it('lets a full bucket be overdrawn once, then refuses until it is at zero', () => {
    const { clock, of } = setup(2)
    const first = of(STRICT)
    expect(first.take(20)).toBeNull()
    expect(first.take(20)).toBeNull()
    expect(first.throttleMs()).toBe(0)
    const second = of(STRICT)
    expect(second.take(1)).toEqual({
      errorCode: ErrorCode.THROTTLING_QUOTA_EXCEEDED,
      errorMessage: null,
    })
    // 22 tokens of burst less 40 are 18 too few, at 2 a second.
    expect(second.throttleMs()).toBe(9_000)
    clock.nowMs += 9_000
    expect(of(STRICT).take(1)).toBeNull()
  })

  it('does what older clients ask and has them wait', () => {
    const { of } = setup(2)
    const first = of(LENIENT)
    expect(first.take(30)).toBeNull()
    expect(first.throttleMs()).toBe(4_000)
    const second = of(LENIENT)
    expect(second.take(2)).toBeNull()
    expect(second.throttleMs()).toBe(5_000)
  })

  it('is strict from CreateTopics 6, DeleteTopics 5 and CreatePartitions 3 on', () => {
    for (const [apiKey, since] of [
      [19, 6],
      [20, 5],
      [37, 3],
    ] as const)
      for (const version of [since - 1, since]) {
        const { of } = setup(1)
        of(version, 'c', apiKey).take(100)
        expect(of(version, 'c', apiKey).take(1) !== null, `${apiKey} v${version}`).toBe(
          version === since,
        )
      }
  })

  it('is each client its own, and nobody else has one', () => {
    const { of } = setup(1)
    of(STRICT, 'a').take(100)
    expect(of(STRICT, 'a').take(1)).not.toBeNull()
    expect(of(STRICT, 'b').take(1)).toBeNull()
    expect(of(STRICT, 'a', 49).take(1)).toBeNull()
  })

  it('forgets the client unused longest at its bound', () => {
    const { quotas, of } = setup(1)
    of(STRICT, 'first').take(100)
    for (let i = 0; i < limits.mutationRatesMax; i++) of(STRICT, `c${i}`)
    expect(quotas.size).toBe(limits.mutationRatesMax)
    expect(of(STRICT, 'first').take(1)).toBeNull()
  })
})

describe('the controller under a quota of topic changes', () => {
  it('creates, deletes and grows what is within it, counting partitions, and refuses the rest', async () => {
    const { controller } = await startController(await newDisk())
    const taken: number[] = []
    let left = 5
    const over = { errorCode: ErrorCode.THROTTLING_QUOTA_EXCEEDED, errorMessage: null }
    const quota: MutationQuota = {
      take(partitions) {
        taken.push(partitions)
        return left-- > 0 ? null : over
      },
      throttleMs: () => 0,
    }
    const three = [topic('a', { numPartitions: 3 }), topic('b'), topic('bad name'), topic('c')]
    const created = await controller.createTopics(creation(three), quota)
    expect(created.map(({ errorCode }) => errorCode)).toEqual([0, 0, 17, 0])
    const grow = (name: string, count: number) =>
      controller.createPartitions(
        { topics: [{ name, count, assignments: null }], timeoutMs: 1, validateOnly: false },
        quota,
      )
    expect((await grow('a', 7))[0]?.errorCode).toBe(0)
    const deleted = await controller.deleteTopics(removal('a', 'b', 'nope'), quota)
    expect(deleted.map(({ errorCode }) => errorCode)).toEqual([0, 89, 3])
    expect((await grow('b', 2))[0]?.errorCode).toBe(89)
    expect((await controller.createTopics(creation([topic('d')], true), quota))[0]?.errorCode).toBe(
      89,
    )
    expect(taken).toEqual([3, 1, 1, 4, 7, 1, 1, 1])
    expect([...controller.image.topics.keys()].sort()).toEqual(['b', 'c'])
  })
})
