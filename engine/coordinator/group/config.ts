/**
 * What the group coordinator is told by broker options; the fields name theirs. Times are in
 * milliseconds. Values are read at each use, so a changed option counts from the next request on.
 */
import { type ConsumerGroupConfig, defaultConsumerGroupConfig } from './consumer-options.ts'

export interface GroupConfig {
  /** group.min.session.timeout.ms */
  readonly minSessionTimeoutMs: number
  /** group.max.session.timeout.ms */
  readonly maxSessionTimeoutMs: number
  /** group.initial.rebalance.delay.ms */
  readonly initialRebalanceDelayMs: number
  /** group.max.size */
  readonly maxSize: number
  /** No option: Kafka's fixed 5 minutes after which a new member parked in Join is dropped. */
  readonly newMemberJoinTimeoutMs: number
  /** offset.metadata.max.bytes; compared, as Kafka does, with the count of UTF-16 units. */
  readonly offsetMetadataMaxBytes: number
  /** offsets.retention.minutes in milliseconds. */
  readonly offsetsRetentionMs: number
  /** offsets.retention.check.interval.ms */
  readonly offsetsRetentionCheckIntervalMs: number
  /** group.consumer.*, for groups of KIP-848. */
  readonly consumer: ConsumerGroupConfig
}

/** Kafka's defaults. */
export const defaultGroupConfig: GroupConfig = {
  minSessionTimeoutMs: 6_000,
  maxSessionTimeoutMs: 1_800_000,
  initialRebalanceDelayMs: 3_000,
  maxSize: 2_147_483_647,
  newMemberJoinTimeoutMs: 300_000,
  offsetMetadataMaxBytes: 4_096,
  offsetsRetentionMs: 10_080 * 60_000,
  offsetsRetentionCheckIntervalMs: 600_000,
  consumer: defaultConsumerGroupConfig,
}
