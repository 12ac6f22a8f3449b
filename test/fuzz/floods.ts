/**
 * Peers that are slow, silent, greedy or many, all at once against one broker, with producers and consumers
 * at work beside (N5, N7 of reference/reliability.md):
 *
 *   idle         IDLE connections that say nothing; memory per connection is printed
 *   slow         frames that grow by a byte at a time, small ones and ones that claim megabytes
 *   greedy       fetches for megabytes without reading an answer
 *   unstoppable  produce requests without end and without reading an answer
 *   fleeting     connections that come and go as fast as they can
 *   half-closed  ends of connections that are sent and nothing more
 *
 * Bounds hold: memory, the loop, and that others are answered. Who is slow for limits.frameDeadlineMs, half
 * closed, or idle for connections.max.idle.ms is gone at the end.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { limits } from '../../engine/base/limits.ts'
import { ProduceRequest } from '../../engine/protocol/00-produce.ts'
import { FetchRequest } from '../../engine/protocol/01-fetch.ts'
import { buildBatch } from '../../engine/record/build.ts'
import { parseAddress } from '../../net/client/address.ts'
import { ClientConnection } from '../../net/client/client-connection.ts'
import { slabClassBytes } from '../../workers/slab.ts'
import { Bystanders, createTopic, fetchRecords, produceBatch } from '../stress/bystanders.ts'
import { require } from '../stress/lane-checks.ts'
import { ProbedBroker } from '../stress/probed-broker.ts'
import { requestFrame } from '../support/connection-rig.ts'
import type { Note } from './fuzz-target.ts'
import { inMib } from './memory.ts'
import { gapOf, judge, latencyOf, riseInWords, riseOf } from './sockets.ts'

const KIB = 1024
const MIB = 1024 * KIB
const IDLE_PER_CONNECTION_MAX = 24 * KIB
/** Below the time of the flood, so that the idle ones are seen to be ended. */
const IDLE_LIMIT_MS = 25_000
const SLOW = 40
const SHARDS = 2
const CLAIMED_BYTES = 48 * MIB
const GREEDY = 16
const UNSTOPPABLE = 4
/** Each stops there after all: what it shows is shown, and the disk is not ours alone. */
const UNSTOPPABLE_BYTES = 250 * MIB
const FLEETING_AT_ONCE = 16
const HALF_CLOSED = 100
const TOPIC = 'flooded'
const FLOODED_RECORDS = 160
const WARMING = 12
const FLOODED_VALUE_BYTES = 100_000
/**
 * An append that needs a slab never waits for those who only claim to send megabytes (slab-turns.ts): it has
 * its answer before any of them has been looked at, limits.slowFrameMs, and the machine may be busy.
 */
const LARGE_APPEND_MS_MAX = 1_500

export interface FloodOptions {
  readonly idle: number
  readonly compiled: boolean
  /** Frame deadlines are waited for: a full run. */
  readonly full: boolean
  readonly note: Note
}

/** Sockets of one kind, and how many of them the broker has ended. */
class Crowd {
  readonly sockets: Socket[] = []
  ended = 0
  private readonly address: { readonly host: string; readonly port: number }

  constructor(address: string) {
    this.address = parseAddress(address)
  }

  async join(): Promise<Socket> {
    const { host, port } = this.address
    const socket = connect({ host, port, allowHalfOpen: true })
    socket.on('error', () => {})
    socket.on('close', () => this.ended++)
    socket.on('end', () => socket.end())
    this.sockets.push(socket)
    await once(socket, 'connect')
    return socket
  }

  async grow(count: number): Promise<void> {
    const together = 50
    for (let left = count; left > 0; left -= together)
      await Promise.all(Array.from({ length: Math.min(left, together) }, () => this.join()))
  }

  leave(): void {
    for (const socket of this.sockets) socket.resetAndDestroy()
  }
}

