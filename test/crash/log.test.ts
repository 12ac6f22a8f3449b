import { describe, expect, it } from 'vitest'
import { skipping } from '../support/faulty-disk.ts'
import { type CrashPlan, type CrashResult, runCrashPlan } from '../support/log-crash.ts'

/** States looked at in all; SLUICE_CRASH_STATES asks for more. */
const STATES = Number(process.env['SLUICE_CRASH_STATES'] ?? 600)
const FIRST_SEED = Number(process.env['SLUICE_CRASH_SEED'] ?? 1)

async function explore(
  states: number,
  plan: Omit<CrashPlan, 'seed'>,
  stopAtFailure = true,
): Promise<CrashResult> {
  const result: CrashResult = { states: 0, failures: [] }
  for (let seed = FIRST_SEED; result.states < states; seed++) {
    await runCrashPlan({ ...plan, seed }, result)
    if (stopAtFailure && result.failures.length > 0) break
  }
  return result
}

const SHAPE = { steps: 30, generations: 3, states: 24 }

describe('a power loss at any moment', () => {
  it('loses nothing acknowledged in group mode, and leaves a log that is whole', async () => {
    const result = await explore(STATES / 2, { ...SHAPE, flushMode: 'group' })
    console.log(`log crash states (group): ${result.states}`)
    expect(result.failures).toEqual([])
  }, 3_600_000)

  it('leaves a whole log in async mode, down to the last sync at least', async () => {
    const result = await explore(STATES / 2, { ...SHAPE, flushMode: 'async' })
    console.log(`log crash states (async): ${result.states}`)
    expect(result.failures).toEqual([])
  }, 3_600_000)
})

describe('a disk that fails once', () => {
  it('costs nothing acknowledged, whatever call it hits and whenever power goes after', async () => {
    const plan = { ...SHAPE, flushMode: 'group', faults: true } as const
    const result = await explore(STATES / 4, plan)
    console.log(`log fault states: ${result.states}`)
    expect(result.failures).toEqual([])
  }, 3_600_000)
})

describe('a bug planted under the log is found', () => {
  const found = async (plan: Partial<CrashPlan>): Promise<readonly string[]> => {
    const result = await explore(2_000, { ...SHAPE, flushMode: 'group', ...plan })
    return result.failures
  }

  it('a sync of the log that does nothing', async () => {
    expect(await found({ wrap: (disk) => skipping(disk, { sync: /\.log$/ }) })).not.toEqual([])
  })

  it('a directory that is never synced', async () => {
    expect(await found({ wrap: (disk) => skipping(disk, { syncDir: true }) })).not.toEqual([])
  })

  it('an index that is never synced', async () => {
    expect(await found({ wrap: (disk) => skipping(disk, { sync: /index$/ }) })).not.toEqual([])
  })

  it('an acknowledgement of what was written instead of what was synced', async () => {
    expect(await found({ acknowledge: 'written' })).not.toEqual([])
  })
})
