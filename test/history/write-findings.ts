/** Findings about writes: lost, doubled, moved, out of order (reliability rules 1 to 5 of the checker). */
import { getOrMake } from './get-or-make.ts'
import { type Gathered, type KeyHistory, sendsOf, type Write } from './key-history.ts'
import type { Finding, Mode, Op, Verdict } from './operation.ts'

export function findInWrites(gathered: Gathered, mode: Mode, verdict: Verdict): void {
  for (const key of gathered.keys.values()) {
    findOffsets(key, verdict)
    findDuplicates(key, mode, verdict)
    findAbsent(key, gathered, verdict)
    findRealtime(key, verdict.bad)
    findDisorder(key, mode, verdict)
  }
  for (const op of gathered.ops)
    if (!op.txn && op.type !== 'fail') findTornBatch(op, gathered, verdict)
}

function findOffsets(key: KeyHistory, verdict: Verdict): void {
  for (const versions of key.byOffset.values())
    if (versions.length > 1)
      verdict.bad.push({
        kind: 'inconsistent-offset',
        k: key.k,
        v: versions.map(({ value }) => value).join(' | '),
        ops: versions.map(({ op }) => op.i),
      })
  // Acknowledged at an offset, read, and only elsewhere.
  for (const [value, places] of key.offsetsOf) {
    const write = key.writes.get(value)
    if (write?.op.type !== 'ok' || write.send.off === null || places.length < 2) continue
    const acknowledged = places.find(({ offset }) => offset === write.send.off)
    if (acknowledged?.wasRead === true || !key.isRead(value)) continue
    const ops = places.map(({ op }) => op.i)
    verdict.bad.push({ kind: 'inconsistent-offset', k: key.k, v: value, ops })
  }
}

function findDuplicates(key: KeyHistory, mode: Mode, verdict: Verdict): void {
  for (const [value, places] of key.offsetsOf) {
    const read = places.filter(({ wasRead }) => wasRead)
    if (read.length < 2) continue
    const list = mode.idempotent ? verdict.bad : verdict.allowed
    list.push({ kind: 'duplicate', k: key.k, v: value, ops: read.map(({ op }) => op.i) })
  }
}

/**
 * Acknowledged or read once, and not there: in the last reading if there was one, else below what anyone
 * has read. What an operation of unknown fate left out is torn, not lost: the readers' findings say so.
 */
function findAbsent(key: KeyHistory, { hasFinal }: Gathered, verdict: Verdict): void {
  const highest = hasFinal ? key.highestFinal : key.highestRead
  for (const [value, { op, send }] of key.writes) {
    const places = key.offsetsOf.get(value) ?? []
    const isKept = places.some(({ wasRead, isFinal }) => (hasFinal ? isFinal : wasRead))
    if (op.type === 'fail' || isKept || (op.type === 'info' && !key.isRead(value))) continue
    const offset = send.off ?? key.firstOffset(value)
    const rank = offset === null ? undefined : key.rankOf.get(offset)
    const isBelow = rank !== undefined && rank < highest
    if (isBelow) verdict.bad.push({ kind: 'lost', k: key.k, v: value, ops: [op.i] })
    else if (hasFinal) verdict.bad.push({ kind: 'unseen', k: key.k, v: value, ops: [op.i] })
  }
}

interface Placed extends Write {
  readonly offset: number
}

/** Writes whose place is known, by rising offset. */
function placed(key: KeyHistory): Placed[] {
  const all: Placed[] = []
  for (const [value, write] of key.writes) {
    if (write.op.type === 'fail') continue
    const offset =
      write.op.type === 'ok' ? (write.send.off ?? key.firstOffset(value)) : key.firstOffset(value)
    if (offset !== null) all.push({ ...write, offset })
  }
  return all.sort((a, b) => a.offset - b.offset)
}

/** A acknowledged before B began, A behind B: going down, the earliest acknowledgement so far tells. */
function findRealtime(key: KeyHistory, bad: Finding[]): void {
  const writes = placed(key)
  let earliest: Placed | null = null
  for (let at = writes.length - 1; at >= 0; at--) {
    const write = writes[at]!
    if (earliest !== null && earliest.op.t1 < write.op.t0 && earliest.op !== write.op)
      bad.push({
        kind: 'realtime',
        k: key.k,
        v: write.send.v,
        ops: [earliest.op.i, write.op.i],
      })
    if (write.op.type === 'ok' && (earliest === null || write.op.t1 < earliest.op.t1))
      earliest = write
  }
}

/** Per process: offsets rise with the order of issue. */
function findDisorder(key: KeyHistory, mode: Mode, verdict: Verdict): void {
  const last = new Map<number, { sure: Placed | null; any: Placed | null }>()
  for (const write of placed(key).sort((a, b) => a.at - b.at)) {
    const known = getOrMake(last, write.op.proc, () => ({ sure: null, any: null }))
    const isSure = write.op.type === 'ok'
    const before =
      isSure && known.sure !== null && known.sure.offset > write.offset ? known.sure : known.any
    if (before !== null && before.offset > write.offset) {
      const finding: Finding = {
        kind: 'reorder',
        k: key.k,
        v: write.send.v,
        ops: [before.op.i, write.op.i],
      }
      // What a client gave up on may arrive late, unless it numbers what it sends.
      const isBad = mode.idempotent || (isSure && before.op.type === 'ok')
      ;(isBad ? verdict.bad : verdict.allowed).push(finding)
    }
    if (known.any === null || write.offset > known.any.offset) known.any = write
    if (isSure && (known.sure === null || write.offset > known.sure.offset)) known.sure = write
  }
}

/** Sends of one batch lie at neighbouring offsets. */
function findTornBatch(op: Op, { keys }: Gathered, verdict: Verdict): void {
  const previous = new Map<number, number>()
  for (const { k, v, off } of sendsOf(op)) {
    const offset = off ?? keys.get(k)?.firstOffset(v) ?? null
    if (offset === null) continue
    const before = previous.get(k)
    previous.set(k, offset)
    if (before === undefined || offset === before + 1 || offset <= before) continue
    verdict.bad.push({ kind: 'reorder', k, v, ops: [op.i] })
  }
}
