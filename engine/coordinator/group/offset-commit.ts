/**
 * OffsetCommit. Source: Kafka's OffsetMetadataManager.commitOffset, ClassicGroup's
 * validateOffsetCommit and, for topics, KafkaApis.handleOffsetCommitRequest. v2-4 have a retention,
 * v7 the instance id, v9 answers GROUP_ID_NOT_FOUND, v10 names topics by id. The topic's id is stored with
 * the offset.
 *
 * differs from Kafka: the id is stored too when the client named the topic, unless it set a retention
 * (v2-4), so that a topic never gets the offsets of a deleted one of its name. An offset of 2^53 - 1 or
 * more is refused with INVALID_COMMIT_OFFSET_SIZE.
 *
 *   no member, generation -1, group Empty or unknown → accepted; a "simple" group comes to be
 *   no member, group with members                    → UNKNOWN_MEMBER_ID
 *   member of this generation                        → accepted, and the session extended;
 *                                                      REBALANCE_IN_PROGRESS while completing
 *   generation >= 0, group unknown                   → ILLEGAL_GENERATION up to v8, then 69
 *   member of a consumer group (KIP-848)             → accepted in its epoch, else 113; v9 at least
 *
 * Partitions fail one by one: unknown topic or partition 3 (v10: unknown id 100), metadata too
 * large 12, group at its bound 28.
 */
import { ErrorCode } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { OffsetCommitRequest, OffsetCommitResponse } from '../../protocol/08-offset-commit.ts'
import { answer, type CoordinatorRecord, hasPartition, type KnownTopic } from '../state-machine.ts'
import type { ClassicGroup } from './classic-group.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import type { GroupEnv, GroupOutcome } from './env.ts'
import { offsetCommitRecord } from './records.ts'
import type { GroupRequestOf } from './requests.ts'
import { touchSession } from './session.ts'
import { validateMember } from './static-member.ts'

type RequestTopic = OffsetCommitRequest['topics'][number]
type RequestPartition = RequestTopic['partitions'][number]
type ResponsePartition = OffsetCommitResponse['topics'][number]['partitions'][number]

/** Retention in v2-4 that means "the broker's". */
const DEFAULT_RETENTION_MS = -1
/** From here on a client knows STALE_MEMBER_EPOCH. */
const FIRST_EPOCH_VERSION = 9

interface Written {
  readonly topic: string
  readonly partition: number
  readonly record: CoordinatorRecord
}

export function offsetCommit(env: GroupEnv, request: GroupRequestOf<8>): GroupOutcome {
  const { body } = request
  const { groupId } = body
  const group = env.groups.get(groupId)
  const refusal = refusalOf(env, group, request)
  if (refusal !== ErrorCode.NONE) return answer(commitError(body, refusal))
  if (group?.state === 'Stable' || group?.state === 'PreparingRebalance') {
    const member = group.members.get(body.memberId)
    if (member !== undefined) touchSession(env, group, member)
  }
  const written: Written[] = []
  // Topics that fail as a whole come first, as the broker's front door answers them.
  const topics = body.topics.map((topic) => commitTopic(env, request, topic, written))
  const response = {
    throttleTimeMs: 0,
    topics: [
      ...topics.filter((topic) => topic.refused),
      ...topics.filter((topic) => !topic.refused),
    ].map(({ name, topicId, partitions }) => ({ name, topicId, partitions })),
  }
  if (written.length === 0) return answer(response)
  for (const { topic, partition } of written) env.offsets.enterFlight(groupId, topic, partition)
  return {
    records: written.map(({ record }) => record),
    replay: true,
    response,
    settled: () => {
      for (const { topic, partition } of written) env.offsets.leaveFlight(groupId, topic, partition)
    },
  }
}

/** What is wrong with the request as a whole. */
function refusalOf(
  env: GroupEnv,
  group: ClassicGroup | undefined,
  { apiVersion, body }: GroupRequestOf<8>,
): number {
  if (group !== undefined) return validateCommit(group, body)
  const consumers = env.consumers.get(body.groupId)
  if (consumers !== undefined) return validateConsumerCommit(consumers, apiVersion, body)
  const foreign = env.foreign.get(body.groupId)
  if (foreign !== undefined) {
    if (foreign.type === 'share') return ErrorCode.GROUP_ID_NOT_FOUND
    const isSimple = body.generationIdOrMemberEpoch < 0 && foreign.isEmpty
    return isSimple ? ErrorCode.NONE : ErrorCode.UNKNOWN_MEMBER_ID
  }
  if (body.generationIdOrMemberEpoch >= 0)
    return apiVersion >= 9 ? ErrorCode.GROUP_ID_NOT_FOUND : ErrorCode.ILLEGAL_GENERATION
  return env.groups.size >= limits.groupsMax ? ErrorCode.COORDINATOR_NOT_AVAILABLE : ErrorCode.NONE
}

