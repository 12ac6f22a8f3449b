/**
 * Produce against one broker: ours from this tree, or any with --broker host:port. Full batches over
 * few connections, one-record requests over many.
 *
 * Run: npm run bench -- produce [flags]; --help lists them.
 */
import { runBrokerBench } from './broker-bench.ts'
import { produceCells } from './cells.ts'

export const PRODUCE_DEFAULTS = {
  peers: 'sluice',
  rounds: 3,
  touchGib: 2,
  compileSeconds: 2,
  idleSeconds: 0,
  topicPartitions: 0,
  restartGib: 0,
  byGroup: false,
} as const

if (process.argv[1] === import.meta.filename)
  process.exitCode = await runBrokerBench(
    process.argv.slice(2),
    produceCells,
    PRODUCE_DEFAULTS,
    (line) => console.log(line),
  )
