/**
 * The state machine of one partition of __consumer_offsets: classic groups, consumer groups and all
 * offsets.
 *
 * Two kinds of state. Offsets, consumer groups and a group's end change by replay alone. Membership
 * of classic groups changes as requests come, since most of it is never written; its records say
 * what a restart shall find, and what has to happen when one could not be written is said beside
 * each (sync.ts, static-member.ts, join.ts). Loading replays both kinds.
 *
 *   record                     replayed while loading            replayed when committed
 *   offset commit, tombstone   offset set, pending, or removed   the same
 *   group metadata             group Empty or Stable             no: the group is further on
 *   group tombstone            group removed                     the same
 *   consumer group             group changed, or removed         the same
 *   other protocols            see foreign-groups.ts             the same
 */
import { assert } from '../../base/assert.ts'
import { ErrorCode } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type {
  CoordinatorRecord,
  MachineContext,
  StateMachine,
  TimerHandle,
} from '../state-machine.ts'
import { deleteGroups, describeGroups, listGroups, markDead, revive } from './administer.ts'
import { joinError, NO_MEMBER_ID, syncError } from './answers.ts'
import { ClassicGroup } from './classic-group.ts'
import { ClassicMember } from './classic-member.ts'
import type { GroupConfig } from './config.ts'
import { describeConsumerGroups } from './consumer-describe.ts'
import { consumerTombstones } from './consumer-downgrade.ts'
import { ConsumerGroup } from './consumer-group.ts'
import { consumerHeartbeat } from './consumer-heartbeat.ts'
import { memberFenced } from './consumer-leave.ts'
import type { ConsumerGroupRecord } from './consumer-records.ts'
import { timeLoadedGroups } from './consumer-sessions.ts'
import { ConsumerTimers } from './consumer-timers.ts'
import { forgetGroup, type GroupEnv, type GroupOutcome, type GroupReply } from './env.ts'
import { ForeignGroups } from './foreign-groups.ts'
import { GroupTurns } from './group-turns.ts'
import { joinGroup } from './join.ts'
import { leaveGroup } from './leave.ts'
import { offsetCommit } from './offset-commit.ts'
import { deletedTopicTombstones, expiryOf, offsetDelete } from './offset-delete.ts'
import { offsetFetch } from './offset-fetch.ts'
import { GroupOffsets } from './offset-store.ts'
import { memberExpired, prepareRebalance } from './rebalance.ts'
import { decodeGroupRecord, type GroupMetadata, groupTombstone } from './records.ts'
import { refuseGroupRequest } from './refuse.ts'
import type { GroupRequest, GroupRequestOf, GroupResponse } from './requests.ts'
import { touchSession } from './session.ts'
import { heartbeat, syncGroup } from './sync.ts'

type ClassicRequest =
  | GroupRequestOf<11>
  | GroupRequestOf<12>
  | GroupRequestOf<13>
  | GroupRequestOf<14>

export class GroupMachine implements StateMachine<GroupRequest, GroupResponse> {
  private readonly env: GroupEnv
  private expiryTimer: TimerHandle | null
  /** Record types met in the log that this version does not know; each is reported once. */
  private readonly unknownTypes: Set<number>

  constructor(config: GroupConfig, context: MachineContext<GroupResponse>) {
    this.env = {
      config,
      context,
      groups: new Map(),
      offsets: new GroupOffsets(),
      consumers: new Map(),
      turns: new GroupTurns(context),
      timers: new ConsumerTimers(context.clock, (delayMs, run) =>
        context.schedule(delayMs, () => {
          run()
          return null
        }),
      ),
      foreign: new ForeignGroups(),
      memberFenced: (groupId, memberId, because) =>
        memberFenced(this.env, groupId, memberId, because),
      memberExpired: (group, member) => memberExpired(this.env, group, member),
    }
    this.expiryTimer = null
    this.unknownTypes = new Set()
  }

  /** For checks and tests; the map is the machine's own. */
  get groups(): ReadonlyMap<string, ClassicGroup> {
    return this.env.groups
  }

  get consumerGroups(): ReadonlyMap<string, ConsumerGroup> {
    return this.env.consumers
  }

  get offsets(): GroupOffsets {
    return this.env.offsets
  }

