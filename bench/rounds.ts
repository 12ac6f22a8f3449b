/**
 * Alternated rounds: in each, every peer in random order starts on an empty folder, warms up, and is
 * measured over all cells in random order; memory is touched before each cell. Peers never run beside
 * each other. What cannot be measured is kept as a problem and the rest goes on.
 */
import type { Cell } from './cells.ts'
import { LoadProcesses } from './load/load-process.ts'
import { machineFacts } from './load/machine-facts.ts'
import { type CellFigures, type MeasureOptions, measureCell } from './measure-cell.ts'
import { measureStart, type StartFigures, type StartOptions } from './measure-start.ts'
import { measureWithTool } from './peers/own-tool.ts'
import type { Peer } from './peers/peer.ts'
import { type MeasuredBroker, PeerProcess } from './peers/peer-process.ts'
import type { StockClients } from './stock-clients.ts'

export interface RoundOptions extends MeasureOptions, StartOptions {
  readonly rounds: number
  /** Load before the first cell, so that both just-in-time compilers have done their work. */
  readonly compileMs: number
  /** Processes of the raw client. */
  readonly clients: number
  readonly seed: number
  /** Where peers get their folders. */
  readonly folder: string
  /** Processors of the broker as taskset takes them, null = the kernel's choice. */
  readonly brokerCpus: string | null
}

export interface CellRun {
  readonly round: number
  readonly peer: string
  readonly cell: string
  readonly figures: CellFigures | null
  readonly problem: string | null
}

/** What is seen once per start of a peer. */
export interface StartRun extends StartFigures {
  readonly round: number
  readonly peer: string
}

export interface RoundsResult {
  /** Number of the last round. */
  rounds: number
  readonly cells: CellRun[]
  readonly starts: StartRun[]
  readonly problems: string[]
  readonly machine: ReturnType<typeof machineFacts>[]
}

export function emptyResult(): RoundsResult {
  return { rounds: 0, cells: [], starts: [], problems: [], machine: [] }
}

/** What rounds run with, and where they tell of themselves. */
export interface RoundsContext {
  readonly options: RoundOptions
  /** Null: cells of stock clients are left out. */
  readonly stock: StockClients | null
  readonly result: RoundsResult
  note(line: string): void
  /** After each round: `result` may be kept. */
  keep(): void
  /** Time is up: what has begun is finished, nothing else is begun. */
  over(): boolean
}

/** Adds rounds to the result, the first of them behind those that these cells have already. */
export async function measureRounds(
  peers: readonly Peer[],
  cells: readonly Cell[],
  context: RoundsContext,
): Promise<void> {
  const { options, result } = context
  const earlier =
    cells.length === 0
      ? result.starts.filter(({ idle, topicUsableMs }) => idle !== null || topicUsableMs > 0)
      : result.cells.filter(({ cell }) => cells.some(({ name }) => name === cell))
  const before = earlier.reduce((most, { round }) => Math.max(most, round), 0)
  const random = seededRandom(options.seed)
  const clients = new LoadProcesses(options.clients)
  const last = before + options.rounds
  try {
    for (let round = before + 1; round <= last && !context.over(); round++) {
      result.machine.push(machineFacts())
      for (const peer of shuffled(peers, random)) {
        if (context.over()) break
        context.note(`round ${round} of ${last}: ${peer.name}`)
        const run = { ...context, round, peer: peer.name, clients }
        try {
          await measurePeer(peer, shuffled(cells, random), run)
        } catch (error) {
          keepProblem(run, `${peer.name}: ${(error as Error).message}`)
        }
      }
      result.rounds = Math.max(result.rounds, round)
      context.keep()
    }
  } finally {
    clients.close()
  }
}

/** The same cells against a broker that runs already: no starts, no order of peers. */
export async function measureRunning(
  broker: MeasuredBroker,
  name: string,
  cells: readonly Cell[],
  context: RoundsContext,
): Promise<void> {
  const { options, result } = context
  const random = seededRandom(options.seed)
  const clients = new LoadProcesses(options.clients)
  try {
    for (let round = 1; round <= options.rounds; round++) {
      result.machine.push(machineFacts())
      await measureCells(broker, shuffled(cells, random), {
        ...context,
        round,
        peer: name,
        clients,
      })
      result.rounds = round
    }
  } finally {
    clients.close()
  }
}

