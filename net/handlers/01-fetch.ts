/**
 * Fetch, v4–v18. v5 log start offset, v7 sessions (KIP-227), v9 leader epochs, v10 zstd, v11 rack,
 * v12 flexible and diverging epochs (KIP-595), v13 topic ids (KIP-516), v15 replica state as a tag,
 * v16 leader hints (KIP-951), v17 and v18 replica directory and high watermark as tags.
 *
 * A request is answered at once (A) when it waits for no time, (B) when it asks for no partition,
 * (C) when any partition has an error or a diverging epoch, (D) when min bytes are there; else it
 * parks with its owners until (E) data comes or (F) its time is over. (A) and (D)–(F), and errors
 * the owners find, are decided by the owners (engine/shard.ts); (B) and unknown partitions here.
 *
 * Owners say where the bytes are; they are encoded around the ranges (fetch-response.ts) and
 * streamed by the outbox. Each range is leased until its bytes are taken or the connection is gone.
 *
 * differs from Kafka: batches in zstd are sent to versions below 10 as they are. Followers do not
 * fetch here yet: a replica id is treated as a consumer's.
 */
import { ErrorCode } from '../../engine/base/errors.ts'
import { ZERO_UUID } from '../../engine/base/random.ts'
import { type MetadataImage, partitionKey } from '../../engine/metadata/image.ts'
import { FetchRequest, FetchResponse } from '../../engine/protocol/01-fetch.ts'
import type { ReadPartition, ReadResult } from '../../engine/shard-port.ts'
import {
  type FetchContext,
  type FetchPartition,
  type ForgottenPartition,
  NO_SESSION,
  noteOutcome,
} from '../fetch-sessions.ts'
import type { HotHandler, RequestContext } from '../handler.ts'
import type { Reply, ReplyBody, ReplyOutput } from '../reply.ts'
import { encodeFetchResponse, type FetchAnswer, fetchResponseBytes } from './fetch-response.ts'

const TOPIC_IDS_VERSION = 13

export const fetchHandler: HotHandler<FetchRequest> = {
  apiKey: 1,
  versions: [4, 18],
  pipelined: true,
  keepsRequestBytes: false,
  request: FetchRequest,
  response: FetchResponse,
  start: (context, request, reply) => new PendingFetch(context, request, reply).start(),
  keysOf: (image, request) =>
    partitionsOf(request)
      .map((asked) => keyIn(image, asked))
      .filter((key) => key >= 0),
}

/** One request until its owners have answered; then the body of its reply. */
class PendingFetch implements ReplyBody {
  recordBytes = 0
  uncached = false
  private readonly context: RequestContext
  private readonly request: FetchRequest
  private readonly reply: Reply
  private readonly fetch: FetchContext
  private readonly asked: readonly FetchPartition[]
  /** Per asked partition, in order. */
  private results: readonly ReadResult[] = NO_RESULTS
  /** Places of those that owners were asked for; null: all. */
  private places: readonly number[] | null = null
  private errorCode = 0
  private sessionId = NO_SESSION
  private answers: readonly FetchAnswer[] = []
  private throttleTimeMs = 0
  private isAnswered = false

  constructor(context: RequestContext, request: FetchRequest, reply: Reply) {
    this.context = context
    this.request = request
    this.reply = reply
    this.fetch = context.fetchSessions.begin(
      request.sessionId,
      request.sessionEpoch,
      partitionsOf(request),
      forgottenOf(request),
      context.apiVersion >= TOPIC_IDS_VERSION,
    )
    this.asked = this.fetch.kind === 'error' ? [] : this.fetch.partitions
  }

  start(): void {
    if (this.fetch.kind === 'error') {
      this.errorCode = this.fetch.errorCode
      this.reply.send(this)
      return
    }
    const partitions = this.plan()
    if (partitions.length === 0) {
      this.take([])
      this.answer()
      return
    }
    const { router, config, clock } = this.context
    const { maxWaitMs, minBytes, maxBytes, isolationLevel } = this.request
    const quotaBytes = this.context.quotas.fetchBytesMax(this.context)
    const effectiveMaxBytes = Math.min(maxBytes, config.fetchMaxBytes, quotaBytes)
    const waits = maxWaitMs > 0 && partitions.length === this.asked.length
    const handle = router.read(
      {
        partitions,
        isolation: isolationLevel === 1 ? 1 : 0,
        maxBytes: effectiveMaxBytes,
        minBytes: Math.min(minBytes, effectiveMaxBytes),
        deadlineMs: waits ? clock.monotonicMs() + maxWaitMs : 0,
      },
      (results) => {
        this.take(results)
        this.answer()
      },
    )
    if (!this.isAnswered) this.reply.onAbandon(() => handle.cancel())
  }

  encode(output: ReplyOutput): void {
    encodeFetchResponse(output, this.context.apiVersion, {
      throttleTimeMs: this.throttleTimeMs,
      errorCode: this.errorCode,
      sessionId: this.sessionId,
      answers: this.answers,
      nodeId: this.context.router.image().brokerId,
      node: this.context.connection.advertised,
    })
  }

