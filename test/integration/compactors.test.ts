/** The threads that compact, on a folder that a real Kafka wrote. */
import { cpSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import type { CompactStart } from '../../engine/log/compact-steps.ts'
import { Compactors, cleanersMemory } from '../../workers/compactors.ts'

const SOURCE = new URL('../golden/logs/data/segments-bytes-0', import.meta.url).pathname
const folders: string[] = []
const pools: Compactors[] = []

afterEach(async () => {
  for (const pool of pools.splice(0)) await pool.close()
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

function poolOn(memory = cleanersMemory()): Compactors {
  const pool = new Compactors(memory)
  pools.push(pool)
  return pool
}

/** All segments of a copy but the last. */
function startOn(more: Partial<CompactStart> = {}): CompactStart {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-compactors-'))
  folders.push(dir)
  cpSync(SOURCE, dir, { recursive: true })
  const bases = readdirSync(dir)
    .filter((name) => name.endsWith('.log'))
    .map((name) => Number(name.slice(0, 20)))
    .sort((a, b) => a - b)
  const sources = bases.slice(0, -1).map((baseOffset, index) => ({
    baseOffset,
    endOffset: bases[index + 1] ?? 0,
    size: statSync(join(dir, `${String(baseOffset).padStart(20, '0')}.log`)).size,
    hasTransactionIndex: false,
  }))
  return {
    input: {
      dir,
      sources,
      abortedBehind: [],
      firstDirtyOffset: 0,
      producers: [],
      nowMs: Date.now(),
      deleteRetentionMs: 1_000,
      indexIntervalBytes: 4_096,
      segmentIndexBytes: 1_048_576,
    },
    mapBytes: 64 * 1024,
    mapLoadFactor: 0.9,
    seed: [1, 2, 3, 4],
    bytesPerSecond: Number.POSITIVE_INFINITY,
    ...more,
  }
}

it('runs passes one after the other in one thread, whose map starts empty each time', async () => {
  const pool = poolOn()
  const keys: number[] = []
  for (const bytesOfMap of [64 * 1024, 32 * 1024]) {
    const worker = pool.take(1)!
    const start = startOn({ mapBytes: bytesOfMap })
    const begun = await worker.begin(start)
    if (begun.kind !== 'done') throw new Error(begun.kind)
    keys.push(begun.value.keys)
    expect(begun.value.endOffset).toBe(start.input.sources.at(-1)?.endOffset)
    const group = await worker.compact(start.input.sources)
    expect(group).toMatchObject({ kind: 'done' })
    const made = readdirSync(start.input.dir).filter((name) => name.endsWith('.cleaned'))
    expect(made.length).toBe(3)
    worker.end()
  }
  expect(keys[0]).toBeGreaterThan(0)
  expect(keys[1]).toBe(keys[0])
})

it('has no more passes at work than asked for, over all shards', () => {
  const memory = cleanersMemory()
  const [one, two] = [poolOn(memory), poolOn(memory)]
  const first = one.take(2)
  const second = two.take(2)
  expect(first).not.toBeNull()
  expect(second).not.toBeNull()
  expect([one.take(2), two.take(2)]).toEqual([null, null])
  first?.end()
  expect(two.take(1)).toBeNull()
  const third = one.take(2)
  expect(third).not.toBeNull()
  second?.end()
  third?.end()
})

it('keeps to its bytes a second, and ends soon when it is cancelled', async () => {
  const pool = poolOn()
  const free = pool.take(1)!
  const start = startOn()
  const bytes = start.input.sources.reduce((sum, { size }) => sum + size, 0)
  await free.begin(start)
  free.end()
  const slow = pool.take(1)!
  const startedMs = performance.now()
  const begun = await slow.begin({ ...start, bytesPerSecond: bytes * 2 })
  expect(begun.kind).toBe('done')
  expect(performance.now() - startedMs).toBeGreaterThan(350)
  slow.end()
  const endless = pool.take(1)!
  const outcome = endless.begin({ ...start, bytesPerSecond: 1 })
  setTimeout(() => endless.cancel(), 100)
  expect(await outcome).toEqual({ kind: 'cancelled' })
  endless.end()
})

it('says what it could not read as data', async () => {
  const worker = poolOn().take(1)!
  const start = startOn()
  rmSync(start.input.dir, { recursive: true })
  expect(await worker.begin(start)).toMatchObject({ kind: 'disk-error', code: 'ENOENT' })
  worker.end()
  folders.length = 0
})
