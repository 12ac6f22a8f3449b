/**
 * The history checker: what clients sent, were told and read, against what a log may do. Knows nothing of
 * any broker. Linear in the history but for sorting; a million operations take seconds.
 */
import { findCycles } from './graph.ts'
import { findInGroups } from './group-findings.ts'
import { gather } from './key-history.ts'
import type { Mode, Op, Verdict } from './operation.ts'
import { findInReads } from './read-findings.ts'
import { findInWrites } from './write-findings.ts'

export function check(history: Iterable<Op>, mode: Mode): Verdict {
  const verdict: Verdict = { bad: [], allowed: [] }
  const gathered = gather(history)
  findInWrites(gathered, mode, verdict)
  findInReads(gathered, mode, verdict)
  findInGroups(gathered, verdict)
  findCycles(gathered, verdict)
  return verdict
}
