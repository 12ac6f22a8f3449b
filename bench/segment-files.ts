/**
 * What the ways to write a log's files are worth on this disk, without a broker: a plain append, one whose
 * page cache is bounded, files that are there already (recycled), room taken ahead (fallocate), writes past
 * the page cache (O_DIRECT); many bytes one behind the other, and small appends with a sync each. Rounds
 * take the ways in turns.
 *
 * Run: npm run bench -- segment-files [--folder PATH] [--gib N] [--rounds N] [--cold] [--syncs N]
 * --cold leaves the memory alone for half a minute before each way, --warm touches it.
 */
import fs from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { touchMemory } from './load/touch-memory.ts'
import { machine } from './machine.ts'
import { showSpread, showTable, spreadOf } from './spread.ts'

const MIB = 1024 * 1024
const SEGMENT_BYTES = 1024 * MIB
const WRITE_BYTES = 256 * 1024
const DIRECT_BYTES = MIB
const AHEAD_BYTES = 64 * MIB
const BUDGET_BYTES = 256 * MIB
const PIECE_BYTES = 8 * MIB
const SYNCED_BYTES = 4096
const PAGE_BYTES = 4096
const FALLOC_FL_KEEP_SIZE = 1
const SYNC_FILE_RANGE_WRITE = 2
const POSIX_FADV_DONTNEED = 4
const COLD_MS = 30_000
const WARM_GIB = 14

const koffi: typeof import('koffi') = createRequire(import.meta.url)('koffi')
const libc = koffi.load(null)
const fallocate = libc.func('int fallocate(int, int, int64_t, int64_t)')
const writeOut = libc.func('int sync_file_range(int, int64_t, int64_t, uint32_t)')
const advise = libc.func('int posix_fadvise(int, int64_t, int64_t, int)')

interface Figures {
  readonly gigabytesPerSecond: number
  readonly cpuPerGigabyte: number
  readonly p999Ms: number
  readonly slowestMs: number
}

/** Called for a new file, before and behind each write; asynchronous parts are awaited at its end. */
interface Way {
  /** The next file gets its room while this one is written. */
  readonly ahead?: boolean
  readonly recycled?: 'in memory' | 'on the device'
  before?(fd: number, position: number): void
  behind?(fd: number, position: number): void
}

type Async = ReturnType<typeof libc.func>

let advised: Promise<unknown> = Promise.resolve()

/** In the pool, one after the other, as the broker does. */
function inPool(call: Async, ...args: number[]): void {
  advised = advised.then(() => new Promise((resolve) => call.async(...args, resolve)))
}

function bound(fd: number, end: number): void {
  if (end % PIECE_BYTES !== 0) return
  const out = end - AHEAD_BYTES
  const gone = end - BUDGET_BYTES
  if (out >= PIECE_BYTES)
    inPool(writeOut, fd, out - PIECE_BYTES, PIECE_BYTES, SYNC_FILE_RANGE_WRITE)
  if (gone >= 0) inPool(advise, fd, 0, gone, POSIX_FADV_DONTNEED)
}

const ways: Readonly<Record<string, Way>> = {
  plain: {},
  bounded: { behind: bound },
  // Its pages are in memory still, and are written over there.
  recycled: { recycled: 'in memory' },
  'recycled bounded': { recycled: 'on the device', behind: bound },
  'room ahead': {
    before(fd, position) {
      if (position % AHEAD_BYTES === 0) fallocate(fd, FALLOC_FL_KEEP_SIZE, position, AHEAD_BYTES)
    },
  },
}

/** Processor seconds of this process, its pool and its calls included; not of the kernel's own threads. */
function ownSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

