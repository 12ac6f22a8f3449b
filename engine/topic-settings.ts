/** What a topic's resolved options mean to its logs and to the admission of batches. */
import type { BrokerConfig } from './base/config.ts'
import { limits } from './base/limits.ts'
import { type TopicConfig, topicConfig } from './base/topic-config.ts'
import type { LogOptions } from './log/log-options.ts'
import type { MetadataImage, TopicImage } from './metadata/image.ts'
import type { BatchRules } from './record/admission.ts'
import { TimestampType } from './record/batch.ts'
import { Codec } from './record/compression.ts'

export interface TopicSettings {
  readonly log: LogOptions
  rulesFor(partition: number): BatchRules
}

export function topicSettings(
  config: BrokerConfig,
  image: MetadataImage,
  topic: TopicImage,
): TopicSettings {
  const resolved = topicConfig(config, topic.configs, image.dynamicConfigs)
  return {
    log: logOptions(resolved),
    rulesFor: (partition) => batchRules(`${topic.name}-${partition}`, resolved),
  }
}

function logOptions(resolved: TopicConfig): LogOptions {
  // Kafka's default is never; ours bounds what a power cut can take even so (P1).
  const flushMs = resolved.flushMs < 0 ? limits.backgroundSyncMs : resolved.flushMs
  // As Kafka: what must be compacted by then may not stay in the active segment.
  const { cleanupPolicy, maxCompactionLagMs } = resolved
  const segmentMs = cleanupPolicy.compact
    ? Math.min(resolved.segmentMs, maxCompactionLagMs)
    : resolved.segmentMs
  return { ...resolved, flushMs, segmentMs }
}

function batchRules(topicPartition: string, resolved: TopicConfig): BatchRules {
  return {
    topicPartition,
    maxMessageBytes: resolved.maxMessageBytes,
    isCompacted: resolved.cleanupPolicy.compact,
    timestampType:
      resolved.messageTimestampType === 'LogAppendTime'
        ? TimestampType.logAppendTime
        : TimestampType.createTime,
    timestampBeforeMaxMs: resolved.messageTimestampBeforeMaxMs,
    timestampAfterMaxMs: resolved.messageTimestampAfterMaxMs,
    codec: CODECS[resolved.compressionType],
    compressionLevel: compressionLevel(resolved),
    recordsValidation: resolved.recordsValidation,
  }
}

const CODECS: Readonly<Record<TopicConfig['compressionType'], Codec | null>> = {
  producer: null,
  uncompressed: Codec.none,
  gzip: Codec.gzip,
  snappy: Codec.snappy,
  lz4: Codec.lz4,
  zstd: Codec.zstd,
}

function compressionLevel(resolved: TopicConfig): number | undefined {
  switch (resolved.compressionType) {
    case 'gzip':
      return resolved.compressionGzipLevel
    case 'lz4':
      return resolved.compressionLz4Level
    case 'zstd':
      return resolved.compressionZstdLevel
    default:
      return undefined
  }
}
