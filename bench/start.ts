/**
 * Time from the start of the process to the first answer to ApiVersions, on an empty folder, and the
 * time to create a topic of 100 partitions. Kafka's `format` step is not counted.
 *
 * Run: npm run bench -- start [--peers sluice,kafka] [--rounds 5]
 */
import { runBrokerBench } from './broker-bench.ts'

export const START_DEFAULTS = {
  peers: 'sluice',
  rounds: 5,
  touchGib: 0,
  compileSeconds: 0,
  idleSeconds: 0,
  topicPartitions: 100,
  restartGib: 0,
  byGroup: false,
} as const

if (process.argv[1] === import.meta.filename)
  process.exitCode = await runBrokerBench(process.argv.slice(2), [], START_DEFAULTS, (line) =>
    console.log(line),
  )