  handle(request: GroupRequest, reply: GroupReply): GroupOutcome {
    const { env } = this
    switch (request.apiKey) {
      case 8:
        return offsetCommit(env, request)
      case 9:
        return offsetFetch(env, request)
      case 11:
        return this.inTurn(request, () => joinGroup(env, request, reply), reply)
      case 12:
        return this.inTurn(request, () => heartbeat(env, request), reply)
      case 13:
        return this.inTurn(request, () => leaveGroup(env, request), reply)
      case 14:
        return this.inTurn(request, () => syncGroup(env, request, reply), reply)
      case 15:
        return describeGroups(env, request)
      case 16:
        return listGroups(env, request)
      case 42:
        return deleteGroups(env, request)
      case 47:
        return offsetDelete(env, request)
      case 68:
        return env.turns.take(
          request.body.groupId,
          request,
          () => consumerHeartbeat(env, request),
          reply,
        )
      case 69:
        return describeConsumerGroups(env, request)
    }
  }

  /** Requests of the classic protocol wait their turn where a consumer group is, or comes to be. */
  private inTurn(
    request: ClassicRequest,
    decide: () => GroupOutcome,
    reply: GroupReply,
  ): GroupOutcome {
    const { consumers, turns } = this.env
    const { groupId } = request.body
    const waits = consumers.has(groupId) || turns.isBusy(groupId)
    return waits ? turns.take(groupId, request, decide, reply) : decide()
  }

  refuse(request: GroupRequest, errorCode: number): GroupResponse {
    return refuseGroupRequest(request, errorCode)
  }

  replay(record: CoordinatorRecord, position: number, producerId: number): void {
    const { offsets, foreign, groups, consumers } = this.env
    const decoded = decodeGroupRecord(record)
    switch (decoded.kind) {
      case 'offset': {
        const { groupId, topic, partition, value } = decoded
        if (value === null) {
          offsets.remove(groupId, topic, partition)
          return
        }
        // Commits outside any group make a "simple" group: empty and without protocol type.
        const isKnown = groups.has(groupId) || consumers.has(groupId)
        if (!isKnown && foreign.get(groupId) === undefined)
          groups.set(groupId, new ClassicGroup(groupId, this.env.context.clock.wallMs()))
        offsets.commit(groupId, topic, partition, { ...value, position }, producerId)
        return
      }
      case 'group': {
        const group = groups.get(decoded.groupId)
        if (group !== undefined) forgetGroup(this.env, group)
        if (decoded.value !== null)
          groups.set(decoded.groupId, groupOf(decoded.groupId, decoded.value))
        return
      }
      case 'consumer':
        this.replayConsumer(decoded.record)
        return
      case 'foreign':
        foreign.replay(decoded.recordType, decoded.groupId, record)
        return
      case 'unknown':
        this.reportUnknown(decoded.recordType)
    }
  }

  /** A consumer group begins with any record, takes the place of a simple group, ends with its epoch. */
  private replayConsumer(record: ConsumerGroupRecord): void {
    const { consumers, groups } = this.env
    const { groupId } = record
    let group = consumers.get(groupId)
    if (group === undefined) {
      if (record.value === null) return
      const classic = groups.get(groupId)
      if (classic !== undefined) {
        assert(classic.members.size === 0 || classic.state === 'Dead', `${groupId} is converted`)
        forgetGroup(this.env, classic)
      }
      group = new ConsumerGroup(groupId)
      consumers.set(groupId, group)
    }
    if (!group.replay(record)) consumers.delete(groupId)
  }

  endTransaction(producerId: number, committed: boolean): void {
    this.env.offsets.endTransaction(producerId, committed)
  }

  loaded(): void {
    const { env } = this
    for (const group of [...env.groups.values()]) {
      for (const member of group.members.values()) touchSession(env, group, member)
      // The bound was lowered since: a rebalance lets in as many as it allows.
      if (group.members.size > env.config.maxSize && group.canRebalance)
        env.context.run(prepareRebalance(env, group))
    }
    timeLoadedGroups(env)
    this.scheduleExpiry()
  }

