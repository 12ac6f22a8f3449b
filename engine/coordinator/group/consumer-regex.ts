/**
 * Subscriptions by pattern (KIP-848, v1). Source: Kafka's
 * GroupMetadataManager.maybeUpdateRegularExpressions and TopicRegexResolver.
 *
 * A heartbeat only checks a new pattern; all patterns of the group are then matched with all topics
 * in a turn of their own, which raises the group's epoch if that changed anything. That turn is the
 * very next one of the group, so that the member finds its topics with its next heartbeat, which may
 * come at once, and not only with the one after. It happens again when a pattern is new, topics
 * changed, or the refresh interval is over, but not more often than every ten seconds.
 */
import { ErrorCode, errorName } from '../../base/errors.ts'
import { type CoordinatorRecord, nothing, type TopicDirectory } from '../state-machine.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import type { ConsumerMember } from './consumer-member.ts'
import { metadataHash } from './consumer-metadata.ts'
import {
  ConsumerRecord,
  epochRecord,
  type ResolvedRegex,
  regexRecord,
  tombstone,
} from './consumer-records.ts'
import { type Refusal, refusal } from './consumer-refusal.ts'
import type { GroupEnv, GroupOutcome } from './env.ts'
import { compilePattern } from './topic-pattern.ts'

/** Kafka's fixed pause between two refreshes. */
const REFRESH_PAUSE_MS = 10_000

export interface RegexChange {
  readonly changed: boolean
  /** The new subscription's topics are known: the target may be computed at once. */
  readonly resolved: boolean
  readonly records: readonly CoordinatorRecord[]
}

/** What a member's new pattern leads to; refuses one that cannot be read. */
export function regexChange(
  env: GroupEnv,
  group: ConsumerGroup,
  before: ConsumerMember,
  after: ConsumerMember,
): RegexChange | Refusal {
  const from = before.topicRegex
  const to = after.topicRegex
  const subscribed = new Set<string>()
  for (const { memberId, topicRegex } of group.members.values())
    if (memberId !== after.memberId && topicRegex !== '') subscribed.add(topicRegex)
  const records: CoordinatorRecord[] = []
  let resolved = false
  if (from !== to) {
    if (from !== '' && !subscribed.has(from))
      records.push(tombstone(ConsumerRecord.Regex, group.groupId, from))
    if (to !== '' && !subscribed.has(to)) {
      const compiled = compilePattern(to)
      if ('problem' in compiled) return invalid(to, compiled.problem)
    } else resolved = to === '' || group.regexes.has(to)
  }
  if (to !== '') subscribed.add(to)
  if (subscribed.size > 0) scheduleRefresh(env, group, subscribed)
  return { changed: from !== to, resolved, records }
}

function invalid(regex: string, problem: string): Refusal {
  return refusal(
    ErrorCode.INVALID_REGULAR_EXPRESSION,
    `SubscribedTopicRegex \`${regex}\` is not a valid regular expression: ${problem}.`,
  )
}

function scheduleRefresh(
  env: GroupEnv,
  group: ConsumerGroup,
  subscribed: ReadonlySet<string>,
): void {
  const { context, config } = env
  if (group.regexRefreshDue) return
  const nowMs = context.clock.wallMs()
  const lastMs = lastRefreshMs(group)
  if (nowMs <= lastMs + REFRESH_PAUSE_MS) return
  const isDue =
    [...subscribed].some((regex) => !group.regexes.has(regex)) ||
    group.regexTopics !== context.image().topics ||
    nowMs > lastMs + config.consumer.regexRefreshIntervalMs
  if (!isDue) return
  group.regexRefreshDue = true
  const { groupId } = group
  env.turns.follow(groupId, () => refresh(env, groupId))
}

function lastRefreshMs(group: ConsumerGroup): number {
  let last = Number.NEGATIVE_INFINITY
  for (const { timestampMs } of group.regexes.values()) last = Math.max(last, timestampMs)
  return last
}

/** Matches every pattern of the group with every topic, and writes what came out. */
function refresh(env: GroupEnv, groupId: string): GroupOutcome {
  const group = env.consumers.get(groupId)
  if (group === undefined) return nothing()
  group.regexRefreshDue = false
  const image = env.context.image()
  const regexes = new Map<string, ResolvedRegex>()
  const records: CoordinatorRecord[] = []
  let bump = false
  for (const { topicRegex } of group.members.values()) {
    if (topicRegex === '' || regexes.has(topicRegex)) continue
    const resolved = resolve(topicRegex, image, env.context.clock.wallMs())
    regexes.set(topicRegex, resolved)
    records.push(regexRecord(groupId, topicRegex, resolved))
    if (!sameSet(group.regexes.get(topicRegex)?.topics ?? new Set(), resolved.topics)) bump = true
  }
  group.regexTopics = image.topics
  if (records.length === 0) return nothing()
  const hash = metadataHash(group.members.values(), regexes, image)
  if (bump || hash !== group.metadataHash)
    records.push(epochRecord(groupId, group.groupEpoch + 1, hash))
  return {
    records,
    replay: true,
    response: null,
    settled: (errorCode) => {
      if (errorCode === ErrorCode.NONE) return
      // The next heartbeat of the group tries again.
      env.context.logger.warn(`group ${groupId}: topics not written: ${errorName(errorCode)}`)
      group.regexTopics = null
    },
  }
}

/** A pattern of a log that we cannot read matches nothing. */
function resolve(regex: string, image: TopicDirectory, nowMs: number): ResolvedRegex {
  const compiled = compilePattern(regex)
  const topics = new Set<string>()
  if ('pattern' in compiled)
    for (const name of image.topics.keys()) if (compiled.pattern.matches(name)) topics.add(name)
  return { topics, version: image.version ?? 0, timestampMs: nowMs }
}

function sameSet(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  if (one.size !== other.size) return false
  for (const item of one) if (!other.has(item)) return false
  return true
}
