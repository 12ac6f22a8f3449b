/**
 * The raw client: N connections with D requests each in flight against one topic, closed loop, over a
 * warm-up and a measured window. Made to cost little: no decoding, no record, no timer per request.
 * What it still costs is in the figures; above `CLIENT_LIMIT` of a core it is the client that was
 * measured, and the tables say so.
 *
 * Connection i uses partition i modulo `partitions`. Throughput only: a closed loop hides stalls, so
 * latencies taken here would flatter.
 */
import { filledBatch, oneRecordBatch, type SizedBatch } from './exact-batch.ts'
import { fetchRequest, type PreparedRequest, produceRequest } from './frames.ts'
import {
  machineCpuSeconds,
  peakResidentBytes,
  processCpuSeconds,
  restartPeak,
} from './process-meter.ts'
import { type FetchRound, RawConnection } from './raw-connection.ts'

/** Share of a core at which a single-threaded client no longer keeps up. */
export const CLIENT_LIMIT = 0.9
const FETCH_WAIT_MS = 500
const NO_PROGRESS_MS = 20_000

interface LoadTarget {
  readonly host: string
  readonly port: number
  readonly topic: string
  readonly partitions: number
  readonly connections: number
  /** Index of the first connection, where several clients share the work. */
  readonly firstConnection: number
  /** Requests in flight per connection. */
  readonly depth: number
  /** Not measured. */
  readonly warmUpMs: number
  readonly measureMs: number
  /** Ends the window early, so that fast brokers do not fill the page cache; Infinity = never. */
  readonly bytesMax: number
  /** Whose CPU and memory to record, or null. */
  readonly brokerPid: number | null
}

export interface ProduceLoad extends LoadTarget {
  readonly api: 'produce'
  /** 0: one record per batch, whatever size that gives. */
  readonly batchBytes: number
  readonly recordBytes: number
  readonly acks: 1 | -1
}

export interface FetchLoad extends LoadTarget {
  readonly api: 'fetch'
  readonly maxBytes: number
  /** By partition. */
  readonly rounds: readonly FetchRound[]
}

export type LoadPlan = ProduceLoad | FetchLoad

/** What happened within the measured window. */
export interface LoadFigures {
  readonly seconds: number
  readonly answers: number
  /** Bytes of record batches acknowledged or received. */
  readonly bytes: number
  readonly clientCpuSeconds: number
  readonly brokerCpuSeconds: number
  readonly machineCpuSeconds: number
  /** Highest resident memory of the broker within the window. */
  readonly peakBytes: number
}

/** The batch a produce plan sends. */
export function batchOf(plan: Pick<ProduceLoad, 'batchBytes' | 'recordBytes'>): SizedBatch {
  return plan.batchBytes === 0
    ? oneRecordBatch(plan.recordBytes)
    : filledBatch(plan.batchBytes, plan.recordBytes)
}

/** Runs one plan in this thread. Rejects with the first error code or lost connection. */
export async function runLoad(plan: LoadPlan): Promise<LoadFigures> {
  const load = new Load(plan)
  try {
    await load.connect()
    return await load.measure()
  } finally {
    load.close()
  }
}

class Load {
  private readonly plan: LoadPlan
  private readonly batchBytes: number
  private readonly connections: RawConnection[] = []
  private answers = 0
  private recordBytes = 0
  private bytesWanted = Number.POSITIVE_INFINITY
  private wake: (() => void) | null = null
  private fail: (error: Error) => void = () => {}
  private readonly failed: Promise<never>

  constructor(plan: LoadPlan) {
    this.plan = plan
    this.batchBytes = plan.api === 'produce' ? batchOf(plan).bytes.length : 0
    this.failed = new Promise((_resolve, reject) => {
      this.fail = reject
    })
    this.failed.catch(() => {})
  }

  async connect(): Promise<void> {
    const { plan } = this
    const requests = requestsOf(plan)
    for (let index = 0; index < plan.connections; index++) {
      const partition = (plan.firstConnection + index) % plan.partitions
      const connection = await RawConnection.open({
        host: plan.host,
        port: plan.port,
        request: requests[partition]!,
        depth: plan.depth,
        round: plan.api === 'fetch' ? (plan.rounds[partition] ?? null) : null,
        onAnswers: (answers, recordBytes) => this.count(answers, recordBytes),
        onFailure: (error) => this.fail(error),
      })
      this.connections.push(connection)
    }
  }

  async measure(): Promise<LoadFigures> {
    const { plan } = this
    for (const connection of this.connections) connection.start()
    if (plan.warmUpMs > 0) await this.until(plan.warmUpMs)
    if (plan.brokerPid !== null) restartPeak(plan.brokerPid)
    const before = this.reading()
    this.bytesWanted = before.bytes + plan.bytesMax
    await this.until(plan.measureMs)
    const after = this.reading()
    const ended = Promise.all(this.connections.map((connection) => connection.finish()))
    await Promise.race([ended, this.failed, this.silence()])
    if (after.answers === before.answers) throw new Error('no answer within the measured window')
    return {
      seconds: after.seconds - before.seconds,
      answers: after.answers - before.answers,
      bytes: after.bytes - before.bytes,
      clientCpuSeconds: after.clientCpu - before.clientCpu,
      brokerCpuSeconds: after.brokerCpu - before.brokerCpu,
      machineCpuSeconds: after.machineCpu - before.machineCpu,
      peakBytes: plan.brokerPid === null ? Number.NaN : peakResidentBytes(plan.brokerPid),
    }
  }

  close(): void {
    for (const connection of this.connections) connection.close()
  }

  private count(answers: number, recordBytes: number): void {
    this.answers += answers
    this.recordBytes += recordBytes
    if (this.bytes() >= this.bytesWanted) this.wake?.()
  }

  private bytes(): number {
    return this.plan.api === 'produce' ? this.answers * this.batchBytes : this.recordBytes
  }

  private reading() {
    const { brokerPid } = this.plan
    const { user, system } = process.cpuUsage()
    return {
      seconds: performance.now() / 1000,
      answers: this.answers,
      bytes: this.bytes(),
      clientCpu: (user + system) / 1e6,
      brokerCpu: brokerPid === null ? Number.NaN : processCpuSeconds(brokerPid),
      machineCpu: machineCpuSeconds(),
    }
  }

  /** Waits for `ms` or the byte bound, whichever comes first. */
  private async until(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const passed = new Promise<void>((resolve) => {
      this.wake = resolve
      timer = setTimeout(resolve, ms)
    })
    await Promise.race([passed, this.failed]).finally(() => clearTimeout(timer))
    this.wake = null
  }

  /** A broker that says nothing for so long will not. */
  private silence(): Promise<never> {
    return new Promise((_resolve, reject) => {
      const error = new Error(`the broker did not answer for ${NO_PROGRESS_MS} ms`)
      setTimeout(() => reject(error), NO_PROGRESS_MS).unref()
    })
  }
}

/** One per partition. */
function requestsOf(plan: LoadPlan): PreparedRequest[] {
  const { topic } = plan
  const partitions = Array.from({ length: plan.partitions }, (_, partition) => partition)
  if (plan.api === 'fetch')
    return partitions.map((partition) =>
      fetchRequest({ topic, partition, maxBytes: plan.maxBytes, maxWaitMs: FETCH_WAIT_MS }),
    )
  const batch = batchOf(plan).bytes
  return partitions.map((partition) => produceRequest({ topic, partition, batch, acks: plan.acks }))
}