export async function flood(options: FloodOptions): Promise<string> {
  const broker = await ProbedBroker.launch({
    compiled: options.compiled,
    overrides: {
      'sluice.shards': String(SHARDS),
      'connections.max.idle.ms': String(IDLE_LIMIT_MS),
    },
  })
  const crowds: Crowd[] = []
  const crowd = (): Crowd => {
    const made = new Crowd(broker.address)
    crowds.push(made)
    return made
  }
  try {
    return await floodIt(broker, crowd, options)
  } finally {
    for (const each of crowds) each.leave()
    await broker.remove()
  }
}

async function floodIt(
  broker: ProbedBroker,
  crowd: () => Crowd,
  options: FloodOptions,
): Promise<string> {
  const admin = await fillTopic(broker.address)
  await warmUp(broker.address)
  const bystanders = await Bystanders.start(broker.address)
  await sleep(options.full ? 3_000 : 500)
  const calm = bystanders.latencies()
  const before = await broker.keptBytes()
  const idle = crowd()
  await idle.grow(options.idle)
  const withIdle = await broker.keptBytes()
  const perConnection = riseOf(before, withIdle).kept / options.idle
  const startedMs = performance.now()
  const slow = await beSlow(crowd(), 200)
  const claiming = await beSlow(crowd(), CLAIMED_BYTES)
  await beGreedy(crowd())
  const producers = await beUnstoppable(crowd())
  const halfClosed = crowd()
  await halfClosed.grow(HALF_CLOSED)
  for (const socket of halfClosed.sockets) socket.end()
  const fleeting = beFleeting(broker.address)
  const largeMs = await appendLarge(admin)
  const floodMs = options.full ? limits.frameDeadlineMs + 4_000 : 2_000
  await sleep(Math.max(0, startedMs + floodMs - performance.now()))
  const came = await fleeting.stop()
  const flooded = bystanders.latencies()
  const rise = riseOf(withIdle, await broker.keptBytes())
  producers.stop()
  slow.stop()
  claiming.stop()
  const records = await bystanders.stop()
  admin.close()
  judge(broker, rise)
  require(perConnection < IDLE_PER_CONNECTION_MAX, () => `${perConnection} bytes per connection`)
  require(largeMs < LARGE_APPEND_MS_MAX, () => `an append of 200 KB took ${largeMs.toFixed(0)} ms`)
  require(halfClosed.ended === HALF_CLOSED, () => `${halfClosed.ended} half-closed ones are gone`)
  if (options.full) {
    require(slow.crowd.ended === SLOW, () => `${slow.crowd.ended} slow ones were ended`)
    // Those that got their memory last, when nobody waited for it any more, have their deadline ahead.
    const last = SHARDS * Math.floor(limits.slabLargeBytesMax / slabClassBytes(CLAIMED_BYTES))
    require(claiming.crowd.ended >= SLOW - last, () => `${claiming.crowd.ended} claiming ones were`)
    require(idle.ended === options.idle, () => `${idle.ended} idle ones were ended`)
  }
  options.note(
    'idle connections',
    `${options.idle} at ${(perConnection / KIB).toFixed(1)} KiB each`,
  )
  options.note('a large append in the flood', `${largeMs.toFixed(0)} ms at most`)
  return (
    `${options.idle} idle connections at ${(perConnection / KIB).toFixed(1)} KiB each, ${SLOW} slow, ${SLOW} claiming, ` +
    `${GREEDY} greedy, ${UNSTOPPABLE} unstoppable (${inMib(producers.bytes())} taken), ${came} fleeting, ` +
    `${HALF_CLOSED} half-closed; memory ${riseInWords(rise)}, ${gapOf(broker)}; beside them ${records} ` +
    `records: ${latencyOf(calm)} before, ${latencyOf(flooded)} in the flood, a large append ` +
    `${largeMs.toFixed(0)} ms`
  )
}

/** Megabytes for the greedy. */
async function fillTopic(address: string): Promise<ClientConnection> {
  const options = { clientId: 'flood', timeoutMs: 60_000 }
  const admin = await ClientConnection.connect(parseAddress(address), options)
  await createTopic(admin, TOPIC, 2, { 'retention.bytes': String(256 * MIB) })
  const value = 'y'.repeat(FLOODED_VALUE_BYTES)
  for (let left = FLOODED_RECORDS; left > 0; left--) await produceBatch(admin, TOPIC, 0, [value])
  return admin
}

