/** Findings about readers: what they saw that was not there to see, and how their positions moved. */
import { getOrMake } from './get-or-make.ts'
import { type Gathered, pollsOf, sendsOf } from './key-history.ts'
import type { Mode, Op, Verdict } from './operation.ts'

export function findInReads(gathered: Gathered, mode: Mode, verdict: Verdict): void {
  findAborted(gathered, mode, verdict)
  findTorn(gathered, mode, verdict)
  findJumps(gathered, mode, verdict)
  findEarly(gathered, verdict)
  findEndsBack(gathered, verdict)
}

function findAborted({ ops, keys }: Gathered, mode: Mode, verdict: Verdict): void {
  const told = new Set<string>()
  for (const op of ops)
    for (const { got } of pollsOf(op))
      for (const [k, , v] of got) {
        const write = keys.get(k)?.writes.get(v)
        if (told.has(`${k} ${v}`)) continue
        if (write === undefined) {
          told.add(`${k} ${v}`)
          verdict.bad.push({ kind: 'unknown-value', k, v, ops: [op.i] })
        } else if (write.op.type === 'fail') {
          told.add(`${k} ${v}`)
          // An aborted record is visible to whoever asks for uncommitted ones; a refused one never.
          const list =
            write.op.txn && mode.isolation === 'uncommitted' ? verdict.allowed : verdict.bad
          list.push({ kind: 'G1a', k, v, ops: [write.op.i, op.i] })
        } else if (write.op === op && op.txn) {
          told.add(`${k} ${v}`)
          const list = mode.isolation === 'uncommitted' ? verdict.allowed : verdict.bad
          list.push({ kind: 'precommitted', k, v, ops: [op.i] })
        }
      }
}

/** At the end, of a transaction of unknown fate, all is there or nothing. */
function findTorn({ ops, keys, hasFinal }: Gathered, mode: Mode, verdict: Verdict): void {
  if (!hasFinal) return
  for (const op of ops) {
    const isAtomic = op.txn ? mode.isolation === 'committed' : true
    if (op.type !== 'info' || !isAtomic) continue
    // Outside a transaction each key's part is a batch, and batches are whole.
    const byKey = new Map<number, string[]>()
    for (const { k, v } of sendsOf(op))
      getOrMake(byKey, op.txn ? -1 : k, () => []).push(`${k} ${v}`)
    for (const [k, names] of byKey) {
      const absent = names.filter((name) => {
        const space = name.indexOf(' ')
        return keys.get(Number(name.slice(0, space)))?.isRead(name.slice(space + 1)) !== true
      })
      if (absent.length === 0 || absent.length === names.length) continue
      verdict.bad.push({ kind: 'G1b', k, v: absent.join(' | '), ops: [op.i] })
    }
  }
}

interface Position {
  rank: number
  op: Op
}

function findJumps({ ops, keys }: Gathered, mode: Mode, verdict: Verdict): void {
  const positions = new Map<number, Map<number, Position>>()
  for (const op of ops) {
    const mine = getOrMake(positions, op.proc, () => new Map())
    for (const mop of op.mops) {
      if (mop.f === 'assign') {
        // By hand a reader says itself where it goes on; a group may give back what was not committed.
        for (const k of mode.via === 'subscribe' ? [...mine.keys()] : mop.keys) mine.delete(k)
      }
      if (mop.f !== 'poll') continue
      for (const [k, offset, v] of mop.got) {
        const rank = keys.get(k)?.rankOf.get(offset) ?? 0
        const before = mine.get(k)
        mine.set(k, { rank, op })
        if (before === undefined || rank === before.rank + 1) continue
        const kind = rank > before.rank ? 'poll-skip' : 'poll-back'
        verdict.bad.push({ kind, k, v, ops: [before.op.i, op.i] })
      }
    }
    // A consumer rolls back with its transaction.
    if (op.txn && op.type !== 'ok')
      for (const { got } of pollsOf(op)) for (const [k] of got) mine.delete(k)
  }
}

function findEarly({ ops, keys }: Gathered, verdict: Verdict): void {
  for (const op of ops)
    for (const { got } of pollsOf(op))
      for (const [k, , v] of got) {
        const write = keys.get(k)?.writes.get(v)
        const due = write?.send.due
        if (write !== undefined && due !== undefined && op.t1 < due)
          verdict.bad.push({ kind: 'early-delay', k, v, ops: [write.op.i, op.i] })
      }
}

/** An end told later is no lower. Overlapping questions may be answered in any order. */
function findEndsBack({ ops }: Gathered, verdict: Verdict): void {
  const byKey = new Map<number, { op: Op; end: number }[]>()
  for (const op of ops)
    for (const mop of op.mops)
      if (mop.f === 'ends' && op.type === 'ok')
        for (const [k, end] of mop.ends) getOrMake(byKey, k, () => []).push({ op, end })
  for (const [k, seen] of byKey) {
    const finished = [...seen].sort((a, b) => a.op.t1 - b.op.t1)
    let highest: { op: Op; end: number } | null = null
    let next = 0
    for (const each of [...seen].sort((a, b) => a.op.t0 - b.op.t0)) {
      for (; next < finished.length && finished[next]!.op.t1 < each.op.t0; next++)
        if (highest === null || finished[next]!.end > highest.end) highest = finished[next]!
      if (highest !== null && each.end < highest.end)
        verdict.bad.push({ kind: 'end-back', k, ops: [highest.op.i, each.op.i] })
    }
  }
}
