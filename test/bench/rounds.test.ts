/** The side-by-side without a broker; with two of them: test/integration/bench-rounds.test.ts. */
import { expect, it } from 'vitest'
import { runBrokerBench } from '../../bench/broker-bench.ts'
import { chooseCells, produceCells } from '../../bench/cells.ts'
import { type CellFigures, NO_FIGURES } from '../../bench/measure-cell.ts'
import type { RoundsResult } from '../../bench/rounds.ts'
import { showRounds } from '../../bench/rounds-report.ts'
import { benchNames } from '../../bench/run.ts'
import { showNumber, spreadOf } from '../../bench/spread.ts'

const defaults = {
  peers: 'sluice',
  rounds: 1,
  touchGib: 0,
  compileSeconds: 0,
  idleSeconds: 0.1,
  topicPartitions: 10,
  restartGib: 0,
  byGroup: false,
}

it('names what it does not know', async () => {
  const print = (): void => {}
  expect(() => chooseCells(produceCells, 'produce-64k-1,nothing')).toThrow("no cell 'nothing'")
  await expect(runBrokerBench(['--peers', 'pulsar'], [], defaults, print)).rejects.toThrow(
    "no peer 'pulsar'",
  )
  await expect(runBrokerBench(['--second', '1'], [], defaults, print)).rejects.toThrow('--second')
  await expect(runBrokerBench(['--rounds', 'x'], [], defaults, print)).rejects.toThrow("'x'")
})

it('takes ratios within rounds and says where the client was the limit', () => {
  const figures = (requestsPerSecond: number, clientLimited: boolean): CellFigures => ({
    ...NO_FIGURES,
    requestsPerSecond,
    megabytesPerSecond: 1,
    brokerCores: 1,
    clientCores: 1,
    machineCores: 2,
    clientLimited,
  })
  const [cell] = chooseCells(produceCells, 'one-record-1x1')
  const run = (round: number, peer: string, rate: number) => ({
    round,
    peer,
    cell: 'one-record-1x1',
    figures: figures(rate, peer === 'a'),
    problem: null,
  })
  const result: RoundsResult = {
    // The machine was ten times faster in the second round: the ratio was not.
    cells: [run(1, 'a', 100), run(1, 'b', 50), run(2, 'a', 1000), run(2, 'b', 500)],
    starts: [],
    problems: [],
    machine: [],
    rounds: 2,
  }
  const text = showRounds(result, [cell!], ['a', 'b'])
  expect(text).toContain('550 (100–1,000)')
  expect(text).toContain('2.00 (2.00–2.00)x')
  expect(text).toContain('The client was the limit in: one record of 100 B, 1x1 (a).')
  expect(text).not.toContain('s/GB')
})

it('finds medians and prints three digits', () => {
  expect(spreadOf([3, Number.NaN, 1, 2])).toEqual({ median: 2, least: 1, most: 3, runs: 3 })
  expect(spreadOf([1, 2, 3, 4]).median).toBe(2.5)
  expect([12_345.6, 123.4, 1.234, 0.01234, Number.NaN].map(showNumber)).toEqual([
    '12,346',
    '123',
    '1.23',
    '0.0123',
    '-',
  ])
})

it('lists the benches that run by name', () => {
  expect(benchNames()).toEqual(expect.arrayContaining(['produce', 'fetch', 'compare', 'append']))
  expect(benchNames()).not.toContain('run')
  expect(benchNames()).not.toContain('cells')
})