  release(): void {
    const { results } = this
    this.results = NO_RESULTS
    for (let i = 0; i < results.length; i++) results[i]!.release()
  }

  /** What the owners are asked: the partitions that exist. */
  private plan(): ReadPartition[] {
    const image = this.context.router.image()
    const { asked } = this
    const partitions: ReadPartition[] = []
    let places: number[] | null = null
    for (let place = 0; place < asked.length; place++) {
      const { fetchOffset, maxBytes, currentLeaderEpoch, lastFetchedEpoch } = asked[place]!
      const key = keyIn(image, asked[place]!)
      if (key < 0) {
        places ??= Array.from({ length: place }, (_, at) => at)
        continue
      }
      places?.push(place)
      partitions.push({ key, fetchOffset, maxBytes, currentLeaderEpoch, lastFetchedEpoch })
    }
    this.places = places
    return partitions
  }

  /** The owners' results, and for what none was asked that it is unknown. */
  private take(results: readonly ReadResult[]): void {
    const { places, asked } = this
    if (places === null) {
      this.results = results
      return
    }
    const all = asked.map(unknownResult)
    for (let at = 0; at < places.length; at++) all[places[at]!] = results[at]!
    this.results = all
  }

  private answer(): void {
    this.isAnswered = true
    const { fetch, asked, results } = this
    if (this.context.quotas.active && this.isThrottled()) return
    const answers: FetchAnswer[] = []
    for (let at = 0; at < asked.length; at++) {
      const [partition, result] = [asked[at]!, results[at]!]
      if (fetch.kind === 'incremental' && !noteOutcome(fetch.session, partition, result)) continue
      answers.push({ partition, result })
      this.recordBytes += result.length
      if (result.length > 0 && !result.cached) this.uncached = true
    }
    this.answers = answers
    if (fetch.kind === 'incremental') this.sessionId = fetch.session.id
    else if (fetch.kind === 'full')
      this.sessionId = this.context.fetchSessions.open(asked, results, fetch.usesTopicIds)
    this.reply.send(this)
  }

  /** Over a quota: answered empty at once; the session stays as its client knows it. */
  private isThrottled(): boolean {
    const { quotas, apiVersion } = this.context
    if (!quotas.judgesFetches(this.context)) return false
    const { fetch } = this
    const answers: FetchAnswer[] = []
    this.asked.forEach((partition, at) => {
      const result = this.results[at]!
      if (fetch.kind !== 'incremental' || tells(result)) answers.push({ partition, result })
    })
    const bytes = fetchResponseBytes(apiVersion, answers)
    this.throttleTimeMs = quotas.fetched(this.context, bytes)
    if (this.throttleTimeMs === 0) return false
    this.release()
    if (fetch.kind === 'incremental') this.sessionId = fetch.session.id
    this.reply.throttle(this.throttleTimeMs)
    this.reply.send(this)
    return true
  }
}

/** Whether an answer is worth its place in an incremental response, offsets aside. */
function tells(result: ReadResult): boolean {
  return result.length > 0 || result.errorCode !== ErrorCode.NONE || result.divergingEpoch !== null
}

/** Key of a partition that exists, else -1. */
function keyIn(image: MetadataImage, asked: FetchPartition): number {
  const topic =
    asked.topicId === ZERO_UUID
      ? image.topics.get(asked.topic)
      : image.topicsById.get(asked.topicId)
  if (topic === undefined || topic.partitions[asked.partition] === undefined) return -1
  return partitionKey(topic.ordinal, asked.partition)
}

function unknownResult(asked: FetchPartition): ReadResult {
  return {
    errorCode:
      asked.topicId === ZERO_UUID
        ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        : ErrorCode.UNKNOWN_TOPIC_ID,
    highWatermark: -1,
    lastStableOffset: -1,
    logStartOffset: -1,
    divergingEpoch: null,
    abortedTransactions: null,
    leaderEpoch: -1,
    file: null,
    position: 0,
    length: 0,
    firstBatchBytes: 0,
    cached: true,
    zerosBehind: 0,
    release: () => {},
  }
}

function partitionsOf(request: FetchRequest): FetchPartition[] {
  const partitions: FetchPartition[] = []
  for (const { topic, topicId, partitions: asked } of request.topics)
    for (const each of asked)
      partitions.push({
        topic,
        topicId,
        partition: each.partition,
        currentLeaderEpoch: each.currentLeaderEpoch,
        fetchOffset: each.fetchOffset,
        lastFetchedEpoch: each.lastFetchedEpoch,
        maxBytes: each.partitionMaxBytes,
      })
  return partitions
}

function forgottenOf({ forgottenTopicsData }: FetchRequest): readonly ForgottenPartition[] {
  if (forgottenTopicsData.length === 0) return NONE_FORGOTTEN
  return forgottenTopicsData.flatMap(({ topic, topicId, partitions }) =>
    partitions.map((partition) => ({ topic, topicId, partition })),
  )
}

const NO_RESULTS: readonly ReadResult[] = []
const NONE_FORGOTTEN: readonly ForgottenPartition[] = []
