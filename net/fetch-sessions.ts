/**
 * Incremental fetch sessions (KIP-227; Kafka's FetchSession.scala): the broker remembers what a
 * consumer follows, requests say what changed, replies leave out partitions with nothing new.
 *
 * A request's session id and epoch:
 *
 *   0, -1      no session                      x, 0       everything; open a session, close x
 *   x, -1      everything; close x             x, n > 0   what changed since n - 1
 *
 * After opening, the next epoch is 1; each request adds 1; the largest int32 is followed by 1.
 * A reply with session id 0 grants none.
 *
 * Bounds: max.incremental.fetch.session.cache.slots over all shards. A full cache gives up the
 * session unused longest, if that is over EVICTION_MS; else the smallest one older than
 * EVICTION_MS, if the new one is larger; else the request gets no session.
 *
 * Invariants: partitions keep the order in which they were first asked for, save that those which
 * returned data move to the back, so that none starves under a byte limit.
 */
import { assert } from '../engine/base/assert.ts'
import type { Clock } from '../engine/base/clock.ts'
import { ErrorCode } from '../engine/base/errors.ts'
import type { Random } from '../engine/base/random.ts'
import { ZERO_UUID } from '../engine/base/random.ts'

export const NO_SESSION = 0
export const INITIAL_EPOCH = 0
export const FINAL_EPOCH = -1
const EPOCH_MAX = 0x7fffffff
const EVICTION_MS = 120_000

/** What a consumer asks of one partition. */
export interface FetchPartition {
  /** Name, or '' where the request speaks of topic ids. */
  readonly topic: string
  /** ZERO_UUID where the request speaks of names. */
  readonly topicId: string
  readonly partition: number
  currentLeaderEpoch: number
  fetchOffset: number
  lastFetchedEpoch: number
  maxBytes: number
}

/** What of an answer decides whether an incremental reply carries it. */
export interface FetchOutcome {
  readonly errorCode: number
  readonly highWatermark: number
  readonly logStartOffset: number
  readonly length: number
  readonly divergingEpoch: object | null
}

interface SessionPartition extends FetchPartition {
  /** As last told to the consumer; -1 makes the next answer be sent in any case. */
  highWatermark: number
  logStartOffset: number
}

export interface FetchSession {
  readonly id: number
  readonly usesTopicIds: boolean
  readonly createdMs: number
  epoch: number
  lastUsedMs: number
  readonly partitions: Map<string, SessionPartition>
}

/** One request's view: what to read, and how to answer. */
export type FetchContext =
  | { readonly kind: 'error'; readonly errorCode: number }
  | { readonly kind: 'sessionless'; readonly partitions: readonly FetchPartition[] }
  | {
      readonly kind: 'full'
      readonly partitions: readonly FetchPartition[]
      readonly usesTopicIds: boolean
    }
  | {
      readonly kind: 'incremental'
      readonly session: FetchSession
      readonly partitions: readonly FetchPartition[]
    }

/** Keys of partitions a request no longer follows. */
export interface ForgottenPartition {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
}

export class FetchSessions {
  private readonly slots: number
  private readonly clock: Clock
  private readonly random: Random
  /** By id, the one unused longest first. */
  private readonly sessions = new Map<number, FetchSession>()

  constructor(slots: number, clock: Clock, random: Random) {
    this.slots = slots
    this.clock = clock
    this.random = random
  }

  get size(): number {
    return this.sessions.size
  }

  /** Judges a request's session and epoch and says what it is about. */
  begin(
    sessionId: number,
    epoch: number,
    asked: readonly FetchPartition[],
    forgotten: readonly ForgottenPartition[],
    usesTopicIds: boolean,
  ): FetchContext {
    if (epoch === INITIAL_EPOCH || epoch === FINAL_EPOCH) {
      if (sessionId !== NO_SESSION) this.sessions.delete(sessionId)
      return epoch === FINAL_EPOCH
        ? { kind: 'sessionless', partitions: asked }
        : { kind: 'full', partitions: asked, usesTopicIds }
    }
    const session = this.sessions.get(sessionId)
    if (session === undefined)
      return { kind: 'error', errorCode: ErrorCode.FETCH_SESSION_ID_NOT_FOUND }
    if (session.epoch !== epoch)
      return { kind: 'error', errorCode: ErrorCode.INVALID_FETCH_SESSION_EPOCH }
    if (session.usesTopicIds !== usesTopicIds)
      return { kind: 'error', errorCode: ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR }
    update(session, asked, forgotten)
    if (session.partitions.size === 0) {
      // Nothing is followed any more, which closes the session.
      this.sessions.delete(session.id)
      return { kind: 'sessionless', partitions: [] }
    }
    session.epoch = nextEpoch(session.epoch)
    session.lastUsedMs = this.clock.monotonicMs()
    this.sessions.delete(session.id)
    this.sessions.set(session.id, session)
    return { kind: 'incremental', session, partitions: [...session.partitions.values()] }
  }

