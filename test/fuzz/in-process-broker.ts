/**
 * A whole broker of one shard in this thread, put together as net/broker.ts and net/thread.ts do: the
 * real handlers, router, shard, coordinators, controller and disk, with connections fed by hand instead
 * of sockets. Chance comes from a seed.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AssembledShard, assembleShard } from '../../engine/assemble-shard.ts'
import { type BrokerConfig, parseBrokerConfig } from '../../engine/base/config.ts'
import { runControlRequest } from '../../engine/coordinator/controller/control-requests.ts'
import { Controller } from '../../engine/coordinator/controller/controller.ts'
import { MutationQuotas } from '../../engine/coordinator/controller/mutation-quota.ts'
import {
  internalTopic,
  topicDefaults,
} from '../../engine/coordinator/controller/topic-config-rules.ts'
import { NodeDisk } from '../../engine/log/node-disk.ts'
import { topicConfigEntries } from '../../engine/metadata/config-entries.ts'
import { emptyImage, type MetadataImage } from '../../engine/metadata/image.ts'
import { EmbeddedMetaStore } from '../../engine/metastore/embedded-store.ts'
import type { ConnectionServices } from '../../net/connection.ts'
import { Dispatcher } from '../../net/dispatch.ts'
import { FetchSessions } from '../../net/fetch-sessions.ts'
import { handlers } from '../../net/handlers/index.ts'
import { Notices } from '../../net/notices.ts'
import { OutboxPool } from '../../net/outbox.ts'
import { ProducerIds } from '../../net/producer-ids.ts'
import { quotaMemoryFor, quotaWindow } from '../../net/quotas/quota-memory.ts'
import { RateTable } from '../../net/quotas/rate-table.ts'
import { ShardQuotas } from '../../net/quotas/shard-quotas.ts'
import { ReceiveArena } from '../../net/receive.ts'
import { ReplyOutput } from '../../net/reply.ts'
import { processMs, systemClock } from '../../net/system-ports.ts'
import { WheelHost } from '../../net/wheel-host.ts'
import { linkShard, type ShardLink } from '../../workers/link.ts'
import { inlineCompactors } from '../support/compact-rig.ts'
import { creation, topic } from '../support/controller-rig.ts'
import { inProcessChannels, TaskQueue } from '../support/in-process-channels.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { FedConnection, HandTurn } from './fed-connection.ts'
import { FUZZ_FRAME_BYTES_MAX } from './fuzz-target.ts'
import { BROKER_SEED, type TopicToMake } from './known-names.ts'

const CLUSTER_ID = 'Wq7sKz4fRbuHn2p0yXvLcA'
const BROKER_ID = 1
const SESSIONS = 1_000

/** A log whose every line is looked at as it comes. */
export interface WatchedLog {
  info(message: string): void
  warn(message: string): void
  error(message: string): void
}

export class InProcessBroker {
  readonly link: ShardLink
  /** Broken invariants that surfaced in promises. */
  readonly fatal: Error[] = []
  private readonly parts: Parts
  private readonly assembled: AssembledShard
  private readonly services: ConnectionServices
  private readonly wheelHost: WheelHost
  private connections = 0

