/** Replies with file ranges over a real socket, by sendfile and by read and write. */
import { once } from 'node:events'
import { mkdtempSync, readSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { limits } from '../../engine/base/limits.ts'
import type { DiskFile } from '../../engine/log/disk.ts'
import { NodeDisk, type ReadCached } from '../../engine/log/node-disk.ts'
import { readCachedNative } from '../../net/native-read.ts'
import { type DirectSend, directSend } from '../../net/native-send.ts'
import { nativeSocketsAvailable } from '../../net/native-sockets.ts'
import { Outbox, OutboxPool } from '../../net/outbox.ts'
import { type RecordRange, type ReplyBody, ReplyOutput } from '../../net/reply.ts'

const FILE_BYTES = 9 << 20
const CONTENT = Buffer.alloc(FILE_BYTES)
for (let at = 0; at < FILE_BYTES; at += 4) CONTENT.writeUInt32LE((at * 2654435761) >>> 0, at)
/** Three zeros stand here, as at the start of a batch. */
const ZEROS_AT = 6_000_001
CONTENT.fill(0, ZEROS_AT, ZEROS_AT + 3)

let folder = ''
let file: DiskFile
const disk = new NodeDisk()
const cleanups: (() => void)[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'outbox-'))
  writeFileSync(join(folder, 'f'), CONTENT)
  file = await disk.open(join(folder, 'f'), 'read')
})

afterAll(async () => {
  await file.close()
  rmSync(folder, { recursive: true })
})

afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

