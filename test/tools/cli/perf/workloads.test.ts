/** Every named workload can be run as it lies there. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { encodeHistogram, newHistogram } from '../../../../bench/load/histogram.ts'
import type { LoadFigures } from '../../../../bench/load/load-plan.ts'
import { machineFacts } from '../../../../bench/load/machine-facts.ts'
import { type PerfResult, RESULT_FORMAT } from '../../../../bench/load/perf-result.ts'
import {
  COMMAND_DEFAULTS,
  checkTogether,
  DEFAULTS,
  type LoadCommand,
} from '../../../../tools/cli/perf/load-options.ts'
import { generatorLimit } from '../../../../tools/cli/perf/load-runner.ts'
import {
  csvOf,
  rowOfLoad,
  runLines,
  summaryLines,
} from '../../../../tools/cli/perf/load-summary.ts'
import { drawChart } from '../../../../tools/cli/perf/report/chart.ts'
import { reportPage } from '../../../../tools/cli/perf/report/page.ts'
import { readWorkload, workloadNames } from '../../../../tools/cli/perf/workload-file.ts'

it.each(workloadNames())('the workload %s', (name) => {
  const content = JSON.parse(readFileSync(`bench/workloads/${name}.json`, 'utf8'))
  const command: LoadCommand = content.command
  const options = { ...DEFAULTS, ...COMMAND_DEFAULTS[command], ...readWorkload(name, command, '.') }
  expect(options.title).not.toBe('')
  checkTogether(options, command)
})

it('there are workloads', () => expect(workloadNames()).toContain('filebeat'))

const latencies = (microseconds: number) => {
  const histogram = newHistogram()
  histogram.recordValueWithCount(microseconds, 100)
  return encodeHistogram(histogram)
}
const wholeSecond: LoadFigures = {
  seconds: 1,
  answers: 1,
  bytes: 1,
  records: 1,
  clientCpuSeconds: 0.5,
  brokerCpuSeconds: Number.NaN,
  machineCpuSeconds: Number.NaN,
  peakBytes: Number.NaN,
  writtenBytes: Number.NaN,
  latency: latencies(10_000),
  lateness: latencies(100),
  acknowledged: null,
  samples: [],
  opening: null,
  transactions: null,
  problem: null,
}

describe('the generator as the limit', () => {
  const figures = wholeSecond

  it('is named by its CPU and by late requests', () => {
    expect(generatorLimit(figures, 1)).toBeNull()
    expect(generatorLimit({ ...figures, clientCpuSeconds: 0.95 }, 1)).toContain('--processes')
    expect(generatorLimit({ ...figures, clientCpuSeconds: 0.95 }, 2)).toBeNull()
    expect(generatorLimit({ ...figures, lateness: latencies(8_000) }, 1)).toContain('too busy')
  })
})

describe('transactions in the summary', () => {
  const commits = newHistogram()
  for (let ms = 1; ms <= 100; ms++) commits.recordValue(ms * 1000)
  const transactions = { committed: 100, retries: 2, commit: encodeHistogram(commits) }
  const figures = { ...wholeSecond, seconds: 5, transactions }
  const load = { role: 'produce', figures, limit: null }
  const run = { repeat: 1, offered: null, loads: [load] }

  it('are counted, with the percentiles of their commits', () => {
    expect(runLines(run)[0]).toContain(
      '; 100 transactions committed, 20/s, commit p50 50 p99 99 p99.9 100 max 100 ms, ' +
        '2 requests asked again',
    )
    expect(rowOfLoad(run, load)).toMatchObject({
      transactionsCommitted: 100,
      transactionsPerSecond: 20,
      transactionRetries: 2,
      commitP50Ms: 50.015,
      commitMaxMs: 100.031,
    })
    expect(summaryLines([run, run])[0]).toContain('transactions/s 20 (20–20), commit p50 ms 50')
  })

  it('have columns and a curve in reports, which read results of before them as well', () => {
    const result: PerfResult = {
      format: RESULT_FORMAT,
      command: 'produce',
      title: 'paid',
      options: {},
      brokers: 'b:1',
      version: '1',
      machine: machineFacts(),
      runs: [run],
      problem: null,
    }
    const page = reportPage([{ name: 'paid', result }])
    expect(page).toContain('<th>commit p99 ms</th>')
    expect(page).toContain('paid, commits')
    const { transactions: _none, ...older } = wholeSecond
    const before = { ...run, loads: [{ ...load, figures: older as LoadFigures }] }
    const old = reportPage([{ name: 'old', result: { ...result, title: 'old', runs: [before] } }])
    expect(old).toContain('<th>p99 ms</th>')
    expect(old).not.toContain('commit')
  })

  it('are missed where none was committed, and not spoken of where none was wanted', () => {
    const none = {
      ...load,
      figures: { ...figures, transactions: { ...transactions, committed: 0 } },
    }
    expect(runLines({ ...run, loads: [none] })[0]).toContain('no transaction was committed')
    const plain = { ...load, figures: wholeSecond }
    expect(runLines({ ...run, loads: [plain] })[0]).not.toContain('transaction')
    expect(Object.keys(rowOfLoad(run, plain)).join()).not.toContain('ransaction')
  })
})

it('writes CSV that survives commas and quotes', () => {
  expect(
    csvOf([
      { a: 1, b: 'x,"y"' },
      { a: null, b: 'z' },
    ]),
  ).toBe('a,b\n1,"x,""y"""\n,z\n')
})

describe('charts', () => {
  const axis = { label: 'x', scale: 'linear' } as const
  const line = (points: [number, number][]) => ({ name: 'a<b', points, color: 0, dash: 0 })

  it('draw nothing of nothing', () => {
    const series = [line([[1, Number.NaN]])]
    expect(drawChart({ title: 't', x: axis, y: axis, series })).toBeNull()
  })

  it('draw within their frame, on linear and log scales', () => {
    for (const scale of ['linear', 'log'] as const) {
      const y = { label: 'y', scale }
      const series = [
        line([
          [0, 3],
          [5, 4000],
          [9, 20],
        ]),
      ]
      const svg = drawChart({ title: 't', x: axis, y, series }, true) ?? ''
      const [, points = ''] = /<polyline[^>]* points="([^"]*)"/.exec(svg) ?? []
      const places = points.split(' ').map((point) => point.split(',').map(Number))
      expect(places.length).toBe(3)
      for (const [x = -1, at = -1] of places) {
        expect(x >= 64 && x <= 744 && at >= 34 && at <= 296).toBe(true)
      }
      expect(svg).toContain('a&lt;b')
      expect(svg).not.toContain('NaN')
    }
  })
})
