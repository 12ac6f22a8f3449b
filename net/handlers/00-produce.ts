/**
 * Produce, v3–v13 (announced from 0, trap T2 of the map: older librdkafka turns compression off
 * otherwise). v5 log start offset, v7 zstd, v8 record errors, v9 flexible, v10 leader hints
 * (KIP-951), v11 and v12 transactions (KIP-890), v13 topic ids (KIP-516).
 *
 * Each partition's batch goes to its owner in request order; the answer is complete when all owners
 * answered. acks=0 gets no answer: an error closes the connection, which is how the producer learns
 * of it. No promise, no timer, nothing per record on this path.
 *
 * differs from Kafka: transactional batches are refused with TRANSACTIONAL_ID_AUTHORIZATION_FAILED
 * until transactions are served, as InitProducerId refuses their producers.
 */
import { ErrorCode, errorName } from '../../engine/base/errors.ts'
import { ZERO_UUID } from '../../engine/base/random.ts'
import type { TopicImage } from '../../engine/metadata/image.ts'
import { partitionKey } from '../../engine/metadata/image.ts'
import { ProduceRequest, ProduceResponse } from '../../engine/protocol/00-produce.ts'
import { BATCH_HEADER_BYTES, batchAttributes, isTransactional } from '../../engine/record/batch.ts'
import { encoderFor } from '../../engine/schema/codec.ts'
import type { AppendOptions, AppendRecordError } from '../../engine/shard-port.ts'
import type { HotHandler, RequestContext } from '../handler.ts'
import type { Reply, ReplyBody, ReplyOutput } from '../reply.ts'

const LEADER_HINTS_VERSION = 10
const TOPIC_IDS_VERSION = 13
const ADMIN_CLIENT_ID = '__admin_client'
const NO_BYTES = Buffer.alloc(0)

export const produceHandler: HotHandler<ProduceRequest> = {
  apiKey: 0,
  versions: [3, 13],
  advertised: [0, 13],
  pipelined: true,
  keepsRequestBytes: true,
  request: ProduceRequest,
  response: ProduceResponse,
  start: (context, request, reply) => new PendingProduce(context, request, reply).start(),
  keysOf: (image, { topicData }) =>
    topicData.flatMap(({ name, topicId, partitionData }) => {
      const topic = topicId === ZERO_UUID ? image.topics.get(name) : image.topicsById.get(topicId)
      return topic === undefined
        ? []
        : partitionData
            .filter(({ index }) => topic.partitions[index] !== undefined)
            .map(({ index }) => partitionKey(topic.ordinal, index))
    }),
}

type TopicData = ProduceRequest['topicData'][number]

interface PartitionAnswer {
  index: number
  errorCode: number
  baseOffset: number
  logAppendTimeMs: number
  logStartOffset: number
  recordErrors: { batchIndex: number; batchIndexErrorMessage: string }[]
  errorMessage: string | null
  currentLeader?: { leaderId: number; leaderEpoch: number }
}

interface TopicAnswer {
  name: string
  topicId: string
  partitionResponses: PartitionAnswer[]
}

const NO_RECORD_ERRORS: PartitionAnswer['recordErrors'] = []

/** One request until its last partition has answered; then the body of its reply. */
class PendingProduce implements ReplyBody {
  readonly recordBytes = 0
  readonly uncached = false
  private readonly context: RequestContext
  private readonly request: ProduceRequest
  private readonly reply: Reply
  private readonly responses: TopicAnswer[] = []
  /** Appends not answered yet, and one for the request itself while it is being handed out. */
  private waiting = 1
  private failure: PartitionAnswer | null = null
  private throttleTimeMs = 0
  private hinted = false

  constructor(context: RequestContext, request: ProduceRequest, reply: Reply) {
    this.context = context
    this.request = request
    this.reply = reply
  }

  start(): void {
    const { acks, timeoutMs } = this.request
    const validAcks = acks === -1 || acks === 0 || acks === 1
    const options: AppendOptions = {
      acks,
      timeoutMs,
      produceVersion: this.context.apiVersion,
      internalAllowed: this.context.clientId === ADMIN_CLIENT_ID,
    }
    for (const topicData of this.request.topicData) {
      const { name, topicId, partitionData } = topicData
      const answer: TopicAnswer = { name, topicId, partitionResponses: [] }
      this.responses.push(answer)
      const topic = this.topicOf(topicData)
      for (const { index, records } of partitionData) {
        const partition = emptyAnswer(index)
        answer.partitionResponses.push(partition)
        if (validAcks) this.append(topic, partition, records ?? NO_BYTES, options)
        else partition.errorCode = ErrorCode.INVALID_REQUIRED_ACKS
        if (partition.errorCode !== ErrorCode.NONE) this.failure ??= partition
      }
    }
    this.settleOne()
  }

