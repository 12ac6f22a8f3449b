/** Findings about groups: owners, committed positions, and inputs that went into two outputs. */
import { getOrMake } from './get-or-make.ts'
import { type Gathered, sendsOf } from './key-history.ts'
import type { Op, Verdict } from './operation.ts'

export function findInGroups(gathered: Gathered, verdict: Verdict): void {
  findOwners(gathered, verdict)
  findCommitsBack(gathered, verdict)
  findTwiceConsumed(gathered, verdict)
}

function findOwners({ ops }: Gathered, verdict: Verdict): void {
  const owners = new Map<string, Op>()
  for (const op of ops)
    for (const mop of op.mops) {
      if (mop.f !== 'assign' || op.type === 'fail') continue
      for (const k of mop.keys) {
        const place = `${mop.group} ${mop.generation} ${k}`
        const other = owners.get(place)
        if (other === undefined) owners.set(place, op)
        else if (other.proc !== op.proc)
          verdict.bad.push({ kind: 'two-owners', k, ops: [other.i, op.i] })
      }
    }
}

interface Position {
  readonly op: Op
  readonly off: number
  readonly generation: number
  /** From here on it can no longer take effect. */
  readonly until: number
}

interface GroupKey {
  readonly k: number
  readonly commits: Position[]
  readonly reads: Position[]
}

function findCommitsBack(gathered: Gathered, verdict: Verdict): void {
  for (const { k, commits, reads } of groupKeys(gathered)) {
    // In real time a generation's position only rises, and an older generation has no say any more.
    const finished = commits.filter(({ op }) => op.type === 'ok').sort((a, b) => a.op.t1 - b.op.t1)
    const highest = new Map<number, Position>()
    let newest: Position | null = null
    let next = 0
    for (const each of [...commits].sort((a, b) => a.op.t0 - b.op.t0)) {
      for (; next < finished.length && finished[next]!.op.t1 <= each.op.t0; next++) {
        const done = finished[next]!
        const known = highest.get(done.generation)
        if (known === undefined || done.off > known.off) highest.set(done.generation, done)
        if (newest === null || done.generation > newest.generation) newest = done
      }
      if (each.op.type !== 'ok') continue
      const before = highest.get(each.generation)
      if (newest !== null && each.generation < newest.generation)
        verdict.bad.push({ kind: 'commit-back', k, ops: [newest.op.i, each.op.i] })
      if (before !== undefined && each.off < before.off)
        verdict.bad.push({ kind: 'commit-back', k, ops: [before.op.i, each.op.i] })
    }
    for (const read of reads) {
      const floor = lowestLegal(commits, read)
      if (floor !== null && read.off < floor.off)
        verdict.bad.push({ kind: 'commit-back', k, ops: [floor.op.i, read.op.i] })
    }
  }
}

/** The lowest position that a reader may find: that of any commit that is not surely overwritten. */
function lowestLegal(commits: readonly Position[], read: Position): Position | null {
  let overwrittenBefore = Number.NEGATIVE_INFINITY
  for (const { op } of commits)
    if (op.type === 'ok' && op.t1 < read.op.t0)
      overwrittenBefore = Math.max(overwrittenBefore, op.t0)
  if (overwrittenBefore === Number.NEGATIVE_INFINITY) return null
  let lowest: Position | null = null
  for (const commit of commits) {
    if (commit.until < overwrittenBefore || commit.op.t0 > read.op.t1) continue
    if (lowest === null || commit.off < lowest.off) lowest = commit
  }
  return lowest
}

function groupKeys({ ops }: Gathered): Iterable<GroupKey> {
  const all = new Map<string, GroupKey>()
  const of = (group: string, k: number): GroupKey =>
    getOrMake(all, `${k} ${group}`, () => ({ k, commits: [], reads: [] }))
  for (const [at, op] of ops.entries())
    for (const mop of op.mops) {
      if (mop.f === 'commit' && op.type !== 'fail')
        for (const [k, off] of mop.offsets)
          of(mop.group, k).commits.push({
            op,
            off,
            generation: mop.generation,
            until: op.type === 'ok' ? op.t1 : untilOf(ops, at),
          })
      else if (mop.f === 'committed' && op.type === 'ok')
        for (const [k, off] of mop.offsets)
          of(mop.group, k).reads.push({ op, off, generation: -1, until: op.t1 })
    }
  return all.values()
}

/** A commit of unknown fate is over once its process had a later one acknowledged. */
function untilOf(ops: readonly Op[], at: number): number {
  const { proc } = ops[at]!
  for (let next = at + 1; next < ops.length; next++) {
    const op = ops[next]!
    if (op.proc === proc && op.type === 'ok' && op.mops.some(({ f }) => f === 'commit'))
      return op.t1
  }
  return Number.POSITIVE_INFINITY
}

function findTwiceConsumed({ ops, keys }: Gathered, verdict: Verdict): void {
  const outputs = new Map<string, { op: Op; v: string }>()
  for (const op of ops)
    for (const { k, v, from } of sendsOf(op)) {
      if (from === undefined) continue
      const isVisible = op.type === 'ok' || (op.type === 'info' && keys.get(k)?.isRead(v) === true)
      if (!isVisible) continue
      const input = `${from[0]} ${from[1]}`
      const other = outputs.get(input)
      if (other === undefined) outputs.set(input, { op, v })
      else if (other.op !== op)
        verdict.bad.push({ kind: 'twice-consumed', k: from[0], v, ops: [other.op.i, op.i] })
    }
}
