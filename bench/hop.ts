/**
 * What a hop to another shard costs: one append (100 bytes) to a shard in another thread and its
 * answer, with each way of waking; alone (ping-pong, both threads go to rest in between) and in
 * batches, where wake-ups are shared.
 *
 *   tsx bench/hop.ts [hops per run]
 */
import os from 'node:os'
import { silentLogger } from '../engine/base/logger.ts'
import { partitionKey } from '../engine/metadata/image.ts'
import type { AppendDone } from '../engine/shard-port.ts'
import { FakeShardPort } from '../test/support/fake-shard-port.ts'
import { linkThread } from '../test/support/shard-thread.ts'
import type { ShardLink } from '../workers/link.ts'
import { ShardPool } from '../workers/pool.ts'
import { threadEntry } from '../workers/thread-entry.ts'
import type { WakeWay } from '../workers/wiring.ts'

const OPTIONS = { acks: 1, timeoutMs: 30_000, produceVersion: 9, internalAllowed: false }
const RUNS = 5
const BATCHES = [1, 8, 64, 512]

export interface HopFigure {
  readonly wake: WakeWay
  readonly inFlight: number
  /** Microseconds per append, over the runs. */
  readonly medianUs: number
  readonly leastUs: number
  readonly mostUs: number
}

/** Sends `hops` appends to shard 1, `inFlight` at a time, each batch when the last is answered. */
function hop(link: ShardLink, hops: number, inFlight: number): Promise<number> {
  const records = Buffer.alloc(100)
  const key = partitionKey(0, 1)
  return new Promise((resolve) => {
    const start = performance.now()
    let sent = 0
    let answered = 0
    const done: AppendDone = () => {
      answered++
      if (answered === hops) resolve(((performance.now() - start) * 1000) / hops)
      else if (answered === sent) batch()
    }
    const batch = (): void => {
      for (let i = 0; i < inFlight && sent < hops; i++) {
        sent++
        link.router.append(key, records, OPTIONS, done)
      }
    }
    batch()
  })
}

export async function measureHops(wake: WakeWay, hops: number): Promise<HopFigure[]> {
  const pool = new ShardPool({
    shards: 2,
    wake,
    entry: threadEntry('../test/support/shard-thread-entry', import.meta.url),
    logger: silentLogger,
    exit: (code) => process.exit(code),
  })
  const link = linkThread(pool.wiring, new FakeShardPort())
  await pool.begin(() => ({ fd: -1, forgetful: true }))
  const figures: HopFigure[] = []
  for (const inFlight of BATCHES) {
    await hop(link, Math.min(hops, 2_000), inFlight)
    const runs: number[] = []
    for (let run = 0; run < RUNS; run++) runs.push(await hop(link, hops, inFlight))
    runs.sort((a, b) => a - b)
    figures.push({
      wake,
      inFlight,
      medianUs: runs[RUNS >> 1]!,
      leastUs: runs[0]!,
      mostUs: runs[RUNS - 1]!,
    })
  }
  await pool.stop(async (stage) => {
    if (stage === 'close') link.close()
  })
  return figures
}

const ROUNDS = 3

async function main(): Promise<void> {
  const hops = Number(process.argv[2] ?? 20_000)
  console.log(`Node ${process.version}, ${os.cpus().length} x ${os.cpus()[0]?.model}, ${hops} hops`)
  // In turns, since the later one of two always finds warmer code.
  for (let round = 1; round <= ROUNDS; round++)
    for (const wake of ['atomics', 'port'] as const)
      for (const { inFlight, medianUs, leastUs, mostUs } of await measureHops(wake, hops)) {
        const spread = `${leastUs.toFixed(2)}-${mostUs.toFixed(2)}`
        const what = `${round} ${wake.padEnd(8)} ${String(inFlight).padStart(4)} in flight`
        console.log(`${what}: ${medianUs.toFixed(2)} us each (${spread})`)
      }
}

if (process.argv[1] !== undefined && import.meta.url.endsWith(process.argv[1])) await main()
