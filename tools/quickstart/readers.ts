/**
 * The reading side of the quick start: a consumer group of two members with @platformatic/kafka, a
 * client that shares no code with the writer's.
 */
import {
  Consumer,
  type Message,
  MessagesStreamFallbackModes,
  MessagesStreamModes,
  stringDeserializers,
} from '@platformatic/kafka'
import { KeyedDigest } from './corpus.ts'
import { openStream } from './open-stream.ts'
import { PROBE_KEY } from './writer.ts'

const WATCH_MS = 100

type TextMessage = Message<string, string, string, string>

export class Readers {
  readonly digest = new KeyedDigest()
  /** Milliseconds from send to receipt of each probe record. */
  readonly probeLatenciesMs: number[] = []
  private readonly consumers: Consumer<string, string, string, string>[]
  private readonly streams: { close(): Promise<void> }[] = []
  private readonly topic: string
  /** By partition: records before this offset are of earlier runs. */
  private readonly startOffsets: ReadonlyMap<number, number>
  private onRecord: () => void = () => {}
  /** The first one; a member that failed reads no further. */
  private failure: Error | null = null

  constructor(
    address: string,
    topic: string,
    groupId: string,
    startOffsets: ReadonlyMap<number, number>,
    members: number,
  ) {
    this.topic = topic
    this.startOffsets = startOffsets
    this.consumers = Array.from(
      { length: members },
      (_, at) =>
        new Consumer({
          groupId,
          clientId: `quickstart-reader-${at + 1}`,
          bootstrapBrokers: [address],
          deserializers: stringDeserializers,
          maxWaitTime: 100,
          // Members of a run that was killed are waited for so long.
          sessionTimeout: 10_000,
        }),
    )
    // Told of by heartbeats, outside of any call.
    for (const consumer of this.consumers) consumer.on('error', (error: Error) => this.fail(error))
  }

  /** Joins the group with every member and starts to read where the group left off. */
  async start(): Promise<void> {
    await Promise.all(
      this.consumers.map(async (consumer) => {
        const place = {
          topics: [this.topic],
          mode: MessagesStreamModes.COMMITTED,
          fallbackMode: MessagesStreamFallbackModes.EARLIEST,
          autocommit: 500,
          maxBytes: 4 * 1024 * 1024,
        }
        const stream = await openStream(consumer, place, (error) => this.fail(error))
        this.streams.push(stream)
        stream.on('data', (message: TextMessage) => this.take(message))
      }),
    )
  }

  /**
   * Resolves when `done()` holds, asked after each record; rejects after `timeoutMs` without any, with
   * the signal's reason, or with what a member failed with.
   */
  async until(done: () => boolean, timeoutMs: number, signal: AbortSignal): Promise<void> {
    let lastRecordAt = performance.now()
    let watch: NodeJS.Timeout | undefined
    try {
      await new Promise<void>((resolve, reject) => {
        watch = setInterval(() => {
          if (signal.aborted) reject(signal.reason)
          else if (this.failure !== null) reject(this.failure)
          else if (performance.now() - lastRecordAt > timeoutMs)
            reject(new Error(`the readers got no record for ${timeoutMs / 1000} s`))
        }, WATCH_MS)
        this.onRecord = () => {
          lastRecordAt = performance.now()
          if (done()) resolve()
        }
        if (done()) resolve()
      })
    } finally {
      clearInterval(watch)
      this.onRecord = () => {}
    }
  }

  async stop(): Promise<void> {
    await Promise.allSettled(this.streams.map((stream) => stream.close()))
    await Promise.allSettled(this.consumers.map((consumer) => consumer.close(true)))
  }

  /** Ends the wait; while stopping, a last commit may come too late to matter. */
  private fail(error: Error): void {
    this.failure ??= error
  }

  private take(message: TextMessage): void {
    // Of earlier runs some may come again after a kill, and are not counted.
    if (Number(message.offset) < (this.startOffsets.get(message.partition) ?? 0)) return
    const key = message.key ?? ''
    if (key.startsWith(PROBE_KEY))
      this.probeLatenciesMs.push(performance.timeOrigin + performance.now() - Number(message.value))
    else this.digest.add(key, message.value ?? '')
    this.onRecord()
  }
}
