import { describe, expect, it } from 'vitest'
import { ApiError, ErrorCode, MalformedRequest } from '../../engine/base/errors.ts'
import { limits } from '../../engine/base/limits.ts'
import { emptyImage, partitionKey } from '../../engine/metadata/image.ts'
import type { AppendDone, AppendOptions, ReadRequest, ReadResult } from '../../engine/shard-port.ts'
import { calls } from '../../workers/messages.ts'
import { FakeShardPort } from '../support/fake-shard-port.ts'
import { newGroup, ShardGroup } from '../support/shard-group.ts'

const OPTIONS: AppendOptions = {
  acks: -1,
  timeoutMs: 30_000,
  produceVersion: 9,
  internalAllowed: false,
}
/** Topic 0: partition p is owned by shard p modulo the shards. */
const key = (partition: number): number => partitionKey(0, partition)

type AppendAnswer = Parameters<AppendDone>

function answers(): { list: AppendAnswer[]; done: AppendDone } {
  const list: AppendAnswer[] = []
  return { list, done: (...answer) => list.push(answer) }
}

function readOf(partitions: readonly number[], extra: Partial<ReadRequest> = {}): ReadRequest {
  return {
    partitions: partitions.map((partition) => ({
      key: key(partition),
      fetchOffset: 0,
      maxBytes: 1_000_000,
      currentLeaderEpoch: -1,
      lastFetchedEpoch: -1,
    })),
    isolation: 0,
    maxBytes: 1_000_000,
    minBytes: 1,
    deadlineMs: 0,
    ...extra,
  }
}

function bytesOf(result: ReadResult): string {
  const into = Buffer.alloc(result.length)
  result.file?.readSync(into, result.position)
  return into.toString()
}