/** Well-behaved clients that fill the pools which a shard keeps: what comes on top is the flood's. */
async function warmUp(address: string): Promise<void> {
  const options = { clientId: 'warm', timeoutMs: 60_000 }
  const work = Array.from({ length: WARMING }, async (_, at) => {
    const connection = await ClientConnection.connect(parseAddress(address), options)
    for (let left = 10; left > 0; left--) {
      await produceBatch(connection, TOPIC, at % 2, ['z'.repeat(700_000)])
      await fetchRecords(connection, TOPIC, 0, 0)
    }
    connection.close()
  })
  await Promise.all(work)
}

/** More than fits a spill copy: it needs a slab of its own. */
async function appendLarge(admin: ClientConnection): Promise<number> {
  let slowestMs = 0
  for (let left = 20; left > 0; left--) {
    const startedMs = performance.now()
    await produceBatch(admin, TOPIC, 1, ['z'.repeat(200_000)])
    slowestMs = Math.max(slowestMs, performance.now() - startedMs)
    await sleep(50)
  }
  return slowestMs
}

/** Announce frames of so many bytes, and send one now and then. */
async function beSlow(crowd: Crowd, bytes: number): Promise<{ crowd: Crowd; stop(): void }> {
  await crowd.grow(SLOW)
  const head = Buffer.alloc(4)
  head.writeInt32BE(bytes)
  for (const socket of crowd.sockets) socket.write(head)
  const timer = setInterval(() => {
    for (const socket of crowd.sockets) if (socket.writable) socket.write('\0')
  }, 250)
  return { crowd, stop: () => clearInterval(timer) }
}

/** Each asks for megabytes many times over, and takes nothing. */
async function beGreedy(crowd: Crowd): Promise<void> {
  await crowd.grow(GREEDY)
  const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 50 * MIB }]
  const body = {
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: 50 * MIB,
    topics: [{ topic: TOPIC, partitions }],
  }
  for (const socket of crowd.sockets) {
    socket.pause()
    for (let id = 0; id < 100; id++) socket.write(requestFrame(FetchRequest, 12, id, body))
  }
}

async function beUnstoppable(crowd: Crowd): Promise<{ bytes(): number; stop(): void }> {
  await crowd.grow(UNSTOPPABLE)
  const value = Buffer.alloc(20_000, 7)
  const records = buildBatch({ records: [{ key: null, value, timestamp: Date.now() }] })
  const topicData = [{ name: TOPIC, partitionData: [{ index: 1, records }] }]
  const frame = requestFrame(ProduceRequest, 9, 1, { acks: -1, timeoutMs: 5_000, topicData })
  const many = Buffer.concat(Array.from({ length: 8 }, () => frame))
  let running = true
  for (const socket of crowd.sockets) {
    socket.pause()
    const go = (): void => {
      while (running && socket.bytesWritten < UNSTOPPABLE_BYTES && socket.writable)
        if (!socket.write(many)) return
    }
    socket.on('drain', go)
    go()
  }
  return {
    bytes: () => crowd.sockets.reduce((sum, { bytesWritten }) => sum + bytesWritten, 0),
    stop: () => {
      running = false
    },
  }
}

/** Connections that come and go; some with bytes of another protocol. */
function beFleeting(address: string): { stop(): Promise<number> } {
  const { host, port } = parseAddress(address)
  let running = true
  let came = 0
  const work = Array.from({ length: FLEETING_AT_ONCE }, async (_, at) => {
    while (running) {
      const socket = connect(port, host)
      socket.on('error', () => {})
      await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve))
      if (at % 4 === 0) socket.write('GET / HTTP/1.1\r\n\r\n')
      socket.resetAndDestroy()
      came++
      await sleep(5)
    }
  })
  return {
    async stop() {
      running = false
      await Promise.all(work)
      return came
    },
  }
}
