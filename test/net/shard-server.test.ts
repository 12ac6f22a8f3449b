import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { parseBrokerConfig } from '../../engine/base/config.ts'
import { TimerWheel } from '../../engine/base/timer-wheel.ts'
import { NodeDisk } from '../../engine/log/node-disk.ts'
import { ProduceRequest } from '../../engine/protocol/00-produce.ts'
import { FetchRequest } from '../../engine/protocol/01-fetch.ts'
import { ApiVersionsRequest } from '../../engine/protocol/18-api-versions.ts'
import { openListeningSocket } from '../../net/listener.ts'
import { directSend } from '../../net/native-send.ts'
import { ConnectionCounts, connectionCountsMemory } from '../../net/quotas/connection-counts.ts'
import { RateTable, rateTableMemory, rateWindow } from '../../net/quotas/rate-table.ts'
import { noQuotas } from '../../net/quotas/shard-quotas.ts'
import { ShardServer } from '../../net/shard-server.ts'
import type { Router } from '../../workers/router.ts'
import {
  CountedSlabs,
  ManualClock,
  MemoryLogger,
  RawClient,
  requestFrame,
} from '../support/connection-rig.ts'
import { FakeRouter } from '../support/fake-router.ts'

const cleanups: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function start(router: FakeRouter) {
  const { config } = parseBrokerConfig(new Map())
  const clock = new ManualClock()
  const window = rateWindow(11, 1)
  const server = new ShardServer({
    config,
    router: router as unknown as Router,
    slabs: new CountedSlabs(),
    wheel: new TimerWheel(clock.nowMs, 5),
    clock,
    logger: new MemoryLogger(),
    random: { uuid: () => '', int: () => 1 },
    quotas: noQuotas(),
    counts: new ConnectionCounts(connectionCountsMemory(64)),
    rates: new RateTable(rateTableMemory(window, 16), window),
    rests: [],
    processMs: () => clock.nowMs,
    fatal: (error) => {
      throw error
    },
  })
  const socket = await openListeningSocket(
    { name: 'PLAINTEXT', host: '127.0.0.1', port: 0 },
    { shards: 1, backlog: 50, sendBufferBytes: -1, receiveBufferBytes: -1 },
  )
  await server.listen([
    {
      name: 'PLAINTEXT',
      advertised: { host: '127.0.0.1', port: socket.port },
      fd: socket.fds[0] ?? -1,
      server: socket.server,
      closable: true,
    },
  ])
  cleanups.push(async () => {
    server.refuse()
    await server.drain(0)
  })
  const client = async (): Promise<RawClient> => {
    const raw = connect(socket.port, '127.0.0.1')
    await once(raw, 'connect')
    cleanups.push(() => raw.destroy())
    return new RawClient(raw)
  }
  return { server, client }
}

const produce = requestFrame(ProduceRequest, 9, 2, {
  transactionalId: null,
  acks: -1,
  timeoutMs: 1_000,
  topicData: [{ name: 't', partitionData: [{ index: 0, records: Buffer.alloc(80) }] }],
})

describe('the network side of a shard', () => {
  it('flushes storage once for all requests of a turn, then answers', async () => {
    const router = new FakeRouter()
    router.addTopic('t', 0, 1)
    const { client } = await start(router)
    const raw = await client()
    let flushes = 0
    router.onFlush = () => {
      flushes++
      for (const { done } of router.appends.splice(0)) done(0, 1, -1, 0, null)
    }
    raw.send(...Array.from({ length: 30 }, () => produce))
    await raw.answered(30)
    expect(flushes).toBeLessThanOrEqual(2)
  })

  it.skipIf(directSend() === null)(
    'ends no turn for records that left when they were read',
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'sluice-large-'))
      cleanups.push(() => rmSync(folder, { recursive: true }))
      const content = Buffer.alloc(200_000, 'x')
      writeFileSync(join(folder, 'log'), content)
      const file = await new NodeDisk().open(join(folder, 'log'), 'read-write')
      cleanups.push(() => file.close())
      const router = new FakeRouter()
      router.addTopic('t', 0, 1)
      let released = 0
      router.onRead = ({ done }) =>
        done([
          {
            errorCode: 0,
            highWatermark: 9,
            lastStableOffset: 9,
            logStartOffset: 0,
            divergingEpoch: null,
            abortedTransactions: null,
            leaderEpoch: 0,
            file,
            position: 0,
            length: content.length,
            firstBatchBytes: content.length,
            cached: true,
            zerosBehind: 0,
            release: () => released++,
          },
        ])
      const { client } = await start(router)
      const raw = await client()
      let flushes = 0
      router.onFlush = () => flushes++
      const asked = { partition: 0, fetchOffset: 0, partitionMaxBytes: 1 << 20 }
      const fetch = requestFrame(FetchRequest, 12, 3, {
        maxWaitMs: 0,
        minBytes: 1,
        topics: [{ topic: 't', partitions: [asked] }],
      })
      for (let request = 1; request <= 3; request++) {
        raw.send(fetch)
        await raw.answered(request)
      }
      expect(raw.answers[2]?.subarray(-100, -3).toString()).toBe('x'.repeat(97))
      expect([flushes, released]).toEqual([0, 3])
      raw.send(produce)
      while (router.appends.length === 0) await new Promise((resolve) => setImmediate(resolve))
      router.appends[0]?.done(0, 1, -1, 0, null)
      await raw.answered(4)
      expect(flushes).toBeGreaterThan(0)
    },
  )

  it('stops in stages: refuses, answers what is under way, cuts off who stays', async () => {
    const router = new FakeRouter()
    router.addTopic('t', 0, 1)
    const { server, client } = await start(router)
    const working = await client()
    const idle = await client()
    connectHalfOpen(await client())
    idle.send(requestFrame(ApiVersionsRequest, 1, 1, {}))
    await idle.answered(1)
    working.send(produce)
    while (router.appends.length === 0) await new Promise((resolve) => setImmediate(resolve))
    server.refuse()
    const drained = server.drain(200)
    await idle.ended()
    expect(working.closed).toBe(false)
    router.appends[0]?.done(0, 9, -1, 0, null)
    await working.ended()
    expect(working.answers.length).toBe(1)
    await drained
    expect(server.connectionCount).toBe(0)
  })
})

/** A client that does not end its side when the broker ends its own. */
function connectHalfOpen(client: RawClient): void {
  client.socket.allowHalfOpen = true
}