interface RoundRun {
  readonly round: number
  readonly peer: string
  readonly options: RoundOptions
  readonly clients: LoadProcesses
  readonly stock: StockClients | null
  readonly result: RoundsResult
  note(line: string): void
  over(): boolean
}

async function measurePeer(peer: Peer, cells: readonly Cell[], run: RoundRun): Promise<void> {
  const { options } = run
  const tool = peer.ownTool
  if (tool !== undefined && !cells.some(({ name }) => tool.runOf(name, 0) !== null)) return
  const place = { root: options.folder, cpus: options.brokerCpus }
  const broker = await PeerProcess.start(peer, place)
  try {
    if (peer.ownTool !== undefined) return await measureByOwnTool(broker, cells, run)
    const start = await measureStart(broker, options, run.clients)
    run.result.starts.push({ round: run.round, peer: run.peer, ...start })
    const served = peer.servesClients ? cells : cells.filter(({ group }) => group !== 'stock')
    if (peer.compilesInTime) await compile(broker, served, run)
    await measureCells(broker, served, run)
  } finally {
    await broker.stop()
  }
}

async function measureByOwnTool(
  broker: PeerProcess,
  cells: readonly Cell[],
  run: RoundRun,
): Promise<void> {
  for (const cell of cells) {
    const tool = broker.peer.ownTool?.runOf(cell.name, broker.port) ?? null
    if (tool !== null) await measureOne(cell, run, () => measureWithTool(broker, cell, tool))
  }
}

async function measureCells(
  broker: MeasuredBroker,
  cells: readonly Cell[],
  run: RoundRun,
): Promise<void> {
  for (const cell of cells) {
    if (run.over()) return
    const { clients, options, stock } = run
    if (cell.group === 'stock' && stock?.has(cell) !== true) continue
    await measureOne(cell, run, () =>
      cell.group === 'stock' && stock !== null
        ? stock.measure(broker, cell, clients, options)
        : measureCell(broker, cell, clients, options),
    )
  }
}

async function measureOne(
  cell: Cell,
  run: RoundRun,
  measure: () => Promise<CellFigures>,
): Promise<void> {
  const entry = { round: run.round, peer: run.peer, cell: cell.name }
  try {
    const figures = await measure()
    run.result.cells.push({ ...entry, figures, problem: null })
    run.note(`  ${cell.title}: ${briefly(cell, figures)}`)
  } catch (error) {
    const problem = (error as Error).message
    run.result.cells.push({ ...entry, figures: null, problem })
    keepProblem(run, `${run.peer}, ${cell.title}: ${problem}`)
  }
}

/** A short load of each kind that will come; what stock clients bring is their own warm-up. */
async function compile(broker: MeasuredBroker, cells: readonly Cell[], run: RoundRun) {
  const { options } = run
  const ours = cells.filter(({ group }) => group !== 'stock')
  if (options.compileMs === 0 || ours.length === 0) return
  const share = { ...options, measureMs: options.compileMs / ours.length, touchGib: 0 }
  for (const cell of ours)
    await measureCell(broker, cell, run.clients, { ...share, warmUpMs: 0 }).catch(() => null)
}

function keepProblem(run: RoundRun, problem: string): void {
  run.result.problems.push(problem)
  run.note(`  PROBLEM ${problem}`)
}

export function briefly(cell: Cell, figures: CellFigures): string {
  const limit = figures.clientLimited ? ', THE LIMIT' : ''
  const client = Number.isNaN(figures.clientCores)
    ? ''
    : `, client ${figures.clientCores.toFixed(2)} cores${limit}`
  const broker = `broker ${figures.brokerCores.toFixed(2)} cores${client}`
  if (cell.unit === 'ms')
    return (
      `p50 ${figures.p50Ms.toFixed(3)} ms, p99 ${figures.p99Ms.toFixed(2)} ms, ` +
      `sent late by ${figures.lateP99Ms.toFixed(2)} ms (p99), ${broker}`
    )
  if (cell.unit === 'req/s')
    return (
      `${figures.requestsPerSecond.toFixed(0)} req/s, ` +
      `${figures.cpuMicrosecondsPerRequest.toFixed(1)} us/req, ${broker}`
    )
  return (
    `${figures.megabytesPerSecond.toFixed(0)} MB/s, ` +
    `${figures.cpuSecondsPerGigabyte.toFixed(2)} s/GB, ${broker}`
  )
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