  /**
   * Opens a session for a full request that was answered with `outcomes`; NO_SESSION = none
   * granted.
   */
  open(
    partitions: readonly FetchPartition[],
    outcomes: readonly FetchOutcome[],
    usesTopicIds: boolean,
  ): number {
    if (partitions.length === 0 || !this.makeRoom(partitions.length)) return NO_SESSION
    const nowMs = this.clock.monotonicMs()
    const session: FetchSession = {
      id: this.freshId(),
      usesTopicIds,
      createdMs: nowMs,
      epoch: nextEpoch(INITIAL_EPOCH),
      lastUsedMs: nowMs,
      partitions: new Map(),
    }
    partitions.forEach((partition, at) => {
      const outcome = outcomes[at]
      assert(outcome !== undefined, `an outcome for each of ${partitions.length} partitions`)
      session.partitions.set(keyOf(partition), {
        ...partition,
        highWatermark: outcome.errorCode === ErrorCode.NONE ? outcome.highWatermark : -1,
        logStartOffset: outcome.logStartOffset,
      })
    })
    this.sessions.set(session.id, session)
    return session.id
  }

  private freshId(): number {
    for (;;) {
      const id = 1 + this.random.int(EPOCH_MAX)
      if (!this.sessions.has(id)) return id
    }
  }

  private makeRoom(partitions: number): boolean {
    if (this.sessions.size < this.slots) return true
    const nowMs = this.clock.monotonicMs()
    const oldest = this.sessions.values().next().value
    if (oldest === undefined) return false
    if (nowMs - oldest.lastUsedMs > EVICTION_MS) return this.sessions.delete(oldest.id)
    let smallest: FetchSession | null = null
    for (const session of this.sessions.values())
      if (
        nowMs - session.createdMs > EVICTION_MS &&
        (smallest === null || session.partitions.size < smallest.partitions.size)
      )
        smallest = session
    if (smallest === null || smallest.partitions.size >= partitions) return false
    return this.sessions.delete(smallest.id)
  }
}

/**
 * Whether an incremental reply carries this partition's answer, noting in the session what the
 * consumer will know by it.
 */
export function noteOutcome(
  session: FetchSession,
  partition: FetchPartition,
  outcome: FetchOutcome,
): boolean {
  const key = keyOf(partition)
  const cached = session.partitions.get(key)
  // Forgotten by a later request while this one was parked.
  if (cached === undefined) return true
  let changed = outcome.length > 0
  if (changed) {
    session.partitions.delete(key)
    session.partitions.set(key, cached)
  }
  if (cached.highWatermark !== outcome.highWatermark) {
    changed = true
    cached.highWatermark = outcome.highWatermark
  }
  if (cached.logStartOffset !== outcome.logStartOffset) {
    changed = true
    cached.logStartOffset = outcome.logStartOffset
  }
  if (outcome.errorCode !== ErrorCode.NONE || outcome.divergingEpoch !== null) {
    // When the trouble is over, the partition must be sent again even if nothing else changed.
    cached.highWatermark = -1
    changed = true
  }
  return changed
}

function update(
  session: FetchSession,
  asked: readonly FetchPartition[],
  forgotten: readonly ForgottenPartition[],
): void {
  for (const partition of asked) {
    const key = keyOf(partition)
    const cached = session.partitions.get(key)
    if (cached === undefined) {
      session.partitions.set(key, { ...partition, highWatermark: -1, logStartOffset: -1 })
      continue
    }
    cached.currentLeaderEpoch = partition.currentLeaderEpoch
    cached.fetchOffset = partition.fetchOffset
    cached.lastFetchedEpoch = partition.lastFetchedEpoch
    cached.maxBytes = partition.maxBytes
  }
  for (const partition of forgotten) session.partitions.delete(keyOf(partition))
}

function keyOf(partition: { topic: string; topicId: string; partition: number }): string {
  const { topic, topicId } = partition
  return `${topicId === ZERO_UUID ? topic : topicId}/${partition.partition}`
}

function nextEpoch(epoch: number): number {
  return epoch === EPOCH_MAX ? 1 : epoch + 1
}