  unload(errorCode: number): void {
    this.expiryTimer?.cancel()
    this.expiryTimer = null
    this.env.turns.refuseAll(errorCode)
    this.env.timers.cancelAll()
    for (const group of this.env.groups.values()) {
      for (const member of group.members.values()) {
        group.completeJoin(member, joinError(NO_MEMBER_ID, errorCode))
        group.completeSync(member, syncError(errorCode))
      }
      group.cancelTimers()
    }
  }

  /** The topics exist no more: their offsets go, in as many batches as it takes. */
  onTopicsDeleted(names: Iterable<string>): void {
    this.writeTombstones(deletedTopicTombstones(this.env, new Set(names)))
  }

  private writeTombstones(records: readonly CoordinatorRecord[]): void {
    const step = limits.groupTombstonesPerBatchMax
    for (let from = 0; from < records.length; from += step)
      this.env.context.run({
        records: records.slice(from, from + step),
        replay: true,
        response: null,
        settled: null,
      })
  }

  private scheduleExpiry(): void {
    const { context, config } = this.env
    this.expiryTimer = context.schedule(config.offsetsRetentionCheckIntervalMs, () => {
      this.expire()
      this.scheduleExpiry()
      return null
    })
  }

  /**
   * One batch per group, so that one group's failure is its own. The group's tombstone goes with
   * the last offsets; if there are too many for one batch, the next check finds the group bare.
   */
  private expire(): void {
    const { env } = this
    for (const [groupId, group] of [...env.consumers]) this.expireConsumer(groupId, group)
    for (const [groupId, group] of [...env.groups]) {
      const { offsets, ends } = expiryOf(env, groupId)
      if (!ends || offsets.length > limits.groupTombstonesPerBatchMax) {
        this.writeTombstones(offsets)
        continue
      }
      markDead(env, group)
      env.context.run({
        records: [...offsets, groupTombstone(groupId)],
        replay: true,
        response: null,
        settled: (errorCode) => {
          if (errorCode !== ErrorCode.NONE) revive(env, group)
        },
      })
    }
  }

  private expireConsumer(groupId: string, group: ConsumerGroup): void {
    const { env } = this
    const { offsets, ends } = expiryOf(env, groupId)
    if (!ends || offsets.length > limits.groupTombstonesPerBatchMax) {
      this.writeTombstones(offsets)
      return
    }
    group.isDying = true
    env.turns.hold(groupId)
    env.context.run({
      records: [...offsets, ...consumerTombstones(group)],
      replay: true,
      response: null,
      settled: () => {
        group.isDying = false
        env.turns.release(groupId)
      },
    })
  }

  private reportUnknown(recordType: number): void {
    if (this.unknownTypes.has(recordType)) return
    this.unknownTypes.add(recordType)
    const { logger, partition } = this.env.context
    logger.warn(`__consumer_offsets-${partition}: record type ${recordType} is not known, ignored`)
  }
}

/** The group as its last record tells it; sessions start when loading is complete. */
function groupOf(groupId: string, value: GroupMetadata): ClassicGroup {
  const group = new ClassicGroup(groupId, value.currentStateTimestamp)
  group.generationId = value.generation
  group.protocolType = value.protocolType === '' ? null : value.protocolType
  group.protocolName = value.protocol
  for (const loaded of value.members) {
    const identity = {
      memberId: loaded.memberId,
      groupInstanceId: loaded.groupInstanceId,
      clientId: loaded.clientId,
      clientHost: loaded.clientHost,
      protocolType: value.protocolType,
    }
    const terms = {
      // Before version 1 there was no rebalance timeout.
      rebalanceTimeoutMs:
        loaded.rebalanceTimeout === -1 ? loaded.sessionTimeout : loaded.rebalanceTimeout,
      sessionTimeoutMs: loaded.sessionTimeout,
      protocols: [{ name: value.protocol ?? '', metadata: Buffer.from(loaded.subscription) }],
    }
    group.add(new ClassicMember(identity, terms, Buffer.from(loaded.assignment)))
  }
  if (group.members.size > 0) {
    group.state = 'Stable'
    group.previousState = 'Stable'
    if (value.leader !== null && group.members.has(value.leader)) group.leaderId = value.leader
  }
  group.refreshTopics()
  return group
}
