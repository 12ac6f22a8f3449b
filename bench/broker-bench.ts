/** What the broker benches run: flags in, rounds measured, tables printed, JSON kept. */
import {
  type BenchDefaults,
  type BenchRequest,
  HELP,
  loadJson,
  parseBench,
  presentPeers,
  printHead,
  saveJson,
} from './bench-options.ts'
import { type Cell, chooseCells, GROUPS } from './cells.ts'
import type { Peer } from './peers/peer.ts'
import { emptyResult, measureRounds, measureRunning, type RoundsContext } from './rounds.ts'
import { showRounds } from './rounds-report.ts'
import { StockClients } from './stock-clients.ts'
import { showVerdict, verdictOf } from './verdict.ts'

/** Resolves with the exit code: 1 when anything could not be measured. */
export async function runBrokerBench(
  args: readonly string[],
  known: readonly Cell[],
  defaults: BenchDefaults,
  print: (line: string) => void,
): Promise<number> {
  const request = parseBench(args, defaults)
  if (request.help) {
    const names = known.map((cell) => cell.name).join(', ')
    print(`cells: ${names}\ngroups: ${GROUPS.join(', ')}\n${HELP}`)
    return 0
  }
  const cells = chooseCells(known, request.cellNames).filter(({ group }) =>
    request.groups.includes(group),
  )
  const { running, options } = request
  const peers = running === null ? await presentPeers(request.peers, print) : []
  const names = running === null ? peers.map((peer) => peer.name) : [running.address]
  if (names.length === 0) return 1
  printHead({ ...request, peers }, print)
  const result = request.resume ? loadJson(request.json) : emptyResult()
  const problemsBefore = result.problems.length
  const stock = cells.some(({ group }) => group === 'stock') ? await StockClients.find(print) : null
  const keep = (): void => {
    if (request.json !== undefined) saveJson(request.json, request, known, result)
  }
  const context = { options, stock, result, note: print, keep, over: endOf(request.minutes) }
  try {
    if (running !== null) await measureRunning(running, running.address, cells, context)
    else if (request.byGroup) await measureGroups(peers, cells, request, context)
    else await measureRounds(peers, cells, context)
  } finally {
    keep()
    stock?.close()
  }
  const shown = known.filter(({ name }) => result.cells.some(({ cell }) => cell === name))
  print(`\n${showRounds(result, shown, names)}`)
  const verdict = verdictOf(result, shown).filter(({ ratio }) => ratio.runs > 0)
  if (verdict.length > 0) print(`\n${showVerdict(verdict)}`)
  for (const problem of result.problems) print(`PROBLEM ${problem}`)
  return result.problems.length === problemsBefore ? 0 : 1
}

/** When no more is begun: after so many minutes (0 = never), or at Ctrl-C and SIGTERM. */
function endOf(minutes: number): () => boolean {
  const until = minutes === 0 ? Number.POSITIVE_INFINITY : performance.now() + minutes * 60_000
  let told = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      told = true
    })
  return () => told || performance.now() > until
}

/** Group by group, all rounds of one before the next: what a sitting begins it can end. */
async function measureGroups(
  peers: readonly Peer[],
  cells: readonly Cell[],
  { groups, options }: BenchRequest,
  context: RoundsContext,
): Promise<void> {
  const noStart = { idleSeconds: 0, topicPartitions: 0, restartGib: 0 }
  for (const group of groups) {
    const own = cells.filter((cell) => cell.group === group)
    if (own.length === 0 && group !== 'start') continue
    const only = group === 'start' ? options : { ...options, ...noStart }
    await measureRounds(peers, own, { ...context, options: only })
  }
}
