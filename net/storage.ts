/**
 * What is on disk, opened and in order, before any shard exists: data folders locked and identified,
 * control state loaded and a new incarnation counted, every log placed and recovered. The part of a start
 * that decides what survived a crash; no thread and no socket in it, so that tests run it on a simulated
 * disk.
 */
import { effectiveConfig } from '../engine/base/config-dynamic.ts'
import { Controller } from '../engine/coordinator/controller/controller.ts'
import {
  internalTopic,
  topicDefaults,
} from '../engine/coordinator/controller/topic-config-rules.ts'
import type { Disk, DiskError } from '../engine/log/disk.ts'
import type { MetadataImage } from '../engine/metadata/image.ts'
import { EmbeddedMetaStore } from '../engine/metastore/embedded-store.ts'
import type { DataFolders } from '../engine/shard-folders.ts'
import type { Jobs } from '../workers/jobs.ts'
import {
  type FolderPorts,
  type LockFolder,
  type OpenFolders,
  openFolders,
  placeFolders,
  type UnfinishedMove,
} from './data-folders.ts'

export interface StoragePorts<SomeDisk extends Disk, SomeJobs> extends FolderPorts {
  readonly disk: SomeDisk
  readonly lock: LockFolder
  /** Background jobs on so many threads. */
  jobs(threads: number): SomeJobs
  /** How long the log of control state grows before it is folded; default: embedded-store.ts. */
  readonly metaFoldBytes?: number | undefined
}

export interface Storage<SomeDisk extends Disk = Disk, SomeJobs = Jobs> {
  readonly disk: SomeDisk
  readonly folders: OpenFolders
  readonly dataFolders: DataFolders
  readonly unfinishedMoves: readonly UnfinishedMove[]
  /** Data folders whose checkpoints on the disk tell of deleted topics still. */
  readonly laggingCheckpoints: readonly string[]
  readonly store: EmbeddedMetaStore
  readonly controller: Controller
  readonly jobs: SomeJobs
  /** Hands an image to whoever was named last; before that, to nobody. */
  publish(image: MetadataImage): Promise<void>
  publishTo(publish: (image: MetadataImage) => Promise<void>): void
}

/**
 * Each step that a failed start must take back is noted in `undo`. Throws StartRefused, FolderLocked,
 * MetaStoreCorrupt, DiskError.
 */
export async function openStorage<D extends Disk, J extends Pick<Jobs, 'recoverLog'>>(
  ports: StoragePorts<D, J>,
  undo: (() => void)[],
): Promise<Storage<D, J>> {
  const { disk, config, logger, random } = ports
  const folders = await openFolders(ports, ports.lock)
  undo.push(() => {
    for (const lock of folders.locks) lock.release()
  })
  const first = config.dataFolders[0] ?? '.'
  const store = await EmbeddedMetaStore.open(disk, first, logger, ports.metaFoldBytes)
  // From the start on; later the folder watch hears of it.
  const failures: DiskError[] = []
  store.onFailed = (error) => {
    failures.push(error)
    disk.refuseChanges(first)
  }
  let publish: Storage['publish'] = async () => {}
  const controller = await Controller.start(
    {
      random,
      logger,
      topicDefaults: topicDefaults(config),
      config,
      internalTopic: (name) => internalTopic(config, name),
      store,
      publish: (image) => publish(image),
    },
    config.nodeId,
    folders.clusterId,
  )
  const jobs = ports.jobs(
    effectiveConfig(config, controller.image.dynamicConfigs).numRecoveryThreadsPerDataDir,
  )
  const { image, unfinishedDeletions } = controller
  const placed = await placeFolders(ports, folders, image, unfinishedDeletions, jobs)
  await controller.forgetDeletions(placed.finishedDeletions)
  if (failures[0] !== undefined) throw failures[0]
  logger.info(
    `cluster ${folders.clusterId}: ${contents(controller.image)}, start no. ${image.incarnation}`,
  )
  return {
    disk,
    folders,
    dataFolders: placed.dataFolders,
    unfinishedMoves: placed.unfinishedMoves,
    laggingCheckpoints: placed.laggingCheckpoints,
    store,
    controller,
    jobs,
    publish: (next) => publish(next),
    publishTo: (next) => {
      publish = next
    },
  }
}

/** How much the image holds, for lines in the log. */
export function contents(image: MetadataImage): string {
  let partitions = 0
  for (const topic of image.topics.values()) partitions += topic.partitions.length
  const { size } = image.topics
  return `${size} topic${size === 1 ? '' : 's'}, ${partitions} partition${partitions === 1 ? '' : 's'}`
}
