/** Consumers that go on while their broker is killed under them, and write down what they saw. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type MessagesStream,
  MessagesStreamFallbackModes,
  MessagesStreamModes,
  Consumer as PlatformaticConsumer,
  stringDeserializers,
} from '@platformatic/kafka'
import type { Consumer } from 'kafkajs'
import { openStream } from '../../tools/quickstart/open-stream.ts'
import { quietKafkajs } from '../clients/kafka-admin.ts'
import type { Mop } from '../history/operation.ts'
import { endChild, startChild } from '../support/child-processes.ts'
import type { Recorder } from './recorder.ts'

const GROUP_TIMES = { sessionTimeout: 6_000, rebalanceTimeout: 6_000, heartbeatInterval: 300 }
const RESTART_PAUSE_MS = 50

type Got = [k: number, off: number, v: string]

/** One member of a group of its own by kafkajs, that commits each batch by hand. */
export class KafkajsMember {
  commits = 0
  private readonly address: string
  private readonly recorder: Recorder
  private readonly group: string
  private readonly proc: number
  private generation = 0
  private consumer: Consumer | null = null
  private stopped = false

  constructor(address: string, recorder: Recorder, group: string) {
    this.address = address
    this.recorder = recorder
    this.group = group
    this.proc = recorder.process()
  }

  async start(): Promise<void> {
    const { recorder, proc, group } = this
    const { topic } = recorder
    const settings = { groupId: group, maxWaitTimeInMs: 100, ...GROUP_TIMES }
    const consumer = quietKafkajs(this.address).consumer(settings)
    this.consumer = consumer
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      // It is alone in its group, so that each joining is a generation.
      const keys = payload.memberAssignment[topic] ?? []
      const generation = ++this.generation
      const { begin } = recorder
      recorder.add(proc, begin(), 'ok', [{ f: 'assign', group, generation, keys }])
    })
    // kafkajs gives up for good on some errors of a broker that comes back: so would no service.
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      if (payload.restart || this.stopped) return
      this.start().catch(() => {})
    })
    await consumer.connect()
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        const k = batch.partition
        const got = batch.messages.map(({ offset, value }): Got => [k, Number(offset), `${value}`])
        recorder.add(proc, recorder.begin(), 'ok', [{ f: 'poll', got }])
        await this.commit(consumer, k, Number(batch.lastOffset()) + 1)
      },
    })
  }

  private async commit(consumer: Consumer, k: number, off: number): Promise<void> {
    const { recorder, proc, group, generation } = this
    const { topic } = recorder
    const mop = { f: 'commit', group, generation, offsets: [[k, off] as const] } as const
    const t0 = recorder.begin()
    try {
      await consumer.commitOffsets([{ topic, partition: k, offset: `${off}` }])
      recorder.add(proc, t0, 'ok', [mop])
      this.commits++
    } catch {
      recorder.add(proc, t0, 'info', [mop])
    }
  }

  async stop(): Promise<void> {
    this.stopped = true
    await this.consumer?.disconnect()
  }
}

/**
 * A member by @platformatic/kafka. What it hands out around an assignment may step back, as it does
 * with a real Kafka: its positions are not judged, its values, owners and commits are.
 */
export class PlatformaticMember {
  commits = 0
  private readonly address: string
  private readonly recorder: Recorder
  private readonly group: string
  private readonly proc: number
  private readonly positions = new Map<number, number>()
  private owned: ReadonlySet<number> = new Set()
  private stopped = false
  private work: Promise<void> = Promise.resolve()
  private closeCurrent: () => Promise<void> = async () => {}

  constructor(address: string, recorder: Recorder, group: string) {
    this.address = address
    this.recorder = recorder
    this.group = group
    this.proc = recorder.process()
  }

  start(): void {
    this.work = this.run()
  }

