/**
 * A topic deleted while clients write to it and read it: they are told in Kafka's errors, its disk
 * space comes back, and a topic of the same name is another one, empty, with an id of its own.
 */
import { readdirSync, rmSync, statSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { ErrorCode } from '../../engine/base/errors.ts'
import { ProduceRequest, ProduceResponse } from '../../engine/protocol/00-produce.ts'
import { FetchRequest, FetchResponse } from '../../engine/protocol/01-fetch.ts'
import { ListOffsetsRequest, ListOffsetsResponse } from '../../engine/protocol/02-list-offsets.ts'
import { buildBatch } from '../../engine/record/build.ts'
import { Client } from '../../net/client/client.ts'
import { startBroker } from '../support/broker-process.ts'
import { runCli } from '../support/cli.ts'
import type { ManagedBroker } from '../support/managed-broker.ts'

const TOPIC = 'doomed'
const PARTITIONS = 4
const BY_NAME = { produce: 12, fetch: 12 }
const RECORD_BYTES = 10_000
/** Written before the topic goes. */
const ENOUGH_BYTES = 3 * 1024 * 1024

let broker: ManagedBroker
let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-deletion-'))
  broker = await startBroker({
    dataFolder: folder,
    overrides: { 'sluice.shards': '2', 'log.segment.delete.delay.ms': '200' },
  })
})
afterAll(async () => {
  await broker?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const cli = async (line: string): Promise<string> => {
  const { code, stdout, stderr } = await runCli([...line.split(' '), '-b', broker.address])
  expect([line, code, stderr]).toEqual([line, 0, expect.any(String)])
  return stdout
}

async function topicId(): Promise<string> {
  const [topic] = JSON.parse(await cli(`topic describe ${TOPIC} --format json`))
  return topic.topicId
}

function batch(): Buffer {
  const value = Buffer.alloc(RECORD_BYTES, 'x')
  return buildBatch({ records: [{ key: null, value, timestamp: Date.now() }] })
}

/**
 * Clients of one kind each, going round the partitions until the broker says for good that the topic
 * is gone. The request the deletion meets may be told of its partition instead of the topic's id.
 */
class Load {
  /** What each kind was told, by kind. */
  readonly told = new Map<string, number[]>()
  bytesWritten = 0
  bytesRead = 0
  private readonly work: Promise<void>[] = []

  constructor(address: string, id: string) {
    this.run(address, 'produce by name', (client, at) => this.produce(client, { name: TOPIC }, at))
    this.run(address, 'produce by id', (client, at) => this.produce(client, { topicId: id }, at))
    this.run(address, 'fetch by name', (client, at) => this.fetch(client, { topic: TOPIC }, at))
    this.run(address, 'fetch by id', (client, at) => this.fetch(client, { topicId: id }, at))
  }

  async ended(): Promise<void> {
    await Promise.all(this.work)
  }

  private run(
    bootstrap: string,
    kind: string,
    ask: (client: Client, partition: number) => Promise<number>,
  ): void {
    const codes: number[] = []
    const gone = /by id/.test(kind)
      ? ErrorCode.UNKNOWN_TOPIC_ID
      : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    this.told.set(kind, codes)
    this.work.push(
      (async () => {
        const client = new Client({ bootstrap })
        for (let at = 0; codes.at(-1) !== gone; at++) {
          const code = await ask(client, at % PARTITIONS)
          if (!codes.includes(code)) codes.push(code)
          expect([0, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, gone]).toContain(code)
        }
        await client.close()
      })(),
    )
  }

  private async produce(
    client: Client,
    topic: { name?: string; topicId?: string },
    index: number,
  ): Promise<number> {
    const records = batch()
    const answer = await client.send(
      ProduceRequest,
      ProduceResponse,
      { acks: -1, timeoutMs: 5000, topicData: [{ ...topic, partitionData: [{ index, records }] }] },
      topic.name === undefined ? {} : { version: BY_NAME.produce },
    )
    const code = answer.responses[0]?.partitionResponses[0]?.errorCode ?? Number.NaN
    if (code === ErrorCode.NONE) this.bytesWritten += records.length
    return code
  }

  private async fetch(
    client: Client,
    topic: { topic?: string; topicId?: string },
    partition: number,
  ): Promise<number> {
    const answer = await client.send(
      FetchRequest,
      FetchResponse,
      {
        maxWaitMs: 50,
        minBytes: 1,
        maxBytes: 1_000_000,
        isolationLevel: 0,
        topics: [
          { ...topic, partitions: [{ partition, fetchOffset: 0, partitionMaxBytes: 1_000_000 }] },
        ],
      },
      topic.topic === undefined ? {} : { version: BY_NAME.fetch },
    )
    const data = answer.responses[0]?.partitions[0]
    this.bytesRead += data?.records?.length ?? 0
    return answer.errorCode === 0 ? (data?.errorCode ?? Number.NaN) : answer.errorCode
  }
}

const folders = (): string[] => readdirSync(folder).filter((name) => name.startsWith(TOPIC))

function sizeOf(path: string): number {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)
}

it('tells its clients, frees its disk, and leaves nothing to the next of its name', async () => {
  await cli(`topic create ${TOPIC} -p ${PARTITIONS} -c segment.bytes=1048576`)
  const id = await topicId()
  const load = new Load(broker.address, id)
  await vi.waitUntil(() => load.bytesWritten > ENOUGH_BYTES && load.bytesRead > 0, {
    timeout: 60_000,
  })
  expect(sizeOf(folder)).toBeGreaterThan(ENOUGH_BYTES)
  await cli(`topic delete ${TOPIC}`)
  await load.ended()
  for (const [kind, codes] of load.told) {
    const gone = /by id/.test(kind) ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION'
    expect([kind, codes[0], codes.at(-1)]).toEqual([kind, ErrorCode.NONE, ErrorCode[gone]])
  }

  await cli(`topic create ${TOPIC} -p ${PARTITIONS}`)
  expect(await topicId()).not.toBe(id)
  const client = new Client({ bootstrap: broker.address })
  const asked = Array.from({ length: PARTITIONS }, (_, partitionIndex) => ({
    partitionIndex,
    timestamp: -1,
  }))
  const { topics } = await client.send(ListOffsetsRequest, ListOffsetsResponse, {
    replicaId: -1,
    isolationLevel: 0,
    topics: [{ name: TOPIC, partitions: asked }],
  })
  expect(topics[0]?.partitions.map(({ errorCode, offset }) => [errorCode, offset])).toEqual(
    asked.map(() => [ErrorCode.NONE, 0]),
  )
  await client.close()
  await cli(`topic delete-records ${TOPIC} --before end`)
  await vi.waitUntil(() => folders().every((name) => !name.endsWith('-delete')), {
    timeout: 20_000,
  })
  expect(folders().length).toBeLessThanOrEqual(PARTITIONS)
  expect(sizeOf(folder)).toBeLessThan(ENOUGH_BYTES / 4)
})
