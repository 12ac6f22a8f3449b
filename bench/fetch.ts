/**
 * Fetch from the tail of the log against one broker: ours from this tree, or any with --broker
 * host:port. Each connection reads the last 64 MiB of its own partition over and over, one request in
 * flight, as a consumer does.
 *
 * Run: npm run bench -- fetch [flags]; --help lists them.
 */
import { runBrokerBench } from './broker-bench.ts'
import { fetchCells } from './cells.ts'

export const FETCH_DEFAULTS = {
  peers: 'sluice',
  rounds: 3,
  touchGib: 0,
  compileSeconds: 2,
  idleSeconds: 0,
  topicPartitions: 0,
  restartGib: 0,
  byGroup: false,
} as const

if (process.argv[1] === import.meta.filename)
  process.exitCode = await runBrokerBench(
    process.argv.slice(2),
    fetchCells,
    FETCH_DEFAULTS,
    (line) => console.log(line),
  )
