/**
 * The rounds against their thresholds: one row per cell and measure, the ratio to Kafka (the better of
 * its heaps) and to the floor, each the median of ratios taken within rounds, with its spread, and
 * whether that median keeps the bound. Beside it the floor's own ratio to Kafka, where it has one: a bound
 * that this C server does not keep either says more about the machine than about a broker.
 */
import type { Cell } from './cells.ts'
import type { RoundsResult } from './rounds.ts'
import { type Spread, showNumber, showSpread, showTable, spreadOf } from './spread.ts'
import {
  LOAD_MEMORY_BOUND,
  type Measure,
  type StartThreshold,
  startThresholds,
  type Threshold,
  thresholds,
} from './thresholds.ts'

const OURS = 'sluice'
const FLOOR = 'floor'
const KAFKA = /^kafka(-\d+)?$/

/** A figure by peer and round. */
type Figure = (peer: string, round: number) => number

export interface VerdictRow {
  readonly cell: string
  readonly title: string
  readonly measure: string
  readonly unit: string
  readonly ours: Spread
  readonly kafka: Spread
  /** The heap whose figures those are. */
  readonly kafkaPeer: string
  readonly ratio: Spread
  readonly bound: number | null
  readonly more: boolean
  readonly met: boolean | null
  readonly floorRatio: Spread | null
  readonly floorMet: boolean | null
  /** The floor against Kafka by the same measure. */
  readonly floorToKafka: Spread
}

/** Rows of everything that was measured and has a bound. */
export function verdictOf(result: RoundsResult, cells: readonly Cell[]): VerdictRow[] {
  const rows = thresholds.flatMap((threshold) => {
    const cell = cells.find(({ name }) => name === threshold.cell)
    return cell === undefined ? [] : [cellRow(result, cell, threshold)]
  })
  const starts = startThresholds.map((threshold) => startRow(result, threshold))
  return [...rows, ...starts, memoryRow(result)].filter(({ ours }) => ours.runs > 0)
}

export function showVerdict(rows: readonly VerdictRow[]): string {
  const head = [
    'cell',
    'measure',
    OURS,
    'Kafka',
    'heap',
    'ratio',
    'wanted',
    '',
    'to the floor',
    '',
    'floor / Kafka',
  ]
  const body = rows.map((row) => [
    row.title,
    `${row.measure}, ${row.unit}`,
    showSpread(row.ours),
    showSpread(row.kafka),
    row.kafkaPeer === ''
      ? '-'
      : row.kafkaPeer === 'kafka'
        ? '1 GiB'
        : `${row.kafkaPeer.slice(6)} MiB`,
    row.ratio.runs === 0 ? '-' : showSpread(row.ratio),
    row.bound === null ? '-' : `${row.more ? '≥' : '≤'} ${showNumber(row.bound)}`,
    said(row.met),
    row.floorRatio === null || row.floorRatio.runs === 0 ? '-' : showSpread(row.floorRatio),
    said(row.floorMet),
    row.floorToKafka.runs === 0 ? '-' : showSpread(row.floorToKafka),
  ])
  const judged = rows.flatMap((row) => [row.met, row.floorMet]).filter((met) => met !== null)
  const met = judged.filter(Boolean).length
  return `${showTable([head, ...body])}\n\n${met} of ${judged.length} bounds met.${beyond(rows)}`
}

/** Which missed bounds are beyond the floor, on the machine and in the rounds at hand. */
function beyond(rows: readonly VerdictRow[]): string {
  const names = rows
    .filter((row) => row.met === false && keeps(row.floorToKafka, row.bound, row.more) === false)
    .map((row) => `${row.title} (${row.measure})`)
  if (names.length === 0) return ''
  return ` In these rounds the floor itself misses ${names.length} of the others: ${names.join('; ')}.`
}

function said(met: boolean | null): string {
  return met === null ? '' : met ? 'met' : 'MISSED'
}

