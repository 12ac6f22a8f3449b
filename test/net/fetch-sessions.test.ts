import { describe, expect, it } from 'vitest'
import { ErrorCode } from '../../engine/base/errors.ts'
import { ZERO_UUID } from '../../engine/base/random.ts'
import {
  type FetchContext,
  type FetchOutcome,
  type FetchPartition,
  FetchSessions,
  noteOutcome,
} from '../../net/fetch-sessions.ts'
import { ManualClock } from '../support/connection-rig.ts'

let seed = 1
const random = {
  uuid: () => ZERO_UUID,
  int: (bound: number) => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed % bound
  },
}

const part = (partition: number, topic = 't', fetchOffset = 0): FetchPartition => ({
  topic,
  topicId: ZERO_UUID,
  partition,
  currentLeaderEpoch: -1,
  fetchOffset,
  lastFetchedEpoch: -1,
  maxBytes: 1_000,
})

const outcome = (values: Partial<FetchOutcome> = {}): FetchOutcome => ({
  errorCode: 0,
  highWatermark: 10,
  logStartOffset: 0,
  length: 0,
  divergingEpoch: null,
  ...values,
})

const offsets = (context: FetchContext): string[] =>
  context.kind === 'error'
    ? []
    : context.partitions.map((each) => `${each.topic}-${each.partition}@${each.fetchOffset}`)

function setup(slots = 10) {
  const clock = new ManualClock()
  const sessions = new FetchSessions(slots, clock, random)
  const open = (count: number): number => {
    const asked = Array.from({ length: count }, (_, i) => part(i))
    const context = sessions.begin(0, 0, asked, [], false)
    expect(context.kind).toBe('full')
    return sessions.open(
      asked,
      asked.map(() => outcome()),
      false,
    )
  }
  return { clock, sessions, open }
}

describe('fetch sessions', () => {
  it('follow what changed: new partitions, moved offsets, forgotten ones', () => {
    const { sessions, open } = setup()
    const id = open(2)
    expect(id).toBeGreaterThan(0)
    expect(offsets(sessions.begin(id, 1, [part(1, 't', 7)], [], false))).toEqual(['t-0@0', 't-1@7'])
    expect(offsets(sessions.begin(id, 2, [part(5, 'u', 3)], [part(0)], false))).toEqual([
      't-1@7',
      'u-5@3',
    ])
    expect(offsets(sessions.begin(id, 3, [], [], false))).toEqual(['t-1@7', 'u-5@3'])
  })

  it('refuse an unknown id, a wrong epoch, and names where ids were used', () => {
    const { sessions, open } = setup()
    const id = open(1)
    const code = (context: FetchContext) => (context.kind === 'error' ? context.errorCode : 0)
    expect(code(sessions.begin(id + 1, 1, [], [], false))).toBe(
      ErrorCode.FETCH_SESSION_ID_NOT_FOUND,
    )
    expect(code(sessions.begin(id, 2, [], [], false))).toBe(ErrorCode.INVALID_FETCH_SESSION_EPOCH)
    expect(code(sessions.begin(id, 1, [], [], true))).toBe(ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR)
    expect(code(sessions.begin(id, 1, [], [], false))).toBe(0)
    expect(code(sessions.begin(id, 1, [], [], false))).toBe(ErrorCode.INVALID_FETCH_SESSION_EPOCH)
  })

  it('count epochs up to the largest and then from 1', () => {
    const { sessions, open } = setup()
    const id = open(1)
    const context = sessions.begin(id, 1, [], [], false)
    if (context.kind !== 'incremental') throw new Error(context.kind)
    context.session.epoch = 0x7fffffff
    expect(sessions.begin(id, 0x7fffffff, [], [], false).kind).toBe('incremental')
    expect(sessions.begin(id, 1, [], [], false).kind).toBe('incremental')
  })

  it('close on request, on a new full fetch with the old id, and when nothing is followed', () => {
    const { sessions, open } = setup()
    const first = open(1)
    expect(sessions.begin(first, -1, [part(0)], [], false).kind).toBe('sessionless')
    expect(sessions.size).toBe(0)
    const second = open(1)
    expect(sessions.begin(second, 0, [part(0)], [], false).kind).toBe('full')
    expect(sessions.size).toBe(0)
    const third = open(1)
    const emptied = sessions.begin(third, 1, [], [part(0)], false)
    expect(emptied).toEqual({ kind: 'sessionless', partitions: [] })
    expect(sessions.size).toBe(0)
    expect(sessions.open([], [], false)).toBe(0)
  })

  it('leave out what brings nothing new, and repeat after an error', () => {
    const { sessions, open } = setup()
    const id = open(1)
    const context = sessions.begin(id, 1, [], [], false)
    if (context.kind !== 'incremental') throw new Error(context.kind)
    const { session } = context
    const partition = context.partitions[0] as FetchPartition
    const carried = (values: Partial<FetchOutcome>): boolean =>
      noteOutcome(session, partition, outcome(values))
    expect(carried({})).toBe(false)
    expect(carried({ length: 5 })).toBe(true)
    expect(carried({ highWatermark: 11 })).toBe(true)
    expect(carried({ highWatermark: 11 })).toBe(false)
    expect(carried({ highWatermark: 11, logStartOffset: 2 })).toBe(true)
    expect(carried({ highWatermark: 11, logStartOffset: 2, divergingEpoch: {} })).toBe(true)
    expect(carried({ highWatermark: 11, logStartOffset: 2 })).toBe(true)
    expect(carried({ highWatermark: 11, logStartOffset: 2 })).toBe(false)
    expect(carried({ errorCode: 6, highWatermark: -1, logStartOffset: -1 })).toBe(true)
    expect(carried({ errorCode: 6, highWatermark: -1, logStartOffset: -1 })).toBe(true)
    expect(carried({ highWatermark: 11, logStartOffset: 2 })).toBe(true)
  })

  it('move partitions that returned data to the back', () => {
    const { sessions, open } = setup()
    const id = open(3)
    const context = sessions.begin(id, 1, [], [], false)
    if (context.kind !== 'incremental') throw new Error(context.kind)
    noteOutcome(context.session, context.partitions[0] as FetchPartition, outcome({ length: 9 }))
    noteOutcome(context.session, context.partitions[1] as FetchPartition, outcome())
    expect(offsets(sessions.begin(id, 2, [], [], false))).toEqual(['t-1@0', 't-2@0', 't-0@0'])
  })

  it('give up the longest unused, else a smaller old one, else grant none', () => {
    const { clock, sessions, open } = setup(2)
    const large = open(5)
    const small = open(2)
    expect(open(9)).toBe(0)
    clock.nowMs += 100_000
    sessions.begin(large, 1, [], [], false)
    sessions.begin(small, 1, [], [], false)
    expect(open(9)).toBe(0)
    clock.nowMs += 100_000
    // Both are old, neither idle: only a larger one may take the smallest one's place.
    expect(open(2)).toBe(0)
    const third = open(3)
    expect(third).toBeGreaterThan(0)
    expect(sessions.begin(small, 2, [], [], false).kind).toBe('error')
    clock.nowMs += 121_000
    sessions.begin(large, 2, [], [], false)
    // The third was not used since: idleness beats size.
    expect(open(1)).toBeGreaterThan(0)
    expect(sessions.begin(third, 1, [], [], false).kind).toBe('error')
    expect(sessions.begin(large, 3, [], [], false).kind).toBe('incremental')
  })
})
