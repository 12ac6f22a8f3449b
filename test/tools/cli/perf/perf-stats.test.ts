/** The lines of kafka-producer-perf-test: totals, windows, percentiles. */
import { describe, expect, it } from 'vitest'
import { PerfStats } from '../../../../tools/cli/perf/perf-stats.ts'

function stats(records: number, reportingMs = 1000, steady = false) {
  const lines: string[] = []
  const write = (line: string): void => void lines.push(line)
  return { stats: new PerfStats(records, { reportingMs, steady, now: 0, write }), lines }
}

describe('the counts of a measuring run', () => {
  it('make the total line from rates, mean, maximum and percentiles', () => {
    const { stats: run } = stats(1000)
    for (let at = 1; at <= 1000; at++) run.record(at, 1024, 1)
    expect(run.totalLine(2000)).toBe(
      '1000 records sent, 500.000000 records/sec (0.49 MB/sec), 500.50 ms avg latency, ' +
        '1000.00 ms max latency, 501 ms 50th, 951 ms 95th, 991 ms 99th, 1000 ms 99.9th.\n',
    )
  })

  it('print a window when its time is over, and none while quiet', () => {
    const { stats: run, lines } = stats(10)
    run.record(2, 1024 * 1024, 400)
    run.record(4, 1024 * 1024, 1000)
    expect(lines).toEqual([
      '2 records sent, 2.0 records/sec (2.00 MB/sec), 3.0 ms avg latency, 4.0 ms max latency.\n',
    ])
    run.quiet = true
    run.record(1, 1, 9000)
    expect(lines).toHaveLength(1)
  })

  it('name the steady state, and do with no records at all', () => {
    const { stats: run } = stats(5, 1000, true)
    expect(run.totalLine(0)).toMatch(
      /^0 steady state records sent, 0\.000000 records\/sec .*0 ms 99\.9th/,
    )
  })

  it('sample latencies of long runs, so that memory stays bounded', () => {
    const { stats: run } = stats(2_000_000)
    for (let at = 0; at < 2_000_000; at++) run.record(at % 4 === 0 ? 8 : 1, 1, 1)
    expect(run.totalLine(1)).toContain('8 ms 50th')
  })
})
