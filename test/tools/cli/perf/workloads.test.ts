/** Every named workload can be run as it lies there. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { encodeHistogram, newHistogram } from '../../../../bench/load/histogram.ts'
import type { LoadFigures } from '../../../../bench/load/load-plan.ts'
import {
  COMMAND_DEFAULTS,
  checkTogether,
  DEFAULTS,
  type LoadCommand,
} from '../../../../tools/cli/perf/load-options.ts'
import { generatorLimit } from '../../../../tools/cli/perf/load-runner.ts'
import { csvOf } from '../../../../tools/cli/perf/load-summary.ts'
import { drawChart } from '../../../../tools/cli/perf/report/chart.ts'
import { readWorkload, workloadNames } from '../../../../tools/cli/perf/workload-file.ts'

it.each(workloadNames())('the workload %s', (name) => {
  const content = JSON.parse(readFileSync(`bench/workloads/${name}.json`, 'utf8'))
  const command: LoadCommand = content.command
  const options = { ...DEFAULTS, ...COMMAND_DEFAULTS[command], ...readWorkload(name, command, '.') }
  expect(options.title).not.toBe('')
  checkTogether(options, command)
})

it('there are workloads', () => expect(workloadNames()).toContain('filebeat'))

describe('the generator as the limit', () => {
  const latencies = (microseconds: number) => {
    const histogram = newHistogram()
    histogram.recordValueWithCount(microseconds, 100)
    return encodeHistogram(histogram)
  }
  const figures: LoadFigures = {
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
    problem: null,
  }

  it('is named by its CPU and by late requests', () => {
    expect(generatorLimit(figures, 1)).toBeNull()
    expect(generatorLimit({ ...figures, clientCpuSeconds: 0.95 }, 1)).toContain('--processes')
    expect(generatorLimit({ ...figures, clientCpuSeconds: 0.95 }, 2)).toBeNull()
    expect(generatorLimit({ ...figures, lateness: latencies(8_000) }, 1)).toContain('too busy')
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