describe('appends', () => {
  it('go to the owner, whichever shard it is, with their options', () => {
    const group = newGroup(2)
    const { list, done } = answers()
    const { router } = group.links[0]!
    router.append(key(0), Buffer.from('here'), OPTIONS, done)
    const options = { acks: 1, timeoutMs: 77, produceVersion: 13, internalAllowed: true }
    router.append(key(1), Buffer.from('there'), options, done)
    router.flush()
    group.queue.runAll()
    expect(group.ports[0]!.logs.get(key(0))?.map(String)).toEqual(['here'])
    expect(group.ports[1]!.logs.get(key(1))?.map(String)).toEqual(['there'])
    expect(group.ports[1]!.appendOptions).toEqual([options])
    expect(list).toEqual([
      [0, 0, -1, 0, null],
      [0, 0, -1, 0, null],
    ])
  })

  it('of one turn are written by the owner in one flush, in their order', () => {
    const group = newGroup(2)
    const { list, done } = answers()
    const { router } = group.links[0]!
    const flushes = group.ports[1]!.flushes
    for (let i = 0; i < 5; i++) router.append(key(1), Buffer.from(`batch ${i}`), OPTIONS, done)
    group.queue.runAll()
    expect(group.ports[1]!.logs.get(key(1))?.map(String)).toEqual(
      [0, 1, 2, 3, 4].map((i) => `batch ${i}`),
    )
    expect(group.ports[1]!.flushes - flushes).toBe(1)
    expect(list.map((answer) => answer[1])).toEqual([0, 1, 2, 3, 4])
  })

  it('that are refused bring the code, the text and the record errors', () => {
    const group = newGroup(2)
    const recordErrors = [{ batchIndex: 3, message: 'no key' }]
    const refusal: AppendAnswer = [ErrorCode.INVALID_RECORD, -1, -1, 17, 'bad batch', recordErrors]
    group.ports[1]!.refused.set(key(1), refusal)
    const { list, done } = answers()
    group.links[0]!.router.append(key(1), Buffer.from('x'), OPTIONS, done)
    group.queue.runAll()
    expect(list).toEqual([refusal])
  })

  it('keep their order through a full ring, and every payload its bytes', () => {
    const group = newGroup(2)
    const { list, done } = answers()
    const { router } = group.links[0]!
    const sent = Array.from({ length: 300 }, (_, i) => `${i}:`.padEnd(i % 250, 'x'))
    for (const text of sent) {
      const records = Buffer.from(text)
      router.append(key(1), records, OPTIONS, done)
      // The caller may reuse its memory after flush.
      router.flush()
      records.fill(0)
    }
    group.queue.runAll()
    expect(group.ports[1]!.logs.get(key(1))?.map(String)).toEqual(sent)
    expect(list.map((answer) => answer[1])).toEqual(sent.map((_, i) => i))
  })

  it('from a slab are not copied, and hold it until the owner has answered', () => {
    const group = newGroup(2)
    const { router, slabs } = group.links[0]!
    const slab = slabs.acquire(100_000, () => {})!
    slab.bytes.fill('s')
    slab.bytes.write('prefix')
    const { list, done } = answers()
    group.ports[1]!.writes = false
    router.append(key(1), slab.bytes.subarray(6, 90_000), OPTIONS, done)
    slab.release()
    group.queue.runAll()
    expect(list).toEqual([])
    expect(slabs.bytesInUse).toBe(131_072)
    group.ports[1]!.writes = true
    group.links[1]!.router.flush()
    group.queue.runAll()
    expect(list.length).toBe(1)
    expect(slabs.bytesInUse).toBe(0)
    expect(String(group.ports[1]!.logs.get(key(1))![0])).toBe('s'.repeat(89_994))
  })

  it('too long for the ring travel in a slab of their own', () => {
    const group = newGroup(2)
    const { router, slabs } = group.links[0]!
    const { list, done } = answers()
    const records = Buffer.alloc(5_000, 'L')
    router.append(key(1), records, OPTIONS, done)
    records.fill(0)
    expect(slabs.bytesInUse).toBeGreaterThan(0)
    group.queue.runAll()
    expect(list.length).toBe(1)
    expect(slabs.bytesInUse).toBe(0)
    expect(String(group.ports[1]!.logs.get(key(1))![0])).toBe('L'.repeat(5_000))
  })

  it('are refused when the backlog is full, after a call for a pause that ends with it', () => {
    const group = newGroup(2)
    const { router } = group.links[0]!
    const pressure: boolean[] = []
    router.onPressure((pressed) => pressure.push(pressed))
    const { list, done } = answers()
    const most = limits.ringBacklogMax + 8
    for (let i = 0; i < most; i++) router.append(key(1), Buffer.alloc(0), OPTIONS, done)
    expect(list).toEqual([])
    expect(pressure).toEqual([true])
    expect(router.pressed).toBe(true)
    router.append(key(1), Buffer.alloc(0), OPTIONS, done)
    expect(list[0]![0]).toBe(ErrorCode.REQUEST_TIMED_OUT)
    group.queue.runAll()
    expect(list.length).toBe(most + 1)
    expect(pressure).toEqual([true, false])
    expect(group.ports[1]!.logs.get(key(1))!.length).toBe(most)
  })

  it('without an answer end at their deadline, once, and a late answer is let fall', () => {
    const group = newGroup(2)
    const { list, done } = answers()
    group.ports[1]!.writes = false
    const { router, slabs } = group.links[0]!
    router.append(key(1), Buffer.alloc(5_000), { ...OPTIONS, timeoutMs: 20_000 }, done)
    group.queue.runAll()
    group.advance(19_000)
    expect(list).toEqual([])
    group.advance(2_000)
    expect(list.map((answer) => answer[0])).toEqual([ErrorCode.REQUEST_TIMED_OUT])
    // The owner may still be reading the bytes.
    expect(slabs.bytesInUse).toBeGreaterThan(0)
    group.ports[1]!.writes = true
    group.links[1]!.router.flush()
    group.queue.runAll()
    expect(list.length).toBe(1)
    expect(slabs.bytesInUse).toBe(0)
  })
})

