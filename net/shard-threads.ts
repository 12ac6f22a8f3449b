/**
 * The start of the shard threads, apart from what they are later told: they take longest to load, so
 * whoever starts a broker begins with them and loads the rest meanwhile. They touch nothing before
 * ShardPool.begin.
 */
import { availableParallelism } from 'node:os'
import type { Worker } from 'node:worker_threads'
import type { BrokerConfig } from '../engine/base/config.ts'
import { limits } from '../engine/base/limits.ts'
import type { Logger } from '../engine/base/logger.ts'
import { ShardPool } from '../workers/pool.ts'
import { threadEntry } from '../workers/thread-entry.ts'
import { isKoffiInstalled } from './koffi.ts'

/**
 * How many shards a broker of this configuration has here. Without native calls half as many: no
 * connection moves to the shard that it uses, and a request that changes threads costs more than a
 * thread of its own brings (docs/performance.md, "One shard or two").
 */
export function shardCount(
  config: Pick<BrokerConfig, 'sluiceShards' | 'sluiceNativeCalls'>,
  cores: number = availableParallelism(),
): number {
  const isNative = config.sluiceNativeCalls && isKoffiInstalled()
  const unset = isNative ? cores : Math.ceil(cores / 2)
  return Math.min(config.sluiceShards ?? unset, limits.shardsMax)
}

/** Threads for every shard but the own one. `exit` ends the process when one dies. */
export function startShardThreads(
  config: BrokerConfig,
  logger: Logger,
  exit: (code: number) => void,
): ShardPool {
  const entry = threadEntry('./thread', import.meta.url)
  const begun = begunThreads()
  return new ShardPool({ shards: shardCount(config), wake: 'atomics', entry, begun, logger, exit })
}

/** Where tools/bundle-load.cjs leaves threads that it started before anything was loaded. */
const BEGUN = Symbol.for('sluice.begunThreads')

/** Those threads, once. */
function begunThreads(): readonly Worker[] {
  const begun: unknown = Reflect.get(globalThis, BEGUN)
  Reflect.deleteProperty(globalThis, BEGUN)
  return Array.isArray(begun) ? begun : []
}
