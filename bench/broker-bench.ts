/** What the broker benches run: flags in, rounds measured, tables printed, JSON kept. */
import {
  type BenchDefaults,
  HELP,
  parseBench,
  presentPeers,
  printHead,
  saveJson,
} from './bench-options.ts'
import { type Cell, chooseCells } from './cells.ts'
import { measureRounds, measureRunning } from './rounds.ts'
import { showRounds } from './rounds-report.ts'

/** Resolves with the exit code: 1 when anything could not be measured. */
export async function runBrokerBench(
  args: readonly string[],
  known: readonly Cell[],
  defaults: BenchDefaults,
  print: (line: string) => void,
): Promise<number> {
  const request = parseBench(args, defaults)
  if (request.help) {
    print(`cells: ${known.map((cell) => cell.name).join(', ')}\n${HELP}`)
    return 0
  }
  const cells = chooseCells(known, request.cellNames)
  const { running, options } = request
  const peers = running === null ? presentPeers(request.peers, print) : []
  const names = running === null ? peers.map((peer) => peer.name) : [running.address]
  if (names.length === 0) return 1
  printHead({ ...request, peers }, print)
  const result =
    running === null
      ? await measureRounds(peers, cells, options, print)
      : await measureRunning(running, running.address, cells, options, print)
  print(`\n${showRounds(result, cells, names)}`)
  for (const problem of result.problems) print(`PROBLEM ${problem}`)
  if (request.json !== undefined) saveJson(request.json, request, cells, result)
  return result.problems.length === 0 ? 0 : 1
}
