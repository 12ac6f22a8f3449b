/** Histories with what the checker must say of each: kinds of what is bad, and of what is allowed. */
import {
  assign,
  commit,
  committed,
  type Draft,
  drain,
  during,
  ends,
  failed,
  poll,
  send,
  transaction,
  unknown,
} from './make-history.ts'
import type { FindingKind, Mode } from './operation.ts'

export interface HandMade {
  readonly name: string
  readonly ops: readonly Draft[]
  readonly bad?: readonly FindingKind[]
  readonly allowed?: readonly FindingKind[]
  readonly mode?: Partial<Mode>
}

const UNCOMMITTED = { isolation: 'uncommitted' } as const
const SUBSCRIBED = { via: 'subscribe' } as const
const PLAIN = { idempotent: false } as const

const writes: readonly HandMade[] = [
  { name: 'nothing', ops: [] },
  { name: 'sent and read', ops: [send(0, 'a@0'), poll(1, 'a@0'), drain('a@0')] },
  { name: 'a batch read in one', ops: [send(0, 'a@0 b@1 c@2'), drain('a@0 b@1 c@2')] },
  { name: 'holes of markers', ops: [send(0, 'a@0'), send(0, 'b@5'), drain('a@0 b@5')] },
  { name: 'unknown and absent', ops: [unknown(send(0, 'a')), send(1, 'b@0'), drain('b@0')] },
  { name: 'unknown and there', ops: [unknown(send(0, 'a')), send(1, 'b@1'), drain('a@0 b@1')] },
  { name: 'refused and absent', ops: [failed(send(0, 'a')), send(1, 'b@0'), drain('b@0')] },
  { name: 'an offset not told', ops: [send(0, 'a'), send(0, 'b'), drain('a@0 b@1')] },
  { name: 'two keys', ops: [send(0, '0/a@0 1/a@0'), drain('0/a@0 1/a@0')] },
  {
    name: 'two at once in either order',
    ops: [during(0, 20, send(0, 'a@1')), during(5, 15, send(1, 'b@0')), drain('b@0 a@1')],
  },
  {
    name: 'lost in the middle',
    ops: [send(0, 'a@0'), send(0, 'b@1'), poll(1, 'b@1')],
    bad: ['lost'],
  },
  {
    name: 'lost under a last reading',
    ops: [send(0, 'a@0'), send(0, 'b@1'), send(0, 'c@2'), drain('a@0 c@2')],
    bad: ['lost', 'poll-skip'],
  },
  { name: 'lost at the end', ops: [send(0, 'a@0'), send(0, 'b@1'), drain('a@0')], bad: ['unseen'] },
  { name: 'all lost', ops: [send(0, 'a@0'), send(1, '1/b@0'), drain('1/b@0')], bad: ['unseen'] },
  {
    name: 'read once, then gone',
    ops: [send(0, 'a@0'), send(0, 'b@1'), poll(1, 'a@0 b@1'), drain('a@0')],
    bad: ['unseen'],
  },
  {
    name: 'unknown, read once, then gone',
    ops: [unknown(send(0, 'a')), poll(1, 'a@0'), send(2, 'b@1'), drain('b@1')],
    bad: ['lost'],
  },
  {
    name: 'without a last reading the tail is open',
    ops: [send(0, 'a@0'), send(0, 'b@1'), poll(1, 'a@0')],
  },
  {
    name: 'lost without an offset',
    ops: [send(0, 'a'), send(0, 'b'), drain('b@0')],
    bad: ['unseen'],
  },
  {
    name: 'doubled by an idempotent client',
    ops: [unknown(send(0, 'a')), drain('a@0 a@1')],
    bad: ['duplicate'],
  },
  {
    name: 'doubled by a plain client',
    ops: [send(0, 'a'), drain('a@0 a@1')],
    allowed: ['duplicate'],
    mode: PLAIN,
  },
  {
    name: 'an acknowledged value at two offsets',
    ops: [send(0, 'a@1'), drain('a@0 a@1')],
    bad: ['duplicate'],
  },
  {
    name: 'two values at one offset, both read',
    ops: [send(0, 'a@0'), send(1, 'b@0'), poll(2, 'a@0'), drain('b@0')],
    bad: ['inconsistent-offset', 'unseen'],
  },
  {
    name: 'two values acknowledged at one offset',
    ops: [send(0, 'a@0'), send(1, 'b@0'), drain('b@0')],
    bad: ['inconsistent-offset', 'unseen'],
  },
  {
    name: 'acknowledged at another offset than it is read at',
    ops: [send(0, 'a@3'), drain('a@4')],
    bad: ['inconsistent-offset'],
  },
  {
    name: 'offset 0 told for the later one',
    ops: [send(0, 'a@5'), drain('a@0')],
    bad: ['inconsistent-offset'],
  },
  {
    name: 'own sends in another order',
    ops: [during(0, 9, send(0, 'a@1')), during(5, 9, send(0, 'b@0')), drain('b@0 a@1')],
    bad: ['reorder'],
  },
  {
    name: 'a batch in another order',
    ops: [send(0, 'a@1 b@0'), drain('b@0 a@1')],
    bad: ['reorder'],
  },
  {
    name: 'a batch with another in between',
    ops: [during(0, 9, send(0, 'a@0 c@2')), during(0, 9, send(1, 'b@1')), drain('a@0 b@1 c@2')],
    bad: ['reorder'],
  },
  {
    name: 'an unknown one late, of an idempotent client',
    ops: [unknown(send(0, 'a')), send(0, 'b@0'), drain('b@0 a@1')],
    bad: ['reorder'],
  },
  {
    name: 'an unknown one late, of a plain client',
    ops: [unknown(send(0, 'a')), send(0, 'b@0'), drain('b@0 a@1')],
    allowed: ['reorder'],
    mode: PLAIN,
  },
  {
    name: 'acknowledged before another began, and behind it',
    ops: [send(0, 'a@1'), send(1, 'b@0'), drain('b@0 a@1')],
    bad: ['realtime'],
  },
  {
    name: 'behind one of unknown fate that began later',
    ops: [send(0, 'a@1'), unknown(send(1, 'b')), drain('b@0 a@1')],
    bad: ['realtime'],
  },
  {
    name: 'torn batch of unknown fate',
    ops: [unknown(send(0, 'a b')), drain('a@0')],
    bad: ['G1b'],
  },
  { name: 'a batch is whole per key', ops: [unknown(send(0, '0/a 1/b')), drain('0/a@0')] },
]

