/**
 * Random clients against one classic group: joins, syncs, leaves, heartbeats, crashes, time, held
 * and failing appends, restarts. Whatever happens:
 *
 *   - a partition has one owner per generation, as members were told by SyncGroup (R29)
 *   - the generation never goes back while the coordinator lives
 *   - the group's own invariants hold after every step (checkGroup)
 *   - every request is answered, at the latest when time has passed
 */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { JoinGroupResponse } from '../../engine/protocol/11-join-group.ts'
import type { SyncGroupResponse } from '../../engine/protocol/14-sync-group.ts'
import { flush } from '../support/coordinator-host.ts'
import { GroupClient, type Pending, range } from '../support/group-client.ts'

const PARTITIONS = 5
const ACTORS = 5

type Step =
  | { do: 'live' | 'join' | 'rejoin' | 'sync' | 'leave' | 'heartbeat' | 'crash'; actor: number }
  | { do: 'advance'; ms: number }
  | { do: 'hold' | 'release' | 'fail' | 'restart' | 'delete' }

const actor = fc.nat(ACTORS - 1)
const whats = ['join', 'rejoin', 'sync', 'heartbeat', 'leave', 'crash'] as const
const troubles = ['hold', 'release', 'release', 'fail', 'restart', 'delete'] as const

/** Mostly what a client does next, now and then something else, seldom trouble. */
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 30, arbitrary: fc.record({ do: fc.constant('live' as const), actor }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom(...whats), actor }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.nat(4_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom(...troubles) }) },
)

/** A consumer as far as the group sees it. Odd ones are static; 3 and 4 change their topics. */
class Actor {
  readonly index: number
  readonly instanceId: string | null
  memberId = ''
  generationId = -1
  members: JoinGroupResponse['members'] = []
  joining: Pending<JoinGroupResponse> | null = null
  syncing: Pending<SyncGroupResponse> | null = null
  syncedAs = { memberId: '', generationId: -1 }
  isSynced = false
  joins = 0

  constructor(index: number) {
    this.index = index
    this.instanceId = index % 2 === 1 ? `i${index}` : null
  }

  reset(): void {
    this.memberId = ''
    this.generationId = -1
    this.members = []
    this.joining = null
    this.syncing = null
    this.isSynced = false
  }

  /** What a well-behaved client would do now; null: wait for an answer. */
  get next(): 'join' | 'rejoin' | 'sync' | 'heartbeat' | null {
    if (this.joining !== null || this.syncing !== null) return null
    if (this.memberId === '') return 'join'
    if (this.generationId < 0) return 'rejoin'
    return this.isSynced ? 'heartbeat' : 'sync'
  }
}

class World {
  readonly client: GroupClient
  readonly actors = Array.from({ length: ACTORS }, (_, index) => new Actor(index))
  /** `generation/partition` → who was told to own it. */
  private readonly owners = new Map<string, string>()
  private generationId = 0

  constructor(client: GroupClient) {
    this.client = client
  }

  async run(step: Step): Promise<void> {
    const { host } = this.client
    switch (step.do) {
      case 'advance':
        await this.client.advance(step.ms)
        break
      case 'hold':
        host.holding = true
        break
      case 'release':
        this.release()
        break
      case 'fail':
        while (host.held.length > 0) host.failNext(7)
        break
      case 'restart':
        this.release()
        for (const actor of this.actors) actor.joining = actor.syncing = null
        await this.client.restart()
        this.generationId = 0
        break
      case 'delete':
        await this.client.send(42, 2, { groupsNames: ['g'] })
        break
      default:
        await this.act(this.actors[step.actor]!, step.do)
    }
    await flush()
    this.observe()
  }

  release(): void {
    this.client.host.holding = false
    this.client.host.commitAll()
  }

  private async act(actor: Actor, does: string): Promise<void> {
    const { memberId, generationId, instanceId } = actor
    const what = does === 'live' ? actor.next : does
    if (what === 'crash') actor.reset()
    else if (what === 'join' || what === 'rejoin') {
      if (what === 'join') actor.reset()
      actor.joins++
      const topics = actor.index >= 3 ? [`t${actor.joins % 2}`] : ['t']
      const named = { memberId: what === 'join' ? '' : memberId, instanceId }
      actor.joining = await this.client.join({ ...named, protocols: range(...topics) })
    } else if (what === 'sync' && generationId >= 0) {
      const assignments = Object.fromEntries(
        actor.members.map((member, at) => [member.memberId, share(at, actor.members.length)]),
      )
      actor.syncedAs = { memberId, generationId }
      actor.syncing = await this.client.sync(memberId, generationId, assignments, { instanceId })
    } else if (what === 'heartbeat' && generationId >= 0) {
      const body = { groupId: 'g', generationId, memberId, groupInstanceId: instanceId }
      const { errorCode } = await this.client.ask(12, 4, body)
      if (errorCode === 27) actor.generationId = -1
      else if (errorCode !== 0) actor.reset()
    } else if (what === 'leave' && memberId !== '') {
      const leaving = { memberId, groupInstanceId: instanceId, reason: null }
      await this.client.send(13, 5, { groupId: 'g', memberId: '', members: [leaving] })
    }
  }

  private observe(): void {
    for (const actor of this.actors) {
      const joined = actor.joining?.answer
      if (joined !== null && joined !== undefined) {
        actor.joining = null
        if (joined.errorCode === 0 || joined.errorCode === 79) actor.memberId = joined.memberId
        else actor.memberId = ''
        actor.generationId = joined.errorCode === 0 ? joined.generationId : -1
        actor.members = joined.skipAssignment ? [] : joined.members
        actor.isSynced = false
      }
      const synced = actor.syncing?.answer
      if (synced !== null && synced !== undefined) {
        actor.syncing = null
        if (synced.errorCode === 0) this.own(actor, synced.assignment)
        actor.isSynced = synced.errorCode === 0
        if (synced.errorCode !== 0) actor.generationId = -1
        if (synced.errorCode === 25 || synced.errorCode === 82) actor.memberId = ''
      }
    }
    if (!this.client.hasGroup()) {
      this.generationId = 0
      this.owners.clear()
      return
    }
    const { generationId } = this.client.group()
    expect(generationId).toBeGreaterThanOrEqual(this.generationId)
    this.generationId = generationId
  }

  private own(actor: Actor, assignment: Buffer): void {
    const owner = actor.instanceId ?? actor.syncedAs.memberId
    for (const partition of assignment) {
      const key = `${actor.syncedAs.generationId}/${partition}`
      expect([key, this.owners.get(key) ?? owner]).toEqual([key, owner])
      this.owners.set(key, owner)
    }
  }
}

/** Every count-th partition, one byte each. */
function share(at: number, count: number): string {
  const mine = []
  for (let partition = at; partition < PARTITIONS; partition += count) mine.push(partition)
  return Buffer.from(mine).toString('latin1')
}

it('keeps the promises of a classic group whatever its members do', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 10, maxLength: 250, size: 'max' }),
      async (steps) => {
        const client = await GroupClient.start({ maxSize: 4 })
        const world = new World(client)
        for (const each of steps) await world.run(each)
        world.release()
        await client.advance(400_000)
        await client.advance(400_000)
        expect(client.unanswered).toBe(0)
        client.coordinator.unloadAll()
        expect(client.host.timersArmed).toBe(0)
      },
    ),
    { numRuns: 400 },
  )
}, 60_000)