/** The epoch has to be the member's; a member of the new protocol needs a version that can say so. */
function validateConsumerCommit(
  group: ConsumerGroup,
  apiVersion: number,
  { memberId, generationIdOrMemberEpoch: epoch }: OffsetCommitRequest,
): number {
  if (group.isDying) return ErrorCode.COORDINATOR_NOT_AVAILABLE
  if (epoch < 0 && group.isEmpty) return ErrorCode.NONE
  const member = group.members.get(memberId)
  if (member === undefined) return ErrorCode.UNKNOWN_MEMBER_ID
  if (member.classic !== null)
    return epoch === member.memberEpoch ? ErrorCode.NONE : ErrorCode.ILLEGAL_GENERATION
  if (apiVersion < FIRST_EPOCH_VERSION) return ErrorCode.UNSUPPORTED_VERSION
  return epoch === member.memberEpoch ? ErrorCode.NONE : ErrorCode.STALE_MEMBER_EPOCH
}

function validateCommit(group: ClassicGroup, body: OffsetCommitRequest): number {
  const { memberId, groupInstanceId, generationIdOrMemberEpoch: generationId } = body
  if (group.state === 'Dead') return ErrorCode.COORDINATOR_NOT_AVAILABLE
  if (generationId < 0 && group.state === 'Empty') return ErrorCode.NONE
  if (generationId < 0 && memberId === '' && groupInstanceId === null)
    return ErrorCode.UNKNOWN_MEMBER_ID
  const invalid = validateMember(group, memberId, groupInstanceId)
  if (invalid !== ErrorCode.NONE) return invalid
  if (generationId !== group.generationId) return ErrorCode.ILLEGAL_GENERATION
  // The member knows the generation, so it has had its join answered; it shall sync first.
  if (group.state === 'CompletingRebalance') return ErrorCode.REBALANCE_IN_PROGRESS
  return ErrorCode.NONE
}

interface TopicAnswer {
  readonly name: string
  readonly topicId: string
  readonly partitions: ResponsePartition[]
  /** The topic itself is unknown. */
  readonly refused: boolean
}

function commitTopic(
  env: GroupEnv,
  request: GroupRequestOf<8>,
  topic: RequestTopic,
  written: Written[],
): TopicAnswer {
  const byId = request.apiVersion >= 10
  const image = env.context.image()
  const known = byId ? image.topicsById.get(topic.topicId) : image.topics.get(topic.name)
  const name = known?.name ?? topic.name
  const unknownCode = byId ? ErrorCode.UNKNOWN_TOPIC_ID : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
  const partitions = topic.partitions.map((partition): ResponsePartition => {
    const { partitionIndex } = partition
    if (known === undefined) return { partitionIndex, errorCode: unknownCode }
    if (!hasPartition(known, partitionIndex))
      return { partitionIndex, errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION }
    const errorCode = refusalOfPartition(env, request.body, name, partition, written.length)
    if (errorCode === ErrorCode.NONE)
      written.push({
        topic: name,
        partition: partitionIndex,
        record: recordOf(env, request, known, partition),
      })
    return { partitionIndex, errorCode }
  })
  return { name: topic.name, topicId: topic.topicId, partitions, refused: known === undefined }
}

function refusalOfPartition(
  env: GroupEnv,
  { groupId }: OffsetCommitRequest,
  topic: string,
  { partitionIndex, committedMetadata, committedOffset }: RequestPartition,
  writtenCount: number,
): number {
  if (committedOffset >= limits.safeInteger) return ErrorCode.INVALID_COMMIT_OFFSET_SIZE
  if ((committedMetadata?.length ?? 0) > env.config.offsetMetadataMaxBytes)
    return ErrorCode.OFFSET_METADATA_TOO_LARGE
  if (env.offsets.has(groupId, topic, partitionIndex)) return ErrorCode.NONE
  return env.offsets.count(groupId) + writtenCount >= limits.groupOffsetsMax
    ? ErrorCode.INVALID_COMMIT_OFFSET_SIZE
    : ErrorCode.NONE
}

function recordOf(
  env: GroupEnv,
  { body }: GroupRequestOf<8>,
  topic: KnownTopic,
  partition: RequestPartition,
): CoordinatorRecord {
  const nowMs = env.context.clock.wallMs()
  const explicit = body.retentionTimeMs !== DEFAULT_RETENTION_MS
  return offsetCommitRecord(body.groupId, topic.name, partition.partitionIndex, {
    offset: partition.committedOffset,
    leaderEpoch: partition.committedLeaderEpoch,
    metadata: partition.committedMetadata ?? '',
    commitTimestampMs: nowMs,
    expireTimestampMs: explicit ? Math.min(nowMs + body.retentionTimeMs, limits.safeInteger) : -1,
    topicId: topic.topicId,
  })
}

/** The same error for every partition of the request. */
export function commitError(body: OffsetCommitRequest, errorCode: number): OffsetCommitResponse {
  return {
    throttleTimeMs: 0,
    topics: body.topics.map(({ name, topicId, partitions }) => ({
      name,
      topicId,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
    })),
  }
}
