/**
 * What every thread of the broker runs: an engine shard, its router, and the listeners that serve
 * it. Shard 0 is started by broker.ts in the main thread; the others run this file as their entry,
 * given plain data by the pool, and follow its orders: take up an image, accept, stop in stages.
 */
import { isMainThread, workerData } from 'node:worker_threads'
import { type AssembledShard, assembleShard } from '../engine/assemble-shard.ts'
import type { InvariantError } from '../engine/base/assert.ts'
import type { BrokerConfig } from '../engine/base/config.ts'
import { effectiveConfig } from '../engine/base/config-dynamic.ts'
import { crc32cImplementation } from '../engine/base/crc32c.ts'
import type { Logger } from '../engine/base/logger.ts'
import type { TimerWheel } from '../engine/base/timer-wheel.ts'
import { borrowFile, NodeDisk } from '../engine/log/node-disk.ts'
import { emptyImage, type MetadataImage } from '../engine/metadata/image.ts'
import type { ControlPort } from '../engine/shard-calls.ts'
import type { DataFolders } from '../engine/shard-folders.ts'
import { openChannels } from '../workers/channel.ts'
import { Compactors } from '../workers/compactors.ts'
import { FolderHold } from '../workers/folder-hold.ts'
import { linkShard, type ShardLink } from '../workers/link.ts'
import { calls, type StopStage } from '../workers/messages.ts'
import { ownerOfKey } from '../workers/placement.ts'
import { SHARD_THREAD, type ThreadStart } from '../workers/pool.ts'
import { joinPool } from '../workers/pool-member.ts'
import type { ShardWiring } from '../workers/wiring.ts'
import { consoleLogger, type LogStyle, logStyle } from './console-logger.ts'
import { nativeFileCalls } from './native-file.ts'
import { boundedPageCache } from './native-page-cache.ts'
import { readCachedNative } from './native-read.ts'
import { useNativeCalls } from './native-sockets.ts'
import { ConnectionCounts } from './quotas/connection-counts.ts'
import { type QuotaMemory, quotaWindow } from './quotas/quota-memory.ts'
import { RateTable } from './quotas/rate-table.ts'
import { ShardQuotas } from './quotas/shard-quotas.ts'
import { restsOf } from './rests.ts'
import { type OpenListener, ShardServer } from './shard-server.ts'
import { processMs, systemClock, systemRandom } from './system-ports.ts'
import { WheelHost } from './wheel-host.ts'

const AFTER_START_MS = 50

/**
 * Once the first clients have their answers: native code that the first large batch would have to wait for,
 * and what nobody waits for.
 */
export function afterStart(work: () => void): void {
  setTimeout(work, AFTER_START_MS).unref()
}

/** What a thread is told at its start: plain data, cloned. */
export interface ShardThreadData {
  readonly config: BrokerConfig
  readonly clusterId: string
  readonly brokerId: number
  readonly dataFolders: DataFolders
  readonly listeners: readonly Omit<OpenListener, 'server'>[]
  readonly logStyle: LogStyle
  /** Shared by all threads. */
  readonly quotaMemory: QuotaMemory
  /** Shared by all threads: compactions under way. */
  readonly compactions: SharedArrayBuffer
  /** Shared by all threads (rests.ts). */
  readonly rests: SharedArrayBuffer
  /** Shared by all threads (folder-hold.ts). */
  readonly folderHold: SharedArrayBuffer
}

export interface ShardRunParts {
  readonly wiring: ShardWiring
  readonly data: ShardThreadData
  readonly logger: Logger
  /** On shard 0. */
  readonly control: ControlPort | null
  fatal(error: InvariantError): void
}

/** One shard at work in this thread. */
export class RunningShard {
  readonly link: ShardLink
  private readonly config: BrokerConfig
  private readonly style: LogStyle
  private readonly assembled: AssembledShard
  private readonly server: ShardServer
  private readonly wheelHost: WheelHost
  private readonly compactors: Compactors
  private readonly disk = new NodeDisk()

