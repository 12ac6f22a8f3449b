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

type TextMessage = Message<string, string, string, string>

export class Readers {
  readonly digest = new KeyedDigest()
  /** Milliseconds from send to receipt of each probe record. */
  readonly probeLatenciesMs: number[] = []
  private readonly consumers: Consumer<string, string, string, string>[]
  private readonly streams: { close(): Promise<void> }[] = []
  private readonly run: string
  private readonly topic: string
  private onRecord: () => void = () => {}

  constructor(address: string, topic: string, groupId: string, run: string, members: number) {
    this.run = run
    this.topic = topic
    this.consumers = Array.from(
      { length: members },
      (_, at) =>
        new Consumer({
          groupId,
          clientId: `quickstart-reader-${at + 1}`,
          bootstrapBrokers: [address],
          deserializers: stringDeserializers,
          maxWaitTime: 100,
          sessionTimeout: 30_000,
        }),
    )
  }

  /** Joins the group with every member and starts to read where the group left off. */
  async start(): Promise<void> {
    await Promise.all(
      this.consumers.map(async (consumer) => {
        const stream = await consumer.consume({
          topics: [this.topic],
          mode: MessagesStreamModes.COMMITTED,
          fallbackMode: MessagesStreamFallbackModes.EARLIEST,
          autocommit: 500,
          maxBytes: 4 * 1024 * 1024,
        })
        this.streams.push(stream)
        stream.on('data', (message: TextMessage) => this.take(message))
      }),
    )
  }

  /** Resolves when `done()` holds, asked after each record; rejects after `timeoutMs` without any. */
  async until(done: () => boolean, timeoutMs: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const stalled = (): void =>
        reject(new Error(`the readers got no record for ${timeoutMs / 1000} s`))
      let timer = setTimeout(stalled, timeoutMs)
      const check = (): void => {
        clearTimeout(timer)
        if (done()) resolve()
        else timer = setTimeout(stalled, timeoutMs)
      }
      this.onRecord = check
      check()
    })
    this.onRecord = () => {}
  }

  async stop(): Promise<void> {
    await Promise.all(this.streams.map((stream) => stream.close()))
    await Promise.all(this.consumers.map((consumer) => consumer.close()))
  }

  private take(message: TextMessage): void {
    // Records of earlier runs may come again after a kill; only this run's are counted.
    if (message.headers.get('run') !== this.run) return
    const key = message.key ?? ''
    if (key.startsWith('probe-'))
      this.probeLatenciesMs.push(performance.timeOrigin + performance.now() - Number(message.value))
    else this.digest.add(key, message.value ?? '')
    this.onRecord()
  }
}
