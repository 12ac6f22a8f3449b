/** No hot step has become twice as slow as bench/baseline.json says, measured in yardsticks. */
import { spawnSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { type Baseline, boundOf, readBaseline, slower } from '../../bench/micro/measure-micro.ts'

it('keeps the baseline', ({ skip }) => {
  if (readBaseline() === null) skip(`no baseline was taken with Node ${process.version}`)
  // In a process of its own: what vitest makes of imports is slower than what users run.
  const args = ['--import', 'tsx', 'bench/micro.ts', '--check']
  const { stdout, status } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  expect(stdout).toMatch(/^(\d+) of \1 tasks within their bounds$/m)
  expect(status).toBe(0)
}, 120_000)

it('names what has doubled, and allows what noise explains', () => {
  const baseline: Baseline = {
    machine: '',
    tasks: { quick: { ratio: 0.1, noise: 1.1 }, noisy: { ratio: 0.1, noise: 3 } },
  }
  const figure = (name: string, ratio: number) => ({ name, nanoseconds: 1, ratio })
  expect(slower([figure('quick', 0.19), figure('noisy', 0.44)], baseline)).toEqual([])
  const [late] = slower([figure('quick', 0.21)], baseline)
  expect(late?.what).toBe('quick: 0.210 yardsticks, 0.100 before, at most 0.200')
  expect(slower([figure('new', 1)], baseline)[0]?.what).toBe('new is not in baseline.json')
  expect(boundOf(1)).toBe(2)
})