  constructor(parts: ShardRunParts) {
    const { wiring, data, logger } = parts
    const { config, dataFolders } = data
    this.config = config
    this.style = data.logStyle
    this.compactors = new Compactors(data.compactions)
    this.disk.inThread = true
    this.disk.readCached = readCachedNative
    this.disk.native = nativeFileCalls()
    const pageCache = boundedPageCache(config)
    this.disk.advisePageCache = pageCache?.advise ?? null
    const image = emptyImage(data.clusterId, data.brokerId)
    const folderHold = new FolderHold(config.dataFolders, data.folderHold)
    this.assembled = assembleShard({
      config,
      disk: this.disk,
      clock: systemClock,
      random: systemRandom,
      logger,
      dataFolders,
      compactors: this.compactors,
      pageCacheBytes: pageCache?.bytes ?? null,
      isFolderHeld: (dataFolder) => folderHold.isHeld(dataFolder),
      owns: (key) => ownerOfKey(key, wiring.shards) === wiring.shard,
      control: parts.control,
      report: (report) => {
        this.link.router.call(0, calls.reportFolder, report).catch((error: unknown) => {
          logger.error(`${report.folder}: ${report.reason}; shard 0 could not be told: ${error}`)
        })
      },
      emptyImage: image,
    })
    const { shard } = this.assembled
    this.link = linkShard({
      channels: openChannels(wiring),
      port: shard,
      clock: systemClock,
      logger,
      image,
      borrowFile: (owner, fd) => borrowFile(`a segment of shard ${owner}`, fd, readCachedNative),
      requestTurn: () => this.server.turn.schedule(),
      endTurn: () => this.server.turn.run(),
    })
    const rates = new RateTable(data.quotaMemory.rates, quotaWindow(config))
    this.server = new ShardServer({
      config,
      router: this.link.router,
      slabs: this.link.slabs,
      wheel: shard.timers,
      clock: systemClock,
      logger,
      random: systemRandom,
      quotas: new ShardQuotas(rates, processMs),
      counts: new ConnectionCounts(data.quotaMemory.connections),
      rates,
      rests: restsOf(config, data.rests),
      processMs,
      fatal: parts.fatal,
    })
    shard.onStaged = () => this.server.turn.schedule()
    this.wheelHost = new WheelHost(shard.timers, systemClock)
    this.link.start()
  }

  get wheel(): TimerWheel {
    return this.assembled.shard.timers
  }

  async apply(image: MetadataImage): Promise<void> {
    // One object per thread, which its logger reads too.
    this.style.level = logStyle(effectiveConfig(this.config, image.dynamicConfigs)).level
    await this.assembled.applyImage(image)
    this.link.router.applyImage(image)
  }

  accept(listeners: readonly OpenListener[]): Promise<void> {
    this.disk.inThread = false
    return this.server.listen(listeners)
  }

  async stop(stage: StopStage): Promise<void> {
    switch (stage) {
      case 'refuse':
        this.server.refuse()
        return
      case 'drain':
        this.assembled.answerAll()
        await this.server.drain()
        return
      case 'close':
        await this.assembled.closeClean()
        await this.compactors.close()
        return
      case 'end':
        this.wheelHost.stop()
    }
  }
}

/** What Node loads at a thread's first listening socket, ahead of it: a millisecond where everybody waits. */
export function readyToListen(): void {
  process.getBuiltinModule('node:cluster')
}

async function runAsMember(): Promise<void> {
  const member = joinPool()
  readyToListen()
  const begun = await member.begun
  const { wiring } = begun
  const data = begun.data as ShardThreadData
  useNativeCalls(data.config.sluiceNativeCalls)
  const logger = consoleLogger(data.logStyle, `sluice.shard-${wiring.shard}`)
  const running = new RunningShard({
    wiring,
    data,
    logger,
    control: null,
    fatal: (error) => {
      throw error
    },
  })
  member.follow({
    apply: (image) => running.apply(image),
    accept: async () => {
      await running.accept(data.listeners.map((open) => ({ ...open, server: null })))
      afterStart(crc32cImplementation)
    },
    stop: (stage) => running.stop(stage),
  })
  member.ready()
}

const start = workerData as Partial<ThreadStart> | null
// A failure is the thread's end, of which the pool hears; CommonJS, as in the bundle, cannot await here.
if (!isMainThread && start?.kind === SHARD_THREAD) void runAsMember()
