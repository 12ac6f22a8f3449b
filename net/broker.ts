/**
 * The composition root: from a configuration to a broker that serves, and back to a clean stop. The
 * only file that knows which thread plays which role.
 *
 *   start  threads begin to load → listening sockets open (a taken port is told first) → data folders
 *          locked and identified → control state loaded, a new incarnation counted → logs recovered →
 *          shards started → first image in force everywhere → connections taken
 *   stop   no new connections → what is under way is answered → logs synced and closed →
 *          checkpoints → control state closed → clean marker, the last thing written
 *
 * Two phrases of Kafka's own log are printed when it serves, since tools wait for them.
 */
import { assert, type InvariantError } from '../engine/base/assert.ts'
import type { BrokerConfig } from '../engine/base/config.ts'
import { crc32cImplementation } from '../engine/base/crc32c.ts'
import type { Logger } from '../engine/base/logger.ts'
import { runControlRequest } from '../engine/coordinator/controller/control-requests.ts'
import { MutationQuotas } from '../engine/coordinator/controller/mutation-quota.ts'
import { writeCleanShutdown } from '../engine/log/clean-shutdown.ts'
import { NodeDisk } from '../engine/log/node-disk.ts'
import { topicConfigEntries } from '../engine/metadata/config-entries.ts'
import { topicChanges } from '../engine/metadata/image.ts'
import { codecsInstalled } from '../engine/record/compression.ts'
import type { ControlPort } from '../engine/shard-calls.ts'
import { cleanersMemory } from '../workers/compactors.ts'
import { FolderHold, folderHoldMemory } from '../workers/folder-hold.ts'
import { Jobs } from '../workers/jobs.ts'
import type { ShardPool } from '../workers/pool.ts'
import { advertisedAddress, hostPort, reachabilityWarning } from './advertised-address.ts'
import { Checkpointer } from './checkpointer.ts'
import { consoleLogger, type LogStyle } from './console-logger.ts'
import { lockFolder } from './folder-lock.ts'
import { FolderWatch } from './folder-watch.ts'
import {
  closeListeningSocket,
  type ListeningSocket,
  type ListenWay,
  openListeningSocket,
} from './listener.ts'
import { pageCacheWord } from './native-page-cache.ts'
import { directSend } from './native-send.ts'
import { nativeSocketsAvailable, useNativeCalls } from './native-sockets.ts'
import { giveWayWord } from './native-yield.ts'
import { quotaMemoryFor } from './quotas/quota-memory.ts'
import { restsMemory } from './rests.ts'
import type { OpenListener } from './shard-server.ts'
import { shardCount, startShardThreads } from './shard-threads.ts'
import { contents, openStorage, type Storage } from './storage.ts'
import { systemClock, systemRandom } from './system-ports.ts'
import { afterStart, RunningShard, readyToListen, type ShardThreadData } from './thread.ts'

export interface BrokerOptions {
  readonly config: BrokerConfig
  readonly logStyle: LogStyle
  /** Told in the first line. */
  readonly version: string
  /** Monotonic milliseconds at which the start began, for the total in the last line. */
  readonly startedMs?: number
  /** Lines go here instead of stdout (shard 0 only), for tests. */
  readonly logger?: Logger
  /** Ends the process after a broken invariant or the death of a thread. */
  readonly exit?: (code: number) => void
  readonly listenWay?: ListenWay
  /** Threads that were started ahead, by startShardThreads with the same configuration. */
  readonly threads?: ShardPool
}

/** A listener that serves. */
export interface ServedListener {
  readonly name: string
  /** As configured; empty for all addresses. */
  readonly host: string
  /** As bound. */
  readonly port: number
  readonly advertised: { readonly host: string; readonly port: number }
}

export class Broker {
  readonly clusterId: string
  readonly listeners: readonly ServedListener[]
  private readonly parts: StartedParts
  private stopping: Promise<void> | null = null

  constructor(parts: StartedParts) {
    this.parts = parts
    this.clusterId = parts.storage.folders.clusterId
    this.listeners = parts.served
  }

  /** The configuration file was read again: its settings replace the static ones (reread-config.ts). */
  reread(settings: ReadonlyMap<string, string>): Promise<void> {
    return this.parts.storage.controller.rereadFile(settings)
  }

  /** An orderly stop; a second call waits for the first. */
  stop(): Promise<void> {
    this.stopping ??= stopBroker(this.parts)
    return this.stopping
  }
}

interface StartedParts {
  readonly logger: Logger
  readonly storage: Storage
  readonly threads: Threads
  readonly checkpointer: Checkpointer
  readonly watch: FolderWatch
  readonly served: readonly ServedListener[]
}

/**
 * Starts a broker and resolves when it serves. Throws ListenError, StartRefused, FolderLocked, and
 * what else is for the operator to read.
 */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const undo: (() => void)[] = []
  try {
    return await start(options, undo)
  } catch (error) {
    for (const step of undo.reverse()) step()
    throw error
  }
}

