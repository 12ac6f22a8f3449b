/** Bounds judged on rounds that are written here, and what comes back of them from a file. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { loadJson, parseBench, saveJson } from '../../bench/bench-options.ts'
import { allCells } from '../../bench/cells.ts'
import { COMPARE_DEFAULTS } from '../../bench/compare.ts'
import { fallbackRows, showFallback } from '../../bench/fallback-verdict.ts'
import { NO_FIGURES } from '../../bench/measure-cell.ts'
import { natsPeer } from '../../bench/peers/nats.ts'
import { redisPeer } from '../../bench/peers/redis.ts'
import type { RoundsResult } from '../../bench/rounds.ts'
import { sideBySidePage } from '../../bench/side-by-side.ts'
import { startThresholds, thresholds } from '../../bench/thresholds.ts'
import { showVerdict, verdictOf } from '../../bench/verdict.ts'

function rounds(rates: Record<string, readonly number[]>, cell = 'one-record-10x10'): RoundsResult {
  const runs = Object.entries(rates).flatMap(([peer, values]) =>
    values.map((requestsPerSecond, at) => {
      const rate = { requestsPerSecond, megabytesPerSecond: requestsPerSecond }
      const figures = { ...NO_FIGURES, ...rate, peakMegabytes: peer === 'floor' ? 1 : 100 }
      return { round: at + 1, peer, cell, figures, problem: null }
    }),
  )
  const length = Math.max(...Object.values(rates).map((values) => values.length))
  return { rounds: length, cells: runs, starts: [], problems: [], machine: [] }
}

const row = (result: RoundsResult, measure: string) =>
  verdictOf(result, allCells).find((candidate) => candidate.measure === measure)

it('judges the median of ratios within rounds, against the better heap and the floor', () => {
  const result = rounds({
    sluice: [90, 1000, 110],
    kafka: [10, 100, 10],
    'kafka-256': [5, 50, 5],
    floor: [100, 2000, 200],
  })
  const found = row(result, 'requests')
  expect(found?.kafkaPeer).toBe('kafka')
  expect(found?.ratio).toEqual({ median: 10, least: 9, most: 11, runs: 3 })
  expect(found?.met).toBe(true)
  expect(found?.floorRatio?.median).toBe(0.55)
  expect(found?.floorMet).toBe(false)
  expect(showVerdict(verdictOf(result, allCells))).toMatch(/1 of 3 bounds met\.$/)
})

it('says which missed bounds the floor misses too, and of no others', () => {
  const beyond = rounds({ sluice: [50], kafka: [10], floor: [80] })
  const within = rounds({ sluice: [50], kafka: [10], floor: [100] })
  expect(row(beyond, 'requests')?.floorToKafka.median).toBe(8)
  expect(showVerdict(verdictOf(beyond, allCells))).toMatch(
    /the floor itself misses 1 of the others: one record of 100 B, 10x10 \(requests\)\.$/,
  )
  expect(showVerdict(verdictOf(within, allCells))).toMatch(/bounds met\.$/)
  expect(showVerdict(verdictOf(rounds({ sluice: [50], kafka: [10] }), allCells))).not.toContain(
    'the floor itself',
  )
})

it('takes the heap that is better in the measure', () => {
  const result = rounds({ sluice: [100], kafka: [10], 'kafka-256': [20] })
  expect(row(result, 'requests')).toMatchObject({ kafkaPeer: 'kafka-256', met: false })
})

it('judges nothing that was not measured', () => {
  const found = row(rounds({ sluice: [100] }), 'requests')
  expect([found?.met, found?.floorMet]).toEqual([null, null])
})

it('holds native calls against plain Node, and plain Node against Kafka', () => {
  const result = rounds({
    sluice: [300, 900, 100],
    'sluice-plain': [200, 300, 200],
    kafka: [100, 400, 300],
  })
  const [found] = fallbackRows(result, allCells)
  expect(found?.gain).toEqual({ median: 1.5, least: 0.5, most: 3, runs: 3 })
  expect(found?.ahead).toEqual({ median: 0.75, least: 2 / 3, most: 2, runs: 3 })
  expect([found?.gainMet, found?.aheadMet]).toEqual([true, false])
  expect(showFallback([found!])).toContain('MISSED')
  const fetch = rounds({ 'sluice-plain': [200], kafka: [100] }, 'fetch-1m-1')
  expect(fallbackRows(fetch, allCells)[0]).toMatchObject({ gainMet: null, aheadMet: null })
  expect(showFallback(fallbackRows(rounds({ sluice: [1] }), allCells))).toBe('')
})

it('has a cell for every bound', () => {
  const names = allCells.map(({ name }) => name)
  for (const { cell } of thresholds) expect(names).toContain(cell)
  expect(startThresholds.length).toBe(5)
})

it('keeps results in a file and goes on from there', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-verdict-'))
  try {
    const json = join(folder, 'kept.json')
    const request = parseBench(['--json', json, '--resume', '--minutes', '2'], COMPARE_DEFAULTS)
    expect([request.minutes, request.resume, request.byGroup]).toEqual([2, true, true])
    expect(loadJson(json).cells).toEqual([])
    const result = rounds({ sluice: [100], kafka: [10] })
    result.cells.push({ round: 1, peer: 'kafka', cell: 'x', figures: null, problem: 'why' })
    saveJson(json, request, allCells, result)
    expect(loadJson(json)).toEqual(result)
    const more = parseBench(['--json', json, '--resume', '--peers', 'redis'], COMPARE_DEFAULTS)
    saveJson(json, more, allCells, result)
    const page = sideBySidePage(loadJson(json), JSON.parse(readFileSync(json, 'utf8')).peers, json)
    expect(page).toContain('| one record of 100 B, 10x10')
    expect(page).toContain('- kafka: Apache Kafka 4.2.0, 1024 MiB heap')
  } finally {
    rmSync(folder, { recursive: true })
  }
})

it("finds rates in what other projects' tools print", () => {
  const redis = redisPeer('redis').ownTool?.runOf('one-record-10x10', 1)
  expect(redis?.rateIn('XADD bench: 115594.00 requests per second, p50=0.7 msec\n', 1)).toBe(115594)
  expect(redis?.rateIn('Could not connect', 1)).toBeNaN()
  const nats = natsPeer.ownTool?.runOf('one-record-1x1', 1)
  expect(nats?.rateIn('Pub stats: 12,345 msgs/sec ~ 1.2 MB/sec', 1)).toBe(12345)
  expect(natsPeer.ownTool?.runOf('fetch-1m-1', 1)).toBeNull()
})
