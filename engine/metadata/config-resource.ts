/** What options can be set for: Kafka's numbers (ConfigResource.Type). */
export const ConfigResourceType = {
  topic: 2,
  broker: 4,
  brokerLogger: 8,
  clientMetrics: 16,
  group: 32,
} as const
