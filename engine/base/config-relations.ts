/**
 * What Kafka requires of broker options beyond the range of each, when they are read and when they are
 * changed at run time (KafkaConfig.validateValues, LogCleaner, SocketServer's ListenerConnectionQuota).
 */
import type { BrokerConfig } from './config.ts'

type Related = Pick<
  BrokerConfig,
  | 'logRollMs'
  | 'logCleanerThreads'
  | 'logCleanerDedupeBufferSize'
  | 'maxConnections'
  | 'maxConnectionCreationRate'
  | 'maxConnectionsPerIp'
  | 'maxConnectionsPerIpOverrides'
>

const DEDUPE_BYTES_MIN = 1024 * 1024

/** Kafka's sentence about options that do not go together; null: they do. */
export function requirementProblem(config: Related): string | null {
  if (config.logRollMs !== null && config.logRollMs < 1)
    return 'log.roll.ms must be greater than or equal to 1'
  if (config.logCleanerDedupeBufferSize / Math.max(1, config.logCleanerThreads) <= DEDUPE_BYTES_MIN)
    return 'log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner thread.'
  if (config.maxConnectionsPerIp === 0 && config.maxConnectionsPerIpOverrides.length === 0)
    return (
      'max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides property ' +
      'is set.'
    )
  return null
}

/** A number that would keep everybody out, or all work undone; null without one. */
export function zeroProblem(config: Related): string | null {
  if (config.logCleanerThreads < 1) return 'Log cleaner threads should be at least 1'
  if (config.maxConnections < 1) return `Invalid max.connections ${config.maxConnections}`
  if (config.maxConnectionCreationRate < 1)
    return `Invalid max.connection.creation.rate ${config.maxConnectionCreationRate}`
  return null
}
