/**
 * A group coordinator over a VirtualHost, and clients that speak to it in whole requests with the
 * defaults filled in. Every answer is kept where the test can see whether it has come yet.
 */
import { ZERO_UUID } from '../../engine/base/random.ts'
import { type ClassicGroup, checkGroup } from '../../engine/coordinator/group/classic-group.ts'
import { defaultGroupConfig, type GroupConfig } from '../../engine/coordinator/group/config.ts'
import { GroupCoordinator } from '../../engine/coordinator/group/handle.ts'
import type { GroupApiKey, GroupApis } from '../../engine/coordinator/group/requests.ts'
import { flush, VirtualHost } from './coordinator-host.ts'

/** An answer that may not have come yet. */
export interface Pending<T> {
  answer: T | null
  readonly promise: Promise<T>
}

export interface JoinOptions {
  version?: number
  groupId?: string
  memberId?: string
  instanceId?: string | null
  sessionTimeoutMs?: number
  rebalanceTimeoutMs?: number
  protocolType?: string
  protocols?: { name: string; metadata: Buffer }[]
  clientId?: string | null
}

/** A version 0 consumer subscription to these topics. */
export function subscription(...topics: string[]): Buffer {
  const parts = [Buffer.from([0, 0, 0, 0, 0, topics.length])]
  for (const topic of topics) {
    const length = Buffer.alloc(2)
    length.writeInt16BE(Buffer.byteLength(topic))
    parts.push(length, Buffer.from(topic))
  }
  return Buffer.concat([...parts, Buffer.from([0xff, 0xff, 0xff, 0xff])])
}

export function range(...topics: string[]) {
  return [{ name: 'range', metadata: subscription(...topics) }]
}

export class GroupClient {
  readonly host: VirtualHost
  readonly config: GroupConfig
  coordinator: GroupCoordinator
  readonly groupId = 'g'
  /** The partition that all requests go to. */
  partition = 0
  private readonly open = new Set<Pending<unknown>>()

  private constructor(host: VirtualHost, config: GroupConfig) {
    this.host = host
    this.config = config
    this.coordinator = new GroupCoordinator(host, config)
  }

  static async start(config: Partial<GroupConfig> = {}, host = new VirtualHost()) {
    const client = new GroupClient(host, { ...defaultGroupConfig, ...config })
    await client.coordinator.loadPartition(client.partition)
    return client
  }

  /** A new coordinator over the same logs, as after a restart; the old one answers the parked. */
  async restart(): Promise<void> {
    this.coordinator.unloadAll()
    await flush()
    this.coordinator = new GroupCoordinator(this.host, this.config)
    await this.coordinator.loadPartition(this.partition)
  }

  get unanswered(): number {
    return this.open.size
  }

  group(groupId: string = this.groupId): ClassicGroup {
    const group = this.coordinator.machineOf(this.partition)?.groups.get(groupId)
    if (group === undefined) throw new Error(`no group ${groupId}`)
    return group
  }

  hasGroup(groupId: string = this.groupId): boolean {
    return this.coordinator.machineOf(this.partition)?.groups.has(groupId) ?? false
  }

  check(): void {
    for (const group of this.coordinator.machineOf(this.partition)?.groups.values() ?? [])
      checkGroup(group)
  }

  async send<Key extends GroupApiKey>(
    apiKey: Key,
    apiVersion: number,
    body: GroupApis[Key]['request'],
    clientId: string | null = 'client',
  ): Promise<Pending<GroupApis[Key]['response']>> {
    const client = { clientId, host: '127.0.0.1' }
    const promise = this.coordinator.handle(this.partition, apiKey, apiVersion, client, body)
    const pending: Pending<GroupApis[Key]['response']> = { answer: null, promise }
    this.open.add(pending)
    void promise.then((answer) => {
      pending.answer = answer
      this.open.delete(pending)
    })
    await flush()
    this.check()
    return pending
  }

