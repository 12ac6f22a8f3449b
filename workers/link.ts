/** Puts a shard's router, worker and exchange together over its channels. */
import type { Clock } from '../engine/base/clock.ts'
import type { Logger } from '../engine/base/logger.ts'
import type { MetadataImage } from '../engine/metadata/image.ts'
import type { ShardPort } from '../engine/shard-port.ts'
import type { Channels } from './channel.ts'
import { Exchange } from './exchange.ts'
import type { BorrowFile } from './remote-read.ts'
import { type RouterTimers, ShardRouter } from './router.ts'
import { SlabPool } from './slab.ts'
import { ShardWorker } from './worker.ts'

export interface LinkParts {
  readonly channels: Channels
  readonly port: ShardPort
  readonly clock: Clock
  readonly logger: Logger
  readonly image: MetadataImage
  readonly borrowFile: BorrowFile
  /** Ends the turn soon, by calling `router.flush`; several calls of one turn are one. */
  requestTurn(): void
  /** Ends the turn now, by calling `router.flush` and then whatever else ends with it. */
  endTurn(): void
  readonly timers?: RouterTimers
  readonly defer?: (run: () => void) => void
}

export interface ShardLink {
  readonly router: ShardRouter
  readonly worker: ShardWorker
  readonly exchange: Exchange
  /** The shard's slabs, also for received frames. */
  readonly slabs: SlabPool
  /** From now on requests of other shards are served. */
  start(): void
  close(): void
}

const threadTimers: RouterTimers = {
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs)
    timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
}

export function linkShard(parts: LinkParts): ShardLink {
  const slabs = new SlabPool()
  const timers = parts.timers ?? threadTimers
  const exchange = new Exchange(parts.channels, slabs, {
    requestTurn: () => parts.requestTurn(),
    endTurn: () => parts.endTurn(),
    defer: parts.defer ?? setImmediate,
    flushShard: () => parts.port.flush(),
    after: (delayMs, run) => void timers.after(delayMs, run),
    onPressure: (pressed) => router.pressureChanged(pressed),
  })
  const router: ShardRouter = new ShardRouter({
    exchange,
    port: parts.port,
    clock: parts.clock,
    timers,
    borrowFile: parts.borrowFile,
    image: parts.image,
  })
  const worker = new ShardWorker({
    exchange,
    port: parts.port,
    calls: router.ownCalls,
    clock: parts.clock,
    logger: parts.logger,
  })
  return {
    router,
    worker,
    exchange,
    slabs,
    start: () => exchange.start(),
    close: () => exchange.close(),
  }
}