function appendAll(group: ShardGroup, texts: Record<number, string>): void {
  for (const [partition, text] of Object.entries(texts))
    group.links[0]!.router.append(key(Number(partition)), Buffer.from(text), OPTIONS, () => {})
  group.links[0]!.router.flush()
  group.queue.runAll()
}

describe('reads', () => {
  it('over several owners come back in the order of the request, with leases that end', () => {
    const group = newGroup(3)
    appendAll(group, { 0: 'zero', 1: 'one', 2: 'two', 4: 'four' })
    let results: readonly ReadResult[] = []
    group.links[0]!.router.read(readOf([4, 0, 2, 1, 5]), (found) => {
      results = found
    })
    group.queue.runAll()
    expect(results.map(bytesOf)).toEqual(['four', 'zero', 'two', 'one', ''])
    expect(results[0]).toMatchObject({
      errorCode: 0,
      highWatermark: 1,
      leaderEpoch: 3,
      cached: true,
    })
    expect(results[0]!.abortedTransactions).toEqual([{ producerId: 7, firstOffset: 0 }])
    expect(results[4]!.abortedTransactions).toBeNull()
    expect(group.ports.map((port) => port.leased)).toEqual([1, 2, 1])
    for (const result of results) result.release()
    group.queue.runAll()
    // A release alone wakes nobody; it goes with the next message, or after a while.
    expect(group.ports.map((port) => port.leased)).toEqual([0, 2, 1])
    group.links[0]!.router.append(key(1), Buffer.from('next'), OPTIONS, () => {})
    group.links[0]!.router.flush()
    group.queue.runAll()
    expect(group.ports.map((port) => port.leased)).toEqual([0, 0, 1])
    group.advance(limits.quietReleaseMs)
    expect(group.ports.map((port) => port.leased)).toEqual([0, 0, 0])
    expect(group.links[1]!.exchange.leases).toBe(0)
  })

  it('wait on every owner, and the first with data ends the wait of all', () => {
    const group = newGroup(3)
    let results: readonly ReadResult[] = []
    const request = readOf([0, 1, 2], { deadlineMs: group.nowMs + 500 })
    group.links[0]!.router.read(request, (found) => {
      results = found
    })
    group.queue.runAll()
    expect(group.ports.map((port) => port.parkedReads)).toEqual([1, 1, 1])
    expect(group.ports[1]!.reads[0]!.deadlineMs).toBe(group.nowMs + 500)
    appendAll(group, { 1: 'news' })
    expect(results.map(bytesOf)).toEqual(['', 'news', ''])
    expect(group.ports.map((port) => port.parkedReads)).toEqual([0, 0, 0])
    for (const result of results) result.release()
  })

  it('ask others for what there is when the own part has enough already', () => {
    const group = newGroup(2)
    appendAll(group, { 0: 'mine' })
    let results: readonly ReadResult[] = []
    group.links[0]!.router.read(readOf([0, 1], { deadlineMs: group.nowMs + 500 }), (found) => {
      results = found
    })
    group.queue.runAll()
    expect(results.map(bytesOf)).toEqual(['mine', ''])
    expect(group.ports[1]!.reads[0]!.deadlineMs).toBe(0)
  })

  it('end early when the reader asks, and answer with what there is', () => {
    const group = newGroup(2)
    appendAll(group, { 1: 'few' })
    const seen: string[][] = []
    const handle = group.links[0]!.router.read(
      readOf([0, 1], { minBytes: 1_000, deadlineMs: group.nowMs + 500 }),
      (found) => seen.push(found.map(bytesOf)),
    )
    group.queue.runAll()
    expect(seen).toEqual([])
    handle.expire()
    group.queue.runAll()
    handle.expire()
    expect(seen).toEqual([['', 'few']])
  })

  it('cancelled before or after the owner answered leave no lease and no parked read', () => {
    for (const early of [true, false]) {
      const group = newGroup(2)
      if (!early) appendAll(group, { 1: 'data' })
      const handle = group.links[0]!.router.read(
        readOf([0, 1], { minBytes: 1_000, deadlineMs: group.nowMs + 500 }),
        () => expect.fail('answered'),
      )
      if (early) group.queue.runAll()
      else {
        group.links[0]!.router.flush()
        group.queue.step()
        group.ports[1]!.expireAll()
      }
      handle.cancel()
      group.queue.runAll()
      expect(group.ports.map((port) => [port.parkedReads, port.leased])).toEqual([
        [0, 0],
        [0, 0],
      ])
      expect(group.links[1]!.exchange.leases).toBe(0)
    }
  })

  it('are trimmed to max bytes over all owners, the first batch of all whole', () => {
    const group = newGroup(2)
    appendAll(group, { 0: 'aaaaaaaaaa', 1: 'bbbb', 2: 'cc', 3: 'dddd' })
    const read = (maxBytes: number): string[] => {
      let texts: string[] = []
      group.links[0]!.router.read(readOf([0, 1, 2, 3], { maxBytes }), (found) => {
        texts = found.map(bytesOf)
        // What is cut is not followed by what the whole is.
        expect(found.map(({ zerosBehind }) => zerosBehind)).toEqual(
          texts.map((text) => (text === '' ? 0 : 3)),
        )
        for (const result of found) result.release()
      })
      group.queue.runAll()
      return texts
    }
    expect(read(5)).toEqual(['aaaaaaaaaa', '', '', ''])
    expect(read(13)).toEqual(['aaaaaaaaaa', '', 'cc', ''])
    expect(read(16)).toEqual(['aaaaaaaaaa', 'bbbb', 'cc', ''])
    group.advance(limits.quietReleaseMs)
    expect(group.ports.map((port) => port.leased)).toEqual([0, 0])
  })

  it('with more partitions than a ring message holds travel in slabs both ways', () => {
    const group = newGroup(2)
    const partitions = Array.from({ length: 400 }, (_, i) => 2 * i + 1)
    let results: readonly ReadResult[] = []
    group.links[0]!.router.read(readOf(partitions), (found) => {
      results = found
    })
    group.queue.runAll()
    expect(results.length).toBe(400)
    expect(results.every((result) => result.errorCode === 0 && result.length === 0)).toBe(true)
    expect(group.links.map((link) => link.slabs.bytesInUse)).toEqual([0, 0])
  })

  it('whose owner never answers count as unavailable after deadline and grace', () => {
    const group = newGroup(2)
    let answer: (results: readonly ReadResult[]) => void = () => {}
    group.ports[1]!.read = (_request, done) => {
      answer = done
      return { expire() {}, cancel() {} }
    }
    let codes: number[] = []
    group.links[0]!.router.read(readOf([0, 1], { deadlineMs: group.nowMs + 500 }), (found) => {
      codes = found.map((result) => result.errorCode)
    })
    group.queue.runAll()
    group.ports[0]!.expireAll()
    group.queue.runAll()
    group.advance(500 + limits.readGraceMs - 1)
    expect(codes).toEqual([])
    group.advance(100)
    expect(codes).toEqual([ErrorCode.NONE, ErrorCode.REPLICA_NOT_AVAILABLE])
    // Far too late: the files of this answer are given back at once.
    group.ports[1]!.logs.set(key(1), [Buffer.from('late')])
    FakeShardPort.prototype.read.call(group.ports[1], readOf([1]), answer)
    expect(group.ports[1]!.leased).toBe(1)
    group.queue.runAll()
    group.advance(limits.quietReleaseMs)
    expect(group.ports[1]!.leased).toBe(0)
  })
})

