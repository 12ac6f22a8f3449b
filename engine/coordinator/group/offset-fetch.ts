/**
 * OffsetFetch. v1-7 ask for one group and answer at the top, v8+ for several; v2 knows "all topics"
 * (null) and an error at the top, v7 require-stable, v10 topic ids. Source: Kafka's
 * OffsetMetadataManager.fetchOffsets and KafkaApis.fetchOffsetsForGroup.
 *
 * An unknown group has no offsets and is no error. Only committed offsets are seen, and under the name of
 * a new topic not those of a deleted one: power may have gone before their tombstones were synced. With
 * requireStable a partition with an open transactional commit answers UNSTABLE_OFFSET_COMMIT (R12), so
 * that a consumer taking over does not start from a position that is about to change.
 */
import { ErrorCode } from '../../base/errors.ts'
import { ZERO_UUID } from '../../base/random.ts'
import type { OffsetFetchRequest, OffsetFetchResponse } from '../../protocol/09-offset-fetch.ts'
import { answer, type TopicDirectory } from '../state-machine.ts'
import type { GroupEnv, GroupOutcome } from './env.ts'
import type { CommittedOffset } from './offset-store.ts'
import type { GroupRequestOf } from './requests.ts'

type RequestGroup = OffsetFetchRequest['groups'][number]
export type FetchedGroup = OffsetFetchResponse['groups'][number]
type FetchedTopic = FetchedGroup['topics'][number]
type FetchedPartition = FetchedTopic['partitions'][number]
type AskedTopic = NonNullable<RequestGroup['topics']>[number]

export const FIRST_MULTI_GROUP_VERSION = 8
const FIRST_EPOCH_VERSION = 9
const FIRST_TOPIC_ID_VERSION = 10
/** From here on an error of the whole group has its own field. */
const FIRST_GROUP_ERROR_VERSION = 2

export function offsetFetch(env: GroupEnv, request: GroupRequestOf<9>): GroupOutcome {
  const { apiVersion, body } = request
  const groups = askedGroups(body, apiVersion).map((group) =>
    fetchGroup(env, group, apiVersion, body.requireStable),
  )
  return answer(fetchResponse(groups, apiVersion))
}

/** The groups a request asks for, in the newer form; one up to v7. */
export function askedGroups(body: OffsetFetchRequest, apiVersion: number): RequestGroup[] {
  if (apiVersion >= FIRST_MULTI_GROUP_VERSION) return body.groups
  const topics = body.topics?.map(({ name, partitionIndexes }) => ({
    name,
    topicId: ZERO_UUID,
    partitionIndexes,
  }))
  return [{ groupId: body.groupId, memberId: null, memberEpoch: -1, topics: topics ?? null }]
}

/** The groups' answers in the form of the version. */
export function fetchResponse(groups: FetchedGroup[], apiVersion: number): OffsetFetchResponse {
  if (apiVersion >= FIRST_MULTI_GROUP_VERSION)
    return { throttleTimeMs: 0, topics: [], errorCode: ErrorCode.NONE, groups }
  const only = groups[0]
  return {
    throttleTimeMs: 0,
    topics: (only?.topics ?? []).map(({ name, partitions }) => ({ name, partitions })),
    errorCode: only?.errorCode ?? ErrorCode.NONE,
    groups: [],
  }
}

