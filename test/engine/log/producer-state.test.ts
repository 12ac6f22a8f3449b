import { beforeEach, describe, expect, it } from 'vitest'
import { ErrorCode } from '../../../engine/base/errors.ts'
import { limits } from '../../../engine/base/limits.ts'
import { type AppendOrigin, ProducerStateManager } from '../../../engine/log/producer-state.ts'
import { incrementSequence, setBaseOffset } from '../../../engine/record/batch.ts'
import { buildBatch } from '../../../engine/record/build.ts'
import { buildEndTransactionMarker } from '../../../engine/record/control.ts'
import { seededRandom } from '../../support/seeded-random.ts'

const {
  NONE,
  OUT_OF_ORDER_SEQUENCE_NUMBER,
  INVALID_PRODUCER_EPOCH,
  INVALID_TXN_STATE,
  TRANSACTION_COORDINATOR_FENCED,
} = ErrorCode

interface Batch {
  id?: number
  epoch?: number
  sequence?: number
  count?: number
  timestamp?: number
  transactional?: boolean
}

function batchOf(batch: Batch): Buffer {
  const { id = 7, epoch = 0, sequence = 0, count = 1, timestamp = 1000 } = batch
  return buildBatch({
    records: Array.from({ length: count }, () => ({ key: null, value: null, timestamp })),
    producerId: id,
    producerEpoch: epoch,
    baseSequence: sequence,
    isTransactional: batch.transactional ?? false,
  })
}

/** A partition in small: checks, gives offsets, takes in. */
class Partition {
  readonly state = new ProducerStateManager(10_000)
  end = 0

  /** What became of the batch, as text. */
  append(batch: Batch, origin: AppendOrigin = 'client', zeroFirst = false): string {
    const bytes = batchOf(batch)
    const { errorCode, duplicate, firstOffset, lastOffset } = this.state.check(
      bytes,
      0,
      origin,
      zeroFirst,
    )
    if (errorCode !== NONE) return `error ${errorCode}`
    if (duplicate) return `duplicate ${firstOffset}..${lastOffset}`
    setBaseOffset(bytes, 0, this.end)
    this.state.replay(bytes, 0)
    const first = this.end
    this.end += batch.count ?? 1
    return `at ${first}..${this.end - 1}`
  }

  endTransaction(type: 'commit' | 'abort', id = 7, epoch = 0, coordinatorEpoch = 1) {
    const bytes = buildEndTransactionMarker({
      type,
      producerId: id,
      producerEpoch: epoch,
      coordinatorEpoch,
      timestamp: 2000,
      baseOffset: this.end++,
    })
    return this.state.replay(bytes, 0)
  }
}

