/** What the curves of bench/growth.ts stand on: a broker, loads, and the rows of their tables. */

import { parseAddress } from '../net/client/address.ts'
import { BenchTopics } from './load/bench-topics.ts'
import { PLAIN_SHAPE } from './load/exact-batch.ts'
import { decodeHistogram, percentileMs } from './load/histogram.ts'
import type { LoadFigures, LoadPlan, PacedLoad, ProduceLoad } from './load/load-plan.ts'
import { LoadProcesses } from './load/load-process.ts'
import type { PeerProcess } from './peers/peer-process.ts'

const WARM_UP_MS = 700
export const KIB = 1024
export const MIB = 1024 * KIB
/** Of the batches that fill a log. */
export const READY_BATCH = 64 * KIB

export type Config = { readonly name: string; readonly value: string }

/** One broker, a load, and a second load beside it. */
export class Bed {
  readonly broker: PeerProcess
  readonly root: string
  readonly topics: BenchTopics
  readonly load = new LoadProcesses(1)
  readonly beside = new LoadProcesses(1)
  readonly seconds: number
  readonly print: (line: string) => void
  private serial = 0

  constructor(broker: PeerProcess, root: string, seconds: number, print: (line: string) => void) {
    this.broker = broker
    this.root = root
    this.topics = new BenchTopics(broker.address)
    this.seconds = seconds
    this.print = print
  }

  async topic(partitions: number, configs: readonly Config[] = []): Promise<string> {
    const name = `growth-${++this.serial}`
    // Batches carry a fixed time long past, by which nothing shall be deleted.
    await this.topics.create(name, partitions, [{ name: 'retention.ms', value: '-1' }, ...configs])
    return name
  }

  target(topic: string, partitions: number, connections: number) {
    return {
      leaders: [parseAddress(this.broker.address)],
      topic,
      partitions,
      connections,
      firstConnection: 0,
      warmUpMs: WARM_UP_MS,
      measureMs: this.seconds * 1_000,
      brokerPid: this.broker.pid,
      sampleMs: 0,
    } as const
  }

  produce(topic: string, partitions: number, connections: number): ProduceLoad {
    return {
      ...PLAIN_SHAPE,
      ...this.target(topic, partitions, connections),
      api: 'produce',
      depth: 5,
      bytesMax: 2 * 2 ** 30,
      latencies: false,
      acks: -1,
      idempotent: false,
      transactions: null,
    }
  }

  paced(topic: string, partitions: number, rate: number, consumers: boolean): PacedLoad {
    return {
      ...PLAIN_SHAPE,
      ...this.target(topic, partitions, partitions),
      api: 'paced',
      acks: -1,
      idempotent: false,
      transactions: null,
      isolation: 0,
      requestsPerSecond: rate,
      consumers,
      firstOffsets: [],
    }
  }

  async run(plan: LoadPlan): Promise<LoadFigures> {
    const figures = await this.load.run(plan)
    if (figures.problem !== null) throw new Error(figures.problem)
    return figures
  }

  async fill(topic: string, bytes: number): Promise<void> {
    const shape = { batchBytes: READY_BATCH, recordBytes: 1_000, bytesMax: bytes }
    const plan = { ...this.produce(topic, 1, 1), ...shape, warmUpMs: 0, measureMs: 60_000 }
    await this.run(plan)
  }

  async close(): Promise<void> {
    this.load.close()
    this.beside.close()
    await this.topics.close()
    await this.broker.stop()
  }
}

export function printRates(bed: Bed, label: number, figures: LoadFigures): void {
  const { seconds, answers, bytes, brokerCpuSeconds } = figures
  const perRequest = (brokerCpuSeconds * 1e6) / answers
  const perGigabyte = brokerCpuSeconds / (bytes / 1e9)
  bed.print(row(label, bytes / 1e6 / seconds, answers / seconds, perRequest, perGigabyte))
}

/** Consumers that wait at the tail, one per partition of two. */
export async function printTail(
  bed: Bed,
  name: string,
  other?: Promise<LoadFigures>,
): Promise<void> {
  const topic = await bed.topic(2)
  const figures = await bed.run(bed.paced(topic, 2, 500, true))
  const latency = decodeHistogram(figures.latency)
  const at = (percent: number): number => percentileMs(latency, percent)
  const beside = await other
  const last = beside === undefined ? figures.peakBytes : beside.bytes / beside.seconds
  bed.print(row(name, at(50), at(99), at(99.9), last / 1e6))
}

/** A line of a table; figures with as many digits as they bear. */
export function row(...cells: readonly (string | number)[]): string {
  const text = cells.map((cell) => {
    if (typeof cell === 'string') return cell
    if (Number.isNaN(cell)) return '-'
    const digits = cell >= 100 || Number.isInteger(cell) ? 0 : cell >= 10 ? 1 : 2
    return cell.toLocaleString('en', { maximumFractionDigits: digits })
  })
  return `| ${text.join(' | ')} |`
}