function fetchGroup(
  env: GroupEnv,
  asked: RequestGroup,
  apiVersion: number,
  requireStable: boolean,
): FetchedGroup {
  const { groupId, topics } = asked
  const refusal = memberRefusal(env, asked, apiVersion)
  if (refusal !== ErrorCode.NONE) return { groupId, topics: [], errorCode: refusal }
  const image = env.context.image()
  const isDead = env.groups.get(groupId)?.state === 'Dead'
  const read = (topic: string, partition: number): FetchedPartition => {
    if (requireStable && env.offsets.isUnstable(groupId, topic, partition))
      return noOffset(partition, ErrorCode.UNSTABLE_OFFSET_COMMIT)
    const committed = isDead ? undefined : env.offsets.committed.get(groupId, topic, partition)
    return committed === undefined || isOfDeleted(committed, topicIdOf(image, topic))
      ? noOffset(partition, ErrorCode.NONE)
      : theOffset(partition, committed)
  }
  if (topics !== null) {
    const byId = apiVersion >= FIRST_TOPIC_ID_VERSION
    const known = byId ? topics.filter((topic) => image.topicsById.has(topic.topicId)) : topics
    const unknown = byId ? topics.filter((topic) => !image.topicsById.has(topic.topicId)) : []
    const fetched = known.map((topic): FetchedTopic => {
      const name = byId ? (image.topicsById.get(topic.topicId)?.name ?? '') : topic.name
      const { topicId, partitionIndexes } = topic
      return { name, topicId, partitions: partitionIndexes.map((at) => read(name, at)) }
    })
    const refused = unknown.map((topic) => refusedTopic(topic, ErrorCode.UNKNOWN_TOPIC_ID))
    return { groupId, topics: [...fetched, ...refused], errorCode: ErrorCode.NONE }
  }
  const all: FetchedTopic[] = []
  for (const [name, partitions] of env.offsets.committed.topics(groupId) ?? []) {
    const topicId = topicIdOf(image, name)
    // A topic without id cannot be named in the newer form.
    if (isDead || (apiVersion >= FIRST_TOPIC_ID_VERSION && topicId === ZERO_UUID)) continue
    const fetched: FetchedPartition[] = []
    for (const [partition, committed] of partitions)
      if (!isOfDeleted(committed, topicId)) fetched.push(read(name, partition))
    if (fetched.length > 0) all.push({ name, topicId, partitions: fetched })
  }
  return { groupId, topics: all, errorCode: ErrorCode.NONE }
}

/** From v9 on a member of a consumer group says who it is, and is told when it is behind. */
function memberRefusal(env: GroupEnv, asked: RequestGroup, apiVersion: number): number {
  const { groupId, memberId, memberEpoch } = asked
  const group = env.consumers.get(groupId)
  if (group === undefined || apiVersion < FIRST_EPOCH_VERSION) return ErrorCode.NONE
  if (memberId === null && memberEpoch < 0) return ErrorCode.NONE
  const member = group.members.get(memberId ?? '')
  if (member === undefined) return ErrorCode.UNKNOWN_MEMBER_ID
  if (memberEpoch === member.memberEpoch) return ErrorCode.NONE
  return member.classic === null ? ErrorCode.STALE_MEMBER_EPOCH : ErrorCode.ILLEGAL_GENERATION
}

function topicIdOf(image: TopicDirectory, name: string): string {
  return image.topics.get(name)?.topicId ?? ZERO_UUID
}

/** The offset was committed for a topic of the same name that is gone; `topicId` is that of the name now. */
function isOfDeleted(committed: CommittedOffset, topicId: string): boolean {
  return committed.topicId !== ZERO_UUID && topicId !== ZERO_UUID && committed.topicId !== topicId
}

function noOffset(partitionIndex: number, errorCode: number): FetchedPartition {
  return {
    partitionIndex,
    committedOffset: -1,
    committedLeaderEpoch: -1,
    metadata: '',
    errorCode,
  }
}

function theOffset(partitionIndex: number, committed: CommittedOffset): FetchedPartition {
  return {
    partitionIndex,
    committedOffset: committed.offset,
    committedLeaderEpoch: committed.leaderEpoch,
    metadata: committed.metadata,
    errorCode: ErrorCode.NONE,
  }
}

function refusedTopic(topic: AskedTopic, errorCode: number): FetchedTopic {
  return {
    name: topic.name,
    topicId: topic.topicId,
    partitions: topic.partitionIndexes.map((partition) => noOffset(partition, errorCode)),
  }
}

/** The same error for every group asked for; below v2 for every partition. */
export function fetchError(
  body: OffsetFetchRequest,
  apiVersion: number,
  errorCode: number,
): OffsetFetchResponse {
  const groups = askedGroups(body, apiVersion).map(({ groupId, topics }): FetchedGroup => {
    if (apiVersion >= FIRST_GROUP_ERROR_VERSION) return { groupId, topics: [], errorCode }
    const refused = (topics ?? []).map((topic) => refusedTopic(topic, errorCode))
    return { groupId, topics: refused, errorCode: ErrorCode.NONE }
  })
  return fetchResponse(groups, apiVersion)
}