  /** A broker with these topics, in a temporary folder. */
  static async start(
    topics: readonly TopicToMake[],
    logger: WatchedLog,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<InProcessBroker> {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-fuzz-'))
    const { config, errors } = parseBrokerConfig(
      new Map(Object.entries({ 'log.dirs': folder, ...settings })),
    )
    if (errors.length > 0) throw new Error(errors.join('\n'))
    const random = seededRandom(BROKER_SEED)
    const disk = new NodeDisk()
    const store = await EmbeddedMetaStore.open(disk, folder, logger)
    let publish = async (_: MetadataImage): Promise<void> => {}
    const controller = await Controller.start(
      {
        store,
        random,
        logger,
        config,
        topicDefaults: topicDefaults(config),
        internalTopic: (name) => internalTopic(config, name),
        publish: (image) => publish(image),
      },
      BROKER_ID,
      CLUSTER_ID,
    )
    const broker = new InProcessBroker({ folder, config, random, disk, store, controller, logger })
    publish = (image) => broker.apply(image)
    await broker.apply(controller.image)
    await broker.make(topics)
    return broker
  }

  private constructor(parts: Parts) {
    this.parts = parts
    const { config, random, disk, logger, folder } = parts
    const image = emptyImage(CLUSTER_ID, BROKER_ID)
    this.assembled = assembleShard({
      config,
      disk,
      clock: systemClock,
      random,
      logger,
      dataFolders: {
        folders: [folder],
        failed: new Map(),
        placed: new Map(),
        logStartOffsets: new Map(),
        cleanedOffsets: new Map(),
        damaged: new Map(),
      },
      compactors: inlineCompactors(disk),
      owns: () => true,
      control: controlPort(parts),
      report: ({ reason }) => this.fatal.push(new Error(`a folder was reported: ${reason}`)),
      emptyImage: image,
    })
    const queue = new TaskQueue()
    this.link = linkShard({
      channels: inProcessChannels(1, queue)[0]!,
      port: this.assembled.shard,
      clock: systemClock,
      logger,
      image,
      borrowFile: () => {
        throw new Error('one shard borrows from no other')
      },
      requestTurn: () => this.services.turn.schedule(),
      endTurn: () => this.services.turn.run(),
    })
    this.services = this.connectionServices()
    this.wheelHost = new WheelHost(this.assembled.shard.timers, systemClock)
    this.link.start()
  }

  get image(): MetadataImage {
    return this.link.router.image()
  }

  connect(): FedConnection {
    return new FedConnection(this.services, this.connections++)
  }

  endTurn(): void {
    this.services.turn.run()
  }

  /** A clean stop; what it wrote is removed. */
  async stop(): Promise<void> {
    this.assembled.answerAll()
    this.endTurn()
    await this.assembled.closeClean()
    await this.parts.store.close()
    this.wheelHost.stop()
    this.link.close()
    rmSync(this.parts.folder, { recursive: true, force: true })
  }

  private async make(topics: readonly TopicToMake[]): Promise<void> {
    const made = await this.parts.controller.createTopics(
      creation(
        topics.map(({ name, partitions, configs = {} }) =>
          topic(name, {
            numPartitions: partitions,
            configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
          }),
        ),
      ),
    )
    const failed = made.find(({ errorCode }) => errorCode !== 0)
    if (failed !== undefined) throw new Error(`${failed.name}: ${failed.errorMessage}`)
  }

  private async apply(image: MetadataImage): Promise<void> {
    await this.assembled.applyImage(image)
    this.link.router.applyImage(image)
  }

  private connectionServices(): ConnectionServices {
    const { config, logger, random } = this.parts
    const { router, slabs } = this.link
    const memory = quotaMemoryFor(config)
    const quotas = new ShardQuotas(new RateTable(memory.rates, quotaWindow(config)), processMs)
    const arena = new ReceiveArena(() => router.flush())
    const clock = systemClock
    const producerIds = new ProducerIds(router)
    const fetchSessions = new FetchSessions(SESSIONS, clock, random)
    const handled = { router, config, clock, logger, fetchSessions, producerIds, quotas }
    router.onImage(({ clientQuotas }) => quotas.apply(clientQuotas))
    return {
      dispatcher: new Dispatcher(handlers, handled, (error) => this.fatal.push(error)),
      turn: new HandTurn(
        () => router.flush(),
        () => arena.turnFlushed(),
      ),
      arena,
      slabs,
      output: new ReplyOutput(),
      outboxPool: new OutboxPool(),
      wheel: this.assembled.shard.timers,
      clock,
      notices: new Notices(clock, logger),
      pressed: () => router.pressed,
      moves: null,
      requestBytesMax: FUZZ_FRAME_BYTES_MAX,
      idleMs: config.connectionsMaxIdleMs,
    }
  }
}

interface Parts {
  readonly folder: string
  readonly config: BrokerConfig
  readonly random: ReturnType<typeof seededRandom>
  readonly disk: NodeDisk
  readonly store: EmbeddedMetaStore
  readonly controller: Controller
  readonly logger: WatchedLog
}

function controlPort({ config, controller }: Parts) {
  const describe = (configs: ReadonlyMap<string, string>) =>
    topicConfigEntries({ config, dynamic: controller.image.dynamicConfigs }, configs)
  const mutations = new MutationQuotas(systemClock, {
    samples: config.controllerQuotaWindowNum,
    windowSeconds: config.controllerQuotaWindowSizeSeconds,
  })
  return {
    handle: (request: Parameters<typeof runControlRequest>[2]) =>
      runControlRequest(controller, describe, request, mutations),
    allocateProducerIds: (count: number) => controller.allocateProducerIds(count),
    reportFolder: async () => {},
  }
}