  async stop(): Promise<void> {
    this.stopped = true
    await this.closeCurrent()
    await this.work
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      try {
        await this.live()
      } catch {
        // A service would start its consumer again, whatever the error was.
        await sleep(RESTART_PAUSE_MS)
      }
    }
  }

  private async live(): Promise<void> {
    const { recorder, proc, group } = this
    this.positions.clear()
    const consumer = new PlatformaticConsumer({
      groupId: group,
      clientId: `member-${proc}`,
      bootstrapBrokers: [this.address],
      deserializers: stringDeserializers,
      maxWaitTime: 100,
      autocommit: false,
      retries: 3,
      connectTimeout: 2_000,
      ...GROUP_TIMES,
    })
    consumer.on('consumer:group:join', ({ generationId }) => {
      this.positions.clear()
      const keys = (consumer.assignments ?? []).flatMap(({ partitions }) => partitions)
      this.owned = new Set(keys)
      const mop = { f: 'assign', group, generation: generationId, keys } as const
      recorder.add(proc, recorder.begin(), 'ok', [mop])
    })
    // Told of by its heartbeats, outside of any call: it ends this life, and the next one begins.
    consumer.on('error', () => {
      this.closeCurrent().catch(() => {})
    })
    let stream: MessagesStream<string, string, string, string> | null = null
    this.closeCurrent = async () => {
      await Promise.resolve(stream?.close()).catch(() => {})
      // Its connections may be broken: the broker forgets it by its session.
      await Promise.resolve(consumer.close(true)).catch(() => {})
    }
    try {
      const place = {
        topics: [recorder.topic],
        mode: MessagesStreamModes.COMMITTED,
        fallbackMode: MessagesStreamFallbackModes.EARLIEST,
      }
      // The loop below throws what the stream fails with.
      stream = await openStream(consumer, place, () => {})
      let seen: Got[] = []
      for await (const { partition, offset, value } of stream) {
        seen.push([partition, Number(offset), `${value}`])
        this.advance(partition, Number(offset) + 1)
        if (seen.length < 200 && stream.readableLength > 0) continue
        this.note(seen)
        seen = []
        await this.commit(consumer)
      }
    } finally {
      await this.closeCurrent()
    }
  }

  /**
   * It hands out what it had fetched before a change of owners too; that is not ours to commit. Nor is
   * what it hands out a second time in a generation, having fetched it twice around a lost connection.
   */
  private advance(partition: number, position: number): void {
    if (!this.owned.has(partition)) return
    this.positions.set(partition, Math.max(position, this.positions.get(partition) ?? 0))
  }

  private note(seen: readonly Got[]): void {
    const { recorder, proc } = this
    // Each record as of a process that has just begun.
    const mops = seen.flatMap((got): Mop[] => [
      { f: 'assign', group: '', generation: proc, keys: [got[0]] },
      { f: 'poll', got: [got] },
    ])
    recorder.add(proc, recorder.begin(), 'ok', mops)
  }

  private async commit(
    consumer: PlatformaticConsumer<string, string, string, string>,
  ): Promise<void> {
    const { recorder, proc, group } = this
    const offsets = [...this.positions].map(([k, off]) => [k, off] as const)
    const mop = { f: 'commit', group, generation: consumer.generationId, offsets } as const
    const t0 = recorder.begin()
    try {
      await consumer.commit({
        offsets: offsets.map(([partition, offset]) => ({
          topic: recorder.topic,
          partition,
          offset: BigInt(offset),
          leaderEpoch: -1,
        })),
      })
      recorder.add(proc, t0, 'ok', [mop])
      this.commits++
    } catch (error) {
      recorder.add(proc, t0, 'info', [mop])
      throw error
    }
  }
}

/** kcat reading one partition from its begin, without a group: it goes on where it was. */
export class KcatReader {
  received = 0
  private readonly child: ChildProcess
  private readonly recorder: Recorder
  private readonly partition: number
  private readonly proc: number
  private rest = ''

  constructor(address: string, recorder: Recorder, partition: number) {
    this.recorder = recorder
    this.partition = partition
    this.proc = recorder.process()
    const settings = [
      'reconnect.backoff.max.ms=200',
      'fetch.wait.max.ms=100',
      'auto.offset.reset=error',
    ]
    const place = ['-t', recorder.topic, '-p', `${partition}`, '-o', 'beginning']
    const args = ['-C', '-b', address, ...place, '-u', '-q', '-f', '%o %s\\n']
    this.child = startChild('kcat', [...args, ...settings.flatMap((each) => ['-X', each])], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    this.child.stdout?.setEncoding('utf8')
    this.child.stdout?.on('data', (piece: string) => this.take(piece))
  }

  private take(piece: string): void {
    const lines = (this.rest + piece).split('\n')
    this.rest = lines.pop() ?? ''
    if (lines.length === 0) return
    const got = lines.map((line): Got => {
      const space = line.indexOf(' ')
      return [this.partition, Number(line.slice(0, space)), line.slice(space + 1)]
    })
    this.received += got.length
    this.recorder.add(this.proc, this.recorder.begin(), 'ok', [{ f: 'poll', got }])
  }

  async stop(): Promise<void> {
    const closed = once(this.child, 'close')
    if (await endChild(this.child, 'SIGTERM')) await closed
  }
}