describe('producer state: sequences', () => {
  let partition: Partition
  beforeEach(() => {
    partition = new Partition()
  })

  it('takes batches in sequence and refuses gaps', () => {
    expect(partition.append({ sequence: 0, count: 3 })).toBe('at 0..2')
    expect(partition.append({ sequence: 3 })).toBe('at 3..3')
    expect(partition.append({ sequence: 5 })).toBe(`error ${OUT_OF_ORDER_SEQUENCE_NUMBER}`)
    expect(partition.append({ sequence: 4 })).toBe('at 4..4')
  })

  it('answers a repeat of one of the last five batches with its offsets', () => {
    for (let i = 0; i < 6; i++)
      expect(partition.append({ sequence: i * 2, count: 2, timestamp: 100 + i })).toContain('at')
    for (let i = 1; i < 6; i++)
      expect(partition.append({ sequence: i * 2, count: 2 })).toBe(
        `duplicate ${i * 2}..${i * 2 + 1}`,
      )
    expect(
      partition.state.check(batchOf({ sequence: 4, count: 2 }), 0, 'client', false).timestamp,
    ).toBe(102)
  })

  it('refuses repeats older than five batches and partial overlaps', () => {
    for (let i = 0; i < 6; i++) partition.append({ sequence: i * 2, count: 2 })
    const refused = `error ${OUT_OF_ORDER_SEQUENCE_NUMBER}`
    expect(partition.append({ sequence: 0, count: 2 })).toBe(refused)
    expect(partition.append({ sequence: 10, count: 1 })).toBe(refused)
    expect(partition.append({ sequence: 11, count: 2 })).toBe(refused)
    expect(partition.append({ sequence: 8, count: 4 })).toBe(refused)
  })

  it('wraps sequences from 2147483647 to 0, inside a batch and between two', () => {
    expect(partition.append({ sequence: 2_147_483_645, count: 3 })).toBe('at 0..2')
    expect(partition.append({ sequence: 0, count: 1 })).toBe('at 3..3')
    const other = new Partition()
    expect(other.append({ sequence: 2_147_483_646, count: 4 })).toBe('at 0..3')
    expect(other.append({ sequence: 1 })).toBe(`error ${OUT_OF_ORDER_SEQUENCE_NUMBER}`)
    expect(other.append({ sequence: 2 })).toBe('at 4..4')
    expect(other.append({ sequence: 2_147_483_646, count: 4 })).toBe('duplicate 0..3')
  })

  it('takes any first sequence of an unknown id, unless zero is asked for', () => {
    expect(partition.append({ sequence: 9 }, 'client', true)).toBe(
      `error ${OUT_OF_ORDER_SEQUENCE_NUMBER}`,
    )
    expect(partition.append({ sequence: 9 })).toBe('at 0..0')
    expect(partition.append({ id: 8, sequence: 0 }, 'client', true)).toBe('at 1..1')
  })

  it('starts a higher epoch at sequence 0 and fences the lower one', () => {
    partition.append({ sequence: 0, count: 5 })
    expect(partition.append({ epoch: 1, sequence: 5 })).toBe(
      `error ${OUT_OF_ORDER_SEQUENCE_NUMBER}`,
    )
    expect(partition.append({ epoch: 1, sequence: 0, count: 5 })).toBe('at 5..9')
    expect(partition.append({ epoch: 0, sequence: 5 })).toBe(`error ${INVALID_PRODUCER_EPOCH}`)
    expect(partition.append({ epoch: 0, sequence: 0, count: 5 })).toBe(
      `error ${INVALID_PRODUCER_EPOCH}`,
    )
    expect(partition.append({ epoch: 1, sequence: 0, count: 5 })).toBe('duplicate 5..9')
    expect(partition.append({ epoch: 3, sequence: 0 })).toBe('at 10..10')
  })

  it('keeps ids apart and lets batches without an id pass', () => {
    expect(partition.append({ id: 1 })).toBe('at 0..0')
    expect(partition.append({ id: 2 })).toBe('at 1..1')
    expect(partition.append({ id: -1, epoch: -1, sequence: -1 })).toBe('at 2..2')
    expect(partition.append({ id: -1, epoch: -1, sequence: -1 })).toBe('at 3..3')
    expect(partition.state.count).toBe(2)
  })

  it('holds coordinators to epochs only, replication to nothing', () => {
    partition.append({ epoch: 5, sequence: 0 })
    expect(partition.append({ epoch: 5, sequence: -1 }, 'coordinator')).toBe('at 1..1')
    expect(partition.append({ epoch: 5, sequence: -1 }, 'coordinator')).toBe('at 2..2')
    expect(partition.append({ epoch: 4, sequence: -1 }, 'coordinator')).toBe(
      `error ${INVALID_PRODUCER_EPOCH}`,
    )
    expect(partition.append({ epoch: 4, sequence: 77 }, 'replication')).toBe('at 3..3')
  })

  it('agrees with a model that remembers everything', () => {
    const random = seededRandom(42)
    const history: { sequence: number; count: number; offset: number }[] = []
    let next = 2_147_483_600
    for (let step = 0; step < 3000; step++) {
      const count = random.int(5) + 1
      const back = random.int(9)
      const old = history.at(-1 - back)
      const repeat = random.chance(0.4) && old !== undefined
      const sequence = repeat ? old.sequence : next
      const size = repeat ? old.count : count
      const said = partition.append({ sequence, count: size })
      if (!repeat) {
        expect(said).toBe(`at ${partition.end - size}..${partition.end - 1}`)
        history.push({ sequence, count: size, offset: partition.end - size })
        next = incrementSequence(sequence, size)
      } else if (back < 5) expect(said).toBe(`duplicate ${old.offset}..${old.offset + size - 1}`)
      else expect(said).toBe(`error ${OUT_OF_ORDER_SEQUENCE_NUMBER}`)
    }
  })
})

