/**
 * Alternated rounds: in each, every peer in random order starts on an empty folder, warms up, and is
 * measured over all cells in random order; memory is touched before each cell. Peers never run beside
 * each other. What cannot be measured is kept as a problem and the rest goes on.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Cell } from './cells.ts'
import { type IdleFigures, measureIdle } from './idle-figures.ts'
import { BenchTopics } from './load/bench-topics.ts'
import { LoadProcesses } from './load/load-process.ts'
import { machineFacts } from './machine.ts'
import { type CellFigures, type MeasureOptions, measureCell } from './measure-cell.ts'
import type { Peer } from './peers/peer.ts'
import { type MeasuredBroker, PeerProcess } from './peers/peer-process.ts'

export interface RoundOptions extends MeasureOptions {
  readonly rounds: number
  /** Load before the first cell, so that both just-in-time compilers have done their work. */
  readonly compileMs: number
  /** 0: not measured. */
  readonly idleSeconds: number
  /** Partitions of the topic whose creation is timed; 0: not measured. */
  readonly topicPartitions: number
  /** Processes of the raw client. */
  readonly clients: number
  readonly seed: number
  /** Where peers get their folders. */
  readonly folder: string
}

export interface CellRun {
  readonly round: number
  readonly peer: string
  readonly cell: string
  readonly figures: CellFigures | null
  readonly problem: string | null
}

/** What is seen once per start of a peer. */
export interface StartRun {
  readonly round: number
  readonly peer: string
  readonly startMs: number
  readonly idle: IdleFigures | null
  readonly topicAnsweredMs: number
  readonly topicUsableMs: number
}

export interface RoundsResult {
  readonly rounds: number
  readonly cells: CellRun[]
  readonly starts: StartRun[]
  readonly problems: string[]
  readonly machine: ReturnType<typeof machineFacts>[]
}

/** V8 tidies its heap about 8 s after a start; half of the idle time, and at most this, is not measured. */
const SETTLE_MS_MAX = 10_000

export async function measureRounds(
  peers: readonly Peer[],
  cells: readonly Cell[],
  options: RoundOptions,
  note: (line: string) => void,
): Promise<RoundsResult> {
  const result: RoundsResult = emptyResult(options.rounds)
  const random = seededRandom(options.seed)
  const clients = new LoadProcesses(options.clients)
  try {
    for (let round = 1; round <= options.rounds; round++) {
      result.machine.push(machineFacts())
      for (const peer of shuffled(peers, random)) {
        note(`round ${round} of ${options.rounds}: ${peer.name}`)
        const run = { round, peer: peer.name, options, clients, result, note }
        try {
          await measurePeer(peer, shuffled(cells, random), run)
        } catch (error) {
          keepProblem(run, `${peer.name}: ${(error as Error).message}`)
        }
      }
    }
  } finally {
    clients.close()
  }
  return result
}

/** The same cells against a broker that runs already: no starts, no order of peers. */
export async function measureRunning(
  broker: MeasuredBroker,
  name: string,
  cells: readonly Cell[],
  options: RoundOptions,
  note: (line: string) => void,
): Promise<RoundsResult> {
  const result: RoundsResult = emptyResult(options.rounds)
  const random = seededRandom(options.seed)
  const clients = new LoadProcesses(options.clients)
  try {
    for (let round = 1; round <= options.rounds; round++) {
      result.machine.push(machineFacts())
      const run = { round, peer: name, options, clients, result, note }
      await measureCells(broker, shuffled(cells, random), run)
    }
  } finally {
    clients.close()
  }
  return result
}

function emptyResult(rounds: number): RoundsResult {
  return { rounds, cells: [], starts: [], problems: [], machine: [] }
}

interface RoundRun {
  readonly round: number
  readonly peer: string
  readonly options: RoundOptions
  readonly clients: LoadProcesses
  readonly result: RoundsResult
  note(line: string): void
}

async function measurePeer(peer: Peer, cells: readonly Cell[], run: RoundRun): Promise<void> {
  const { options } = run
  const broker = await PeerProcess.start(peer, options.folder)
  try {
    if (options.idleSeconds > 0) await pause(Math.min(SETTLE_MS_MAX, options.idleSeconds * 500))
    const idle = options.idleSeconds > 0 ? await measureIdle(broker.pid, options.idleSeconds) : null
    const topic = await timeTopic(broker, options.topicPartitions)
    run.result.starts.push({
      round: run.round,
      peer: run.peer,
      startMs: broker.startMs,
      idle,
      topicAnsweredMs: topic.answeredMs,
      topicUsableMs: topic.usableMs,
    })
    await compile(broker, cells, run)
    await measureCells(broker, cells, run)
  } finally {
    await broker.stop()
  }
}

async function measureCells(
  broker: MeasuredBroker,
  cells: readonly Cell[],
  run: RoundRun,
): Promise<void> {
  for (const cell of cells) {
    const entry = { round: run.round, peer: run.peer, cell: cell.name }
    try {
      const figures = await measureCell(broker, cell, run.clients, run.options)
      run.result.cells.push({ ...entry, figures, problem: null })
      run.note(`  ${cell.title}: ${briefly(cell, figures)}`)
    } catch (error) {
      const problem = (error as Error).message
      run.result.cells.push({ ...entry, figures: null, problem })
      keepProblem(run, `${run.peer}, ${cell.title}: ${problem}`)
    }
  }
}

/** A short load of each kind that will come. */
async function compile(broker: MeasuredBroker, cells: readonly Cell[], run: RoundRun) {
  const { options } = run
  if (options.compileMs === 0 || cells.length === 0) return
  const share = { ...options, measureMs: options.compileMs / cells.length, touchGib: 0 }
  for (const cell of cells)
    await measureCell(broker, cell, run.clients, { ...share, warmUpMs: 0 }).catch(() => null)
}

async function timeTopic(broker: MeasuredBroker, partitions: number) {
  if (partitions === 0) return { answeredMs: Number.NaN, usableMs: Number.NaN }
  const topics = new BenchTopics(broker.address)
  try {
    const times = await topics.create('bench-many-partitions', partitions)
    await topics.delete('bench-many-partitions')
    return times
  } finally {
    await topics.close()
  }
}

function keepProblem(run: RoundRun, problem: string): void {
  run.result.problems.push(problem)
  run.note(`  PROBLEM ${problem}`)
}

export function briefly(cell: Cell, figures: CellFigures): string {
  const perRequest = cell.unit === 'req/s'
  const rate = perRequest ? figures.requestsPerSecond : figures.megabytesPerSecond
  const cpu = perRequest
    ? `${figures.cpuMicrosecondsPerRequest.toFixed(1)} us/req`
    : `${figures.cpuSecondsPerGigabyte.toFixed(2)} s/GB`
  const client = `client ${figures.clientCores.toFixed(2)} cores${figures.clientLimited ? ', THE LIMIT' : ''}`
  return `${rate.toFixed(0)} ${cell.unit}, ${cpu}, broker ${figures.brokerCores.toFixed(2)} cores, ${client}`
}

/** mulberry32: order only, nothing secret. */
export function seededRandom(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const order = [...items]
  for (let at = order.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1))
    const kept = order[at]!
    order[at] = order[other]!
    order[other] = kept
  }
  return order
}