async function writeMuch(folder: string, way: Way, bytes: number): Promise<Figures> {
  const data = Buffer.alloc(WRITE_BYTES, 7)
  const path = (segment: number) => join(folder, `${segment}.log`)
  if (way.recycled !== undefined)
    for (const segment of [0, 1]) fillFile(path(segment), SEGMENT_BYTES, data)
  if (way.recycled === 'on the device') dropCaches()
  const cpu = ownSeconds()
  const start = performance.now()
  let synced: Promise<void> = Promise.resolve()
  const took: number[] = []
  const isOld = way.recycled !== undefined
  let next: Promise<number> | null = null
  for (let segment = 0; segment * SEGMENT_BYTES < bytes; segment++) {
    const fd =
      next !== null
        ? await next
        : fs.openSync(path(isOld ? segment % 2 : segment), isOld ? 'r+' : 'w')
    if (way.ahead === true) next = roomyFile(path(segment + 1))
    for (let position = 0; position < SEGMENT_BYTES; position += WRITE_BYTES) {
      const began = performance.now()
      way.before?.(fd, position)
      fs.writeSync(fd, data, 0, WRITE_BYTES, position)
      way.behind?.(fd, position + WRITE_BYTES)
      took.push(performance.now() - began)
      // Completions of the pool are heard of, as in a broker.
      if (position % PIECE_BYTES === 0) await new Promise(setImmediate)
    }
    // The device must keep up, or bytes written over in memory would count that it never got.
    await synced
    const done = advised
    synced = promisify(fs.fdatasync)(fd).then(async () => {
      await done
      fs.closeSync(fd)
    })
    // As retention that keeps two segments.
    if (!isOld && segment >= 2) await fs.promises.unlink(path(segment - 2))
  }
  await synced
  if (next !== null) fs.closeSync(await next)
  return figures(bytes, start, cpu, took)
}

/** A new file with room for a segment, given in the pool. */
function roomyFile(path: string): Promise<number> {
  const fd = fs.openSync(path, 'w')
  return new Promise((resolve) =>
    fallocate.async(fd, FALLOC_FL_KEEP_SIZE, 0, SEGMENT_BYTES, () => resolve(fd)),
  )
}

async function writeDirect(folder: string, bytes: number): Promise<Figures> {
  const data = pageAligned(2 * DIRECT_BYTES).fill(7)
  const cpu = ownSeconds()
  const start = performance.now()
  const took: number[] = []
  for (let segment = 0; segment * SEGMENT_BYTES < bytes; segment++) {
    const path = join(folder, `${segment}.log`)
    const { O_WRONLY, O_CREAT, O_DIRECT } = fs.constants
    const file = await fs.promises.open(path, O_WRONLY | O_CREAT | O_DIRECT)
    let next = 0
    const writer = async (half: number): Promise<void> => {
      while (next < SEGMENT_BYTES) {
        const position = next
        next += DIRECT_BYTES
        const began = performance.now()
        await file.write(data, half * DIRECT_BYTES, DIRECT_BYTES, position)
        took.push(performance.now() - began)
      }
    }
    await Promise.all([writer(0), writer(1)])
    await file.close()
    if (segment >= 2) await fs.promises.unlink(join(folder, `${segment - 2}.log`))
  }
  return figures(bytes, start, cpu, took)
}

function pageAligned(bytes: number): Buffer {
  const room = Buffer.alloc(bytes + PAGE_BYTES)
  const from = PAGE_BYTES - Number(koffi.address(room) % BigInt(PAGE_BYTES))
  return room.subarray(from, from + bytes)
}

function figures(bytes: number, start: number, cpu: number, tookMs: readonly number[]): Figures {
  const gigabytes = bytes / 1e9
  const seconds = (performance.now() - start) / 1000
  const sorted = [...tookMs].sort((one, other) => one - other)
  return {
    gigabytesPerSecond: gigabytes / seconds,
    cpuPerGigabyte: (ownSeconds() - cpu) / gigabytes,
    p999Ms: sorted[Math.floor(sorted.length * 0.999)]!,
    slowestMs: sorted.at(-1)!,
  }
}

function fillFile(path: string, bytes: number, data: Buffer): void {
  const fd = fs.openSync(path, 'w')
  for (let at = 0; at < bytes; at += data.length) fs.writeSync(fd, data, 0, data.length, at)
  fs.fdatasyncSync(fd)
  fs.closeSync(fd)
}

/** How a small append meets its file. */
const syncedFiles: Readonly<Record<string, (fd: number, bytes: number) => void>> = {
  'new file': () => {},
  recycled: (fd, bytes) => {
    const data = Buffer.alloc(WRITE_BYTES, 9)
    for (let at = 0; at < bytes; at += data.length) fs.writeSync(fd, data, 0, data.length, at)
  },
  'room ahead': (fd, bytes) => fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, bytes),
  'room ahead, size too': (fd, bytes) => fallocate(fd, 0, 0, bytes),
}

