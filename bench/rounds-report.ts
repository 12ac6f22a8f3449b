/**
 * Rounds as one table: a row per cell; per peer the median with its spread, then ratios between the
 * first peer and each other. A ratio is taken within a round, where both met the same machine; its
 * median and spread are over rounds.
 */
import type { Cell } from './cells.ts'
import type { CellFigures } from './measure-cell.ts'
import type { CellRun, RoundsResult, StartRun } from './rounds.ts'
import { type Spread, showSpread, showTable, spreadOf } from './spread.ts'

type Measure = (figures: CellFigures) => number
type StartMeasure = (start: StartRun) => number

interface Row {
  readonly title: string
  /** By peer and round. */
  of(peer: string, round: number): number
}

/** Lines of Markdown: the main table, then CPU and memory. */
export function showRounds(
  result: RoundsResult,
  cells: readonly Cell[],
  peers: readonly string[],
): string {
  const rates = cells
    .filter(({ unit }) => unit !== 'ms')
    .map((cell) =>
      cellRow(result, cell, `${cell.title}, ${cell.unit}`, (figures) =>
        cell.unit === 'req/s' ? figures.requestsPerSecond : figures.megabytesPerSecond,
      ),
    )
  const cpu = cells.map((cell) =>
    cell.unit !== 'MB/s'
      ? cellRow(result, cell, `${cell.title}, us/request`, (f) => f.cpuMicrosecondsPerRequest)
      : cellRow(result, cell, `${cell.title}, s/GB`, (f) => f.cpuSecondsPerGigabyte),
  )
  const latencies = cells
    .filter(({ unit }) => unit === 'ms')
    .flatMap((cell) => [
      cellRow(result, cell, `${cell.title}, p50 ms`, (figures) => figures.p50Ms),
      cellRow(result, cell, `${cell.title}, p99 ms`, (figures) => figures.p99Ms),
      cellRow(result, cell, `${cell.title}, client late p99 ms`, (figures) => figures.lateP99Ms),
    ])
  const memory = cells.map((cell) =>
    cellRow(result, cell, `${cell.title}, MB`, (f) => f.peakMegabytes),
  )
  const written = cells
    .filter(({ api }) => api !== 'fetch')
    .map((cell) => cellRow(result, cell, `${cell.title}, MB`, (f) => f.writtenMegabytes))
  const sections: [string, Row[]][] = [
    ['throughput', rates],
    ['latency', latencies],
    ["CPU of the broker's process", cpu],
    ['peak resident memory', memory],
    ['written to storage', written],
    ['start, rest, restart, topic', startRows(result)],
  ]
  return sections
    .map(([title, rows]) => [title, filled(rows, peers, result)] as const)
    .filter(([, rows]) => rows.length > 0)
    .map(([title, rows]) => showTable([[title, ...columns(peers)], ...rows]))
    .concat(limits(result, cells))
    .join('\n\n')
}

/** Peers that were held back by the client, which makes their ratios a lower bound. */
function limits(result: RoundsResult, cells: readonly Cell[]): string[] {
  const limited = cells.flatMap((cell) => {
    const peers = result.cells
      .filter((run) => run.cell === cell.name && run.figures?.clientLimited === true)
      .map((run) => run.peer)
    return peers.length === 0 ? [] : [`${cell.title} (${[...new Set(peers)].join(', ')})`]
  })
  return limited.length === 0 ? [] : [`The client was the limit in: ${limited.join('; ')}.`]
}

function columns(peers: readonly string[]): string[] {
  const [first, ...others] = peers
  return [...peers, ...others.map((other) => `${first} / ${other}`)]
}

function filled(rows: readonly Row[], peers: readonly string[], result: RoundsResult): string[][] {
  const rounds = Array.from({ length: result.rounds }, (_, index) => index + 1)
  return rows
    .map((row) => {
      const [first = '', ...others] = peers
      const figures = peers.map((peer) => spreadOf(rounds.map((round) => row.of(peer, round))))
      const ratios = others.map((other) =>
        spreadOf(rounds.map((round) => row.of(first, round) / row.of(other, round))),
      )
      return { title: row.title, figures, ratios }
    })
    .filter(({ figures }) => figures.some((spread) => spread.runs > 0))
    .map(({ title, figures, ratios }) => [
      title,
      ...figures.map(showSpread),
      ...ratios.map(showRatio),
    ])
}

function showRatio(ratio: Spread): string {
  return ratio.runs === 0 ? '-' : `${showSpread(ratio)}x`
}

function cellRow(result: RoundsResult, cell: Cell, title: string, measure: Measure): Row {
  return {
    title,
    of: (peer, round) => {
      const run = result.cells.find(
        (candidate: CellRun) =>
          candidate.cell === cell.name && candidate.peer === peer && candidate.round === round,
      )
      return run?.figures == null ? Number.NaN : measure(run.figures)
    },
  }
}

function startRows(result: RoundsResult): Row[] {
  const measures: [string, StartMeasure][] = [
    ['start to first answer, ms', (start) => start.startMs],
    ['idle memory, MB', (start) => start.idle?.residentMegabytes ?? Number.NaN],
    ['idle CPU, % of a core', (start) => start.idle?.cpuPercent ?? Number.NaN],
    ['topic created, ms to the answer', (start) => start.topicAnsweredMs],
    ['topic created, ms until usable', (start) => start.topicUsableMs],
    ['restart after kill -9, ms until all is readable', (start) => start.restartMs],
  ]
  return measures.map(([title, measure]) => ({
    title,
    of: (peer, round) => {
      const figures = result.starts
        .filter((start) => start.peer === peer && start.round === round)
        .map(measure)
      return figures.find((figure) => !Number.isNaN(figure)) ?? Number.NaN
    },
  }))
}
