/** The floor is a yardstick only if it keeps what it answers for. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { BenchTopics } from '../../bench/load/bench-topics.ts'
import { oneRecordBatch, PLAIN_SHAPE } from '../../bench/load/exact-batch.ts'
import { decodeHistogram } from '../../bench/load/histogram.ts'
import { runLoad } from '../../bench/load/load-run.ts'
import { floorPeer } from '../../bench/peers/floor.ts'
import { PeerProcess } from '../../bench/peers/peer-process.ts'
import { ProduceRequest, ProduceResponse } from '../../engine/protocol/00-produce.ts'
import { FetchRequest, FetchResponse } from '../../engine/protocol/01-fetch.ts'
import { Client } from '../../net/client/client.ts'

it('checks, keeps and gives back batches, also to a consumer that waits', async () => {
  const missing = await floorPeer.missing()
  // Without a C compiler for this processor there is no floor, and the comparison says so.
  if (missing !== null) return expect(missing).toContain('does not compile')
  const root = mkdtempSync(join(tmpdir(), 'sluice-floor-test-'))
  const floor = await PeerProcess.start(floorPeer, { root, cpus: null })
  const topics = new BenchTopics(floor.address)
  const client = new Client({ bootstrap: floor.address })
  try {
    await topics.create('t', 1)
    const batch = oneRecordBatch(100).bytes
    const broken = Buffer.from(batch)
    broken[broken.length - 2]! ^= 1
    const produce = async (records: Buffer) => {
      const topicData = [{ name: 't', partitionData: [{ index: 0, records }] }]
      const body = { transactionalId: null, acks: -1, timeoutMs: 1000, topicData }
      const answer = await client.send(ProduceRequest, ProduceResponse, body)
      return answer.responses[0]?.partitionResponses[0]
    }
    expect(await produce(batch)).toMatchObject({ errorCode: 0, baseOffset: 0 })
    expect(await produce(batch)).toMatchObject({ errorCode: 0, baseOffset: 1 })
    expect(await produce(broken)).toMatchObject({ errorCode: 2 })
    expect(await topics.endOffsets('t', 1)).toEqual([2])
    const partition = { partition: 0, fetchOffset: 1, partitionMaxBytes: 1 << 20 }
    const fetched = await client.send(FetchRequest, FetchResponse, {
      maxWaitMs: 100,
      minBytes: 1,
      topics: [{ topic: 't', partitions: [partition] }],
    })
    const records = fetched.responses[0]?.partitions[0]?.records
    expect(records?.length).toBe(batch.length)
    expect(records?.subarray(20)).toEqual(batch.subarray(20))
    const { hostname, port } = new URL(`http://${floor.address}`)
    await topics.create('waited', 1)
    const figures = await runLoad({
      ...PLAIN_SHAPE,
      api: 'paced',
      leaders: [{ host: hostname, port: Number(port) }],
      topic: 'waited',
      partitions: 1,
      connections: 1,
      firstConnection: 0,
      warmUpMs: 0,
      measureMs: 300,
      brokerPid: floor.pid,
      sampleMs: 0,
      acks: -1,
      idempotent: false,
      transactions: null,
      isolation: 0,
      requestsPerSecond: 200,
      consumers: true,
      firstOffsets: [],
    })
    expect(decodeHistogram(figures.latency).totalCount).toBeGreaterThan(20)
  } finally {
    await client.close()
    await topics.close()
    await floor.stop()
    rmSync(root, { recursive: true })
  }
}, 60_000)
