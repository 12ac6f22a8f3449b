/** What a topic must hold after a power loss, by what its clients were told and its flush mode. */

import type { ReadRecord } from '../clients/read-topic.ts'
import { check } from '../history/check.ts'
import { describeFinding, type Mode, type Op } from '../history/operation.ts'
import type { Recorder } from '../live/recorder.ts'

const PLAIN: Mode = { isolation: 'committed', via: 'assign', idempotent: false }
const PROBLEMS_MAX = 10

/** flush=group: nothing acknowledged is gone, nothing that was read either. */
export function judgeGroup(recorder: Recorder, records: ReadRecord[][]): string[] {
  // What earlier readings found is known; only this one is the last.
  recorder.ops = recorder.ops.map((op) => (op.final === true ? { ...op, final: false } : op))
  noteReading(recorder, records)
  return check(recorder.ops, PLAIN).bad.slice(0, PROBLEMS_MAX).map(describeFinding)
}

export interface AsyncLoss {
  readonly problems: string[]
  readonly lost: number
  /** How long before the cut the oldest lost record was acknowledged. */
  readonly oldestMs: number
}

/**
 * flush=async: a tail may be gone that was acknowledged within `windowMs` before the cut, and nothing
 * below a record that is there. The history begins anew with what is left.
 */
export function judgeAsync(
  recorder: Recorder,
  records: ReadRecord[][],
  cutMs: number,
  windowMs: number,
): AsyncLoss {
  noteReading(recorder, records)
  const problems: string[] = []
  const acknowledgedMs = new Map(recorder.ops.map((op) => [op.i, op.t1]))
  let lost = 0
  let oldestMs = 0
  for (const finding of check(recorder.ops, PLAIN).bad) {
    const ageMs = cutMs - (acknowledgedMs.get(finding.ops[0] ?? -1) ?? 0)
    if (finding.kind !== 'unseen' || ageMs > windowMs) {
      const age = `acknowledged ${Math.round(ageMs)} ms before the cut`
      problems.push(`${describeFinding(finding)}, ${age}`)
    } else {
      lost++
      oldestMs = Math.max(oldestMs, ageMs)
    }
  }
  recorder.ops = []
  const proc = recorder.process()
  for (const [k, partition] of records.entries())
    for (const { offset, value } of partition) {
      const send = { f: 'send', k, v: `${value}`, off: offset } as const
      recorder.add(proc, recorder.begin(), 'ok', [send])
    }
  return { problems: problems.slice(0, PROBLEMS_MAX), lost, oldestMs }
}

/**
 * A compacted topic with flush=group: of each key the newest acknowledged value is there, or one that
 * was sent behind it; offsets rise. Values are `process counter`, one process per key.
 */
export function judgeCompacted(recorder: Recorder, records: ReadRecord[][]): string[] {
  const problems: string[] = []
  const newest = newestByKey(recorder.ops)
  const found = new Map<string, number>()
  for (const [k, partition] of records.entries()) {
    let before = -1
    for (const { offset, key, value } of partition) {
      if (offset <= before) problems.push(`partition ${k}: offset ${offset} follows ${before}`)
      before = offset
      const counter = Number(`${value}`.split(' ')[1])
      const known = found.get(`${key}`) ?? -1
      if (counter <= known) problems.push(`key ${key}: ${counter} at ${offset} follows ${known}`)
      found.set(`${key}`, counter)
    }
  }
  for (const [key, counter] of newest)
    if ((found.get(key) ?? -1) < counter)
      problems.push(`key ${key}: ${counter} was acknowledged, the newest is ${found.get(key)}`)
  return problems.slice(0, PROBLEMS_MAX)
}

/** The key of a value in a compacted topic: its process, and one of a few. */
export function compactedKey(value: string): string {
  const [proc, counter] = value.split(' ')
  return `${proc}-${Number(counter) % KEYS}`
}
const KEYS = 40

function newestByKey(ops: readonly Op[]): Map<string, number> {
  const newest = new Map<string, number>()
  for (const { type, mops } of ops)
    for (const mop of mops) {
      if (mop.f !== 'send' || type !== 'ok') continue
      const key = compactedKey(mop.v)
      newest.set(key, Math.max(newest.get(key) ?? -1, Number(mop.v.split(' ')[1])))
    }
  return newest
}

function noteReading(recorder: Recorder, records: ReadRecord[][]): void {
  const proc = recorder.process()
  for (const [k, partition] of records.entries()) {
    const got = partition.map(({ offset, value }) => [k, offset, `${value}`] as const)
    recorder.add(proc, recorder.begin(), 'ok', [{ f: 'poll', got }], { final: true })
  }
}
