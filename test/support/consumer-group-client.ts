/**
 * Members of a consumer group (KIP-848) over a GroupClient: each keeps id, epoch and assignment as a
 * real client does, gives revoked partitions up at its next heartbeat, and joins again when fenced.
 */
import type { ConsumerGroup } from '../../engine/coordinator/group/consumer-group.ts'
import { checkConsumerGroup } from '../../engine/coordinator/group/consumer-group.ts'
import type { ConsumerGroupHeartbeatRequest } from '../../engine/protocol/68-consumer-group-heartbeat.ts'
import type { GroupClient } from './group-client.ts'

export type HeartbeatOptions = Partial<ConsumerGroupHeartbeatRequest> & { version?: number }

/** A heartbeat in which everything is unchanged unless said otherwise. */
export function heartbeatBody(options: HeartbeatOptions): ConsumerGroupHeartbeatRequest {
  const { version: _version, ...body } = options
  return {
    groupId: 'g',
    memberId: '',
    memberEpoch: 0,
    instanceId: null,
    rackId: null,
    rebalanceTimeoutMs: -1,
    subscribedTopicNames: null,
    subscribedTopicRegex: null,
    serverAssignor: null,
    topicPartitions: null,
    ...body,
  }
}

/** One heartbeat; the answer has to come at once. */
export function heartbeat(client: GroupClient, options: HeartbeatOptions) {
  return client.ask(68, options.version ?? 1, heartbeatBody(options))
}

/** The first heartbeat of a member. */
export function joinBody(memberId: string, topics: string[] | null = ['t']): HeartbeatOptions {
  return {
    memberId,
    memberEpoch: 0,
    rebalanceTimeoutMs: 60_000,
    subscribedTopicNames: topics,
    topicPartitions: [],
  }
}

export function consumerGroup(client: GroupClient, groupId = 'g'): ConsumerGroup {
  const group = client.coordinator.machineOf(client.partition)?.consumerGroups.get(groupId)
  if (group === undefined) throw new Error(`no consumer group ${groupId}`)
  return group
}

export function hasConsumerGroup(client: GroupClient, groupId = 'g'): boolean {
  return client.coordinator.machineOf(client.partition)?.consumerGroups.has(groupId) ?? false
}

export function checkConsumerGroups(client: GroupClient): void {
  for (const group of client.coordinator.machineOf(client.partition)?.consumerGroups.values() ?? [])
    checkConsumerGroup(group)
}

type Owned = { topicId: string; partitions: number[] }[]

export class ConsumerMemberClient {
  readonly client: GroupClient
  readonly memberId: string
  readonly instanceId: string | null
  topics: string[] | null
  regex: string | null = null
  serverAssignor: string | null = null
  epoch = 0
  /** An answer did not come: the next heartbeat tells everything and is told everything. */
  tellsAll = false
  /** What it consumes: given up before it is no longer assigned. */
  owned: Owned = []

  constructor(
    client: GroupClient,
    memberId: string,
    topics: string[] | null = ['t'],
    instanceId: string | null = null,
  ) {
    this.client = client
    this.memberId = memberId
    this.topics = topics
    this.instanceId = instanceId
  }

  /** Partitions as `topic id-partition`, sorted. */
  get partitions(): string[] {
    return this.owned
      .flatMap(({ topicId, partitions }) => partitions.map((at) => `${topicId}-${at}`))
      .sort()
  }

  get count(): number {
    return this.partitions.length
  }

  /** Joins, or beats; takes what it is given. Gives the error code. */
  async beat(): Promise<number> {
    const joins = this.epoch === 0
    const answer = await heartbeat(this.client, {
      memberId: this.memberId,
      memberEpoch: this.epoch,
      instanceId: this.instanceId,
      rebalanceTimeoutMs: joins || this.tellsAll ? 60_000 : -1,
      subscribedTopicNames: this.topics,
      subscribedTopicRegex: this.regex,
      serverAssignor: this.serverAssignor,
      topicPartitions: joins ? [] : this.owned,
    })
    this.tellsAll = false
    checkConsumerGroups(this.client)
    if (answer.errorCode === 110 || answer.errorCode === 25) {
      this.epoch = 0
      this.owned = []
    }
    if (answer.errorCode !== 0) return answer.errorCode
    this.epoch = answer.memberEpoch
    if (answer.assignment !== null) this.owned = answer.assignment.topicPartitions
    return 0
  }

  async leave(epoch: -1 | -2 = -1): Promise<number> {
    const { memberId, instanceId } = this
    const body = { memberId, memberEpoch: epoch, instanceId }
    const answer = await heartbeat(this.client, body)
    checkConsumerGroups(this.client)
    this.epoch = 0
    this.owned = []
    return answer.errorCode
  }
}

/** Everyone beats until nothing changes any more; fails when that takes too long. */
export async function settle(members: readonly ConsumerMemberClient[]): Promise<void> {
  for (let round = 0; round < 20; round++) {
    const before = JSON.stringify(members.map(({ epoch, owned }) => [epoch, owned]))
    for (const member of members) await member.beat()
    if (JSON.stringify(members.map(({ epoch, owned }) => [epoch, owned])) === before) return
  }
  throw new Error('the group does not come to rest')
}
