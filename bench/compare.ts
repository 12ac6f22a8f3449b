/**
 * sluice and Apache Kafka 4.2 side by side, in alternated rounds of random order on one machine, guest
 * memory touched before each run, both acknowledging from the page cache: every cell of produce and
 * fetch, start, rest and topic creation, CPU and memory of the broker's process.
 *
 * Run: npm run bench:compare -- [--rounds 5] [--json FILE]; --help lists the flags. A round of all
 * cells takes about three minutes; the machine should do nothing else.
 */
import { runBrokerBench } from './broker-bench.ts'
import { fetchCells, produceCells } from './cells.ts'

export const COMPARE_DEFAULTS = {
  peers: 'sluice,kafka',
  rounds: 3,
  touchGib: 14,
  compileSeconds: 10,
  idleSeconds: 5,
  topicPartitions: 100,
} as const

if (process.argv[1] === import.meta.filename)
  process.exitCode = await runBrokerBench(
    process.argv.slice(2),
    [...produceCells, ...fetchCells],
    COMPARE_DEFAULTS,
    (line) => console.log(line),
  )
