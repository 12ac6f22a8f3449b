import { describe, expect, it } from 'vitest'
import {
  type CompactionCrashPlan,
  type CompactionCrashResult,
  runCompactionCrashes,
} from '../support/compaction-crash.ts'
import { skipping } from '../support/faulty-disk.ts'

/** States looked at in all; SLUICE_CRASH_STATES asks for more. */
const STATES = Number(process.env['SLUICE_CRASH_STATES'] ?? 160)
const FIRST_SEED = Number(process.env['SLUICE_CRASH_SEED'] ?? 1)
const SHAPE = { steps: 40, generations: 3, states: 24 }

async function explore(
  states: number,
  plan: Omit<CompactionCrashPlan, 'seed'>,
): Promise<CompactionCrashResult> {
  const result: CompactionCrashResult = { states: 0, compacting: 0, failures: [] }
  for (let seed = FIRST_SEED; result.states < states; seed++) {
    await runCompactionCrashes({ ...plan, seed }, result)
    if (result.failures.length > 0) break
  }
  return result
}

describe('a power loss while a log is compacted', () => {
  it('loses nothing acknowledged, and brings nothing back that was taken out', async () => {
    const result = await explore(STATES, SHAPE)
    console.log(`compaction crash states: ${result.states}, ${result.compacting} in a swap`)
    expect(result.failures).toEqual([])
    expect(result.compacting).toBeGreaterThan(result.states / 10)
  }, 3_600_000)

  it('does so when a call failed before', async () => {
    const result = await explore(STATES / 2, { ...SHAPE, faults: true })
    console.log(`compaction fault states: ${result.states}, ${result.compacting} in a swap`)
    expect(result.failures).toEqual([])
  }, 3_600_000)

  it('is noticed when a result or its names were never synced', async () => {
    for (const skipped of [{ sync: /log\.cleaned$/ }, { syncDir: true }]) {
      const result = await explore(2_000, { ...SHAPE, wrap: (disk) => skipping(disk, skipped) })
      expect(result.failures).not.toEqual([])
    }
  }, 3_600_000)
})