  /** Sends, and expects the answer to come without time passing. */
  async ask<Key extends GroupApiKey>(
    apiKey: Key,
    apiVersion: number,
    body: GroupApis[Key]['request'],
    clientId: string | null = 'client',
  ): Promise<GroupApis[Key]['response']> {
    const { answer } = await this.send(apiKey, apiVersion, body, clientId)
    if (answer === null) throw new Error(`no answer to API ${apiKey} yet`)
    return answer
  }

  async advance(ms: number): Promise<void> {
    await this.host.advance(ms)
    this.check()
  }

  join(options: JoinOptions = {}) {
    const body = {
      groupId: options.groupId ?? this.groupId,
      sessionTimeoutMs: options.sessionTimeoutMs ?? 10_000,
      rebalanceTimeoutMs: options.rebalanceTimeoutMs ?? 60_000,
      memberId: options.memberId ?? '',
      groupInstanceId: options.instanceId ?? null,
      protocolType: options.protocolType ?? 'consumer',
      protocols: options.protocols ?? range('t'),
      reason: null,
    }
    const clientId = options.clientId === undefined ? 'client' : options.clientId
    return this.send(11, options.version ?? 9, body, clientId)
  }

  /** Both steps of a dynamic member's join; the second is pending. */
  async joinTwice(options: JoinOptions = {}) {
    const first = await this.join(options)
    if (first.answer?.errorCode !== 79) throw new Error(`join answered ${first.answer?.errorCode}`)
    const memberId = first.answer.memberId
    return { memberId, join: await this.join({ ...options, memberId }) }
  }

  sync(
    memberId: string,
    generationId: number,
    assignments: Record<string, string> = {},
    options: { version?: number; groupId?: string; instanceId?: string | null } & {
      protocolType?: string | null
      protocolName?: string | null
    } = {},
  ) {
    return this.send(14, options.version ?? 5, {
      groupId: options.groupId ?? this.groupId,
      generationId,
      memberId,
      groupInstanceId: options.instanceId ?? null,
      protocolType: options.protocolType === undefined ? 'consumer' : options.protocolType,
      protocolName: options.protocolName === undefined ? 'range' : options.protocolName,
      assignments: Object.entries(assignments).map(([id, text]) => ({
        memberId: id,
        assignment: Buffer.from(text),
      })),
    })
  }

  async heartbeat(memberId: string, generationId: number, instanceId: string | null = null) {
    const body = { groupId: this.groupId, generationId, memberId, groupInstanceId: instanceId }
    return (await this.ask(12, 4, body)).errorCode
  }

  leave(
    members: { memberId: string; instanceId?: string | null }[],
    version = 5,
    groupId = this.groupId,
  ) {
    return this.ask(13, version, {
      groupId,
      memberId: version <= 2 ? (members[0]?.memberId ?? '') : '',
      members: members.map(({ memberId, instanceId }) => ({
        memberId,
        groupInstanceId: instanceId ?? null,
        reason: null,
      })),
    })
  }

  commitBody(
    offsets: Record<string, number>,
    options: {
      groupId?: string
      memberId?: string
      generationId?: number
      instanceId?: string | null
      metadata?: string | null
      retentionTimeMs?: number
      leaderEpoch?: number
    } = {},
  ) {
    return {
      groupId: options.groupId ?? this.groupId,
      generationIdOrMemberEpoch: options.generationId ?? -1,
      memberId: options.memberId ?? '',
      groupInstanceId: options.instanceId ?? null,
      retentionTimeMs: options.retentionTimeMs ?? -1,
      topics: topicsOf(offsets).map(([name, partitions]) => ({
        name,
        topicId: ZERO_UUID,
        partitions: partitions.map(([partitionIndex, committedOffset]) => ({
          partitionIndex,
          committedOffset,
          committedLeaderEpoch: options.leaderEpoch ?? -1,
          committedMetadata: options.metadata === undefined ? '' : options.metadata,
        })),
      })),
    }
  }

