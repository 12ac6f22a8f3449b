/** What a topic's configuration says to its logs. Sizes in bytes, times in milliseconds, -1 = none. */

export interface LogOptions {
  /** segment.bytes: a batch may not be larger. */
  readonly segmentBytes: number
  /** segment.ms. */
  readonly segmentMs: number
  /** segment.jitter.ms: each segment rolls up to this much earlier. */
  readonly segmentJitterMs: number
  /** index.interval.bytes. */
  readonly indexIntervalBytes: number
  /** segment.index.bytes. */
  readonly segmentIndexBytes: number
  readonly retentionMs: number
  readonly retentionBytes: number
  readonly cleanupPolicy: { readonly delete: boolean; readonly compact: boolean }
  /** file.delete.delay.ms. */
  readonly fileDeleteDelayMs: number
  /** flush.messages: a sync is due once this many offsets were written since the last one. */
  readonly flushMessages: number
  /** flush.ms: a sync is due this long after the first unsynced write. */
  readonly flushMs: number
  /** group: answers wait for a sync shared by all that arrived. async: synced in the background. */
  readonly flushMode: 'async' | 'group'
  /** producer.id.expiration.ms. */
  readonly producerIdExpirationMs: number
  /** min.cleanable.dirty.ratio, of the bytes that may be compacted. */
  readonly minCleanableDirtyRatio: number
  /** min.compaction.lag.ms: younger segments stay as they are. */
  readonly minCompactionLagMs: number
  /** max.compaction.lag.ms: older dirty data is compacted whatever the ratio; the largest number: never. */
  readonly maxCompactionLagMs: number
  /** delete.retention.ms: how long tombstones and markers stay after the pass that met them first. */
  readonly deleteRetentionMs: number
}

/** Kafka's defaults (segment.bytes 1 GiB, seven days), and a background sync within a second. */
export const DEFAULT_LOG_OPTIONS: LogOptions = {
  segmentBytes: 1_073_741_824,
  segmentMs: 604_800_000,
  segmentJitterMs: 0,
  indexIntervalBytes: 4_096,
  segmentIndexBytes: 10_485_760,
  retentionMs: 604_800_000,
  retentionBytes: -1,
  cleanupPolicy: { delete: true, compact: false },
  fileDeleteDelayMs: 60_000,
  flushMessages: -1,
  flushMs: 1_000,
  flushMode: 'async',
  producerIdExpirationMs: 86_400_000,
  minCleanableDirtyRatio: 0.5,
  minCompactionLagMs: 0,
  maxCompactionLagMs: Number.MAX_SAFE_INTEGER,
  deleteRetentionMs: 86_400_000,
}