describe('producer state: transactions', () => {
  let partition: Partition
  beforeEach(() => {
    partition = new Partition()
  })
  const transactional = (id: number, sequence: number, epoch = 0) =>
    partition.append({ id, sequence, epoch, transactional: true })

  it('opens with the first transactional batch and ends with the marker', () => {
    partition.append({ id: 1 })
    expect(partition.state.firstUnstableOffset()).toBe(null)
    transactional(7, 0)
    transactional(7, 1)
    expect(partition.state.hasOpenTransaction(7)).toBe(true)
    expect(partition.state.firstUnstableOffset()).toBe(1)
    expect(partition.endTransaction('abort')).toEqual({
      producerId: 7,
      firstOffset: 1,
      lastOffset: 3,
      lastStableOffset: 4,
      isAborted: true,
    })
    expect(partition.state.hasOpenTransaction(7)).toBe(false)
    expect(transactional(7, 2)).toBe('at 4..4')
    expect(partition.endTransaction('commit')?.isAborted).toBe(false)
  })

  it('holds the last stable offset at the oldest transaction until its end is replicated', () => {
    transactional(1, 0)
    transactional(2, 0)
    transactional(3, 0)
    expect(partition.endTransaction('commit', 2)?.lastStableOffset).toBe(0)
    expect(partition.endTransaction('abort', 1)?.lastStableOffset).toBe(2)
    expect(partition.state.firstUndecidedOffset()).toBe(2)
    expect(partition.state.firstUnstableOffset()).toBe(0)
    partition.state.onHighWatermark(4)
    expect(partition.state.firstUnstableOffset()).toBe(0)
    partition.state.onHighWatermark(5)
    expect(partition.state.firstUnstableOffset()).toBe(2)
    expect(partition.endTransaction('commit', 3)?.lastStableOffset).toBe(6)
    partition.state.onHighWatermark(6)
    expect(partition.state.firstUnstableOffset()).toBe(null)
  })

  it('refuses a plain batch while the transaction of its id is open', () => {
    transactional(7, 0)
    expect(partition.append({ sequence: 1 })).toBe(`error ${INVALID_TXN_STATE}`)
    expect(partition.append({ id: 8 })).toBe('at 1..1')
    partition.endTransaction('commit')
    expect(partition.append({ sequence: 1 })).toBe('at 3..3')
  })

  it('forgets sequences when a marker raises the epoch, and keeps them when it does not', () => {
    transactional(7, 0)
    partition.endTransaction('commit', 7, 0)
    expect(transactional(7, 1)).toContain('at')
    partition.endTransaction('commit', 7, 1)
    expect(transactional(7, 2, 1)).toBe(`error ${OUT_OF_ORDER_SEQUENCE_NUMBER}`)
    expect(transactional(7, 2, 0)).toBe(`error ${INVALID_PRODUCER_EPOCH}`)
    expect(transactional(7, 0, 1)).toContain('at')
  })

  it('takes a marker for nothing as no end of a transaction', () => {
    expect(partition.endTransaction('abort', 9, 4)).toBe(null)
    expect(partition.append({ id: 9, epoch: 3 })).toBe(`error ${INVALID_PRODUCER_EPOCH}`)
  })

  it('fences markers of old epochs and old coordinators', () => {
    const { state } = partition
    expect(state.checkMarker(7, 0, 0, 1)).toBe(NONE)
    transactional(7, 0, 3)
    expect(state.checkMarker(7, 2, 5, 1)).toBe(INVALID_PRODUCER_EPOCH)
    expect(state.checkMarker(7, 3, 5, 1)).toBe(NONE)
    expect(state.checkMarker(7, 3, 5, 2)).toBe(INVALID_PRODUCER_EPOCH)
    expect(state.checkMarker(7, 4, 5, 2)).toBe(NONE)
    partition.endTransaction('commit', 7, 4, 5)
    expect(state.checkMarker(7, 4, 4, 1)).toBe(TRANSACTION_COORDINATOR_FENCED)
    expect(state.checkMarker(7, 4, 5, 2)).toBe(NONE)
    expect(state.checkMarker(7, 4, 6, 1)).toBe(NONE)
  })

  it('replays far behind the high watermark without remembering what ended', () => {
    partition.state.onHighWatermark(Number.POSITIVE_INFINITY)
    transactional(1, 0)
    partition.endTransaction('commit', 1)
    expect(partition.state.firstUnstableOffset()).toBe(null)
  })
})

