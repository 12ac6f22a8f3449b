/** Shards in real threads: rings, wake-ups of both kinds, slabs by id, leases, images, stop. */
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, it } from 'vitest'
import { silentLogger } from '../../engine/base/logger.ts'
import { emptyImage, partitionKey } from '../../engine/metadata/image.ts'
import type { ReadResult } from '../../engine/shard-port.ts'
import type { ShardLink } from '../../workers/link.ts'
import { calls, type StopStage, stopStages } from '../../workers/messages.ts'
import { endThread, SHARD_THREAD, ShardPool } from '../../workers/pool.ts'
import { threadEntry } from '../../workers/thread-entry.ts'
import type { WakeWay } from '../../workers/wiring.ts'
import { FakeShardPort } from '../support/fake-shard-port.ts'
import { linkThread, type TestThreadData, type TestThreadStart } from '../support/shard-thread.ts'

const OPTIONS = { acks: -1, timeoutMs: 30_000, produceVersion: 9, internalAllowed: false }

interface Running {
  readonly pool: ShardPool
  readonly link: ShardLink
  readonly port: FakeShardPort
  readonly errors: string[]
  readonly exited: Promise<number>
  stop(): Promise<StopStage[]>
}

const entry = threadEntry('../support/shard-thread-entry', import.meta.url)
const running: Running[] = []

afterEach(async () => {
  for (const group of running.splice(0)) await group.stop()
})

/** A thread started by somebody else than the pool. */
function newThread() {
  const left = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  const workerData: TestThreadStart = { kind: SHARD_THREAD, left }
  const thread = new Worker(entry.url, { workerData, execArgv: [...entry.execArgv] })
  return { thread, left, ended: once(thread, 'exit') }
}

async function start(
  shards: number,
  wake: WakeWay,
  data: Partial<TestThreadData> = {},
  begun: readonly Worker[] = [],
): Promise<Running> {
  const errors: string[] = []
  let exit: (code: number) => void = () => {}
  const exited = new Promise<number>((resolve) => {
    exit = resolve
  })
  const pool = new ShardPool({
    shards,
    wake,
    entry,
    begun,
    logger: { ...silentLogger, error: (line) => errors.push(line), warn: (l) => errors.push(l) },
    exit,
  })
  const port = new FakeShardPort()
  const link = linkThread(pool.wiring, port)
  const group: Running = {
    pool,
    link,
    port,
    errors,
    exited,
    async stop() {
      const stages: StopStage[] = []
      await pool.stop(async (stage) => {
        stages.push(stage)
        if (stage === 'close') link.close()
      })
      return stages
    },
  }
  running.push(group)
  await pool.begin(() => ({ fd: -1, ...data }))
  return group
}

/** Topic 0: partition p is owned by shard p modulo the shards. */
const key = (partition: number): number => partitionKey(0, partition)

const sizeOf = (n: number): number => (n % 100 === 7 ? 300_000 : n % 200)

/** Appends `count` batches of `sizeOf` bytes to shard 1, in bursts with rests between them. */
function appendBursts(link: ShardLink, count: number): Promise<number[]> {
  return new Promise((resolve) => {
    const offsets: number[] = []
    let sent = 0
    const burst = (): void => {
      const end = Math.min(count, sent + 1 + ((sent * 7) % 1_500))
      while (sent < end) {
        const records = Buffer.alloc(sizeOf(sent), sent & 0xff)
        sent++
        link.router.append(key(1), records, OPTIONS, answered)
      }
    }
    const answered = (errorCode: number, baseOffset: number): void => {
      expect(errorCode).toBe(0)
      offsets.push(baseOffset)
      if (offsets.length === count) resolve(offsets)
      else if (offsets.length === sent) burst()
    }
    burst()
  })
}

function read(link: ShardLink, fetchOffset: number): Promise<readonly ReadResult[]> {
  const partition = { maxBytes: 10_000_000, currentLeaderEpoch: -1, lastFetchedEpoch: -1 }
  return new Promise((resolve) => {
    link.router.read(
      {
        partitions: [{ key: key(1), fetchOffset, ...partition }],
        isolation: 0,
        maxBytes: 10_000_000,
        minBytes: 1,
        deadlineMs: performance.now() + 5_000,
      },
      resolve,
    )
  })
}

