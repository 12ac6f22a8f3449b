/**
 * Computes the target assignment of a consumer group and the records that say what changed of it.
 * Source: Kafka's TargetAssignmentBuilder.
 */
import { assert } from '../../base/assert.ts'
import type { CoordinatorRecord, TopicDirectory } from '../state-machine.ts'
import { assignorNamed } from './consumer-assignor.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import type { ConsumerMember } from './consumer-member.ts'
import { subscribedTopicIds } from './consumer-metadata.ts'
import { NO_PARTITIONS, type Partitions, samePartitions } from './consumer-partitions.ts'
import { targetEpochRecord, targetRecord } from './consumer-records.ts'

export interface Targets {
  readonly byMember: ReadonlyMap<string, Partitions>
  readonly records: readonly CoordinatorRecord[]
}

/** The target for these members, the group's as they will be. */
export function computeTargets(
  group: ConsumerGroup,
  epoch: number,
  members: readonly ConsumerMember[],
  from: {
    readonly image: TopicDirectory
    /** Of the broker, the first being the default. */
    readonly assignors: readonly string[]
  },
): Targets {
  const { image } = from
  const name = preferredAssignor(members, from.assignors)
  const assignor = assignorNamed(name)
  assert(assignor !== undefined, `assignor ${name} was checked when it was named`)
  const byMember = assignor({
    members: members.map((member) => ({
      memberId: member.memberId,
      instanceId: member.instanceId,
      topicIds: subscribedTopicIds(member, group.regexes, image),
      previous: group.target(member.memberId),
    })),
    partitionCount: (topicId) => image.topicsById.get(topicId)?.partitions.length ?? 0,
  })
  const records: CoordinatorRecord[] = []
  for (const { memberId } of members) {
    const target = byMember.get(memberId) ?? NO_PARTITIONS
    const known = group.targets.get(memberId)
    if (known === undefined || !samePartitions(known, target))
      records.push(targetRecord(group.groupId, memberId, target))
  }
  records.push(targetEpochRecord(group.groupId, epoch))
  return { byMember, records }
}

/** The assignor most members ask for; the broker's first when nobody does. */
export function preferredAssignor(
  members: Iterable<ConsumerMember>,
  assignors: readonly string[],
): string {
  const votes = new Map<string, number>()
  let best = assignors[0] ?? 'uniform'
  let most = 0
  for (const { serverAssignor } of members) {
    if (serverAssignor === null || !assignors.includes(serverAssignor)) continue
    const count = (votes.get(serverAssignor) ?? 0) + 1
    votes.set(serverAssignor, count)
    if (count > most) {
      best = serverAssignor
      most = count
    }
  }
  return best
}