/** Ranges with a few bytes of its own before each, and `tail` behind the last. */
class RangesBody implements ReplyBody {
  released = 0
  readonly ranges: readonly RecordRange[]
  private readonly tail: Buffer
  constructor(ranges: readonly RecordRange[], tail: Buffer = int32(-1)) {
    this.ranges = ranges
    this.tail = tail
  }
  get recordBytes(): number {
    return this.ranges.reduce((sum, { length }) => sum + length, 0)
  }
  get uncached(): boolean {
    return this.ranges.some(({ cached }) => !cached)
  }
  encode(output: ReplyOutput): void {
    for (const range of this.ranges) {
      output.writer.int32(range.length)
      output.records(range)
    }
    for (const byte of this.tail) output.writer.int8((byte << 24) >> 24)
  }
  release(): void {
    this.released++
  }
  /** The frame as the client must see it. */
  expected(correlationId: number): Buffer {
    const parts = this.ranges.flatMap(({ position, length }) => [
      int32(length),
      CONTENT.subarray(position, position + length),
    ])
    const body = Buffer.concat([int32(correlationId), ...parts, this.tail])
    return Buffer.concat([int32(body.length), body])
  }
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function range(position: number, length: number, cached = true, zerosBehind = 0): RecordRange {
  return { file, position, length, cached, zerosBehind }
}

async function pair(): Promise<{ ours: Socket; theirs: Socket }> {
  const server = createServer({ noDelay: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const theirs = connect((server.address() as AddressInfo).port, '127.0.0.1')
  theirs.pause()
  const [ours] = (await once(server, 'connection')) as [Socket]
  cleanups.push(() => {
    ours.destroy()
    theirs.destroy()
    server.close()
  })
  theirs.on('error', () => {})
  ours.on('error', () => {})
  return { ours, theirs }
}

const native = directSend()
const ways: [string, DirectSend | null, ReadCached | null][] = [
  ['read and write', null, null],
  ['read and write, old data from memory', null, readCachedNative],
  ['read and write, old data from memory in part', null, inPart],
]
if (native !== null) ways.push(['sendfile', native, readCachedNative])

/** A hundred bytes of what is asked for, and none of every third 64 KiB. */
function inPart(fd: number, into: Buffer, position: number): number {
  if ((position >> 16) % 3 === 0) return -1
  return readSync(fd, into, 0, Math.min(100, into.length), position)
}

it('sends directly wherever sockets can be made natively', () => {
  expect(native !== null).toBe(nativeSocketsAvailable())
})

describe.each(ways)('replies with file ranges by %s', (_, direct, readCached) => {
  beforeAll(() => {
    disk.readCached = readCached
  })

  async function sendAll(
    bodies: RangesBody[],
    beforeReading: () => Promise<void>,
    output = new ReplyOutput(0),
  ) {
    const { ours, theirs } = await pair()
    const pool = new OutboxPool(direct)
    const failures: string[] = []
    let next = 0
    const pumped = (): void => {
      if (outbox.streaming) outbox.pump()
      while (!outbox.streaming && next < bodies.length) {
        const body = bodies[next]!
        output.reset()
        output.frame(next, false, body)
        outbox.send(output, body)
        next++
      }
    }
    const outbox = new Outbox({
      socket: ours,
      pool,
      onProgress: () => setImmediate(pumped),
      onFailure: (reason) => {
        failures.push(reason)
        outbox.close()
        ours.destroy()
      },
    })
    pumped()
    await beforeReading()
    const received: Buffer[] = []
    theirs.on('data', (chunk: Buffer) => received.push(chunk))
    const all = bodies.reduce((sum, body, at) => sum + body.expected(at).length, 0)
    theirs.resume()
    const got = (): number => received.reduce((sum, { length }) => sum + length, 0)
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (got() >= all) resolve()
      }
      theirs.on('data', look)
      theirs.on('close', resolve)
      look()
    })
    return { received: Buffer.concat(received), failures, outbox }
  }

  const shapes: Record<string, () => RangesBody[]> = {
    'one range': () => [new RangesBody([range(17, 100_000)])],
    'large ones to a reader that sleeps at first': () => [
      new RangesBody([range(0, FILE_BYTES)]),
      new RangesBody([range(5, 3_000_000), range(4_000_000, 40_000)]),
    ],
    'with behind them what stands in the file as well': () => [
      new RangesBody([range(17, ZEROS_AT - 17, true, 3)], Buffer.alloc(3)),
      new RangesBody([range(ZEROS_AT - 20_000, 20_000, true, 3)], Buffer.alloc(3)),
      new RangesBody([range(ZEROS_AT - 20_000, 20_000, false, 3)], Buffer.alloc(2)),
      new RangesBody([range(ZEROS_AT - 20_000, 19_000)], Buffer.alloc(0)),
      new RangesBody([range(ZEROS_AT - 20_000, 20_000, true, 3)]),
    ],
    'short, long and uncached ones in any order': () => [
      new RangesBody([range(9, 10), range(100, 50_000), range(1, 1), range(77, 30_000, false)]),
      new RangesBody([range(FILE_BYTES - 20_000, 20_000, false), range(0, 16_384)]),
      new RangesBody([range(3, 16_383), range(0, 700_000), range(8, 300)]),
    ],
  }
  for (const [name, make] of Object.entries(shapes))
    it(`arrive whole and in order: ${name}`, async () => {
      const bodies = make()
      const { received, failures, outbox } = await sendAll(
        bodies,
        () => new Promise((resolve) => setTimeout(resolve, 30)),
      )
      expect(failures).toEqual([])
      expect(received.equals(Buffer.concat(bodies.map((body, at) => body.expected(at))))).toBe(true)
      while (outbox.streaming) await new Promise((resolve) => setImmediate(resolve))
      expect(bodies.map(({ released }) => released)).toEqual(bodies.map(() => 1))
      expect(outbox.backlogBytes).toBe(0)
    })

  it('arrive whole and in order: small ones to a reader that sleeps until the socket is full', async () => {
    const count = 600
    const bodies = Array.from({ length: count }, (_, at) => new RangesBody([range(at * 7, 20_000)]))
    const slept = () => new Promise<void>((resolve) => setTimeout(resolve, 30))
    const { received, failures, outbox } = await sendAll(bodies, slept, new ReplyOutput(1 << 16))
    expect(failures).toEqual([])
    expect(received.equals(Buffer.concat(bodies.map((body, at) => body.expected(at))))).toBe(true)
    expect(bodies.map(({ released }) => released)).toEqual(bodies.map(() => 1))
    expect(outbox.backlogBytes).toBe(0)
  })

  it('fails when the file is shorter than its index says', async () => {
    const body = new RangesBody([range(FILE_BYTES - 50_000, 60_000)])
    const { failures } = await sendAll([body], async () => {})
    expect(failures.length).toBe(1)
    expect(failures[0]).toContain('shorter than its index says')
  })

  it.each([
    ['file ranges', 0],
    ['small replies', 1 << 18],
  ])('sends nothing by the descriptor of a destroyed socket: %s', async (_, inlineBytesMax) => {
    const { ours } = await pair()
    const output = new ReplyOutput(inlineBytesMax)
    const outbox = new Outbox({
      socket: ours,
      pool: new OutboxPool(direct),
      onProgress: () => {},
      onFailure: () => {},
    })
    ours.destroy()
    // Whoever comes next gets the number.
    const { ours: other, theirs } = await pair()
    const body = new RangesBody([range(0, 100_000)])
    output.frame(1, false, body)
    outbox.send(output, body)
    outbox.close()
    other.end('only this')
    theirs.resume()
    const received: Buffer[] = []
    theirs.on('data', (chunk: Buffer) => received.push(chunk))
    await once(theirs, 'end')
    expect(Buffer.concat(received).toString()).toBe('only this')
    expect(body.released).toBe(1)
  })
})

