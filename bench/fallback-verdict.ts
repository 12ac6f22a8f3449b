/**
 * sluice without native calls (`sluice-plain`, sluice.native.calls=false) beside sluice as it is and
 * Kafka, by cell: native calls must not make any throughput worse, and without them it must still be
 * ahead of Kafka in all but what sendfile alone can win.
 */
import type { Cell } from './cells.ts'
import type { RoundsResult } from './rounds.ts'
import { type Spread, showSpread, showTable, spreadOf } from './spread.ts'
import { measures } from './thresholds.ts'

export const PLAIN_PEER = 'sluice-plain'
const OURS = 'sluice'
const KAFKA = 'kafka'
/** Kafka hands megabytes to the socket by sendfile; Node cannot without native calls. */
const NOT_AGAINST_KAFKA = /^fetch-1m-/

interface FallbackRow {
  readonly title: string
  readonly plain: Spread
  /** sluice / sluice-plain, at least 1. */
  readonly gain: Spread
  readonly gainMet: boolean | null
  /** sluice-plain / Kafka, at least 1. */
  readonly ahead: Spread
  readonly aheadMet: boolean | null
}

/** Rows of the throughput cells that were measured without native calls. */
export function fallbackRows(result: RoundsResult, cells: readonly Cell[]): FallbackRow[] {
  return cells
    .filter(({ unit, group }) => unit !== 'ms' && group !== 'stock')
    .map((cell) => rowOf(result, cell))
    .filter(({ plain }) => plain.runs > 0)
}

/** Markdown; '' when there is none. */
export function showFallback(rows: readonly FallbackRow[]): string {
  if (rows.length === 0) return ''
  const head = ['cell', 'plain Node', 'native / plain', '≥ 1', 'plain / Kafka', '≥ 1']
  const body = rows.map((row) => [
    row.title,
    showSpread(row.plain),
    row.gain.runs === 0 ? '-' : showSpread(row.gain),
    said(row.gainMet),
    row.ahead.runs === 0 ? '-' : showSpread(row.ahead),
    said(row.aheadMet),
  ])
  return showTable([head, ...body])
}

function rowOf(result: RoundsResult, cell: Cell): FallbackRow {
  const measure = cell.unit === 'req/s' ? measures.rate : measures.throughput
  const rounds = Array.from({ length: result.rounds }, (_, index) => index + 1)
  const figure = (peer: string, round: number): number => {
    const run = result.cells.find(
      (each) => each.cell === cell.name && each.peer === peer && each.round === round,
    )
    return run?.figures == null ? Number.NaN : measure.of(run.figures)
  }
  const ratio = (over: string, under: string): Spread =>
    spreadOf(rounds.map((round) => figure(over, round) / figure(under, round)))
  const gain = ratio(OURS, PLAIN_PEER)
  const ahead = ratio(PLAIN_PEER, KAFKA)
  return {
    title: `${cell.title}, ${cell.unit}`,
    plain: spreadOf(rounds.map((round) => figure(PLAIN_PEER, round))),
    gain,
    gainMet: atLeastOne(gain),
    ahead,
    aheadMet: NOT_AGAINST_KAFKA.test(cell.name) ? null : atLeastOne(ahead),
  }
}

function atLeastOne({ median, runs }: Spread): boolean | null {
  return runs === 0 ? null : median >= 1
}

function said(met: boolean | null): string {
  return met === null ? '' : met ? 'met' : 'MISSED'
}