/** Median and 99th percentile of one append with its sync, in microseconds. */
function syncEach(folder: string, prepare: (fd: number, bytes: number) => void, count: number) {
  const path = join(folder, 'synced.log')
  const fd = fs.openSync(path, 'w')
  const data = Buffer.alloc(SYNCED_BYTES, 5)
  prepare(fd, Math.ceil((count * SYNCED_BYTES) / WRITE_BYTES) * WRITE_BYTES)
  fs.fsyncSync(fd)
  const took: number[] = []
  const cpu = process.cpuUsage()
  for (let i = 0; i < count; i++) {
    const began = performance.now()
    fs.writeSync(fd, data, 0, data.length, i * data.length)
    fs.fdatasyncSync(fd)
    took.push((performance.now() - began) * 1000)
  }
  const { user, system } = process.cpuUsage(cpu)
  fs.closeSync(fd)
  fs.unlinkSync(path)
  took.sort((one, other) => one - other)
  return {
    p50: took[count >> 1]!,
    p99: took[Math.floor(count * 0.99)]!,
    cpu: (user + system) / count,
  }
}

function dropCaches(): void {
  fs.writeFileSync('/proc/sys/vm/drop_caches', '3')
}

async function settle(memory: 'as it is' | 'warm' | 'cold'): Promise<void> {
  dropCaches()
  if (memory === 'cold') await new Promise((resolve) => setTimeout(resolve, COLD_MS))
  if (memory === 'warm') await touchMemory(WARM_GIB)
}

async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      folder: { type: 'string', default: tmpdir() },
      gib: { type: 'string', default: '4' },
      rounds: { type: 'string', default: '3' },
      syncs: { type: 'string', default: '2000' },
      ways: { type: 'string', default: [...Object.keys(ways), 'direct'].join(',') },
      cold: { type: 'boolean', default: false },
      warm: { type: 'boolean', default: false },
    },
  })
  const memory = values.cold ? 'cold' : values.warm ? 'warm' : 'as it is'
  const bytes = Number(values.gib) * SEGMENT_BYTES
  const rounds = Number(values.rounds)
  console.log(`${machine()}; memory ${memory}`)
  const much = new Map<string, Figures[]>()
  const small = new Map<string, ReturnType<typeof syncEach>[]>()
  for (let round = 0; round < rounds; round++) {
    for (const name of values.ways.split(',').filter((each) => each !== '' && bytes > 0)) {
      const folder = fs.mkdtempSync(join(values.folder, 'segment-files-'))
      try {
        await settle(memory)
        const way = ways[name]
        const got = await (way === undefined
          ? writeDirect(folder, bytes)
          : writeMuch(folder, way, bytes))
        much.set(name, [...(much.get(name) ?? []), got])
      } finally {
        fs.rmSync(folder, { recursive: true })
      }
    }
    for (const [name, prepare] of Object.entries(syncedFiles))
      if (Number(values.syncs) > 0)
        small.set(name, [
          ...(small.get(name) ?? []),
          syncEach(values.folder, prepare, Number(values.syncs)),
        ])
  }
  report(much, small)
}

function report(
  much: ReadonlyMap<string, readonly Figures[]>,
  small: ReadonlyMap<string, readonly ReturnType<typeof syncEach>[]>,
): void {
  const show = (values: readonly number[]) => showSpread(spreadOf(values))
  const wide = [...much].map(([name, all]) => [
    name,
    show(all.map((each) => each.gigabytesPerSecond)),
    show(all.map((each) => each.cpuPerGigabyte)),
    show(all.map((each) => each.p999Ms)),
    show(all.map((each) => each.slowestMs)),
  ])
  if (wide.length > 0)
    console.log(showTable([['written', 'GB/s', 's/GB, own', 'p99.9 ms', 'slowest ms'], ...wide]))
  const each = [...small].map(([name, all]) => [
    name,
    show(all.map(({ p50 }) => p50)),
    show(all.map(({ p99 }) => p99)),
    show(all.map(({ cpu }) => cpu)),
  ])
  if (each.length > 0)
    console.log(showTable([['4 KiB and a sync', 'p50 us', 'p99 us', 'CPU us'], ...each]))
}

if (process.argv[1] === import.meta.filename) await run(process.argv.slice(2))