/** Each step that a failed start must take back is noted in `undo`. */
async function start(options: BrokerOptions, undo: (() => void)[]): Promise<Broker> {
  const { config } = options
  const startedMs = options.startedMs ?? systemClock.monotonicMs()
  const logger = options.logger ?? consoleLogger(options.logStyle, 'sluice')
  const shards = shardCount(config)
  const exit = options.exit ?? ((code) => process.exit(code))
  logger.info(
    `sluice ${options.version} on Node.js ${process.versions.node}: broker ${config.nodeId}, ` +
      `${shards} shard${shards === 1 ? '' : 's'}, data in ${config.dataFolders.join(', ')}`,
  )
  const pool = options.threads ?? startShardThreads(config, logger, exit)
  undo.push(() => pool.abandon())
  const sockets = await openSockets(config, shards, options.listenWay, undo)
  // Names are looked up while the disk is read; it never rejects.
  const addresses = Promise.all(sockets.map((socket) => servedListener(config, socket, logger)))
  const storage = await openStorage(storagePorts(config, logger), undo)
  const served = await addresses
  const shared = sharedMemory(config)
  const dataFor = (shard: number): ShardThreadData => ({
    config,
    clusterId: storage.folders.clusterId,
    brokerId: config.nodeId,
    dataFolders: storage.dataFolders,
    listeners: openListeners(sockets, served, shard, shards),
    logStyle: options.logStyle,
    ...shared,
  })
  withoutHugePages()
  const begun = pool.begin(dataFor)
  // Heard of where it is awaited, after what this thread does meanwhile.
  begun.catch(() => {})
  const watch = new FolderWatch({ ...storage, logger, exit })
  const own = new RunningShard({
    wiring: pool.wiring,
    data: dataFor(0),
    logger,
    control: controlPort(config, storage, watch),
    fatal: (error) => dieOf(error, logger, exit),
  })
  readyToListen()
  await begun
  const checkpointer = new Checkpointer({
    disk: storage.disk,
    router: own.link.router,
    dataFolders: storage.dataFolders,
    wheel: own.wheel,
    clock: systemClock,
    logger,
    intervalMs: config.logFlushOffsetCheckpointIntervalMs,
    folders: watch,
    hold: new FolderHold(config.dataFolders, shared.folderHold),
    lagging: storage.laggingCheckpoints,
  })
  storage.publishTo(async (image) => {
    const before = own.link.router.image()
    await Promise.all([own.apply(image), pool.publish(image)])
    if (topicChanges(before, image).removed.length > 0) await checkpointer.writeRemovals()
  })
  await storage.publish(storage.controller.image)
  checkpointer.start()
  watch.begin({ router: own.link.router, checkpoint: () => checkpointer.writeOrWarn() })
  storage.disk.inThread = false
  storage.disk.syncsInThread = false
  await Promise.all([own.accept(doorsOf(sockets, dataFor(0).listeners)), pool.accept()])
  sayServing(logger, served, config, systemClock.monotonicMs() - startedMs)
  afterStart(() => logger.info(runtimeLine(config, sockets)))
  return new Broker({ logger, storage, threads: { pool, own }, checkpointer, served, watch })
}

/** Words of the process: the same in every thread. */
function sharedMemory(
  config: BrokerConfig,
): Pick<ShardThreadData, 'quotaMemory' | 'compactions' | 'rests' | 'folderHold'> {
  return {
    quotaMemory: quotaMemoryFor(config),
    compactions: cleanersMemory(),
    rests: restsMemory(),
    folderHold: folderHoldMemory(config.dataFolders),
  }
}

function storagePorts(config: BrokerConfig, logger: Logger) {
  const disk = new NodeDisk()
  disk.inThread = true
  disk.syncsInThread = true
  return {
    config,
    logger,
    clock: systemClock,
    random: systemRandom,
    disk,
    lock: lockFolder,
    jobs: (threads: number) => new Jobs(threads),
  }
}

interface Threads {
  readonly pool: ShardPool
  readonly own: RunningShard
}

async function openSockets(
  config: BrokerConfig,
  shards: number,
  way: ListenWay | undefined,
  undo: (() => void)[],
): Promise<ListeningSocket[]> {
  useNativeCalls(config.sluiceNativeCalls)
  const sockets: ListeningSocket[] = []
  for (const { name, host, port } of config.clientListeners) {
    const socket = await openListeningSocket(
      { name, host, port },
      {
        shards,
        backlog: config.socketListenBacklogSize,
        sendBufferBytes: config.socketSendBufferBytes,
        receiveBufferBytes: config.socketReceiveBufferBytes,
        ...(way === undefined ? null : { way }),
      },
    )
    undo.push(() => closeListeningSocket(socket))
    sockets.push(socket)
  }
  return sockets
}

/** What shard 0 accepts on: the other shards know descriptors only. */
function doorsOf(sockets: readonly ListeningSocket[], listeners: ShardThreadData['listeners']) {
  return listeners.map((open, at) => ({
    ...open,
    server: sockets[at]?.server ?? null,
    early: sockets[at]?.early ?? [],
  }))
}