function cellRow(result: RoundsResult, cell: Cell, threshold: Threshold): VerdictRow {
  const { measure, bound, floorBound } = threshold
  const figure: Figure = (peer, round) => {
    const run = result.cells.find(
      (candidate) =>
        candidate.cell === cell.name && candidate.peer === peer && candidate.round === round,
    )
    return run?.figures == null ? Number.NaN : measure.of(run.figures)
  }
  const row = rowOf(result, figure, measure, bound)
  const floorRatio = floorBound === null ? null : ratios(result, figure, OURS, FLOOR)
  const floorMet = floorRatio === null ? null : keeps(floorRatio, floorBound, true)
  return { ...row, cell: cell.name, title: cell.title, floorRatio, floorMet }
}

function startRow(result: RoundsResult, threshold: StartThreshold): VerdictRow {
  const figure: Figure = (peer, round) => {
    const found = result.starts
      .filter((start) => start.peer === peer && start.round === round)
      .map((start) => threshold.of(start))
    return found.find((value) => !Number.isNaN(value)) ?? Number.NaN
  }
  const row = rowOf(result, figure, { ...threshold, more: false }, threshold.bound)
  return { ...row, cell: threshold.name, title: threshold.title, measure: 'start group' }
}

/** The highest of a round's cells: what a machine must have for the broker. */
function memoryRow(result: RoundsResult): VerdictRow {
  const figure: Figure = (peer, round) => {
    const peaks = result.cells
      .filter((run) => run.peer === peer && run.round === round)
      .map((run) => run.figures?.peakMegabytes ?? Number.NaN)
      .filter((peak) => !Number.isNaN(peak))
    return peaks.length === 0 ? Number.NaN : Math.max(...peaks)
  }
  const measure = { name: 'peak of the cells', unit: 'MB', more: false }
  const row = rowOf(result, figure, measure, LOAD_MEMORY_BOUND)
  return { ...row, cell: 'load-memory', title: 'memory under load' }
}

function rowOf(
  result: RoundsResult,
  figure: Figure,
  measure: Pick<Measure, 'name' | 'unit' | 'more'>,
  bound: number | null,
): VerdictRow {
  const kafkaPeer = betterKafka(result, figure, measure.more)
  const ratio = ratios(result, figure, OURS, kafkaPeer)
  return {
    cell: '',
    title: '',
    measure: measure.name,
    unit: measure.unit,
    ours: over(result, (round) => figure(OURS, round)),
    kafka: over(result, (round) => figure(kafkaPeer, round)),
    kafkaPeer,
    ratio,
    bound,
    more: measure.more,
    met: keeps(ratio, bound, measure.more),
    floorRatio: null,
    floorMet: null,
    floorToKafka: ratios(result, figure, FLOOR, kafkaPeer),
  }
}

/** The heap with the better median; '' without any. */
function betterKafka(result: RoundsResult, figure: Figure, more: boolean): string {
  const names = new Set([...result.cells, ...result.starts].map(({ peer }) => peer))
  return [...names]
    .filter((name) => KAFKA.test(name))
    .map((name) => ({ name, median: over(result, (round) => figure(name, round)).median }))
    .filter(({ median }) => !Number.isNaN(median))
    .sort((one, other) => (more ? other.median - one.median : one.median - other.median))
    .reduce((first, { name }) => (first === '' ? name : first), '')
}

function ratios(result: RoundsResult, figure: Figure, peer: string, other: string): Spread {
  return over(result, (round) => figure(peer, round) / figure(other, round))
}

function over(result: RoundsResult, of: (round: number) => number): Spread {
  return spreadOf(Array.from({ length: result.rounds }, (_, index) => of(index + 1)))
}

/** Null where nothing was measured or nothing is wanted. */
function keeps(ratio: Spread, bound: number | null, more: boolean): boolean | null {
  if (bound === null || ratio.runs === 0) return null
  return more ? ratio.median >= bound : ratio.median <= bound
}
