/**
 * sluice and Apache Kafka 4.2 (1 GiB and 256 MiB of heap) side by side with the floor, in alternated
 * rounds of random order on one machine, guest memory touched before each run, equal durability: every
 * cell of produce, fetch, latency and sync, what stock clients see, start, rest, restart and topic
 * creation, CPU and memory of the broker's processes; at the end each bound and whether it is kept.
 *
 * Run: npm run bench:compare -- [--rounds 5] [--json FILE]; --help lists the flags. A round of all
 * groups takes about ten minutes, so five take 50; with --json FILE --resume more rounds, or other
 * groups, are added to what FILE holds, in as many sittings as wanted. The machine should do nothing
 * else.
 */
import { runBrokerBench } from './broker-bench.ts'
import { allCells } from './cells.ts'

export const COMPARE_DEFAULTS = {
  peers: 'sluice,kafka,kafka-256,floor,redis,redis-always,nats,rabbitmq',
  rounds: 5,
  touchGib: 6,
  compileSeconds: 5,
  idleSeconds: 5,
  topicPartitions: 1000,
  restartGib: 1.5,
  byGroup: true,
} as const

if (process.argv[1] === import.meta.filename)
  process.exitCode = await runBrokerBench(
    process.argv.slice(2),
    allCells,
    COMPARE_DEFAULTS,
    (line) => console.log(line),
  )