  /** Commits `{'topic-partition': offset}`; gives the error code of each partition in order. */
  async commit(
    offsets: Record<string, number>,
    options: Parameters<GroupClient['commitBody']>[1] & { version?: number } = {},
  ): Promise<number[]> {
    const response = await this.ask(8, options.version ?? 9, this.commitBody(offsets, options))
    return response.topics.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode))
  }

  /** Committed offsets by `topic-partition`, all when none is named; an error is minus its code. */
  async fetch(
    names: string[] | null = null,
    options: { groupId?: string; requireStable?: boolean; version?: number } = {},
  ): Promise<Record<string, number>> {
    const topics =
      names === null
        ? null
        : topicsOf(Object.fromEntries(names.map((name) => [name, 0]))).map(
            ([name, partitions]) => ({
              name,
              topicId: ZERO_UUID,
              partitionIndexes: partitions.map(([partition]) => partition),
            }),
          )
    const groupId = options.groupId ?? this.groupId
    const response = await this.ask(9, options.version ?? 9, {
      groupId: '',
      topics: [],
      groups: [{ groupId, memberId: null, memberEpoch: -1, topics }],
      requireStable: options.requireStable ?? false,
    })
    const found: Record<string, number> = {}
    for (const topic of response.groups[0]?.topics ?? [])
      for (const { partitionIndex, committedOffset, errorCode } of topic.partitions)
        found[`${topic.name}-${partitionIndex}`] = errorCode === 0 ? committedOffset : -errorCode
    return found
  }

  async describe(groupId: string = this.groupId, version = 6, includeAuthorizedOperations = false) {
    const body = { groups: [groupId], includeAuthorizedOperations }
    return (await this.ask(15, version, body)).groups[0]!
  }

  async list(states: string[] = [], types: string[] = []) {
    const response = await this.ask(16, 5, { statesFilter: states, typesFilter: types })
    return response.groups.map(({ groupId }) => groupId).sort()
  }

  async delete(...groupIds: string[]): Promise<number[]> {
    const response = await this.ask(42, 2, { groupsNames: groupIds })
    return response.results.map(({ errorCode }) => errorCode)
  }

  async deleteOffsets(names: string[], groupId: string = this.groupId) {
    const topics = topicsOf(Object.fromEntries(names.map((name) => [name, 0])))
    return this.ask(47, 0, {
      groupId,
      topics: topics.map(([name, partitions]) => ({
        name,
        partitions: partitions.map(([partitionIndex]) => ({ partitionIndex })),
      })),
    })
  }

  /** A Stable group of `count` dynamic members, the first one leading; gives their ids. */
  async stable(count: number, options: JoinOptions = {}): Promise<string[]> {
    const joins = []
    for (let at = 0; at < count; at++) joins.push(await this.joinTwice(options))
    await this.advance(this.config.initialRebalanceDelayMs * (count + 1))
    const ids = joins.map(({ memberId }) => memberId)
    const { generationId } = this.group(options.groupId)
    const assignments = Object.fromEntries(ids.map((id, at) => [id, `p${at}`]))
    const protocolType = options.protocolType ?? 'consumer'
    const named = { groupId: options.groupId ?? this.groupId, protocolType }
    for (const id of ids) await this.sync(id, generationId, id === ids[0] ? assignments : {}, named)
    if (this.group(options.groupId).state !== 'Stable') throw new Error('the group is not stable')
    return ids
  }
}

function topicsOf(offsets: Record<string, number>): [string, [number, number][]][] {
  const topics = new Map<string, [number, number][]>()
  for (const [name, offset] of Object.entries(offsets)) {
    const dash = name.lastIndexOf('-')
    const topic = name.slice(0, dash)
    const entry: [number, number] = [Number(name.slice(dash + 1)), offset]
    const entries = topics.get(topic)
    if (entries === undefined) topics.set(topic, [entry])
    else entries.push(entry)
  }
  return [...topics]
}
