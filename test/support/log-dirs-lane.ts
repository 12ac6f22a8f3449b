/** Brokers on several data folders, and the requests about where partitions lie. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, expect, vi } from 'vitest'
import {
  CreateTopicsRequest,
  CreateTopicsResponse,
} from '../../engine/protocol/19-create-topics.ts'
import {
  AlterReplicaLogDirsRequest,
  AlterReplicaLogDirsResponse,
} from '../../engine/protocol/34-alter-replica-log-dirs.ts'
import {
  DescribeLogDirsRequest,
  DescribeLogDirsResponse,
} from '../../engine/protocol/35-describe-log-dirs.ts'
import { Client } from '../../net/client/client.ts'
import { type BrokerProcess, startBroker } from './broker-process.ts'

export const SLOW_MS = 60_000

export interface Lane {
  readonly broker: BrokerProcess
  readonly client: Client
  readonly folders: readonly string[]
}

export interface LaneMaker {
  /** Removed behind the last test. */
  readonly root: string
  /** Run behind each test, last first. */
  readonly cleanups: (() => unknown)[]
  newFolders(count: number): string[]
  clientOf(broker: BrokerProcess): Client
  /** A broker on these folders, ended behind the test, and a client of it. */
  lane(folders: readonly string[], overrides?: Record<string, string>): Promise<Lane>
}

/** For one test file, whose hooks it registers. */
export function logDirsLanes(): LaneMaker {
  const root = mkdtempSync(join(tmpdir(), 'sluice-log-dirs-'))
  const cleanups: (() => unknown)[] = []
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  })
  afterAll(() => rmSync(root, { recursive: true, force: true }))
  const clientOf = (broker: BrokerProcess): Client => {
    const client = new Client({ bootstrap: broker.address, clientId: 'log-dirs' })
    cleanups.push(() => client.close())
    return client
  }
  return {
    root,
    cleanups,
    clientOf,
    newFolders: (count) => Array.from({ length: count }, () => mkdtempSync(join(root, 'data-'))),
    async lane(folders, overrides = {}) {
      const broker = await startBroker({
        dataFolder: folders.join(','),
        overrides: {
          'sluice.shards': '2',
          'log.index.size.max.bytes': '65536',
          'log.segment.delete.delay.ms': '0',
          ...overrides,
        },
      })
      cleanups.push(() => broker.kill())
      return { broker, client: clientOf(broker), folders }
    },
  }
}

export async function createTopic(client: Client, name: string, partitions: number, configs = {}) {
  const { topics } = await client.send(CreateTopicsRequest, CreateTopicsResponse, {
    topics: [
      {
        name,
        numPartitions: partitions,
        replicationFactor: 1,
        assignments: [],
        configs: Object.entries(configs).map(([key, value]) => ({ name: key, value: `${value}` })),
      },
    ],
  })
  expect(topics[0]?.errorCode).toBe(0)
}

export async function move(client: Client, topic: string, partition: number, path: string) {
  const { results } = await client.send(AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse, {
    dirs: [{ path, topics: [{ name: topic, partitions: [partition] }] }],
  })
  return results[0]?.partitions[0]?.errorCode
}

/** Replicas of one partition: their folder, whether future, and how far behind. */
export async function replicas(client: Client, topic: string, partition: number) {
  const { results } = await client.send(DescribeLogDirsRequest, DescribeLogDirsResponse, {
    topics: [{ topic, partitions: [partition] }],
  })
  return results.flatMap(({ logDir, topics }) =>
    topics.flatMap(({ partitions }) => partitions.map((found) => ({ logDir, ...found }))),
  )
}

export async function movedTo(client: Client, topic: string, partition: number, folder: string) {
  await vi.waitFor(
    async () => {
      const found = await replicas(client, topic, partition)
      expect(found).toMatchObject([{ logDir: folder, isFutureKey: false }])
    },
    { timeout: SLOW_MS, interval: 50 },
  )
}
