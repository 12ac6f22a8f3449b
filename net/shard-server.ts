/**
 * The network side of one shard: its turn, its receive memory, its dispatcher and its listeners,
 * put together once per thread (thread.ts). Stopping goes in the stages of workers/messages.ts:
 * refuse new connections; drain what is under way; then nothing of net is left to close.
 */

import type { Server, Socket } from 'node:net'
import type { InvariantError } from '../engine/base/assert.ts'
import type { Clock } from '../engine/base/clock.ts'
import type { BrokerConfig } from '../engine/base/config.ts'
import { effectiveConfig } from '../engine/base/config-dynamic.ts'
import { limits } from '../engine/base/limits.ts'
import type { Logger } from '../engine/base/logger.ts'
import type { Random } from '../engine/base/random.ts'
import type { TimerWheel } from '../engine/base/timer-wheel.ts'
import type { Router } from '../workers/router.ts'
import type { ConnectionServices } from './connection.ts'
import { ConnectionMoves, type MovedConnection } from './connection-moves.ts'
import { Dispatcher } from './dispatch.ts'
import { FetchSessions } from './fetch-sessions.ts'
import { handlers } from './handlers/index.ts'
import { Listener } from './listener.ts'
import { directSend } from './native-send.ts'
import { Notices } from './notices.ts'
import { OutboxPool } from './outbox.ts'
import { ProducerIds } from './producer-ids.ts'
import type { ConnectionCounts } from './quotas/connection-counts.ts'
import { ConnectionGate } from './quotas/connection-gate.ts'
import type { RateTable } from './quotas/rate-table.ts'
import type { ShardQuotas } from './quotas/shard-quotas.ts'
import { ReceiveArena, type SlabSource } from './receive.ts'
import { ReplyOutput } from './reply.ts'
import type { ReceiveMode } from './socket-handle.ts'
import { Turn, type TurnRest } from './turn.ts'

/** A port that this shard accepts on; plain data but for `server`, which only shard 0 has. */
export interface OpenListener {
  readonly name: string
  readonly advertised: { readonly host: string; readonly port: number }
  readonly fd: number
  readonly server: Server | null
  readonly early?: Socket[]
  /** The descriptor is this shard's own, see listener.ts. */
  readonly closable: boolean
}

export interface ShardServerParts {
  readonly config: BrokerConfig
  readonly router: Router
  /** Of this shard, for frames being received. */
  readonly slabs: SlabSource
  readonly wheel: TimerWheel
  readonly clock: Clock
  readonly logger: Logger
  readonly random: Random
  readonly quotas: ShardQuotas
  /** Of all shards. */
  readonly counts: ConnectionCounts
  readonly rates: RateTable
  /** Empty: it sleeps whenever nothing is there to do. */
  readonly rests: readonly TurnRest[]
  /** Milliseconds on a clock that all threads share. */
  processMs(): number
  /** Ends the process: an invariant broke in a promise. */
  fatal(error: InvariantError): void
  readonly receiveMode?: ReceiveMode
}

export class ShardServer {
  readonly turn: Turn
  private readonly parts: ShardServerParts
  private readonly services: ConnectionServices
  private readonly listeners: Listener[] = []
  private readonly gate: ConnectionGate
  private connectionIds = 0
  private onEmpty: (() => void) | null = null

  constructor(parts: ShardServerParts) {
    this.parts = parts
    const { config, router, clock, logger, random } = parts
    const arena = new ReceiveArena(() => router.flush())
    this.turn = new Turn(
      () => router.flush(),
      () => arena.turnFlushed(),
      parts.rests,
    )
    const sessionSlots = Math.ceil(config.maxIncrementalFetchSessionCacheSlots / router.shards)
    const dispatcher = new Dispatcher(
      handlers,
      {
        router,
        config,
        clock,
        logger,
        fetchSessions: new FetchSessions(sessionSlots, clock, random),
        producerIds: new ProducerIds(router),
        quotas: parts.quotas,
      },
      (error) => parts.fatal(error),
    )
    const notices = new Notices(clock, logger)
    const direct = directSend()
    this.services = {
      dispatcher,
      turn: this.turn,
      arena,
      slabs: parts.slabs,
      output: new ReplyOutput(
        direct === null ? limits.replyInlineBytesMax : limits.replyInlineDirectBytesMax,
      ),
      outboxPool: new OutboxPool(direct),
      wheel: parts.wheel,
      clock,
      notices,
      pressed: () => router.pressed,
      requestBytesMax: config.socketRequestMaxBytes,
      idleMs: config.connectionsMaxIdleMs,
      moves:
        router.shards === 1
          ? null
          : new ConnectionMoves({ router, notices, adopt: (moved) => this.adopt(moved) }),
      ...(parts.receiveMode === undefined ? null : { receiveMode: parts.receiveMode }),
    }
    const { quotas, counts, rates } = parts
    this.gate = new ConnectionGate({
      settings: () => effectiveConfig(config, router.image().dynamicConfigs),
      counts,
      rates,
      nowMs: parts.processMs,
      wheel: parts.wheel,
      wheelMs: () => clock.monotonicMs(),
      logger,
    })
    router.onImage(({ clientQuotas }) => {
      quotas.apply(clientQuotas)
      void this.gate.apply(clientQuotas)
    })
    router.onPressure((pressed) => {
      if (!pressed) for (const listener of this.listeners) listener.reconsider()
    })
  }

  get connectionCount(): number {
    return this.listeners.reduce((count, listener) => count + listener.connectionCount, 0)
  }

  /** Accepts on these ports from now on. */
  async listen(open: readonly OpenListener[]): Promise<void> {
    const { router } = this.parts
    for (const { name, advertised, ...socket } of open) {
      const listener = new Listener({
        name,
        advertised,
        services: this.services,
        nextId: () => this.connectionIds++ * router.shards + router.shard,
        gate: this.gate,
        onConnectionClosed: () => this.connectionClosed(),
      })
      this.listeners.push(listener)
      await listener.start(socket)
    }
  }

  /** From another shard, or back from one that takes none. */
  private adopt({ listener: name, fd, clientHost, received }: MovedConnection): boolean {
    const listener = this.listeners.find((each) => each.name === name)
    return listener?.adopt(fd, clientHost, received) ?? false
  }

  /** Takes no new connection and no new request; requests in work go on. */
  refuse(): void {
    this.gate.close()
    for (const listener of this.listeners) listener.stopAccepting()
  }

  /** Lets every connection end once it has its answers; cuts off who stays longer. */
  async drain(deadlineMs: number = limits.stopDrainMs): Promise<void> {
    for (const listener of this.listeners) listener.drain()
    if (this.connectionCount > 0)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, deadlineMs)
        this.onEmpty = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    for (const listener of this.listeners) listener.destroyConnections()
  }

  private connectionClosed(): void {
    if (this.connectionCount === 0) this.onEmpty?.()
  }
}
