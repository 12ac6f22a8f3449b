/**
 * What many partitions cost: a topic of 1,000 made, our listing commands on a broker with 1,000, then
 * as many topics of 1,000 as make up `--partitions` with a record in each partition, a clean stop, and
 * the start, memory, CPU at rest and descriptors of the broker that has them.
 *
 * Run: npm run build && npm run bench -- scale [--partitions 10000] [--rounds 3]
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Client } from '../net/client/client.ts'
import { ClientProducer } from '../net/client/client-producer.ts'
import { packageRoot } from '../tools/package-root.ts'
import { measureIdle } from './idle-figures.ts'
import { BenchTopics } from './load/bench-topics.ts'
import { processCpuSeconds } from './load/process-meter.ts'
import { machine } from './machine.ts'
import { freePort } from './peers/peer-process.ts'
import { showSpread, showTable, spreadOf } from './spread.ts'

const BINARY = join(packageRoot, 'bin/sluice.js')
const TOPIC_PARTITIONS = 1_000
/** V8 tidies its heap some seconds after a start. */
const SETTLE_MS = 10_000
const IDLE_SECONDS = 5
const COMMAND_RUNS = 5
const STOP_LIMIT_MS = 120_000

const LISTINGS: readonly (readonly string[])[] = [
  ['topic', 'list'],
  ['group', 'list'],
  ['kafka-topics', '--list'],
  ['kafka-topics', '--describe'],
  ['kafka-get-offsets'],
  ['kafka-consumer-groups', '--list'],
  ['kafka-log-dirs', '--describe'],
]

interface Running {
  readonly pid: number
  readonly startMs: number
  readonly startCpuSeconds: number
  stop(): Promise<void>
}

/** Resolves when it says that it serves: every partition is open then. */
async function startBroker(dataFolder: string, port: number): Promise<Running> {
  const pairs = [`listeners=PLAINTEXT://127.0.0.1:${port}`, `log.dirs=${dataFolder}`]
  const flags = [...pairs, 'sluice.shards=2'].flatMap((pair) => ['--override', pair])
  const started = performance.now()
  const child = spawn(process.execPath, [BINARY, 'serve', ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  await new Promise<void>((resolve, reject) => {
    let said = ''
    child.stdout.on('data', (chunk) => {
      said += chunk
      if (said.includes('Kafka Server started')) resolve()
    })
    child.once('exit', (code) => reject(new Error(`the broker ended with ${code}:\n${said}`)))
  })
  const pid = child.pid ?? -1
  return {
    pid,
    startMs: performance.now() - started,
    startCpuSeconds: processCpuSeconds(pid),
    async stop() {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS)
      const [code] = await exited
      clearTimeout(timer)
      if (code !== 0) throw new Error(`its stop ended with ${code}`)
    },
  }
}

/** A record into each partition of the topic. */
async function fill(address: string, topic: string): Promise<void> {
  const client = new Client({ bootstrap: address, clientId: 'sluice-bench' })
  try {
    const producer = new ClientProducer(client, topic)
    await producer.start()
    for (let partition = 0; partition < TOPIC_PARTITIONS; partition++)
      await producer.send({ key: null, value: Buffer.from('x'), partition })
    await producer.flush()
  } finally {
    await client.close()
  }
}

async function commandMs(words: readonly string[], address: string): Promise<number> {
  const started = performance.now()
  const args = [BINARY, ...words, '--bootstrap-server', address]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`sluice ${words.join(' ')} ended with ${code}`)
  return performance.now() - started
}

type Figures = Map<string, number[]>

function note(figures: Figures, name: string, value: number): void {
  figures.set(name, [...(figures.get(name) ?? []), value])
}

async function round(partitions: number, figures: Figures): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-scale-'))
  const port = await freePort()
  const address = `127.0.0.1:${port}`
  const topics = new BenchTopics(address)
  try {
    const fresh = await startBroker(folder, port)
    const { answeredMs, usableMs } = await topics.create('many-0', TOPIC_PARTITIONS)
    note(figures, `topic of ${TOPIC_PARTITIONS} made, ms to the answer`, answeredMs)
    note(figures, `topic of ${TOPIC_PARTITIONS} made, ms until usable`, usableMs)
    const filling = performance.now()
    await fill(address, 'many-0')
    note(figures, 'a first record in each of them, ms', performance.now() - filling)
    for (const words of LISTINGS)
      for (let run = 0; run < COMMAND_RUNS; run++)
        note(figures, `${words.join(' ')}, ms`, await commandMs(words, address))
    for (let topic = 1; topic * TOPIC_PARTITIONS < partitions; topic++) {
      await topics.create(`many-${topic}`, TOPIC_PARTITIONS)
      await fill(address, `many-${topic}`)
    }
    await topics.close()
    await fresh.stop()
    const again = await startBroker(folder, port)
    note(figures, `start with ${partitions}, ms until all are served`, again.startMs)
    note(figures, `start with ${partitions}, CPU seconds`, again.startCpuSeconds)
    await pause(SETTLE_MS)
    const idle = await measureIdle(again.pid, IDLE_SECONDS)
    note(figures, `idle with ${partitions}, MB`, idle.residentMegabytes)
    note(figures, `idle with ${partitions}, % of a core`, idle.cpuPercent)
    note(figures, `descriptors with ${partitions}`, readdirSync(`/proc/${again.pid}/fd`).length)
    await again.stop()
  } finally {
    await topics.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({
    options: {
      partitions: { type: 'string', default: '10000' },
      rounds: { type: 'string', default: '3' },
    },
  })
  const figures: Figures = new Map()
  console.log(machine())
  for (let at = 0; at < Number(values.rounds); at++) await round(Number(values.partitions), figures)
  const rows = [...figures].map(([name, all]) => [name, showSpread(spreadOf(all))])
  console.log(showTable([['many partitions', 'median (least–most)'], ...rows]))
}
