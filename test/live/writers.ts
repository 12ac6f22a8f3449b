/**
 * Producers that go on while their broker is killed under them. Plain ones do not retry: a batch is
 * acknowledged, or its fate is unknown. Idempotent ones ride it out. Values are `process counter`.
 */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Producer, stringSerializers } from '@platformatic/kafka'
import { quietKafkajs } from '../clients/kafka-admin.ts'
import type { Send } from '../history/operation.ts'
import { collect, startChild } from '../support/child-processes.ts'
import type { Recorder } from './recorder.ts'

/** Between two attempts while nobody listens. */
const PAUSE_MS = 15
const SETTLE_LIMIT_MS = 60_000

export interface Writer {
  /** Resolves when nothing of it is under way. */
  stop(): Promise<void>
}

/** Sends one batch to one partition; resolves with its base offset. */
export type SendBatch = (partition: number, values: readonly string[]) => Promise<number>

export interface WriterClient {
  readonly send: SendBatch
  close(): Promise<unknown>
}

/** Each `send` waits for one request: no retries. */
export async function kafkajsPlain(
  address: string,
  topic: string,
  keyOf: (value: string) => string | null = () => null,
): Promise<WriterClient> {
  // Of the connection too: a writer that is stopped must not wait for a broker that is gone.
  const producer = quietKafkajs(address, 'live', 0).producer()
  await producer.connect()
  return {
    async send(partition, values) {
      const messages = values.map((value) => ({ partition, value, key: keyOf(value) }))
      const [answer] = await producer.send({ topic, acks: -1, messages })
      return Number(answer?.baseOffset)
    },
    close: () => producer.disconnect(),
  }
}

export function platformaticPlain(address: string, topic: string): WriterClient {
  const producer = new Producer({
    clientId: 'live',
    bootstrapBrokers: [address],
    serializers: stringSerializers,
    retries: 0,
    connectTimeout: 2_000,
    timeout: 10_000,
  })
  return {
    async send(partition, values) {
      const messages = values.map((value) => ({ topic, partition, value }))
      const { offsets } = await producer.send({ messages, acks: -1 })
      return Number(offsets?.[0]?.offset)
    },
    close: () => producer.close(),
  }
}

export async function kafkajsIdempotent(address: string, topic: string): Promise<WriterClient> {
  const producer = quietKafkajs(address).producer({
    idempotent: true,
    maxInFlightRequests: 1,
    retry: { initialRetryTime: 30, retries: 500, maxRetryTime: 200 },
  })
  await producer.connect()
  return {
    async send(partition, values) {
      const messages = values.map((value) => ({ partition, value }))
      const [answer] = await producer.send({ topic, acks: -1, messages })
      return Number(answer?.baseOffset)
    },
    close: () => producer.disconnect(),
  }
}

export interface BatchWriterOptions {
  readonly batch: number
  /** Waits so long after each batch; 0 = as fast as it goes. */
  readonly pauseMs: number
  /** The partition of each batch, one after another. */
  readonly partitions: readonly number[]
}

/** Sends one batch after another through a client. */
export class BatchWriter implements Writer {
  unknown = 0
  private readonly client: WriterClient
  private readonly recorder: Recorder
  private readonly options: BatchWriterOptions
  private readonly proc: number
  private readonly work: Promise<void>
  private next = 0
  private running = true

  constructor(client: WriterClient, recorder: Recorder, options: BatchWriterOptions) {
    this.client = client
    this.recorder = recorder
    this.options = options
    this.proc = recorder.process()
    this.work = this.run()
  }

  async stop(): Promise<void> {
    this.running = false
    await this.work
    await this.client.close()
  }

  private async run(): Promise<void> {
    const { batch, pauseMs, partitions } = this.options
    for (let round = 0; this.running; round++) {
      const k = partitions[round % partitions.length] ?? 0
      const values = Array.from({ length: batch }, () => `${this.proc} ${this.next++}`)
      const t0 = this.recorder.begin()
      const sends = (base: number | null): Send[] =>
        values.map((v, at) => ({ f: 'send', k, v, off: base === null ? null : base + at }))
      try {
        const base = await this.client.send(k, values)
        this.recorder.add(this.proc, t0, 'ok', sends(base >= 0 ? base : null))
        if (pauseMs > 0) await sleep(pauseMs)
      } catch {
        // Whatever it was, the batch may have been stored.
        this.unknown += values.length
        this.recorder.add(this.proc, t0, 'info', sends(null))
        await sleep(PAUSE_MS)
      }
    }
  }
}

/** kcat, idempotent, fed by its standard input; its records are acknowledged when it ends well. */
export class KcatWriter implements Writer {
  private sent = 0
  private running = true
  private readonly child: ChildProcess
  private readonly said: () => string
  private readonly work: Promise<void>
  private readonly recorder: Recorder
  private readonly partition: number
  private readonly proc: number
  private readonly times: number[] = []

  constructor(address: string, recorder: Recorder, partition: number) {
    this.recorder = recorder
    this.partition = partition
    this.proc = recorder.process()
    const settings = [
      'enable.idempotence=true',
      'message.timeout.ms=120000',
      'linger.ms=2',
      'reconnect.backoff.max.ms=200',
    ]
    const args = ['-P', '-b', address, '-t', recorder.topic, '-p', `${partition}`, '-E']
    this.child = startChild('kcat', [...args, ...settings.flatMap((each) => ['-X', each])], {
      stdio: ['pipe', 'ignore', 'pipe'],
    })
    this.said = collect(this.child.stderr)
    this.child.stdin?.on('error', () => {})
    this.work = this.run()
  }

  async stop(): Promise<void> {
    this.running = false
    await this.work
    const timer = setTimeout(() => this.child.kill('SIGKILL'), SETTLE_LIMIT_MS)
    if (this.child.exitCode === null) await once(this.child, 'exit')
    clearTimeout(timer)
    const type = this.child.exitCode === 0 ? 'ok' : 'info'
    for (let at = 0; at < this.sent; at++) {
      const send = { f: 'send', k: this.partition, v: `${this.proc} ${at}`, off: null } as const
      this.recorder.add(this.proc, this.times[at] ?? 0, type, [send])
    }
    if (type === 'info') throw new Error(`kcat ended with ${this.child.exitCode}: ${this.said()}`)
  }

  private async run(): Promise<void> {
    while (this.running && this.child.exitCode === null) {
      let lines = ''
      const now = this.recorder.begin()
      for (let at = 0; at < 50; at++) {
        this.times.push(now)
        lines += `${this.proc} ${this.sent++}\n`
      }
      this.child.stdin?.write(lines)
      await sleep(40)
    }
    this.child.stdin?.end()
  }
}
