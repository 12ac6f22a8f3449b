/**
 * A member of a classic consumer group with the own client: joins, takes part in the assignment (the
 * range assignor, as Kafka's default), heartbeats, commits, leaves.
 */
import { ErrorCode, isRetriable } from '../../engine/base/errors.ts'
import {
  OffsetCommitRequest,
  OffsetCommitResponse,
} from '../../engine/protocol/08-offset-commit.ts'
import { OffsetFetchRequest, OffsetFetchResponse } from '../../engine/protocol/09-offset-fetch.ts'
import { JoinGroupRequest, JoinGroupResponse } from '../../engine/protocol/11-join-group.ts'
import { HeartbeatRequest, HeartbeatResponse } from '../../engine/protocol/12-heartbeat.ts'
import { LeaveGroupRequest, LeaveGroupResponse } from '../../engine/protocol/13-leave-group.ts'
import { SyncGroupRequest, SyncGroupResponse } from '../../engine/protocol/14-sync-group.ts'
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from '../../engine/protocol/consumer-protocol.ts'
import type { Client } from './client.ts'
import type { ClientConnection } from './client-connection.ts'
import { RequestFailed } from './client-errors.ts'
import type { TopicPartition } from './client-fetcher.ts'

/** Highest versions that name topics, not ids: offsets are asked for by name here. */
const OFFSET_COMMIT_BY_NAME = 9
const OFFSET_FETCH_ONE_GROUP = 7
const PROTOCOL = 'range'
/** Between tries while the coordinator loads or moves, in milliseconds; and for how long at most. */
const RETRY_PAUSE_MS = 100
const RECOVERY_MS = 60_000
/** Beside the rebalance time-out, which a join may take in full. */
const JOIN_GRACE_MS = 30_000

export interface GroupOptions {
  readonly groupId: string
  readonly topics: readonly string[]
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  /** A static member keeps its place by this name; it does not leave. */
  readonly groupInstanceId?: string | null
}

export class ClientGroupMember {
  private readonly client: Client
  private readonly options: GroupOptions
  private memberId = ''
  private generationId = -1
  private known: ClientConnection | null = null
  /** Monotonic time of the first of the refusals in a row; null while all is well. */
  private refusedSince: number | null = null

  constructor(client: Client, options: GroupOptions) {
    this.client = client
    this.options = options
  }

  /** Joins and syncs; resolves with what this member owns in the new generation. */
  async join(): Promise<TopicPartition[]> {
    for (;;) {
      const connection = await this.coordinator()
      const joined = await this.sendJoin(connection)
      if (joined === null) {
        if (this.refusedSince !== null) await pause()
        continue
      }
      const leads = joined.leader === this.memberId && !joined.skipAssignment
      const assignments = leads ? await this.assign(joined.members) : []
      const synced = await connection.send(SyncGroupRequest, SyncGroupResponse, {
        groupId: this.options.groupId,
        generationId: this.generationId,
        memberId: this.memberId,
        ...this.instance(),
        protocolType: 'consumer',
        protocolName: PROTOCOL,
        assignments,
      })
      if (synced.errorCode === ErrorCode.NONE) {
        this.refusedSince = null
        return partitionsOf(synced.assignment)
      }
      this.mayRejoin(synced.errorCode)
    }
  }

  /** False: a rebalance is on, join again. */
  async heartbeat(): Promise<boolean> {
    const connection = await this.coordinator()
    const { groupId } = this.options
    const answer = await connection.send(HeartbeatRequest, HeartbeatResponse, {
      groupId,
      generationId: this.generationId,
      memberId: this.memberId,
      ...this.instance(),
    })
    if (answer.errorCode === ErrorCode.NONE) return true
    this.mayRejoin(answer.errorCode)
    return false
  }

  /** Committed offsets of the partitions; null where there is none. */
  async committed(partitions: readonly TopicPartition[]): Promise<(number | null)[]> {
    const connection = await this.coordinator()
    const version = connection.versionOf(OffsetFetchRequest, OFFSET_FETCH_ONE_GROUP)
    const topics = grouped(partitions).map(([name, list]) => ({
      name,
      partitionIndexes: list.map(({ partition }) => partition),
    }))
    const answer = await connection.send(
      OffsetFetchRequest,
      OffsetFetchResponse,
      { groupId: this.options.groupId, topics },
      { version },
    )
    if (answer.errorCode !== 0) throw new RequestFailed(answer.errorCode, null)
    return partitions.map(({ topic, partition }) => {
      const offset = answer.topics
        .find(({ name }) => name === topic)
        ?.partitions.find(({ partitionIndex }) => partitionIndex === partition)?.committedOffset
      return offset === undefined || offset < 0 ? null : offset
    })
  }

