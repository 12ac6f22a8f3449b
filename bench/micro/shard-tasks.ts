/** What a shard does beside the bytes: rings, deadlines, waiting fetches, look-ups, file writes. */
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Timer, TimerWheel } from '../../engine/base/timer-wheel.ts'
import { NodeDisk } from '../../engine/log/node-disk.ts'
import { OffsetIndex } from '../../engine/log/offset-index.ts'
import { ParkedReads } from '../../engine/partition/parked-reads.ts'
import type { ReadRequest } from '../../engine/shard-port.ts'
import { Descriptor, newRing, RingReader, RingWriter } from '../../workers/ring.ts'
import { type MicroTask, task } from './micro-task.ts'

const INDEX_ENTRIES = 50_000
const WRITE_SIZES = [172, 4_096, 65_536, 1_048_576]
/** Written over and over, so that the page cache has the pages. */
const FILE_BYTES = 8 * 1024 * 1024
const DEADLINE_MS = 30_000

export interface ShardTasks {
  readonly tasks: readonly MicroTask[]
  close(): Promise<void>
}

export async function shardTasks(): Promise<ShardTasks> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-micro-'))
  const fd = openSync(join(folder, 'written'), 'w')
  const index = await OffsetIndex.open(new NodeDisk(), join(folder, '0.index'), 0, 1 << 20)
  for (let entry = 0; entry < INDEX_ENTRIES; entry++) index.append(entry * 10 + 9, entry * 4096)
  return {
    tasks: [
      ringTask(),
      timerTask(),
      waiterTask(),
      task('offset index looked up', 100, (call) => {
        return index.lookup((call * 7_919) % (INDEX_ENTRIES * 10)).position
      }),
      ...WRITE_SIZES.map((size) => writeTask(fd, size)),
    ],
    async close() {
      closeSync(fd)
      await index.close()
      rmSync(folder, { recursive: true })
    },
  }
}

/** Both ends in one thread: the descriptor's and payload's own cost, without the wake-up (bench/hop.ts). */
function ringTask(): MicroTask {
  const size = { descriptors: 1024, payloadBytes: 1 << 20 }
  const memory = newRing(size)
  const writer = new RingWriter(memory, size)
  const reader = new RingReader(memory, size)
  const [sent, taken] = [new Descriptor(), new Descriptor()]
  const payload = Buffer.alloc(100)
  return task('ring hop of 100 B', 200, () => {
    writer.push(sent, payload)
    reader.next(taken)
    reader.giveBack()
    return taken.length
  })
}

function timerTask(): MicroTask {
  const wheel = new TimerWheel(0, 5)
  const timers = Array.from({ length: 256 }, () => new Timer(() => {}))
  return task('timer armed and cancelled', 256, (call) => {
    const timer = timers[call]!
    wheel.arm(timer, DEADLINE_MS + call * 17)
    timer.cancel()
    return 0
  })
}

/** A fetch parks and is released by what it waited for. */
function waiterTask(): MicroTask {
  const parked = new ParkedReads(new TimerWheel(0, 5), () => ({ results: [], satisfied: true }))
  const request: ReadRequest = {
    partitions: [
      { key: 7, fetchOffset: 0, maxBytes: 1, currentLeaderEpoch: -1, lastFetchedEpoch: -1 },
    ],
    minBytes: 1,
    maxBytes: 1 << 20,
    deadlineMs: DEADLINE_MS,
    isolation: 0,
  }
  let woken = 0
  return task('waiter parked and woken', 50, () => {
    parked.park(request, () => woken++)
    parked.wake(7)
    return woken
  })
}

function writeTask(fd: number, size: number): MicroTask {
  const bytes = Buffer.alloc(size, 1)
  const places = Math.floor(FILE_BYTES / size)
  const calls = Math.max(1, Math.floor(65_536 / size))
  const written = task(`file write of ${size} B`, calls, (call) =>
    writeSync(fd, bytes, 0, size, (call % places) * size),
  )
  return { ...written, disk: true }
}