const reads: readonly HandMade[] = [
  {
    name: 'two readers apart',
    ops: [send(0, 'a@0 b@1'), poll(1, 'a@0'), poll(2, 'a@0 b@1'), poll(1, 'b@1')],
  },
  { name: 'refused and read', ops: [failed(send(0, 'a')), poll(1, 'a@0')], bad: ['G1a'] },
  {
    name: 'refused and read where aborted ones may be',
    ops: [failed(send(0, 'a')), poll(1, 'a@0')],
    bad: ['G1a'],
    mode: UNCOMMITTED,
  },
  {
    name: 'aborted and read',
    ops: [failed(transaction(send(0, 'a'))), poll(1, 'a@0')],
    bad: ['G1a'],
  },
  {
    name: 'aborted and read where it may be',
    ops: [failed(transaction(send(0, 'a'))), poll(1, 'a@0')],
    allowed: ['G1a'],
    mode: UNCOMMITTED,
  },
  { name: 'never sent', ops: [poll(1, 'a@0')], bad: ['unknown-value'] },
  {
    name: 'half a value',
    ops: [send(0, 'abc@0'), poll(1, 'ab@0')],
    bad: ['inconsistent-offset', 'unknown-value'],
  },
  {
    name: 'jumps within one reading',
    ops: [send(0, 'a@0 b@1 c@2'), poll(1, 'a@0 c@2'), poll(2, 'a@0 b@1')],
    bad: ['poll-skip'],
  },
  {
    name: 'jumps between two readings',
    ops: [send(0, 'a@0 b@1 c@2'), poll(1, 'a@0'), poll(1, 'c@2'), poll(2, 'a@0 b@1')],
    bad: ['poll-skip'],
  },
  {
    name: 'jumps over holes only',
    ops: [send(0, 'a@0'), send(0, 'b@7'), poll(1, 'a@0'), poll(1, 'b@7')],
  },
  {
    name: 'goes back between two readings',
    ops: [send(0, 'a@0 b@1'), poll(1, 'a@0 b@1'), poll(1, 'a@0')],
    bad: ['poll-back'],
  },
  { name: 'reads one twice', ops: [send(0, 'a@0'), poll(1, 'a@0 a@0')], bad: ['poll-back'] },
  {
    name: 'goes back after an assignment',
    ops: [send(0, 'a@0 b@1'), poll(1, 'a@0 b@1'), assign(1, [0]), poll(1, 'a@0')],
    mode: SUBSCRIBED,
  },
  {
    name: 'goes back within a reading in spite of an assignment before',
    ops: [send(0, 'a@0 b@1'), assign(1, [0]), poll(1, 'b@1 a@0')],
    mode: SUBSCRIBED,
    bad: ['poll-back'],
  },
  {
    name: 'goes back on a key that was not assigned anew',
    ops: [send(0, 'a@0 b@1 1/c@0'), poll(1, 'a@0 b@1'), assign(1, [1]), poll(1, 'a@0')],
    bad: ['poll-back'],
  },
  {
    name: 'a reader goes back with its aborted transaction',
    ops: [send(0, 'a@0'), failed(transaction(poll(1, 'a@0'))), poll(1, 'a@0')],
  },
  {
    name: 'a reader went on in its committed transaction',
    ops: [send(0, 'a@0'), transaction(poll(1, 'a@0')), poll(1, 'a@0')],
    bad: ['poll-back'],
  },
  { name: 'read before it was sent', ops: [poll(1, 'a@0'), send(0, 'a@0')], bad: ['G1c'] },
  { name: 'seen when due', ops: [send(0, 'a@0', { due: 12 }), poll(1, 'a@0')] },
  {
    name: 'seen too early',
    ops: [send(0, 'a@0', { due: 100 }), poll(1, 'a@0')],
    bad: ['early-delay'],
  },
  {
    name: 'released twice',
    ops: [send(0, 'a@0', { due: 5 }), poll(1, 'a@0 a@1')],
    bad: ['duplicate'],
  },
  { name: 'ends that rise', ops: [ends(1), ends(1), ends(4)] },
  { name: 'an end that goes back', ops: [ends(4), ends(3)], bad: ['end-back'] },
  { name: 'ends of two keys', ops: [ends(4, 0), ends(3, 1)] },
  { name: 'ends asked for at once', ops: [during(0, 9, ends(4)), during(0, 9, ends(3))] },
]

