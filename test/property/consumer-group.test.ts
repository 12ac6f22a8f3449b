/**
 * Random lives of a consumer group (KIP-848): members join, beat, lose answers, leave, fall silent,
 * have their records refused by the log; topics grow, come and go; the coordinator restarts at any
 * point.
 *
 * Held all the time, from the clients' side: no partition is consumed by two members at once. At the
 * end, once things are left alone: everyone has exactly its target, and the target is the whole.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assert } from '../../engine/base/assert.ts'
import {
  ConsumerMemberClient,
  consumerGroup,
  hasConsumerGroup,
  settle,
} from '../support/consumer-group-client.ts'
import { VirtualHost } from '../support/coordinator-host.ts'
import { GroupClient } from '../support/group-client.ts'

const MEMBERS = 5
const TOPICS = ['t', 'u', 'v']

type Action =
  | { kind: 'beat' | 'leave' | 'lose' | 'fail'; member: number }
  | { kind: 'subscribe'; member: number; topics: string[] }
  | { kind: 'silence'; ms: number }
  | { kind: 'topic'; name: string; partitions: number }
  | { kind: 'restart' }

const member = fc.nat({ max: MEMBERS - 1 })
const topics = fc.subarray(TOPICS, { minLength: 1 })
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant('beat' as const), member }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('lose' as const), member }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const), member }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fail' as const), member }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('subscribe' as const), member, topics }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('silence' as const), ms: fc.nat({ max: 50_000 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('topic' as const),
      name: fc.constantFrom(...TOPICS),
      partitions: fc.nat({ max: 5 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
)

class World {
  readonly host: VirtualHost
  readonly client: GroupClient
  readonly members: ConsumerMemberClient[]
  /** When each member was last answered; one that is silent for too long stops consuming. */
  private readonly heardMs: number[]

  constructor(host: VirtualHost, client: GroupClient) {
    this.host = host
    this.client = client
    this.members = Array.from(
      { length: MEMBERS },
      (_, at) => new ConsumerMemberClient(client, `m${at}`, ['t'], at === 0 ? 'static-0' : null),
    )
    this.heardMs = this.members.map(() => host.nowMs)
  }

  async act(action: Action): Promise<void> {
    switch (action.kind) {
      case 'beat':
        await this.members[action.member]!.beat()
        this.heardMs[action.member] = this.host.nowMs
        break
      case 'lose': {
        // The answer never arrives: epoch and partitions stay what they were.
        const member = this.members[action.member]!
        const { epoch, owned } = member
        await member.beat()
        if (epoch > 0) Object.assign(member, { epoch, owned })
        else Object.assign(member, { epoch: 0, owned: [] })
        member.tellsAll = true
        break
      }
      case 'fail':
        // Its records cannot be written: as if it had not been sent.
        this.host.appendError = 56
        await this.members[action.member]!.beat()
        this.host.appendError = 0
        this.members[action.member]!.tellsAll = true
        break
      case 'leave':
        if (this.members[action.member]!.epoch > 0) await this.members[action.member]!.leave()
        break
      case 'subscribe':
        this.members[action.member]!.topics = action.topics
        break
      case 'silence':
        await this.client.advance(action.ms)
        this.dropSilent()
        break
      case 'topic':
        this.host.removeTopic(action.name)
        if (action.partitions > 0) this.host.addTopic(action.name, action.partitions)
        break
      case 'restart':
        await this.client.restart()
    }
    this.check()
  }

  /** A real client notices that its session must be over, and gives everything up. */
  private dropSilent(): void {
    for (const [at, member] of this.members.entries())
      if (this.host.nowMs - this.heardMs[at]! >= 45_000) {
        member.epoch = 0
        member.owned = []
      }
  }

  private check(): void {
    const owners = new Map<string, string>()
    for (const { memberId, partitions } of this.members)
      for (const partition of partitions) {
        const other = owners.get(partition)
        assert(other === undefined, `${partition} is consumed by ${other} and ${memberId}`)
        owners.set(partition, memberId)
      }
  }

  async finish(): Promise<void> {
    await settle(this.members)
    if (this.members[0]!.epoch === 0) {
      // The answer to the static member's join was lost, and it stays unreleased for a session.
      for (let ms = 0; ms < 45_000; ms += 5_000) {
        await this.client.advance(5_000)
        for (const one of this.members.slice(1)) await one.beat()
      }
      await settle(this.members)
    }
    this.check()
    const group = consumerGroup(this.client)
    expect(group.state).toBe('Stable')
    const expected: string[] = []
    const subscribed = new Set(this.members.flatMap((one) => one.topics ?? []))
    for (const name of subscribed) {
      const topic = this.host.topics.get(name)
      for (const { index } of topic?.partitions ?? []) expected.push(`${topic!.topicId}-${index}`)
    }
    const had = this.members.flatMap(({ partitions }) => partitions)
    expect(had.sort()).toEqual(expected.sort())
    for (const one of this.members) {
      const target = [...group.target(one.memberId)].flatMap(([topicId, set]) =>
        [...set].map((at) => `${topicId}-${at}`),
      )
      expect(one.partitions).toEqual(target.sort())
    }
  }
}

async function start(): Promise<World> {
  const host = new VirtualHost()
  host.addTopic('t', 4)
  host.addTopic('u', 3)
  return new World(host, await GroupClient.start({}, host))
}

describe('any life of a consumer group', () => {
  it('never lets two members consume a partition, and comes to rest at the target', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 60 }), async (actions) => {
        const world = await start()
        for (const each of actions) await world.act(each)
        await world.finish()
      }),
      { numRuns: 400 },
    )
  }, 60_000)

  it('is the same after its records are replayed, wherever they end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 40 }), async (actions) => {
        const world = await start()
        for (const each of actions) await world.act(each)
        const before = hasConsumerGroup(world.client) ? snapshot(world.client) : null
        await world.client.restart()
        expect(hasConsumerGroup(world.client) ? snapshot(world.client) : null).toEqual(before)
      }),
      { numRuns: 150 },
    )
  }, 60_000)
})

function snapshot(client: GroupClient) {
  const { groupEpoch, targetEpoch, metadataHash, members, targets, staticMembers } =
    consumerGroup(client)
  return { groupEpoch, targetEpoch, metadataHash, members, targets, staticMembers }
}
