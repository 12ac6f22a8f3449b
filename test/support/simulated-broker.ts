/**
 * A whole broker without threads and sockets, on any Disk and a clock that tests move: the same start
 * (net/storage.ts), shard, coordinators, controller, checkpoints and folder watch as a process has, one
 * shard owning everything. Whatever it does happens in microtasks, so a run depends on its seeds alone.
 */

import { type AssembledShard, assembleShard } from '../../engine/assemble-shard.ts'
import { parseBrokerConfig } from '../../engine/base/config.ts'
import type { Logger } from '../../engine/base/logger.ts'
import type { Random } from '../../engine/base/random.ts'
import type { Controller } from '../../engine/coordinator/controller/controller.ts'
import { writeCleanShutdown } from '../../engine/log/clean-shutdown.ts'
import type { Disk } from '../../engine/log/disk.ts'
import { emptyImage, type MetadataImage, topicChanges } from '../../engine/metadata/image.ts'
import type { Shard } from '../../engine/shard.ts'
import { Checkpointer, type CheckpointerParts } from '../../net/checkpointer.ts'
import { FolderWatch } from '../../net/folder-watch.ts'
import { openStorage, type Storage } from '../../net/storage.ts'
import { FolderHold, folderHoldMemory } from '../../workers/folder-hold.ts'
import { type RecoverLogInput, recoverLogOn } from '../../workers/jobs/recover-log.ts'
import { inlineCompactors } from './compact-rig.ts'
import type { TestClock } from './log-rig.ts'
import { seededRandom } from './seeded-random.ts'

export interface SimulatedBrokerParts {
  readonly disk: Disk
  readonly clock: TestClock
  readonly logger: Logger
  readonly seed: number
  /** log.dirs, in order. */
  readonly folders: readonly string[]
  /** Further broker options by their names. */
  readonly settings?: Readonly<Record<string, string>>
  /** The log of control state is folded beyond it; default: as the broker does. */
  readonly metaFoldBytes?: number | undefined
  /** Recovery of one log; default: as the job does. */
  readonly recoverLog?: RecoverLog
}

export type RecoverLog = (disk: Disk, input: RecoverLogInput) => ReturnType<typeof recoverLogOn>

interface InlineJobs {
  recoverLog(input: RecoverLogInput): ReturnType<typeof recoverLogOn>
}

const TURNS_UNTIL_FLUSH = 4

const LOCK = { kind: 'plain', release() {} } as const

export class SimulatedBroker {
  readonly disk: Disk
  readonly clock: TestClock
  readonly storage: Storage<Disk, InlineJobs>
  readonly shard: Shard
  readonly checkpointer: Checkpointer
  readonly watch: FolderWatch
  /** Set when the broker would have ended its process. */
  exitCode: number | null = null
  private readonly assembled: AssembledShard
  private readonly folderHold: FolderHold
  private image: MetadataImage

  /** Rejects as a start does: StartRefused, MetaStoreCorrupt, DiskError. */
  static async start(parts: SimulatedBrokerParts): Promise<SimulatedBroker> {
    const { disk, clock, logger, folders } = parts
    const config = configOf(folders, parts.settings ?? {})
    const random = seededRandom(parts.seed)
    const recoverLog = parts.recoverLog ?? recoverLogOn
    const jobs = { recoverLog: (input: RecoverLogInput) => recoverLog(disk, input) }
    const { metaFoldBytes } = parts
    const more = { lock: () => LOCK, jobs: () => jobs, metaFoldBytes }
    const ports = { disk, config, clock, random, logger, ...more }
    const storage = await openStorage(ports, [])
    const broker = new SimulatedBroker(parts, storage, random)
    await storage.publish(storage.controller.image)
    broker.checkpointer.start()
    broker.watch.begin({
      router: broker.router(),
      checkpoint: () => broker.checkpointer.writeOrWarn(),
    })
    return broker
  }