const transactions: readonly HandMade[] = [
  {
    name: 'committed over two keys',
    ops: [transaction(send(0, '0/a@0 1/b@0')), drain('0/a@0 1/b@0')],
  },
  { name: 'interleaved writes', ops: [transaction(send(0, 'a@0 b@2')), drain('a@0 b@2')] },
  {
    name: 'unknown and torn',
    ops: [unknown(transaction(send(0, '0/a 1/b'))), drain('0/a@0')],
    bad: ['G1b'],
  },
  {
    name: 'unknown and torn where aborted ones may be seen',
    ops: [unknown(transaction(send(0, '0/a 1/b'))), drain('0/a@0')],
    mode: UNCOMMITTED,
  },
  {
    name: 'committed and torn',
    ops: [transaction(send(0, '0/a@0 1/b@0')), send(1, '1/c@1'), drain('0/a@0 1/c@1')],
    bad: ['lost'],
  },
  {
    name: 'reads its own write before it commits',
    ops: [transaction(send(0, 'a@0'), poll(0, 'a@0'))],
    bad: ['precommitted'],
  },
  {
    name: 'cycle of writes',
    ops: [
      during(0, 9, transaction(send(0, '0/a@0 1/a@1'))),
      during(0, 9, transaction(send(1, '1/b@0 0/b@1'))),
      drain('0/a@0 0/b@1 1/b@0 1/a@1'),
    ],
    allowed: ['G0'],
  },
  {
    name: 'each reads what the other writes',
    ops: [
      during(0, 9, transaction(send(0, '0/a@0'), poll(0, '1/b@0'))),
      during(0, 9, transaction(send(1, '1/b@0'), poll(1, '0/a@0'))),
    ],
    bad: ['G1c'],
  },
  {
    name: 'reads from the one it overwrote',
    ops: [
      during(0, 9, transaction(send(0, '0/a@0 1/a@0'))),
      during(0, 9, transaction(send(1, '0/b@1'), poll(1, '1/a@0'))),
      drain('0/a@0 0/b@1 1/a@0'),
    ],
  },
  {
    name: 'reads from the one that overwrote it',
    ops: [
      during(0, 9, transaction(send(0, '0/a@0'), poll(0, '1/b@0'))),
      during(0, 9, transaction(send(1, '0/b@1 1/b@0'))),
      drain('0/a@0 0/b@1 1/b@0'),
    ],
    allowed: ['G1c'],
  },
  {
    name: 'sees a part and misses a later write of the same one',
    ops: [
      send(9, '0/z@0'),
      during(20, 29, transaction(poll(0, '0/z@0 1/b@0'))),
      during(20, 29, transaction(send(1, '0/b@1 1/b@0'))),
      drain('0/z@0 0/b@1 1/b@0'),
    ],
    allowed: ['G-single'],
  },
  {
    name: 'one input, one output',
    ops: [
      send(0, 'a@0'),
      failed(transaction(send(1, '1/x', { from: [0, 0] }))),
      transaction(send(1, '1/y@1', { from: [0, 0] })),
      drain('a@0 1/y@1'),
    ],
  },
  {
    name: 'one input, two outputs',
    ops: [
      send(0, 'a@0'),
      transaction(send(1, '1/x@0', { from: [0, 0] })),
      transaction(send(2, '1/y@1', { from: [0, 0] })),
      drain('a@0 1/x@0 1/y@1'),
    ],
    bad: ['twice-consumed'],
  },
]