describe('producer state: memory and snapshots', () => {
  it('expires idle ids, never one with an open transaction', () => {
    const partition = new Partition()
    partition.append({ id: 1, timestamp: 1000 })
    partition.append({ id: 2, timestamp: 5000 })
    partition.append({ id: 3, timestamp: 1000, transactional: true })
    partition.state.removeExpired(10_999)
    expect(partition.state.count).toBe(3)
    partition.state.removeExpired(11_000)
    expect([...partition.state.entries()].map(({ producerId }) => producerId)).toEqual([2, 3])
    expect(partition.append({ id: 1, sequence: 88, timestamp: 11_000 })).toContain('at')
  })

  it('survives a snapshot: the last batch, open transactions, epochs', () => {
    const before = new Partition()
    before.append({ id: 1, sequence: 0, count: 2 })
    before.append({ id: 1, sequence: 2, count: 2 })
    before.append({ id: 3, sequence: 0, transactional: true, epoch: 2 })
    before.append({ id: 2, sequence: 0, transactional: true })
    before.append({ id: 4, sequence: 0, transactional: true })
    before.endTransaction('commit', 4, 1)
    const after = new Partition()
    after.end = before.end
    after.state.load(before.state.snapshot(), 5000)
    expect(after.state.snapshot()).toEqual(before.state.snapshot())
    expect(after.append({ id: 1, sequence: 2, count: 2 })).toBe('duplicate 2..3')
    expect(after.append({ id: 1, sequence: 0, count: 2 })).toBe(
      `error ${OUT_OF_ORDER_SEQUENCE_NUMBER}`,
    )
    expect(after.append({ id: 1, sequence: 4 })).toBe('at 8..8')
    expect(after.append({ id: 4, sequence: 3, epoch: 1 })).toBe(
      `error ${OUT_OF_ORDER_SEQUENCE_NUMBER}`,
    )
    expect(after.append({ id: 4, sequence: 0, epoch: 1 })).toBe('at 9..9')
    expect(after.state.firstUnstableOffset()).toBe(4)
    expect(after.endTransaction('abort', 3, 2)?.firstOffset).toBe(4)
    expect(after.endTransaction('commit', 2)?.firstOffset).toBe(5)
  })

  it('drops expired ids when it loads a snapshot', () => {
    const before = new Partition()
    before.append({ id: 1, timestamp: 1000 })
    before.append({ id: 2, timestamp: 9000 })
    const after = new ProducerStateManager(10_000)
    after.load(before.state.snapshot(), 12_000)
    expect(after.count).toBe(1)
  })

  it('is bounded: the longest idle ids without a transaction make room', () => {
    const state = new ProducerStateManager(Number.POSITIVE_INFINITY)
    const max = limits.producersPerPartitionMax
    state.load(
      Array.from({ length: max }, (_, i) => ({
        producerId: i,
        producerEpoch: 0,
        lastSequence: 0,
        lastOffset: i,
        offsetDelta: 0,
        timestamp: 1_000_000 - i,
        coordinatorEpoch: -1,
        transactionFirstOffset: i === max - 1 ? i : -1,
      })),
      0,
    )
    const batch = batchOf({ id: max + 5, timestamp: 5 })
    setBaseOffset(batch, 0, max)
    state.replay(batch, 0)
    expect(state.count).toBeLessThan(max)
    expect(state.entry(max - 1)).not.toBe(null)
    expect(state.entry(max - 2)).toBe(null)
    expect(state.entry(0)).not.toBe(null)
    expect(state.entry(max + 5)).not.toBe(null)
  })
})