  /** Commits next offsets; false: a rebalance is on. */
  async commit(
    offsets: readonly (TopicPartition & { offset: number; leaderEpoch?: number })[],
  ): Promise<boolean> {
    if (offsets.length === 0) return true
    const connection = await this.coordinator()
    const version = connection.versionOf(OffsetCommitRequest, OFFSET_COMMIT_BY_NAME)
    const answer = await connection.send(
      OffsetCommitRequest,
      OffsetCommitResponse,
      {
        groupId: this.options.groupId,
        generationIdOrMemberEpoch: this.generationId,
        memberId: this.memberId,
        ...this.instance(),
        topics: grouped(offsets).map(([name, list]) => ({
          name,
          partitions: list.map(({ partition, offset, leaderEpoch = -1 }) => ({
            partitionIndex: partition,
            committedOffset: offset,
            committedLeaderEpoch: leaderEpoch,
            committedMetadata: '',
          })),
        })),
      },
      { version },
    )
    const bad = answer.topics
      .flatMap(({ partitions }) => partitions)
      .find(({ errorCode }) => errorCode !== 0)
    if (bad === undefined) return true
    this.mayRejoin(bad.errorCode)
    return false
  }

  async leave(): Promise<void> {
    if (this.memberId === '' || this.options.groupInstanceId != null) return
    const connection = await this.coordinator()
    const version = connection.versionOf(LeaveGroupRequest)
    const { memberId } = this
    await connection.send(LeaveGroupRequest, LeaveGroupResponse, {
      groupId: this.options.groupId,
      ...(version >= 3 ? { members: [{ memberId, groupInstanceId: null }] } : { memberId }),
    })
    this.memberId = ''
  }

  private instance(): { groupInstanceId?: string } {
    const { groupInstanceId } = this.options
    return groupInstanceId == null ? {} : { groupInstanceId }
  }

  private async coordinator(): Promise<ClientConnection> {
    if (this.known?.usable !== true)
      this.known = await this.client.coordinator(this.options.groupId)
    return this.known
  }

  private async sendJoin(connection: ClientConnection) {
    const { groupId, topics, sessionTimeoutMs, rebalanceTimeoutMs } = this.options
    const answer = await connection.send(
      JoinGroupRequest,
      JoinGroupResponse,
      {
        groupId,
        sessionTimeoutMs,
        rebalanceTimeoutMs,
        memberId: this.memberId,
        ...this.instance(),
        protocolType: 'consumer',
        protocols: [{ name: PROTOCOL, metadata: encodeSubscription({ topics: [...topics] }) }],
      },
      { timeoutMs: rebalanceTimeoutMs + JOIN_GRACE_MS },
    )
    if (answer.errorCode === ErrorCode.NONE) {
      this.memberId = answer.memberId
      this.generationId = answer.generationId
      return answer
    }
    if (answer.errorCode === ErrorCode.MEMBER_ID_REQUIRED) this.memberId = answer.memberId
    else this.mayRejoin(answer.errorCode)
    return null
  }

  /** Returns when joining again may help, with the identity that takes; throws otherwise. */
  private mayRejoin(errorCode: number): void {
    switch (errorCode) {
      case ErrorCode.REBALANCE_IN_PROGRESS:
      case ErrorCode.ILLEGAL_GENERATION:
        return
      case ErrorCode.UNKNOWN_MEMBER_ID:
        this.memberId = ''
        return
    }
    // The coordinator may have moved, or be loading: asked for anew, for a while.
    this.known = null
    const now = performance.now()
    this.refusedSince ??= now
    if (!isRetriable(errorCode) || now - this.refusedSince > RECOVERY_MS)
      throw new RequestFailed(errorCode, null)
  }

  /** The range assignor over all members' topics: per topic, members sorted by id get runs. */
  private async assign(members: readonly { memberId: string; metadata: Buffer }[]) {
    const subscriptions = members
      .map(({ memberId, metadata }) => ({ memberId, topics: decodeSubscription(metadata).topics }))
      .sort((a, b) => (a.memberId < b.memberId ? -1 : 1))
    const owned = new Map(subscriptions.map(({ memberId }) => [memberId, [] as TopicPartition[]]))
    const names = [...new Set(subscriptions.flatMap(({ topics }) => topics))].sort()
    const { topics } = await this.client.metadata(names)
    for (const topic of topics) {
      const takers = subscriptions.filter((member) => member.topics.includes(topic.name ?? ''))
      const each = Math.floor(topic.partitions.length / takers.length)
      const extra = topic.partitions.length % takers.length
      let next = 0
      takers.forEach(({ memberId }, at) => {
        for (let n = each + (at < extra ? 1 : 0); n > 0; n--)
          owned.get(memberId)?.push({ topic: topic.name ?? '', partition: next++ })
      })
    }
    return [...owned].map(([memberId, partitions]) => ({
      memberId,
      assignment: encodeAssignment({
        assignedPartitions: grouped(partitions).map(([topic, list]) => ({
          topic,
          partitions: list.map(({ partition }) => partition),
        })),
      }),
    }))
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE_MS))
}

function partitionsOf(assignment: Buffer): TopicPartition[] {
  if (assignment.length === 0) return []
  return decodeAssignment(assignment).assignedPartitions.flatMap(({ topic, partitions }) =>
    partitions.map((partition) => ({ topic, partition })),
  )
}

function grouped<T extends TopicPartition>(list: readonly T[]): [string, T[]][] {
  const topics = new Map<string, T[]>()
  for (const element of list) {
    const known = topics.get(element.topic)
    if (known === undefined) topics.set(element.topic, [element])
    else known.push(element)
  }
  return [...topics]
}