for (const wake of ['atomics', 'port'] as const)
  describe(`shards in threads, woken by ${wake}`, () => {
    it('append in order, from ring and slab, and read back through a descriptor', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'sluice-pool-'))
      const path = join(folder, 'segment')
      writeFileSync(path, 'x'.repeat(1_000))
      const fd = openSync(path, 'r')
      try {
        const { link } = await start(2, wake, { fd })
        const count = 3_000
        const offsets = await appendBursts(link, count)
        expect(offsets).toEqual(Array.from({ length: count }, (_, i) => i))
        const results = await read(link, count - 300)
        let bytes = 0
        for (let n = count - 300; n < count; n++) bytes += sizeOf(n)
        expect(results[0]!.length).toBe(bytes)
        const into = Buffer.alloc(10)
        expect(results[0]!.file!.readSync(into, 0)).toBe(10)
        expect(String(into)).toBe('x'.repeat(10))
        for (const result of results) result.release()
        const stats = await link.router.call(1, calls.stats, {})
        expect(stats).toMatchObject({ leases: 0, backlog: 0, slabBytesInUse: 0 })
        expect(link.slabs.bytesInUse).toBe(0)
      } finally {
        closeSync(fd)
        rmSync(folder, { recursive: true })
      }
    })

    it('carry bodies larger than a ring in both directions', async () => {
      const { link } = await start(3, wake)
      const body = Buffer.alloc(3_000_000, 'b')
      const request = { partition: 0, apiKey: 11, apiVersion: 9, clientId: null, clientHost: '' }
      const answers = await Promise.all(
        [1, 2, 1, 2].map((shard) =>
          link.router.call(shard, calls.coordinate, { ...request, body }),
        ),
      )
      for (const answer of answers) expect(answer.body.equals(body)).toBe(true)
      for (const shard of [1, 2])
        expect(await link.router.call(shard, calls.stats, {})).toMatchObject({ slabBytesInUse: 0 })
      expect(link.slabs.bytesInUse).toBe(0)
    })

    it('rest when there is nothing to do', async () => {
      const { link } = await start(2, wake)
      const before = await link.router.call(1, calls.stats, {})
      await new Promise((resolve) => setTimeout(resolve, 100))
      const after = await link.router.call(1, calls.stats, {})
      // One turn for the call itself, and at most a stray one after the answer before it.
      expect(after.turns - before.turns).toBeLessThanOrEqual(2)
    })
  })

describe('a pool of shards', () => {
  it('publishes an image to every thread before it says so', async () => {
    const { pool, link } = await start(3, 'atomics')
    await pool.publish({ ...emptyImage('cluster', 1), version: 41 })
    for (const shard of [1, 2])
      expect(await link.router.call(shard, calls.allocateProducerIds, { count: 1 })).toMatchObject({
        firstProducerId: 41,
      })
  })

  it('takes over threads that run already, and lets those too many end by themselves', async () => {
    const threads = [1, 2].map(() => newThread())
    for (const { thread } of threads) thread.unref()
    const group = await start(
      2,
      'atomics',
      {},
      threads.map(({ thread }) => thread),
    )
    const [kept, extra] = threads
    await extra?.ended
    expect(extra?.left[0]).toBe(1)
    expect(await group.link.router.call(1, calls.stats, {})).toMatchObject({ backlog: 0 })
    expect(kept?.left[0]).toBe(0)
    await group.stop()
    await kept?.ended
    expect(kept?.left[0]).toBe(1)
    expect(group.errors).toEqual([])
  })

  it('lets threads end by themselves after a start that failed', async () => {
    const { thread, ended, left } = newThread()
    const exit = (code: number) => expect.unreachable(`exit with ${code}`)
    const parts = { shards: 2, wake: 'atomics', entry, logger: silentLogger, exit } as const
    new ShardPool({ ...parts, begun: [thread] }).abandon()
    await ended
    expect(left[0]).toBe(1)
  })

  it('cuts off a thread that does not end in time, and knows one that has ended', async () => {
    const thread = new Worker('for (;;) ;', { eval: true })
    const ended = once(thread, 'exit')
    await endThread(thread, 1)
    await ended
    await endThread(thread)
  })

  it('stops in stages, and again without harm', async () => {
    const group = await start(2, 'atomics')
    expect(await group.stop()).toEqual(stopStages)
    expect(await group.stop()).toEqual([])
    expect(group.errors).toEqual([])
  })

  for (const what of ['throw', 'exit'] as const)
    it(`ends the process with code 1 after one line when a thread dies by ${what}`, async () => {
      const group = await start(3, 'atomics', { onVersion: { 5: what } })
      group.pool.publish({ ...emptyImage('cluster', 1), version: 5 }).catch(() => {})
      expect(await group.exited).toBe(1)
      expect(group.errors.length).toBe(1)
      expect(group.errors[0]).toMatch(/^Shard [12] failed: .*start it again\.$/s)
    })
})
