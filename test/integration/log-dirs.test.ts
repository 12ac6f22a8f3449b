/**
 * Several data folders of a whole broker: partitions moved between them while they are written to and
 * through a kill, and folders that fail at the start and at run time. Described to and moved by Kafka's
 * own tools: test/outside.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { ErrorCode } from '../../engine/base/errors.ts'
import {
  DescribeLogDirsRequest,
  DescribeLogDirsResponse,
} from '../../engine/protocol/35-describe-log-dirs.ts'
import type { Client } from '../../net/client/client.ts'
import { createTopic, logDirsLanes, move, movedTo, replicas } from '../support/log-dirs-lane.ts'
import { NumberedWriter, nextTurn, readNumbers } from '../support/numbered-records.ts'

const { root, cleanups, newFolders, clientOf, lane } = logDirsLanes()

function ascending(count: number): number[] {
  return Array.from({ length: count }, (_, at) => at)
}

describe('partitions in several folders', () => {
  it('stay where they are over restarts', async () => {
    const { broker, client, folders } = await lane(newFolders(3))
    await createTopic(client, 'orders', 7)
    const list = () =>
      folders.map((folder) => readdirSync(folder).filter((name) => /-\d$/.test(name)))
    const before = list()
    expect(before.map((names) => names.length)).toEqual([3, 2, 2])
    await broker.stop()
    await broker.start()
    expect(list()).toEqual(before)
    const found = await replicas(clientOf(broker), 'orders', 1)
    expect(found).toMatchObject([{ logDir: folders[1] }])
  }, 120_000)
})

describe('a partition that is moved', () => {
  it('loses and doubles no record that is written meanwhile, and is found there again', async () => {
    const { broker, client, folders } = await lane(newFolders(2), {
      'log.segment.bytes': '1048576',
    })
    const [from, to] = [folders[0] ?? '', folders[1] ?? '']
    await createTopic(client, 'orders', 1)
    const writer = new NumberedWriter(broker.address, 'orders', 0, 2_000)
    await writer.until(3_000)
    expect(await move(client, 'orders', 0, to)).toBe(0)
    await movedTo(client, 'orders', 0, to)
    await writer.until(writer.acknowledged + 500)
    expect(await move(client, 'orders', 0, from)).toBe(0)
    await movedTo(client, 'orders', 0, from)
    expect(await move(client, 'orders', 0, to)).toBe(0)
    await movedTo(client, 'orders', 0, to)
    await writer.stop()
    expect(writer.refusal).toBe(0)
    const { acknowledged } = writer
    expect(await readNumbers(broker.address, 'orders', 0)).toEqual(ascending(acknowledged))
    await broker.stop()
    expect(readdirSync(to)).toContain('orders-0')
    await broker.start()
    expect(await readNumbers(broker.address, 'orders', 0)).toEqual(ascending(acknowledged))
    await vi.waitFor(() =>
      expect(readdirSync(from).filter((name) => name.startsWith('orders'))).toEqual([]),
    )
  }, 180_000)

  it('is whole after a kill in the middle, where it was or where it went', async () => {
    const { broker, client, folders } = await lane(newFolders(2), {
      'log.segment.bytes': '4194304',
    })
    const [from, to] = [folders[0] ?? '', folders[1] ?? '']
    await createTopic(client, 'orders', 1)
    const filler = new NumberedWriter(broker.address, 'orders', 0, 50_000)
    await filler.until(1_500)
    expect(await move(client, 'orders', 0, to)).toBe(0)
    // As soon as a part of the copy is there: most of it is still to come.
    for (;;) {
      const future = (await replicas(client, 'orders', 0)).find(({ isFutureKey }) => isFutureKey)
      if (future === undefined || future.partitionSize > 0) break
      await nextTurn()
    }
    await broker.kill()
    await filler.stop()
    await broker.start()
    const read = await readNumbers(broker.address, 'orders', 0)
    expect(read.length).toBeGreaterThanOrEqual(filler.acknowledged)
    expect(read).toEqual(ascending(read.length))
    const again = clientOf(broker)
    expect(broker.output()).toContain(`the move of orders-0 from ${from} to ${to} begins anew`)
    await movedTo(again, 'orders', 0, to)
    await vi.waitFor(() =>
      expect(
        folders.map((folder) => readdirSync(folder).filter((name) => /^orders/.test(name))),
      ).toEqual([[], ['orders-0']]),
    )
    expect(await readNumbers(broker.address, 'orders', 0)).toEqual(read)
  }, 180_000)

  it('is refused for a folder that is not in log.dirs, and for what is unknown', async () => {
    const { client, folders } = await lane(newFolders(2))
    await createTopic(client, 'orders', 1)
    expect(await move(client, 'orders', 0, join(root, 'elsewhere'))).toBe(
      ErrorCode.LOG_DIR_NOT_FOUND,
    )
    expect(await move(client, 'orders', 5, folders[1] ?? '')).toBe(
      ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    )
    expect(await move(client, 'orders', 0, folders[0] ?? '')).toBe(0)
  }, 60_000)
})

/** What Metadata says of the partitions of a topic. */
async function leaders(client: Client, topic: string) {
  const { topics } = await client.metadata([topic])
  return new Map(
    (topics[0]?.partitions ?? []).map((partition) => [partition.partitionIndex, partition]),
  )
}

