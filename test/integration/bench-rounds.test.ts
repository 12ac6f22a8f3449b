/** The side-by-side on two copies of our own broker: some cells once, for an instant. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { runBrokerBench } from '../../bench/broker-bench.ts'
import { allCells, chooseCells } from '../../bench/cells.ts'
import type { RoundsResult } from '../../bench/rounds.ts'
import { testProgram } from '../support/program.ts'

const binary = testProgram().at(-1)
const defaults = {
  peers: `sluice=${binary},other=${binary},gone=/no/such/sluice.js`,
  rounds: 1,
  touchGib: 0,
  compileSeconds: 0,
  idleSeconds: 0.1,
  topicPartitions: 10,
  restartGib: 0,
  byGroup: false,
}

it('measures the cells of both peers, skips a missing one loudly, and keeps the JSON', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-test-'))
  const lines: string[] = []
  const args = ['--seconds', '0.3', '--warm-up', '0.05', '--bytes-max-gib', '0.05', '--seed', '7']
  const json = join(folder, 'out', 'figures.json')
  try {
    const names = 'produce-64k-4,one-record-10x10,fetch-64k-4,parked-2000,open-5000,sync-64k-4'
    const cells = chooseCells(allCells, names)
    const code = await runBrokerBench(
      [...args, '--folder', join(folder, 'data'), '--json', json],
      cells,
      defaults,
      (line) => lines.push(line),
    )
    const text = lines.join('\n')
    expect(text).not.toContain('PROBLEM')
    expect(code).toBe(0)
    expect(text).toContain('SKIPPED gone: /no/such/sluice.js does not exist')
    const result = JSON.parse(readFileSync(json, 'utf8')) as RoundsResult
    expect(result.cells.length).toBe(2 * cells.length)
    for (const { figures } of result.cells) expect(figures?.requestsPerSecond).toBeGreaterThan(0)
    expect(result.starts.map((start) => start.peer).sort()).toEqual(['other', 'sluice'])
    expect(readdirSync(join(folder, 'data'))).toEqual([])
  } finally {
    rmSync(folder, { recursive: true })
  }
}, 120_000)
