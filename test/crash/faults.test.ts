/** The fault suite in a small box: the full one is a lane of its own, `test/crash/run.ts`. */
import { expect, it } from 'vitest'
import { FAULT_PLAN, newFaultCounts, runFaults } from './faults.ts'

it('a disk that fails at any call costs nothing that was promised, and only its own folder', async () => {
  const counts = newFaultCounts()
  for (let seed = 1; seed <= 2; seed++)
    expect(await runFaults({ ...FAULT_PLAN, points: 40, seed }, counts)).toBeNull()
  expect(counts.points).toBeGreaterThan(70)
  console.log(`faults: ${counts.points} points`)
})
