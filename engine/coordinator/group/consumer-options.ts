/**
 * What consumer groups are told by broker options (group.consumer.*); a group may have its own
 * session timeout and heartbeat interval (consumer.session.timeout.ms, consumer.heartbeat.interval.ms
 * of IncrementalAlterConfigs on the group), read from the metadata image at each use. Source: Kafka's
 * GroupCoordinatorConfig and GroupConfigManager.
 */
import { assert } from '../../base/assert.ts'
import { featureLevel, GROUP_VERSION } from '../../metadata/features.ts'
import type { TopicDirectory } from '../state-machine.ts'

export type MigrationPolicy = 'disabled' | 'upgrade' | 'downgrade' | 'bidirectional'

const POLICIES: readonly MigrationPolicy[] = ['disabled', 'upgrade', 'downgrade', 'bidirectional']

/** As the option has it, in any case; its rule refuses other words before. */
export function migrationPolicyOf(text: string): MigrationPolicy {
  const policy = POLICIES.find((known) => known === text.toLowerCase())
  assert(policy !== undefined, `group.consumer.migration.policy ${text} was checked`)
  return policy
}

/** Times are in milliseconds. */
export interface ConsumerGroupConfig {
  /** group.coordinator.rebalance.protocols has `consumer`. */
  readonly isServed: boolean
  /** group.consumer.session.timeout.ms and its bounds */
  readonly sessionTimeoutMs: number
  readonly minSessionTimeoutMs: number
  readonly maxSessionTimeoutMs: number
  /** group.consumer.heartbeat.interval.ms and its bounds */
  readonly heartbeatIntervalMs: number
  readonly minHeartbeatIntervalMs: number
  readonly maxHeartbeatIntervalMs: number
  /** group.consumer.max.size */
  readonly maxSize: number
  /** group.consumer.assignors; the first is taken when no member asks for one. */
  readonly assignors: readonly string[]
  /** group.consumer.migration.policy */
  readonly migrationPolicy: MigrationPolicy
  /** group.consumer.regex.refresh.interval.ms */
  readonly regexRefreshIntervalMs: number
}

/** Kafka's defaults. */
export const defaultConsumerGroupConfig: ConsumerGroupConfig = {
  isServed: true,
  sessionTimeoutMs: 45_000,
  minSessionTimeoutMs: 45_000,
  maxSessionTimeoutMs: 60_000,
  heartbeatIntervalMs: 5_000,
  minHeartbeatIntervalMs: 5_000,
  maxHeartbeatIntervalMs: 15_000,
  maxSize: 2_147_483_647,
  assignors: ['uniform', 'range'],
  migrationPolicy: 'bidirectional',
  regexRefreshIntervalMs: 600_000,
}

/** Both the broker's options and the cluster's group.version say whether the protocol is there. */
export function isConsumerProtocolServed(
  config: ConsumerGroupConfig,
  { features }: TopicDirectory,
): boolean {
  return (
    config.isServed && (features === undefined || featureLevel({ features }, GROUP_VERSION) > 0)
  )
}

export function sessionTimeoutMs(
  config: ConsumerGroupConfig,
  image: TopicDirectory,
  groupId: string,
): number {
  const { minSessionTimeoutMs, maxSessionTimeoutMs } = config
  const own = ownOption(image, groupId, 'consumer.session.timeout.ms')
  return own === null
    ? config.sessionTimeoutMs
    : Math.min(Math.max(own, minSessionTimeoutMs), maxSessionTimeoutMs)
}

export function heartbeatIntervalMs(
  config: ConsumerGroupConfig,
  image: TopicDirectory,
  groupId: string,
): number {
  const { minHeartbeatIntervalMs, maxHeartbeatIntervalMs } = config
  const own = ownOption(image, groupId, 'consumer.heartbeat.interval.ms')
  return own === null
    ? config.heartbeatIntervalMs
    : Math.min(Math.max(own, minHeartbeatIntervalMs), maxHeartbeatIntervalMs)
}

/** The group's own value; the broker's bounds may have changed since it was set. */
function ownOption(image: TopicDirectory, groupId: string, name: string): number | null {
  const text = image.groupConfigs?.get(groupId)?.get(name)
  const value = text === undefined ? Number.NaN : Number(text)
  return Number.isFinite(value) ? value : null
}