  private constructor(
    parts: SimulatedBrokerParts,
    storage: SimulatedBroker['storage'],
    random: Random,
  ) {
    const { disk, clock, logger, folders } = parts
    const config = configOf(folders, parts.settings ?? {})
    this.folderHold = new FolderHold(folders, folderHoldMemory(folders))
    this.disk = disk
    this.clock = clock
    this.storage = storage
    const { controller, dataFolders } = storage
    this.image = emptyImage(storage.folders.clusterId, config.nodeId)
    this.watch = new FolderWatch({
      ...storage,
      logger,
      exit: (code) => {
        this.exitCode = code
      },
    })
    this.assembled = assembleShard({
      config,
      disk,
      clock,
      random,
      logger,
      dataFolders,
      compactors: inlineCompactors(disk),
      isFolderHeld: (dataFolder) => this.folderHold.isHeld(dataFolder),
      owns: () => true,
      control: {
        handle: () => Promise.reject(new Error('control requests go to the controller here')),
        allocateProducerIds: (count) => controller.allocateProducerIds(count),
        reportFolder: async (report) => this.watch.report(report),
      },
      report: (report) => this.watch.report(report),
      emptyImage: this.image,
    })
    this.shard = this.assembled.shard
    // Whoever stages outside a turn of the test's own has one of its own, soon.
    this.shard.onStaged = () => void this.endTurnSoon()
    this.checkpointer = new Checkpointer({
      disk,
      router: this.router(),
      dataFolders,
      wheel: this.shard.timers,
      clock,
      logger,
      intervalMs: config.logFlushOffsetCheckpointIntervalMs,
      folders: this.watch,
      hold: this.folderHold,
      lagging: storage.laggingCheckpoints,
    })
    storage.publishTo((image) => this.apply(image))
  }

  get controller(): Controller {
    return this.storage.controller
  }

  /** Lets time pass and runs what falls due. */
  pass(ms: number): void {
    this.clock.pass(ms)
    this.shard.tick()
  }

  /** An orderly stop, as net/broker.ts makes it. */
  async stop(): Promise<void> {
    const { storage, watch } = this
    await this.checkpointer.stop()
    this.assembled.answerAll()
    await this.assembled.closeClean()
    await this.checkpointer.write()
    await storage.store.close()
    const { incarnation } = storage.controller.image
    for (const folder of storage.dataFolders.folders)
      if (watch.isClean(folder)) await writeCleanShutdown(this.disk, folder, incarnation)
  }

  private async endTurnSoon(): Promise<void> {
    for (let turns = 0; turns < TURNS_UNTIL_FLUSH; turns++) await null
    this.shard.flush()
  }

  private async apply(image: MetadataImage): Promise<void> {
    const before = this.image
    await this.assembled.applyImage(image)
    this.image = image
    if (topicChanges(before, image).removed.length > 0) await this.checkpointer.writeRemovals()
  }

  private router(): CheckpointerParts['router'] & { ownerOf(key: number): number } {
    return {
      shards: 1,
      image: () => this.image,
      ownerOf: () => 0,
      call: (_, op, request) => {
        const alone = () => Promise.reject(new Error('a shard alone exchanges nothing'))
        return op.run({ ...this.shard.calls, stats: alone, adoptConnection: alone }, request)
      },
    }
  }
}

/** All that is under way on a simulated disk goes on until it waits for time or for nothing. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

const configs = new Map<string, ReturnType<typeof parseBrokerConfig>['config']>()

function configOf(folders: readonly string[], settings: Readonly<Record<string, string>>) {
  const all = { 'log.dirs': folders.join(','), 'offsets.topic.num.partitions': '1', ...settings }
  const key = JSON.stringify(all)
  const known = configs.get(key)
  if (known !== undefined) return known
  const { config, errors } = parseBrokerConfig(new Map(Object.entries(all)))
  if (errors.length > 0) throw new Error(errors.join('\n'))
  configs.set(key, config)
  return config
}