  encode(output: ReplyOutput): void {
    const { apiVersion } = this.context
    encoderFor(ProduceResponse, apiVersion)(output.writer, {
      responses: this.responses,
      throttleTimeMs: this.throttleTimeMs,
      ...(this.hinted ? { nodeEndpoints: [this.ownEndpoint()] } : null),
    })
  }

  release(): void {
    // Offsets and codes hold nothing.
  }

  private topicOf({ name, topicId }: TopicData): TopicImage | undefined {
    const image = this.context.router.image()
    return this.context.apiVersion >= TOPIC_IDS_VERSION
      ? image.topicsById.get(topicId)
      : image.topics.get(name)
  }

  private append(
    topic: TopicImage | undefined,
    answer: PartitionAnswer,
    records: Buffer,
    options: AppendOptions,
  ): void {
    const partition = topic?.partitions[answer.index]
    if (topic === undefined || partition === undefined) {
      const byId = topic === undefined && this.context.apiVersion >= TOPIC_IDS_VERSION
      answer.errorCode = byId ? ErrorCode.UNKNOWN_TOPIC_ID : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
      return
    }
    if (records.length >= BATCH_HEADER_BYTES && isTransactional(batchAttributes(records, 0))) {
      answer.errorCode = ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
      return
    }
    this.waiting++
    const { router } = this.context
    router.append(
      partitionKey(topic.ordinal, answer.index),
      records,
      options,
      (errorCode, baseOffset, logAppendTimeMs, logStartOffset, message, recordErrors) => {
        answer.errorCode = errorCode
        answer.baseOffset = baseOffset
        answer.logAppendTimeMs = logAppendTimeMs
        answer.logStartOffset = logStartOffset
        if (errorCode !== ErrorCode.NONE) this.refused(answer, partition, message, recordErrors)
        this.settleOne()
      },
    )
  }

  private refused(
    answer: PartitionAnswer,
    partition: { readonly leaderEpoch: number },
    message: string | null,
    recordErrors: readonly AppendRecordError[] | undefined,
  ): void {
    this.failure ??= answer
    answer.errorMessage = message
    if (recordErrors !== undefined)
      answer.recordErrors = recordErrors.map((error) => ({
        batchIndex: error.batchIndex,
        batchIndexErrorMessage: error.message,
      }))
    if (
      answer.errorCode !== ErrorCode.NOT_LEADER_OR_FOLLOWER ||
      this.context.apiVersion < LEADER_HINTS_VERSION
    )
      return
    this.hinted = true
    answer.currentLeader = {
      leaderId: this.context.router.image().brokerId,
      leaderEpoch: partition.leaderEpoch,
    }
  }

  private settleOne(): void {
    this.waiting--
    if (this.waiting > 0) return
    this.judge()
    if (this.request.acks !== 0) this.reply.send(this)
    else if (this.failure === null) this.reply.nothing()
    else
      this.reply.hangUp(
        `a produce request with acks=0 failed on partition ${this.failure.index}: ` +
          `${errorName(this.failure.errorCode)} ${this.failure.errorMessage ?? ''}`.trimEnd(),
      )
  }

  /** By the quotas of its client. */
  private judge(): void {
    const { quotas, requestBytes } = this.context
    if (!quotas.active) return
    this.throttleTimeMs = quotas.produced(this.context, requestBytes, this.request.acks)
    if (this.throttleTimeMs > 0) this.reply.throttle(this.throttleTimeMs)
  }

  private ownEndpoint(): { nodeId: number; host: string; port: number; rack: string | null } {
    const { host, port } = this.context.connection.advertised
    return { nodeId: this.context.router.image().brokerId, host, port, rack: null }
  }
}

function emptyAnswer(index: number): PartitionAnswer {
  return {
    index,
    errorCode: ErrorCode.NONE,
    baseOffset: -1,
    logAppendTimeMs: -1,
    logStartOffset: -1,
    recordErrors: NO_RECORD_ERRORS,
    errorMessage: null,
  }
}
