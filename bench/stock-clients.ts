/**
 * Clients that people use, as load: Kafka's own perf tools (Java), kcat (librdkafka) and kafkajs, each
 * at its defaults but for what the cell says, one partition, records of 1 KB. They are slower than the
 * raw client and often the limit themselves; a broker must not be slower through them.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { findKafkaJars, kafkaTools } from '../test/support/kafka-jars.ts'
import type { Cell, StockTool } from './cells.ts'
import { BenchTopics } from './load/bench-topics.ts'
import type { LoadProcesses } from './load/load-process.ts'
import { randomBytes } from './load/payload.ts'
import { touchMemory } from './load/touch-memory.ts'
import { type CellFigures, fillPlan, type MeasureOptions, producePlan } from './measure-cell.ts'
import { measureWithTool, outputOf, type ToolRun } from './peers/own-tool.ts'
import type { MeasuredBroker } from './peers/peer-process.ts'

const RECORD_BYTES = 1_000
/** Java and librdkafka: some seconds of load. */
const RECORDS = 400_000
/** Consumers end a little before the end of what is there. */
const CONSUMED = RECORDS - 1_000
const KAFKAJS_RECORDS = 150_000
const BATCH_BYTES = 65_536
const LINES_FILE_RECORDS = 50_000
const KAFKAJS = new URL('./stock-kafkajs.ts', import.meta.url)

/** What of them is here, looked up once. */
export class StockClients {
  private readonly classPath: string | null
  private readonly kcat: boolean
  private readonly folder: string

  private constructor(classPath: string | null, kcat: boolean) {
    this.classPath = classPath
    this.kcat = kcat
    this.folder = mkdtempSync(join(tmpdir(), 'sluice-stock-'))
  }

  /** Says loudly what is missing. */
  static async find(print: (line: string) => void): Promise<StockClients> {
    const jars = await findKafkaJars()
    if (typeof jars === 'string') print(`SKIPPED Kafka's perf tools: ${jars}`)
    const kcat = await outputOf({ command: 'kcat', args: ['-V'] }).then(
      () => true,
      () => false,
    )
    if (!kcat) print('SKIPPED librdkafka: no kcat on this machine (apt install kcat)')
    return new StockClients(typeof jars === 'string' ? null : join(jars.folder, '*'), kcat)
  }

  has(cell: Cell): boolean {
    if (cell.api.startsWith('java-')) return this.classPath !== null
    return cell.api.startsWith('librdkafka-') ? this.kcat : true
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  async measure(
    broker: MeasuredBroker,
    cell: Cell,
    clients: LoadProcesses,
    options: MeasureOptions,
  ): Promise<CellFigures> {
    const topic = `bench-${cell.name}-${Math.round(performance.now())}`
    const topics = new BenchTopics(broker.address)
    try {
      await topics.create(topic, 1)
      if (cell.api.endsWith('-consume')) {
        const shape = { bytes: BATCH_BYTES, connections: 1, depth: 1 }
        const plan = producePlan(broker, shape, topic, 1, { ...options, recordBytes: RECORD_BYTES })
        const { problem } = await clients.run(fillPlan(plan, RECORDS * (RECORD_BYTES + 20)))
        if (problem !== null) throw new Error(`filling ${topic}: ${problem}`)
      }
      await touchMemory(options.touchGib)
      const run = this.runOf(cell.api as StockTool, broker.address, topic)
      const figures = await measureWithTool(broker, cell, run)
      await topics.delete(topic)
      return figures
    } finally {
      await topics.close()
    }
  }

  private runOf(tool: StockTool, address: string, topic: string): ToolRun {
    const messageBytes = RECORD_BYTES
    if (tool === 'java-produce') {
      const flags = ['--topic', topic, '--num-records', `${RECORDS}`, '--throughput', '-1']
      const size = ['--record-size', `${RECORD_BYTES}`, '--bootstrap-server', address]
      const rateIn = (said: string) =>
        Number([...said.matchAll(/([\d.]+) records\/sec/g)].at(-1)?.[1] ?? Number.NaN)
      return { ...this.java('kafka-producer-perf-test', [...flags, ...size]), rateIn, messageBytes }
    }
    if (tool === 'java-consume') {
      const flags = ['--topic', topic, '--num-records', `${CONSUMED}`]
      const more = ['--bootstrap-server', address, '--timeout', '30000']
      // The last column: records a second without the time the group took to form.
      const rateIn = (said: string) => Number(said.trim().split('\n').at(-1)?.split(',').at(-1))
      return { ...this.java('kafka-consumer-perf-test', [...flags, ...more]), rateIn, messageBytes }
    }
    if (tool.startsWith('librdkafka-')) return this.kcatRun(tool, address, topic)
    const [, what = ''] = tool.split('-')
    const count = what === 'produce' ? KAFKAJS_RECORDS : CONSUMED
    const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
    const words = [KAFKAJS.pathname, what, address, topic, `${count}`, `${RECORD_BYTES}`]
    const rateIn = (said: string) => Number(/^rate ([\d.]+)$/m.exec(said)?.[1] ?? Number.NaN)
    return { command: process.execPath, args: ['--import', tsx, ...words], rateIn, messageBytes }
  }

  private java(tool: 'kafka-producer-perf-test' | 'kafka-consumer-perf-test', flags: string[]) {
    const args = ['-Xmx512m', '-cp', this.classPath ?? '', kafkaTools[tool], ...flags]
    return { command: 'java', args }
  }

  private kcatRun(tool: StockTool, address: string, topic: string): ToolRun {
    const where = `kcat -b ${address} -t ${topic} -p 0`
    const lines = this.linesFile()
    const times = RECORDS / LINES_FILE_RECORDS
    const command =
      tool === 'librdkafka-produce'
        ? `for i in $(seq ${times}); do cat ${lines}; done | ${where} -P -X queue.buffering.max.messages=1000000`
        : `${where} -C -o beginning -e -q > /dev/null`
    return {
      command: 'sh',
      args: ['-c', command],
      rateIn: (_said, seconds) => RECORDS / seconds,
      messageBytes: RECORD_BYTES,
    }
  }

  private linesFile(): string {
    const path = join(this.folder, 'lines')
    if (existsSync(path)) return path
    mkdirSync(this.folder, { recursive: true })
    const line = (at: number) => `${randomBytes(RECORD_BYTES / 2, at).toString('hex')}\n`
    writeFileSync(path, Array.from({ length: LINES_FILE_RECORDS }, (_, at) => line(at)).join(''))
    return path
  }
}
