/** A controller over a simulated disk, its published images kept; started again as often as one likes. */
import { parseBrokerConfig } from '../../engine/base/config.ts'
import type { Logger } from '../../engine/base/logger.ts'
import { Controller } from '../../engine/coordinator/controller/controller.ts'
import {
  internalTopic,
  topicDefaults,
} from '../../engine/coordinator/controller/topic-config-rules.ts'
import type { MetadataImage } from '../../engine/metadata/image.ts'
import { EmbeddedMetaStore } from '../../engine/metastore/embedded-store.ts'
import type { CreateTopicsRequest } from '../../engine/protocol/19-create-topics.ts'
import type { DeleteTopicsRequest } from '../../engine/protocol/20-delete-topics.ts'
import { MemoryLogger } from './connection-rig.ts'
import { seededRandom } from './seeded-random.ts'
import { SimulatedDisk } from './simulated-disk.ts'

export const CLUSTER_ID = 'Wq7sKz4fRbuHn2p0yXvLcA'

export interface ControllerRig {
  readonly controller: Controller
  readonly store: EmbeddedMetaStore
  readonly disk: SimulatedDisk
  readonly images: MetadataImage[]
  /** Runs inside each publication, before it is done. */
  onPublish: ((image: MetadataImage) => Promise<void> | void) | null
}

export async function newDisk(seed = 1): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk({ seed })
  await disk.makeDir('/data')
  await disk.syncDir('/')
  return disk
}

export async function startController(
  disk: SimulatedDisk,
  settings: Readonly<Record<string, string>> = {},
  logger: Logger = new MemoryLogger(),
): Promise<ControllerRig> {
  const { config, errors } = parseBrokerConfig(new Map(Object.entries(settings)))
  if (errors.length > 0) throw new Error(errors.join('\n'))
  const store = await EmbeddedMetaStore.open(disk, '/data', logger)
  const images: MetadataImage[] = []
  const ports = {
    store,
    random: seededRandom(disk.calls + 7),
    logger,
    topicDefaults: topicDefaults(config),
    config,
    internalTopic: (name: string) => internalTopic(config, name),
    publish: async (image: MetadataImage) => {
      images.push(image)
      await rig.onPublish?.(image)
    },
  }
  const controller = await Controller.start(ports, config.nodeId, CLUSTER_ID)
  const rig: ControllerRig = { controller, store, disk, images, onPublish: null }
  return rig
}

/** A start on what is left on the disk after an orderly stop. */
export async function restarted(rig: ControllerRig): Promise<ControllerRig> {
  await rig.store.close()
  return startController(rig.disk)
}

type TopicRequest = CreateTopicsRequest['topics'][number]

export function topic(name: string, rest: Partial<TopicRequest> = {}): TopicRequest {
  return { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [], ...rest }
}

export function creation(
  topics: readonly TopicRequest[],
  validateOnly = false,
): CreateTopicsRequest {
  return { topics: [...topics], timeoutMs: 1_000, validateOnly }
}

export function removal(...names: string[]): DeleteTopicsRequest {
  return { topics: [], topicNames: names, timeoutMs: 1_000 }
}

export function removalBy(
  ...topics: { name: string | null; topicId: string }[]
): DeleteTopicsRequest {
  return { topics, topicNames: [], timeoutMs: 1_000 }
}