const groups: readonly HandMade[] = [
  { name: 'positions that rise', ops: [commit(1, 3), committed(3), commit(1, 5), committed(5)] },
  { name: 'a position that went back', ops: [commit(1, 5), committed(3)], bad: ['commit-back'] },
  { name: 'a position forgotten', ops: [commit(1, 5), committed(-1)], bad: ['commit-back'] },
  { name: 'none committed', ops: [committed(-1)] },
  { name: 'of two keys', ops: [commit(1, 5, 1, 0), commit(1, 2, 1, 1), committed(2, 1)] },
  {
    name: 'a member goes back in its generation',
    ops: [commit(1, 5), commit(1, 4)],
    bad: ['commit-back'],
  },
  {
    name: 'a new member begins further down',
    ops: [commit(1, 5, 1), commit(2, 4, 2), committed(4)],
  },
  {
    name: 'a member of an old generation commits over the new one',
    ops: [commit(1, 5, 1), commit(2, 9, 2), commit(1, 6, 1), committed(6)],
    bad: ['commit-back'],
  },
  { name: 'of unknown fate, seen', ops: [commit(1, 3), unknown(commit(1, 5)), committed(5)] },
  { name: 'of unknown fate, not seen', ops: [commit(1, 3), unknown(commit(1, 5)), committed(3)] },
  {
    name: 'of unknown fate, and lower still',
    ops: [commit(1, 3), unknown(commit(1, 5)), committed(2)],
    bad: ['commit-back'],
  },
  {
    name: 'while a commit is under way',
    ops: [commit(1, 3), during(20, 50, commit(1, 5)), during(30, 40, committed(3))],
  },
  {
    name: 'one owner per generation',
    ops: [assign(1, [0, 1], 1), assign(1, [0], 2), assign(2, [1], 2)],
  },
  { name: 'told its keys again', ops: [assign(1, [0], 1), assign(1, [0], 1)] },
  {
    name: 'two owners',
    ops: [assign(1, [0, 1], 2), assign(2, [1], 2)],
    bad: ['two-owners'],
  },
]

export const handMade: readonly HandMade[] = [...writes, ...reads, ...transactions, ...groups]
