/**
 * Memory and CPU of a broker at rest: two shards, an empty folder, nobody connected, over 20 s.
 *
 * Run: npm run bench -- idle [--peers sluice,kafka] [--rounds 1] [--override sluice.shards=4]
 */
import { runBrokerBench } from './broker-bench.ts'

export const IDLE_DEFAULTS = {
  peers: 'sluice',
  rounds: 1,
  touchGib: 0,
  compileSeconds: 0,
  idleSeconds: 20,
  topicPartitions: 0,
  restartGib: 0,
  byGroup: false,
} as const

const SHARDS = ['--override', 'sluice.shards=2']

if (process.argv[1] === import.meta.filename)
  process.exitCode = await runBrokerBench(
    [...SHARDS, ...process.argv.slice(2)],
    [],
    IDLE_DEFAULTS,
    (line) => console.log(line),
  )