async function servedListener(
  config: BrokerConfig,
  socket: ListeningSocket,
  logger: Logger,
): Promise<ServedListener> {
  const { name } = socket.spec
  const configured = config.clientListeners.find((listener) => listener.name === name)
  assert(configured !== undefined, `listener ${name} was opened without being configured`)
  const advertised = await advertisedAddress(configured, socket.port)
  const warning = reachabilityWarning(configured, advertised)
  if (warning !== null) logger.warn(warning)
  return { name, host: configured.host, port: socket.port, advertised }
}

function openListeners(
  sockets: readonly ListeningSocket[],
  served: readonly ServedListener[],
  shard: number,
  shards: number,
): Omit<OpenListener, 'server'>[] {
  return sockets.map((socket, at) => ({
    name: socket.spec.name,
    advertised: served[at]?.advertised ?? { host: '', port: 0 },
    fd: socket.fds[shard] ?? -1,
    closable: socket.way === 'reuseport' || shards === 1,
  }))
}

function controlPort(
  config: BrokerConfig,
  { controller }: Storage,
  watch: FolderWatch,
): ControlPort {
  const describe = (configs: ReadonlyMap<string, string>) =>
    topicConfigEntries({ config, dynamic: controller.image.dynamicConfigs }, configs)
  const mutations = new MutationQuotas(systemClock, {
    samples: config.controllerQuotaWindowNum,
    windowSeconds: config.controllerQuotaWindowSizeSeconds,
  })
  return {
    handle: (request) => runControlRequest(controller, describe, request, mutations),
    allocateProducerIds: (count) => controller.allocateProducerIds(count),
    reportFolder: async (report) => watch.report(report),
  }
}

/** Which of the alternatives run here: the one line to look at when something is slow. Loads the CRC-32C. */
function runtimeLine(config: BrokerConfig, sockets: readonly ListeningSocket[]): string {
  const codecs = Object.entries(codecsInstalled()).map(
    ([name, implementation]) => `${name} (${implementation ?? 'missing'})`,
  )
  const ways = new Set(sockets.map(({ way }) => way))
  const moves = nativeSocketsAvailable() ? 'move to the shard they use' : 'stay where accepted'
  return (
    `codecs ${codecs.join(', ')}; CRC-32C ${crc32cImplementation()}; ` +
    `listening by ${[...ways].join(', ')}; connections ${moves}; file ranges by ${directSend() === null ? 'read and write' : 'sendfile'}; ` +
    `page cache ${pageCacheWord(config)}; busy threads ${giveWayWord(config)}`
  )
}

function sayServing(
  logger: Logger,
  served: readonly ServedListener[],
  config: BrokerConfig,
  tookMs: number,
): void {
  for (const { name, host, port, advertised } of served)
    logger.info(
      `listening on ${name}://${hostPort({ host, port })}, advertised as ${hostPort(advertised)}`,
    )
  logger.info(`[BrokerServer id=${config.nodeId}] Transitioning from RECOVERY to RUNNING`)
  logger.info(`[KafkaRaftServer nodeId=${config.nodeId}] Kafka Server started`)
  logger.info(`started in ${Math.round(tookMs)} ms`)
}

function dieOf(error: InvariantError, logger: Logger, exit: (code: number) => void): void {
  logger.error(`a broken invariant ends the broker: ${error.stack ?? error.message}`)
  exit(1)
}

async function stopBroker(parts: StartedParts): Promise<void> {
  const { logger, storage, checkpointer, watch } = parts
  const { disk, folders, store, jobs, controller } = storage
  const { own, pool } = parts.threads
  const startedMs = systemClock.monotonicMs()
  logger.info('stopping: no new connections; requests under way are answered')
  await checkpointer.stop()
  const complete = await pool.stop(async (stage) => {
    if (stage === 'close') logger.info(`closing the logs of ${contents(controller.image)}`)
    await own.stop(stage)
    if (stage === 'end') await checkpointer.write()
  })
  await jobs.close()
  await store.close()
  if (complete) {
    for (const folder of storage.dataFolders.folders.filter((each) => watch.isClean(each)))
      await writeCleanShutdown(disk, folder, controller.image.incarnation)
    logger.info(`stopped cleanly in ${Math.round(systemClock.monotonicMs() - startedMs)} ms`)
  } else {
    logger.warn('stopped, but not cleanly: the next start checks the ends of all logs')
  }
  for (const lock of folders.locks) lock.release()
}

/**
 * The codecs' libraries bring an allocator of their own each (mimalloc), which asks for huge pages: 2 MiB
 * resident for the first byte. It reads the process's environment when it is loaded.
 */
function withoutHugePages(): void {
  process.env['MIMALLOC_ALLOW_THP'] ??= '0'
  // The name in older versions of it.
  process.env['MIMALLOC_ALLOW_LARGE_OS_PAGES'] ??= '0'
}
