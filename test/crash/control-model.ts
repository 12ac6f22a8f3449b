/**
 * Control state as a few lines of text, from an image or as a model says it will be: topics with their
 * number of partitions and options, options of broker and cluster, client quotas. Two texts are equal
 * when a client would see the same.
 */
import type { MetadataImage } from '../../engine/metadata/image.ts'

export interface ControlModel {
  topics: Map<string, { partitions: number; configs: Map<string, string> }>
  broker: Map<string, string>
  cluster: Map<string, string>
  /** Entity as text → key → value. */
  quotas: Map<string, Map<string, number>>
}

export function modelOf(image: MetadataImage): ControlModel {
  const topics = new Map<string, { partitions: number; configs: Map<string, string> }>()
  for (const [name, { partitions, configs }] of image.topics)
    topics.set(name, { partitions: partitions.length, configs: new Map(configs) })
  return {
    topics,
    broker: new Map(image.dynamicConfigs.broker),
    cluster: new Map(image.dynamicConfigs.cluster),
    quotas: new Map([...image.clientQuotas].map(([key, { values }]) => [key, new Map(values)])),
  }
}

export function controlText(model: ControlModel): string {
  const topics = sorted(model.topics).map(
    ([name, { partitions, configs }]) => `${name} ${partitions} ${pairs(configs)}`,
  )
  const quotas = sorted(model.quotas)
    .filter(([, values]) => values.size > 0)
    .map(([entity, values]) => `quota ${entity} ${pairs(values)}`)
  const options = [`broker ${pairs(model.broker)}`, `cluster ${pairs(model.cluster)}`]
  return [...topics, ...options, ...quotas].join('\n')
}

export function copyOf(model: ControlModel): ControlModel {
  return {
    topics: new Map(
      [...model.topics].map(([name, { partitions, configs }]) => [
        name,
        { partitions, configs: new Map(configs) },
      ]),
    ),
    broker: new Map(model.broker),
    cluster: new Map(model.cluster),
    quotas: new Map([...model.quotas].map(([key, values]) => [key, new Map(values)])),
  }
}

function sorted<V>(map: ReadonlyMap<string, V>): [string, V][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1))
}

function pairs(map: ReadonlyMap<string, unknown>): string {
  return sorted(map)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ')
}