describe('calls', () => {
  it('run on the shard they name and bring its answer', async () => {
    const ports = [0, 1].map(
      (shard) =>
        new FakeShardPort({
          allocateProducerIds: ({ count }) =>
            Promise.resolve({ firstProducerId: 1_000 * (shard + 1), count }),
          coordinate: (request) =>
            Promise.resolve({ body: Buffer.from(`${request.clientId}/${request.body}`) }),
        }),
    )
    const group = new ShardGroup(ports)
    const { router } = group.links[0]!
    const local = router.call(0, calls.allocateProducerIds, { count: 5 })
    const remote = router.call(1, calls.allocateProducerIds, { count: 5 })
    const body = Buffer.alloc(3_000, 'q')
    const large = router.call(1, calls.coordinate, {
      partition: 4,
      apiKey: 11,
      apiVersion: 9,
      clientId: null,
      clientHost: '/127.0.0.1',
      body,
    })
    await settleAll(group)
    expect(await local).toEqual({ firstProducerId: 1_000, count: 5 })
    expect(await remote).toEqual({ firstProducerId: 2_000, count: 5 })
    expect(String((await large).body)).toBe(`null/${'q'.repeat(3_000)}`)
    await settleAll(group)
    expect(group.links.map((link) => link.slabs.bytesInUse)).toEqual([0, 0])
  })

  it('carry errors of the client and the world, and hide the text of others', async () => {
    const errors: Error[] = [
      new ApiError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, 'no such topic'),
      new MalformedRequest('short'),
      new TypeError('secret'),
    ]
    const port = new FakeShardPort({ control: () => Promise.reject(errors.shift()) })
    const group = new ShardGroup([new FakeShardPort(), port])
    const request = {
      partition: 0,
      apiKey: 19,
      apiVersion: 7,
      clientId: 'c',
      clientHost: 'h',
      body: Buffer.alloc(0),
    }
    const failures: unknown[] = []
    for (let i = 0; i < 3; i++)
      group.links[0]!.router.call(1, calls.control, request).catch((error) => failures.push(error))
    await settleAll(group)
    expect(failures[0]).toEqual(new ApiError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, 'no such topic'))
    expect(failures[1]).toBeInstanceOf(MalformedRequest)
    expect(failures[2]).toMatchObject({ code: ErrorCode.UNKNOWN_SERVER_ERROR })
    expect(String(failures[2])).not.toContain('secret')
  })

  it('without an answer are rejected at their deadline', async () => {
    const port = new FakeShardPort({ checkpoints: () => new Promise(() => {}) })
    const group = new ShardGroup([new FakeShardPort(), port])
    let failure: unknown = null
    group.links[0]!.router.call(1, calls.checkpoints, {}).catch((error) => {
      failure = error
    })
    await settleAll(group)
    group.advance(limits.callDeadlineMs + 1)
    await settleAll(group)
    expect(failure).toMatchObject({ code: ErrorCode.REQUEST_TIMED_OUT })
  })

  it('tell what an exchange has done', async () => {
    const group = newGroup(2)
    appendAll(group, { 1: 'x' })
    const stats = group.links[1]!.router.call(0, calls.stats, {})
    await settleAll(group)
    expect(await stats).toMatchObject({ appendsForwarded: 1, backlog: 0, pending: 0, leases: 0 })
  })
})

async function settleAll(group: ShardGroup): Promise<void> {
  for (let i = 0; i < 5; i++) {
    group.queue.runAll()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

describe('the image', () => {
  it('is replaced for everyone who listens', () => {
    const group = newGroup(1)
    const { router } = group.links[0]!
    const seen: number[] = []
    router.onImage((image) => seen.push(image.version))
    router.applyImage({ ...emptyImage('cluster', 1), version: 8 })
    expect(router.image().version).toBe(8)
    expect(seen).toEqual([8])
  })
})

describe('a shard alone', () => {
  it('does everything by plain calls', () => {
    const group = newGroup(1)
    appendAll(group, { 0: 'a', 1: 'b', 2: 'c' })
    let texts: string[] = []
    group.links[0]!.router.read(readOf([2, 1, 0]), (found) => {
      texts = found.map(bytesOf)
    })
    expect(texts).toEqual(['c', 'b', 'a'])
    expect(group.links[0]!.exchange.wakesSent).toBe(0)
  })
})
