import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { runGrowth } from '../../bench/growth.ts'

it('refuses a curve it does not know before anything starts', async () => {
  const lines: string[] = []
  const run = runGrowth(['hot', 'cool'], (line) => lines.push(line))
  await expect(run).rejects.toThrow("no curve 'cool'; known are connections, ")
  expect(lines).toEqual([])
})

it('prints a row for each point of a curve', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'growth-'))
  const lines: string[] = []
  try {
    const args = ['slow', '--seconds', '0.3', '--folder', folder]
    await runGrowth(args, (line) => lines.push(line))
  } finally {
    rmSync(folder, { recursive: true })
  }
  const rows = lines.filter((line) => line.startsWith('| ') && !line.includes('p50'))
  expect(rows.length).toBe(2)
  for (const row of rows) expect(row).toMatch(/^\| [^|]+( \| [\d.,]+){4} \|$/)
}, 60_000)
