/**
 * A broker that stands still for ten seconds (SIGSTOP, SIGCONT: a paused container, a debugger, a host that
 * swaps): kafkajs, @platformatic/kafka and kcat go on afterwards, nothing acknowledged is lost and nobody
 * is left outside their group.
 */
import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  MessagesStreamFallbackModes,
  MessagesStreamModes,
  Consumer as PlatformaticConsumer,
  Producer as PlatformaticProducer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka'
import { quietKafkajs } from '../clients/kafka-admin.ts'
import { require } from '../stress/lane-checks.ts'
import { ProbedBroker } from '../stress/probed-broker.ts'
import { collect, endChild, runCommand, startChild } from '../support/child-processes.ts'

const PAUSE_MS = 10_000
const RUN_MS = 3_000
/** From SIGCONT until every client has written and read something new. */
const RECOVER_MS = 40_000
const TOPIC = 'paused'

/** One client: values it was promised, and all that it read. */
interface Pair {
  readonly name: string
  readonly acknowledged: Set<string>
  readonly read: Set<string>
  stop(): Promise<void>
}

export async function pausedBroker(compiled: boolean): Promise<string> {
  const broker = await ProbedBroker.launch({ compiled, overrides: { 'sluice.shards': '2' } })
  const pairs: Pair[] = []
  try {
    pairs.push(await kafkajsPair(broker.address), await platformaticPair(broker.address))
    const withKcat = await hasKcat()
    if (withKcat) pairs.push(await kcatPair(broker.address))
    await progress(pairs, RECOVER_MS)
    await sleep(RUN_MS)
    process.kill(broker.pid, 'SIGSTOP')
    try {
      await sleep(PAUSE_MS)
    } finally {
      process.kill(broker.pid, 'SIGCONT')
    }
    const tookMs = await progress(pairs, RECOVER_MS)
    await sleep(RUN_MS)
    for (const { stop } of pairs) await stop()
    for (const { name, acknowledged, read } of pairs) {
      const lost = [...acknowledged].filter((value) => !read.has(value))
      require(lost.length === 0, () => `${name}: ${lost.length} acknowledged, not read: ${lost[0]}`)
    }
    await broker.stop()
    const counts = pairs.map(({ name, acknowledged }) => `${name} ${acknowledged.size}`)
    return `all go on ${(tookMs / 1_000).toFixed(1)} s after it; records: ${counts.join(', ')}${withKcat ? '' : '; kcat is not here'}`
  } finally {
    for (const { stop } of pairs) await stop().catch(() => {})
    await broker.remove()
  }
}

/** Waits until each has written and read twenty more; milliseconds that took. */
async function progress(pairs: readonly Pair[], limitMs: number): Promise<number> {
  const startedMs = performance.now()
  const more = 20
  const goals = pairs.map(({ acknowledged, read }) => [acknowledged.size + more, read.size + more])
  const behind = (): Pair[] =>
    pairs.filter(
      ({ acknowledged, read }, at) =>
        acknowledged.size < (goals[at]?.[0] ?? 0) || read.size < (goals[at]?.[1] ?? 0),
    )
  while (behind().length > 0) {
    const told = (): string =>
      behind()
        .map(({ name, acknowledged, read }) => `${name} (${acknowledged.size}, ${read.size})`)
        .join()
    require(performance.now() < startedMs + limitMs, () => `does not go on: ${told()}`)
    await sleep(50)
  }
  return performance.now() - startedMs
}

/** Sends numbered values one after the other, and keeps what was acknowledged; until stopped. */
function sendOn(
  prefix: string,
  acknowledged: Set<string>,
  send: (value: string) => Promise<unknown>,
): () => Promise<void> {
  let running = true
  const work = (async () => {
    for (let number = 0; running; number++) {
      const value = `${prefix} ${number}`
      const sent = await send(value).then(
        () => true,
        () => false,
      )
      if (sent) acknowledged.add(value)
      await sleep(sent ? 10 : 100)
    }
  })()
  return async () => {
    running = false
    await work
  }
}

/** Until everything acknowledged is read, or a while has passed. */
async function drained({ acknowledged, read }: Omit<Pair, 'name' | 'stop'>): Promise<void> {
  const untilMs = performance.now() + RECOVER_MS
  while ([...acknowledged].some((value) => !read.has(value)) && performance.now() < untilMs)
    await sleep(50)
}