/** A kernel that takes what it is given, and remembers in which pieces. */
class TakingKernel implements DirectSend {
  readonly taken: string[] = []
  readonly resident: boolean
  takes = true
  constructor(resident: boolean) {
    this.resident = resident
  }
  file(_socketFd: number, _fileFd: number, position: number, bytes: number): number {
    this.taken.push(`file ${position} ${bytes}`)
    return bytes
  }
  bytes(_socketFd: number, _buffer: Buffer, start: number, end: number, more: boolean): number {
    this.taken.push(`bytes ${end - start}${more ? ' and more' : ''}`)
    return this.takes ? end - start : -1
  }
  inMemory(_fileFd: number, position: number, bytes: number): boolean {
    this.taken.push(`asked ${position} ${bytes}`)
    return this.resident
  }
  cork(_socketFd: number, on: boolean): void {
    this.taken.push(on ? 'cork' : 'uncork')
  }
  push(): void {
    this.taken.push('push')
  }
}

describe('what goes to the kernel directly', () => {
  async function send(kernel: TakingKernel, body: RangesBody): Promise<Outbox> {
    const { ours } = await pair()
    const output = new ReplyOutput(0)
    const pool = new OutboxPool(kernel)
    const outbox = new Outbox({ socket: ours, pool, onProgress: () => {}, onFailure: () => {} })
    output.frame(1, false, body)
    outbox.send(output, body)
    return outbox
  }

  it('is an answer of a whole turn with the bytes behind its range', async () => {
    const kernel = new TakingKernel(false)
    const outbox = await send(kernel, new RangesBody([range(0, limits.connectionReplyBytesMax)]))
    expect(kernel.taken).toEqual(['cork', 'bytes 12', 'file 0 1048576', 'bytes 4', 'push'])
    expect(outbox.streaming).toBe(false)
  })

  it('is old data that is all in memory', async () => {
    const kernel = new TakingKernel(true)
    const outbox = await send(kernel, new RangesBody([range(77, 30_000, false)]))
    const whole = '77 30000'
    const sent = ['cork', 'bytes 12', `asked ${whole}`, `file ${whole}`, 'bytes 4', 'push']
    expect(kernel.taken).toEqual([
      `asked ${whole}`,
      ...sent.filter((step) => !step.includes('asked')),
    ])
    expect(outbox.streaming).toBe(false)
  })

  it('keeps the cork from one range to the next, and takes it off for what is small', async () => {
    const kernel = new TakingKernel(true)
    const { ours } = await pair()
    const pool = new OutboxPool(kernel)
    const outbox = new Outbox({ socket: ours, pool, onProgress: () => {}, onFailure: () => {} })
    for (const inline of [false, false, true, false]) {
      const output = new ReplyOutput(inline ? FILE_BYTES : 0)
      const body = new RangesBody([range(0, 30_000)])
      output.frame(1, false, body)
      outbox.send(output, body)
    }
    const large = ['bytes 12', 'file 0 30000', 'bytes 4', 'push']
    const small = ['uncork', 'bytes 30016']
    expect(kernel.taken).toEqual(['cork', ...large, ...large, ...small, 'cork', ...large])
  })

  it('is the file up to the end of the answer where both go on alike', async () => {
    const kernel = new TakingKernel(true)
    const zeros = Buffer.alloc(3)
    await send(kernel, new RangesBody([range(0, 30_000, true, 3)], zeros))
    await send(kernel, new RangesBody([range(0, 30_000, false, 3)], zeros))
    await send(kernel, new RangesBody([range(0, 30_000)], Buffer.alloc(0)))
    expect(kernel.taken).toEqual([
      ...['bytes 12 and more', 'file 0 30003'],
      ...['asked 0 30003', 'bytes 12 and more', 'file 0 30003'],
      ...['bytes 12 and more', 'file 0 30000'],
    ])
  })

  it.each([
    ['more zeros than the file is known to have', 1, Buffer.alloc(4)],
    ['something else', 1, Buffer.from([0, 0, 1])],
    ['zeros, but has another range', 2, Buffer.alloc(3)],
  ])(
    'is no byte more of the file than the range when the answer ends with %s',
    async (_, count, tail) => {
      const kernel = new TakingKernel(true)
      const ranges = Array.from({ length: count }, () => range(0, 30_000, true, 3))
      await send(kernel, new RangesBody(ranges, tail))
      expect(kernel.taken[0]).toBe('cork')
      expect(kernel.taken.filter((step) => step === 'file 0 30000').length).toBe(count)
      expect(kernel.taken.slice(-2)).toEqual([`bytes ${tail.length}`, 'push'])
    },
  )

  it('takes off the cork before what goes by Node', async () => {
    const kernel = new TakingKernel(true)
    kernel.takes = false
    const outbox = await send(kernel, new RangesBody([range(0, 30_000)]))
    expect(kernel.taken.slice(0, 3)).toEqual(['cork', 'bytes 12', 'push'])
    expect(kernel.taken.at(-1)).toBe('uncork')
    outbox.close()
  })

  it('is not old data that may have to come from the device', async () => {
    const kernel = new TakingKernel(false)
    const outbox = await send(kernel, new RangesBody([range(77, 30_000, false)]))
    expect(kernel.taken.filter((piece) => !piece.startsWith('asked'))).toEqual([])
    outbox.close()
  })
})