describe('a folder that cannot be used at the start', () => {
  it('leaves its partitions offline and the others served, until it is back', async () => {
    const folders = newFolders(2)
    const { broker, client } = await lane(folders)
    await createTopic(client, 'orders', 2)
    for (const partition of [0, 1]) {
      const writer = new NumberedWriter(broker.address, 'orders', partition)
      await writer.until(20)
      await writer.stop()
    }
    await broker.stop()
    const [, second] = folders
    execFileSync('mv', [`${second}`, `${second}.away`])
    writeFileSync(`${second}`, 'not a folder')
    await broker.start()
    expect(broker.output()).toContain(`the data folder ${second} cannot be used`)
    const again = clientOf(broker)
    const told = await leaders(again, 'orders')
    expect(told.get(0)).toMatchObject({ errorCode: 0, leaderId: 1, offlineReplicas: [] })
    expect(told.get(1)).toMatchObject({
      errorCode: ErrorCode.LEADER_NOT_AVAILABLE,
      leaderId: -1,
      replicaNodes: [1],
      isrNodes: [],
      offlineReplicas: [1],
    })
    expect((await readNumbers(broker.address, 'orders', 0)).length).toBeGreaterThanOrEqual(20)
    const refused = new NumberedWriter(broker.address, 'orders', 1)
    await refused.until(1)
    expect(refused.refusal).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
    await createTopic(again, 'fresh', 2)
    await broker.stop()
    rmSync(`${second}`)
    execFileSync('mv', [`${second}.away`, `${second}`])
    await broker.start()
    expect((await readNumbers(broker.address, 'orders', 1)).length).toBeGreaterThanOrEqual(20)
  }, 180_000)
})

/** A file system at `folder` that takes no writes, laid over what is there; false where nobody may. */
function coverReadOnly(folder: string): boolean {
  try {
    const options = ['-t', 'tmpfs', '-o', 'ro,size=1m', 'sluice-test', folder]
    execFileSync('mount', options, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

function uncover(folder: string): void {
  execFileSync('umount', [folder])
}

const probe = join(root, 'probe')
mkdirSync(probe)
const mayMount = coverReadOnly(probe)
if (mayMount) uncover(probe)

describe('a folder that fails while the broker runs', () => {
  it.skipIf(!mayMount)(
    'takes its partitions offline with one line, and no other',
    async () => {
      const { broker, client, folders } = await lane(newFolders(2))
      const second = folders[1] ?? ''
      await createTopic(client, 'orders', 4)
      const written: NumberedWriter[] = []
      for (const partition of ascending(4)) {
        const writer = new NumberedWriter(broker.address, 'orders', partition)
        await writer.until(20)
        await writer.stop()
        written.push(writer)
      }
      expect(coverReadOnly(second)).toBe(true)
      cleanups.push(() => uncover(second))
      // Of three new partitions one belongs there; its folder cannot be made.
      await createTopic(client, 'fresh', 3)
      await vi.waitFor(async () => {
        const told = await leaders(client, 'orders')
        expect(told.get(1)?.offlineReplicas).toEqual([1])
        expect(told.get(3)).toMatchObject({ errorCode: 5, leaderId: -1, isrNodes: [] })
      })
      const told = await leaders(client, 'fresh')
      expect([...told.values()].map(({ leaderId }) => leaderId)).toEqual([1, 1, 1])
      expect((await leaders(client, 'orders')).get(2)?.errorCode).toBe(0)
      const lines = broker.output().match(/the data folder .* failed: .*/g)
      expect(lines).toHaveLength(1)
      expect(lines?.[0]).toContain('Its 2 partitions are offline')
      const { results } = await client.send(DescribeLogDirsRequest, DescribeLogDirsResponse, {
        topics: null,
      })
      expect(results.map(({ logDir, errorCode }) => [logDir, errorCode])).toEqual([
        [folders[0], 0],
        [second, ErrorCode.KAFKA_STORAGE_ERROR],
      ])
      for (const partition of [0, 2]) {
        const writer = new NumberedWriter(broker.address, 'fresh', partition)
        await writer.until(20)
        await writer.stop()
        expect(writer.refusal).toBe(0)
      }
      await broker.stop()
      cleanups.pop()
      uncover(second)
      await broker.start()
      for (const partition of ascending(4))
        expect(await readNumbers(broker.address, 'orders', partition)).toEqual(
          ascending(written[partition]?.acknowledged ?? -1),
        )
    },
    180_000,
  )

  it.skipIf(!mayMount)(
    'ends the broker when it is the last one, with a last line that says so',
    async () => {
      const { broker, client, folders } = await lane(newFolders(1))
      const only = folders[0] ?? ''
      await createTopic(client, 'orders', 1)
      expect(coverReadOnly(only)).toBe(true)
      cleanups.push(() => uncover(only))
      await createTopic(client, 'fresh', 1)
      const writer = new NumberedWriter(broker.address, 'fresh', 0)
      await writer.stop()
      expect(writer.acknowledged).toBe(0)
      await vi.waitFor(() => expect(broker.output()).toContain('no data folder is left'))
      await expect(broker.stop()).rejects.toThrow('ended with 1')
    },
    60_000,
  )
})
