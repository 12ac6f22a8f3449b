import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { runKillLoop } from '../kill-loop/loop.ts'

describe('a broker killed under live clients, a few times; test/kill-loop does it for minutes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-kill-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('keeps what was acknowledged, in order, once where promised, and committed positions', async () => {
    const result = await runKillLoop({
      folder,
      seed: 7,
      forMs: 3_000,
      cyclesMax: 4,
      compiled: false,
    })
    expect(result.problems).toEqual([])
    expect(result.cycles).toBeGreaterThan(0)
    expect(result.acknowledged).toBeGreaterThan(0)
  })
})
