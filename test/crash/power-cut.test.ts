/** The power-cut suite in a small box: the full one is a lane of its own, `test/crash/run.ts`. */
import { describe, expect, it } from 'vitest'
import { skipping } from '../support/faulty-disk.ts'
import { newCounts, POWER_CUT_PLAN, type PowerCutPlan, runPowerCuts } from './power-cut.ts'

const SMALL: Omit<PowerCutPlan, 'seed'> = {
  ...POWER_CUT_PLAN,
  operations: 30,
  points: 6,
  outcomes: 4,
  folderOutcomes: 12,
  depthTwo: 0.04,
}

async function firstFailure(
  plan: Partial<PowerCutPlan>,
  seeds: number,
  counts = newCounts(),
): Promise<string | null> {
  for (let seed = 1; seed <= seeds; seed++) {
    const failure = await runPowerCuts({ ...SMALL, seed, ...plan }, counts)
    if (failure !== null) return `seed ${seed}: ${failure.message}`
  }
  return null
}

describe('a broker whose power goes at any call to the disk', () => {
  it('has all it promised after the next start, and nothing else', async () => {
    const counts = newCounts()
    expect(await firstFailure({}, 2, counts)).toBeNull()
    expect(counts.states).toBeGreaterThan(40)
    expect(counts.depthTwo).toBeGreaterThan(0)
    expect(counts.folders).toBeGreaterThan(30)
    console.log(`power cuts: ${counts.states} brokers and ${counts.folders} folders started again`)
  })

  it('comes to the same states from the same seed', async () => {
    const counts = [newCounts(), newCounts()]
    for (const each of counts) await runPowerCuts({ ...SMALL, seed: 5 }, each)
    expect(counts[0]).toEqual(counts[1])
  })
})

describe('a bug planted under the broker is found', () => {
  it('a sync of the segments that does nothing', async () => {
    const wrap: PowerCutPlan['wrap'] = (disk) => skipping(disk, { sync: /\d\.log$/ })
    expect(await firstFailure({ wrap }, 20)).toMatch(/was promised/)
  })

  it('small files that are renamed without a sync, the snapshot of control state among them', async () => {
    const all: PowerCutPlan['wrap'] = (disk) => skipping(disk, { sync: /\.tmp$/ })
    expect(await firstFailure({ wrap: all }, 20)).not.toBeNull()
    const meta: PowerCutPlan['wrap'] = (disk) => skipping(disk, { sync: /meta\.snapshot\.tmp$/ })
    expect(await firstFailure({ wrap: meta }, 20)).toMatch(/MetaStoreCorrupt/)
  })

  it('a directory that is never synced', async () => {
    const wrap: PowerCutPlan['wrap'] = (disk) => skipping(disk, { syncDir: true })
    expect(await firstFailure({ wrap }, 20)).not.toBeNull()
  })
})
