/**
 * A consumer group becomes a classic group when its last member of the new protocol goes and members
 * of the classic one are left. Source: KIP-848 and Kafka's GroupMetadataManager.convertToClassicGroup
 * and ClassicGroup.fromConsumerGroup.
 *
 *   group epoch → generation          assigned partitions → assignments, until the rebalance that
 *                                     follows at once
 */
import { ErrorCode } from '../../base/errors.ts'
import { encodeAssignment } from '../../protocol/consumer-protocol.ts'
import type { CoordinatorRecord, TopicDirectory } from '../state-machine.ts'
import { ClassicGroup } from './classic-group.ts'
import { ClassicMember } from './classic-member.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import type { ConsumerMember } from './consumer-member.ts'
import { type Partitions, toList } from './consumer-partitions.ts'
import { ConsumerRecord, tombstone } from './consumer-records.ts'
import { forgetGroup, type GroupEnv, type GroupOutcome } from './env.ts'
import { prepareRebalance } from './rebalance.ts'
import { groupMetadataRecord } from './records.ts'
import { touchSession } from './session.ts'

/** Everything a consumer group has in the log, its epoch last. */
export function consumerTombstones(group: ConsumerGroup): CoordinatorRecord[] {
  const { groupId } = group
  const ids = [...group.members.keys()]
  const each = (recordType: number, seconds: Iterable<string>) =>
    [...seconds].map((second) => tombstone(recordType, groupId, second))
  return [
    ...each(ConsumerRecord.Current, ids),
    ...each(ConsumerRecord.Target, new Set([...ids, ...group.targets.keys()])),
    tombstone(ConsumerRecord.TargetEpoch, groupId),
    ...each(ConsumerRecord.Member, ids),
    ...each(ConsumerRecord.Regex, group.regexes.keys()),
    ...(group.hasLegacyTopics ? [tombstone(ConsumerRecord.LegacyTopics, groupId)] : []),
    tombstone(ConsumerRecord.Epoch, groupId),
  ]
}

/** True when only classic members are left without these, and the policy allows the change. */
export function downgradesWithout(
  { config }: GroupEnv,
  group: ConsumerGroup,
  gone: readonly ConsumerMember[],
): boolean {
  const { migrationPolicy } = config.consumer
  if (migrationPolicy !== 'bidirectional' && migrationPolicy !== 'downgrade') return false
  const left = group.members.size - gone.length
  if (left <= 0 || left > config.maxSize) return false
  const ids = new Set(gone.map(({ memberId }) => memberId))
  for (const { memberId, classic } of group.members.values())
    if (classic === null && !ids.has(memberId)) return false
  return true
}

/** The records of the change; the outcome has no response. */
export function downgrade(
  env: GroupEnv,
  group: ConsumerGroup,
  left: readonly ConsumerMember[],
): GroupOutcome {
  const { groupId } = group
  const classic = classicGroupOf(env, group, left)
  return {
    records: [
      ...consumerTombstones(group),
      groupMetadataRecord(classic, (member) => member.assignment),
    ],
    replay: true,
    response: null,
    settled: (errorCode) => {
      if (errorCode !== ErrorCode.NONE) return
      for (const { memberId } of left) env.timers.cancelMember(groupId, memberId)
      // What was replayed knows one protocol per member, this one knows all.
      const replayed = env.groups.get(groupId)
      if (replayed !== undefined) forgetGroup(env, replayed)
      env.groups.set(groupId, classic)
      for (const member of classic.members.values()) touchSession(env, classic, member)
      env.context.logger.info(`group ${groupId}: is a classic group again`)
      env.context.run(prepareRebalance(env, classic))
    },
  }
}

function classicGroupOf(
  env: GroupEnv,
  group: ConsumerGroup,
  left: readonly ConsumerMember[],
): ClassicGroup {
  const classic = new ClassicGroup(group.groupId, env.context.clock.wallMs())
  classic.generationId = group.groupEpoch
  const image = env.context.image()
  for (const member of left) {
    const { memberId, instanceId, clientId, clientHost, rebalanceTimeoutMs } = member
    const { sessionTimeoutMs, protocols } = member.classic!
    classic.add(
      new ClassicMember(
        { memberId, groupInstanceId: instanceId, clientId, clientHost, protocolType: 'consumer' },
        { rebalanceTimeoutMs, sessionTimeoutMs, protocols },
        assignmentBytes(member.assigned, image, subscriptionVersion(member)),
      ),
    )
  }
  classic.protocolName = classic.selectProtocol()
  classic.refreshTopics()
  classic.state = 'Stable'
  classic.previousState = 'Stable'
  return classic
}

/** A member is answered in the version of the consumer protocol it subscribed with. */
export function subscriptionVersion({ classic }: ConsumerMember): number {
  const metadata = classic?.protocols[0]?.metadata
  return metadata === undefined || metadata.length < 2 ? 0 : metadata.readInt16BE(0)
}

/** Partitions as the consumer protocol tells them to members; topics that are gone are left out. */
export function assignmentBytes(
  partitions: Partitions,
  image: TopicDirectory,
  version: number,
): Buffer {
  const assignedPartitions = toList(partitions).flatMap(({ topicId, partitions: list }) => {
    const topic = image.topicsById.get(topicId)?.name
    return topic === undefined ? [] : [{ topic, partitions: list }]
  })
  return encodeAssignment({ assignedPartitions, userData: null }, Math.min(Math.max(version, 0), 3))
}
