/**
 * Everything that takes offsets away: OffsetDelete, expiry, deleted topics, deleted groups. Each
 * writes a tombstone per partition; commits still in flight are covered, since the tombstone comes
 * behind them in the log. Source: Kafka's OffsetMetadataManager.
 *
 *   expires                        when
 *   offset with own expiry         that time has come (v2-4 clients)
 *   group Empty                    retention after it became Empty
 *   consumer group Stable          retention after the commit, topics nobody subscribes to only
 *   simple group                   retention after the commit
 *   group of KIP-848               retention after the commit, topics nobody subscribes to only
 *   any other group                never
 * Offsets with a pending transaction or a commit in flight stay. An Empty group without any goes.
 */
import { ErrorCode } from '../../base/errors.ts'
import type { OffsetDeleteResponse } from '../../protocol/47-offset-delete.ts'
import { answer, type CoordinatorRecord, hasPartition } from '../state-machine.ts'
import type { ClassicGroup } from './classic-group.ts'
import { ConsumerGroup } from './consumer-group.ts'
import type { GroupEnv, GroupOutcome } from './env.ts'
import type { CommittedOffset } from './offset-store.ts'
import { offsetTombstone } from './records.ts'
import type { GroupRequestOf } from './requests.ts'

export function offsetDelete(env: GroupEnv, request: GroupRequestOf<47>): GroupOutcome {
  const { body } = request
  const { groupId } = body
  const refuse = (errorCode: number) => answer(deleteError(errorCode))
  if (groupId === '') return refuse(ErrorCode.INVALID_GROUP_ID)
  const group = env.groups.get(groupId)
  const foreign = env.foreign.get(groupId)
  const consumers = env.consumers.get(groupId)
  const isKnown = group !== undefined || consumers !== undefined
  if (!isKnown && (foreign === undefined || foreign.type === 'share'))
    return refuse(ErrorCode.GROUP_ID_NOT_FOUND)
  if (group?.state === 'Dead') return refuse(ErrorCode.GROUP_ID_NOT_FOUND)
  if (group !== undefined && group.state !== 'Empty' && !group.isConsumerGroup)
    return refuse(ErrorCode.NON_EMPTY_GROUP)
  const image = env.context.image()
  const records: CoordinatorRecord[] = []
  const topics = body.topics.map(({ name, partitions }) => {
    const known = image.topics.get(name)
    const isSubscribed = (group ?? consumers)?.isSubscribedTo(name) ?? false
    const partitionAnswers = partitions.map(({ partitionIndex }) => {
      if (known === undefined || !hasPartition(known, partitionIndex))
        return { partitionIndex, errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION }
      if (isSubscribed) return { partitionIndex, errorCode: ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC }
      if (env.offsets.has(groupId, name, partitionIndex))
        records.push(offsetTombstone(groupId, name, partitionIndex))
      return { partitionIndex, errorCode: ErrorCode.NONE }
    })
    return { name, partitions: partitionAnswers }
  })
  const response = { errorCode: ErrorCode.NONE, throttleTimeMs: 0, topics }
  return { records, replay: true, response, settled: null }
}

/** An error of the group stands at the top, without topics. */
export function deleteError(errorCode: number): OffsetDeleteResponse {
  return { errorCode, throttleTimeMs: 0, topics: [] }
}

/** Tombstones for all offsets of a group that is being deleted. */
export function allOffsetTombstones(env: GroupEnv, groupId: string): CoordinatorRecord[] {
  const records: CoordinatorRecord[] = []
  env.offsets.forEachKey(groupId, (topic, partition) =>
    records.push(offsetTombstone(groupId, topic, partition)),
  )
  return records
}

/** Tombstones for the offsets of topics that are gone, in every group and layer. */
export function deletedTopicTombstones(
  env: GroupEnv,
  names: ReadonlySet<string>,
): CoordinatorRecord[] {
  const records: CoordinatorRecord[] = []
  for (const groupId of env.offsets.groupIds())
    env.offsets.forEachKey(groupId, (topic, partition) => {
      if (names.has(topic)) records.push(offsetTombstone(groupId, topic, partition))
    })
  return records
}

/** What the expiry check finds for one group. */
export interface Expiry {
  /** Tombstones of expired offsets. */
  readonly offsets: CoordinatorRecord[]
  /** Nothing is left then, and nobody is in the group: it goes too. */
  readonly ends: boolean
}

export function expiryOf(env: GroupEnv, groupId: string): Expiry {
  const { offsets } = env
  const group = env.consumers.get(groupId) ?? env.groups.get(groupId)
  const records: CoordinatorRecord[] = []
  if (group === undefined || isEnding(group)) return { offsets: records, ends: false }
  const startOf = expiryStart(group)
  if (startOf === null) return { offsets: records, ends: false }
  const nowMs = env.context.clock.wallMs()
  const retentionMs = env.config.offsetsRetentionMs
  let kept = offsets.hasOpenTransactions(groupId) || offsets.hasInFlight(groupId)
  offsets.committed.forEach(groupId, (topic, partition, committed) => {
    const expired =
      committed.expireTimestampMs >= 0
        ? nowMs >= committed.expireTimestampMs
        : nowMs - startOf(committed) >= retentionMs
    const isBusy =
      offsets.isUnstable(groupId, topic, partition) || offsets.isInFlight(groupId, topic, partition)
    if (expired && !isBusy && !group.isSubscribedTo(topic))
      records.push(offsetTombstone(groupId, topic, partition))
    else kept = true
  })
  const ends = !kept && isAbandoned(env, group)
  return { offsets: records, ends }
}

function isEnding(group: ClassicGroup | ConsumerGroup): boolean {
  return group instanceof ConsumerGroup ? group.isDying : group.state === 'Dead'
}

/** Nobody is in the group, nor about to be. */
function isAbandoned(env: GroupEnv, group: ClassicGroup | ConsumerGroup): boolean {
  if (group instanceof ConsumerGroup) return group.isEmpty && !env.turns.isBusy(group.groupId)
  return group.state === 'Empty' && group.pendingJoins.size === 0
}

/** From when an offset's retention counts; null: nothing of this group expires now. */
function expiryStart(
  group: ClassicGroup | ConsumerGroup,
): ((committed: CommittedOffset) => number) | null {
  const sinceCommit = (committed: CommittedOffset) => committed.commitTimestampMs
  if (group instanceof ConsumerGroup) return sinceCommit
  if (group.protocolType === null) return sinceCommit
  if (group.state === 'Empty')
    return group.stateTimestampMs < 0 ? sinceCommit : () => group.stateTimestampMs
  const knowsTopics = group.isConsumerGroup && group.topics !== null
  return knowsTopics && group.state === 'Stable' ? sinceCommit : null
}
