/** What the controller must know of options: those of new topics, of the broker's own topics. */
import type { BrokerConfig } from '../../base/config.ts'
import { topicConfigProblem } from '../../base/topic-config.ts'
import { GROUP_METADATA_TOPIC } from '../../metadata/topic-name.ts'
import type { PlannedTopic, TopicDefaults } from './new-topic.ts'

export function topicDefaults(config: BrokerConfig): TopicDefaults {
  return { partitions: config.numPartitions, configProblem: topicConfigProblem }
}

/**
 * Size and options of one of the broker's own topics, as Kafka's AutoTopicCreationManager makes it; null
 * for a name that is none of those in use.
 */
export function internalTopic(config: BrokerConfig, name: string): PlannedTopic | null {
  if (name !== GROUP_METADATA_TOPIC) return null
  return {
    partitions: config.offsetsTopicNumPartitions,
    configs: {
      'cleanup.policy': 'compact',
      'compression.type': 'producer',
      'segment.bytes': String(config.offsetsTopicSegmentBytes),
    },
  }
}