async function kafkajsPair(address: string): Promise<Pair> {
  const topic = `${TOPIC}-kafkajs`
  const kafka = quietKafkajs(address, 'paused')
  const producer = kafka.producer()
  await producer.connect()
  await producer.send({ topic, messages: [{ value: 'first' }] })
  const consumer = kafka.consumer({ groupId: topic, sessionTimeout: 6_000, heartbeatInterval: 500 })
  const sets = { acknowledged: new Set<string>(), read: new Set<string>() }
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({ eachMessage: async ({ message }) => void sets.read.add(`${message.value}`) })
  const stopSending = sendOn('k', sets.acknowledged, (value) =>
    producer.send({ topic, acks: -1, messages: [{ value }] }),
  )
  return {
    name: 'kafkajs',
    ...sets,
    async stop() {
      await stopSending()
      await drained(sets)
      await producer.disconnect()
      await consumer.disconnect()
    },
  }
}

async function platformaticPair(address: string): Promise<Pair> {
  const topic = `${TOPIC}-platformatic`
  const shared = { clientId: 'paused', bootstrapBrokers: [address], autocreateTopics: true }
  const producer = new PlatformaticProducer({ ...shared, serializers: stringSerializers })
  await producer.send({ messages: [{ topic, value: 'first' }] })
  const sets = { acknowledged: new Set<string>(), read: new Set<string>() }
  const reader = readOn(address, topic, sets.read)
  const stopSending = sendOn('p', sets.acknowledged, (value) =>
    producer.send({ messages: [{ topic, value }] }),
  )
  return {
    name: '@platformatic/kafka',
    ...sets,
    async stop() {
      await stopSending()
      await drained(sets)
      await reader.stop()
      await producer.close()
    },
  }
}

/** A consumer that is begun anew, as a service would, whenever its stream ends with an error. */
function readOn(address: string, topic: string, read: Set<string>): { stop(): Promise<void> } {
  let running = true
  let close = async (): Promise<void> => {}
  const live = async (): Promise<void> => {
    const consumer = new PlatformaticConsumer({
      clientId: 'paused',
      bootstrapBrokers: [address],
      groupId: topic,
      deserializers: stringDeserializers,
      sessionTimeout: 6_000,
      rebalanceTimeout: 6_000,
      heartbeatInterval: 500,
      retries: 3,
    })
    const failed = new Promise<never>((_, reject) => consumer.on('error', reject))
    failed.catch(() => {})
    close = async () => {
      // Its connections may be broken: the broker forgets it by its session.
      await Promise.resolve(consumer.close(true)).catch(() => {})
    }
    const readAll = async (): Promise<void> => {
      const stream = await consumer.consume({
        topics: [topic],
        mode: MessagesStreamModes.COMMITTED,
        fallbackMode: MessagesStreamFallbackModes.EARLIEST,
        autocommit: 500,
      })
      for await (const { value } of stream) read.add(String(value))
    }
    try {
      await Promise.race([readAll(), failed])
    } finally {
      await close()
    }
  }
  const work = (async () => {
    while (running) {
      await live().catch(() => {})
      if (running) await sleep(100)
    }
  })()
  return {
    async stop() {
      running = false
      await close()
      await work
    },
  }
}

async function hasKcat(): Promise<boolean> {
  return (await runCommand('kcat', ['-V'], { limitMs: 10_000 })).code === 0
}

async function kcatPair(address: string): Promise<Pair> {
  const topic = `${TOPIC}-kcat`
  // A reader that comes before its topic looks for it again minutes later.
  const admin = quietKafkajs(address).admin()
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] })
  await admin.disconnect()
  const sets = { acknowledged: new Set<string>(), read: new Set<string>() }
  const writer = startChild('kcat', ['-P', '-b', address, '-t', topic, '-X', 'linger.ms=5'], {
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  let number = 0
  const written: string[] = []
  const timer = setInterval(() => {
    const value = `c ${number++}`
    written.push(value)
    writer.stdin?.write(`${value}\n`)
    // Its librdkafka gives each two minutes; what it could not deliver it says at the end.
    if (written.length > 100) sets.acknowledged.add(written.shift() ?? '')
  }, 10)
  const reader = startChild(
    'kcat',
    ['-b', address, '-G', topic, '-u', '-q', '-X', 'auto.offset.reset=earliest', topic],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  )
  readLines(reader, sets.read)
  const complaints = collect(writer.stderr)
  return {
    name: 'kcat',
    ...sets,
    async stop() {
      if (writer.exitCode !== null) return
      clearInterval(timer)
      writer.stdin?.end()
      await new Promise((resolve) => writer.once('exit', resolve))
      require(writer.exitCode === 0, () => `kcat -P ended with ${writer.exitCode}: ${complaints()}`)
      for (const value of written.splice(0)) sets.acknowledged.add(value)
      await drained(sets)
      await endChild(reader, 'SIGTERM')
    },
  }
}

function readLines(child: ChildProcess, into: Set<string>): void {
  let rest = ''
  child.stdout?.setEncoding('utf8')
  child.stdout?.on('data', (piece: string) => {
    const lines = (rest + piece).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) into.add(line)
  })
}
