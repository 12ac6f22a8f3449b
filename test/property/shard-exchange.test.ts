/**
 * Several shards in one thread, small rings, and tasks in any order: every request is answered
 * once, appends keep their order per sender and owner, and nothing is left held at the end.
 */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { limits } from '../../engine/base/limits.ts'
import { partitionKey } from '../../engine/metadata/image.ts'
import { FakeShardPort } from '../support/fake-shard-port.ts'
import { TaskQueue } from '../support/in-process-channels.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { ShardGroup } from '../support/shard-group.ts'

const SHARDS = 3
const OPTIONS = { acks: -1, timeoutMs: 30_000, produceVersion: 9, internalAllowed: false }

function run(seed: number): void {
  const random = seededRandom(seed)
  const ports = Array.from({ length: SHARDS }, () => new FakeShardPort())
  const queue = new TaskQueue((count) => random.int(count))
  const group = new ShardGroup(ports, { descriptors: 4, payloadBytes: 512 }, queue)
  let asked = 0
  let answered = 0
  const sent: string[][] = Array.from({ length: SHARDS * SHARDS }, () => [])
  for (let step = 0; step < 300; step++) {
    const from = random.int(SHARDS)
    const { router, slabs } = group.links[from]!
    const partition = random.int(SHARDS)
    const kind = random.int(10)
    if (kind < 5) {
      const text = `${from}/${step}/`.padEnd(random.chance(0.1) ? 400 : random.int(60) + 12, '.')
      const slab = random.chance(0.2) ? slabs.acquireNow(text.length) : null
      const records = slab === null ? Buffer.from(text) : slab.bytes
      if (slab !== null) slab.bytes.write(text)
      asked++
      sent[from * SHARDS + partition]!.push(text)
      router.append(partitionKey(0, partition), records, OPTIONS, (errorCode) => {
        expect(errorCode).toBe(0)
        answered++
        if (partition === from) slab?.release()
      })
      // A forwarded append keeps its slab itself; our own shard reads the bytes at its flush.
      if (partition !== from) slab?.release()
    } else if (kind < 8) {
      const partitions = [0, 1, 2].map((p) => ({
        key: partitionKey(0, p),
        fetchOffset: Math.max(0, (ports[p]!.logs.get(partitionKey(0, p))?.length ?? 0) - 1),
        maxBytes: 100,
        currentLeaderEpoch: -1,
        lastFetchedEpoch: -1,
      }))
      const deadlineMs = random.chance(0.5) ? 0 : group.nowMs + 100
      const minBytes = random.int(100)
      asked++
      const done = (): void => {
        answered++
      }
      const handle = router.read(
        { partitions, isolation: 0, maxBytes: 100, minBytes, deadlineMs },
        (results) => {
          for (const result of results) result.release()
          done()
        },
      )
      if (random.chance(0.3)) queue.add(() => handle.expire())
    } else for (let i = random.int(20); i > 0; i--) queue.step()
  }
  queue.runAll()
  for (const port of ports) port.expireAll()
  for (const link of group.links) link.router.flush()
  queue.runAll()
  // Releases that nothing else told of are told by a timer; they make room for those held back.
  for (let wave = 0; wave < 2; wave++) group.advance(limits.quietReleaseMs)
  expect(answered).toBe(asked)
  for (let owner = 0; owner < SHARDS; owner++) {
    const log = (ports[owner]!.logs.get(partitionKey(0, owner)) ?? []).map(String)
    for (let from = 0; from < SHARDS; from++)
      expect(log.filter((text) => text.startsWith(`${from}/`))).toEqual(sent[from * SHARDS + owner])
    expect(ports[owner]!.leased).toBe(0)
    expect(group.links[owner]!.slabs.bytesInUse).toBe(0)
    expect(group.links[owner]!.exchange.leases).toBe(0)
    expect(group.links[owner]!.exchange.backlog).toBe(0)
  }
}

it('answers every request once and keeps the order of appends, whatever the order of turns', () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 31 }), run), {
    numRuns: 100,
    examples: [[16601255]],
  })
})
