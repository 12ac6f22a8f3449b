/**
 * kafka-verifiable-producer by its own arguments (org.apache.kafka.tools.VerifiableProducer, 4.2):
 * rising numbers are written, and a JSON line tells of every one what became of it.
 */
import { errorName } from '../../../engine/base/errors.ts'
import { RequestFailed } from '../../../net/client/client-errors.ts'
import { openClient } from '../connect-options.ts'
import type { CommandIo } from '../io.ts'
import {
  type BatchOutcome,
  PipelinedProducer,
  type ProducedBatch,
} from '../perf/pipelined-producer.ts'
import { pipelineOptions } from '../perf/producer-config.ts'
import { Throttle } from '../perf/throttle.ts'
import { BOOTSTRAP_SERVER, COMMAND_CONFIG } from './admin-client.ts'
import { type ArgumentTable, runArguments } from './arguments.ts'
import { type Flags, KafkaToolExit, propertiesFile, refuseSecurity } from './flags.ts'

const TABLE: ArgumentTable = {
  name: 'verifiable-producer',
  help: 'This tool produces increasing integers to a topic and prints what became of each as JSON.',
  commands: [],
  arguments: [
    { name: 'topic', kind: 'value', required: true, help: 'the topic to write' },
    { name: 'max-messages', kind: 'value', integer: true, help: 'how many, -1 for no end' },
    { name: 'throughput', kind: 'value', integer: true, help: 'at most about so many a second' },
    { name: 'acks', kind: 'value', choices: ['0', '1', '-1'], help: 'acknowledgements waited for' },
    { name: 'producer.config', kind: 'value', help: '(deprecated) file with settings' },
    {
      name: 'message-create-time',
      kind: 'value',
      integer: true,
      help: 'time of the first message, in milliseconds since 1970',
    },
    {
      name: 'value-prefix',
      kind: 'value',
      integer: true,
      help: 'put before each value, with a dot',
    },
    { name: 'repeating-keys', kind: 'value', integer: true, help: 'keys from 0 up to this number' },
    COMMAND_CONFIG,
    { ...BOOTSTRAP_SERVER, required: true },
  ],
}

export function kafkaVerifiableProducer(args: readonly string[], io: CommandIo): Promise<number> {
  return runArguments(TABLE, args, io, ({ flags }) => run(flags, io))
}

async function run(flags: Flags, io: CommandIo): Promise<number> {
  if (flags.has('producer.config') && flags.has('command-config'))
    throw new KafkaToolExit('--producer.config and --command-config cannot be specified together.')
  const config = new Map([
    ...propertiesFile(flags, 'producer.config', io),
    ...propertiesFile(flags, 'command-config', io),
    ['acks', flags.value('acks') ?? '-1'],
  ])
  refuseSecurity(config)
  const options = pipelineOptions(config)
  const client = openClient(flags.value('bootstrap-server') ?? '', options.requestTimeoutMs)
  const tell = new Teller(flags.value('topic') ?? '', io)
  try {
    tell.event('startup_complete', {})
    const startedAt = performance.now()
    const producer = new PipelinedProducer(client, tell.topic, options, (...told) =>
      tell.outcome(...told),
    )
    const throughput = Number(flags.value('throughput') ?? -1)
    const sent = await sendAll(producer, flags, throughput, tell, io)
    await producer.flush()
    tell.event('shutdown_complete', {})
    const seconds = (performance.now() - startedAt) / 1000
    tell.event('tool_data', {
      sent,
      acked: tell.acked,
      target_throughput: throughput,
      avg_throughput: tell.acked / seconds,
    })
    return 0
  } finally {
    await client.close()
  }
}

async function sendAll(
  producer: PipelinedProducer,
  flags: Flags,
  throughput: number,
  tell: Teller,
  io: CommandIo,
): Promise<number> {
  let stopped = false
  void io.interrupted().then(() => {
    stopped = true
  })
  const max = Number(flags.value('max-messages') ?? -1)
  const prefix = flags.has('value-prefix') ? `${flags.value('value-prefix')}.` : ''
  const keys = flags.has('repeating-keys') ? Number(flags.value('repeating-keys')) : null
  const createTime = Number(flags.value('message-create-time') ?? -1)
  const startedAt = Date.now()
  const record = (number: number, now: number) => ({
    key: keys === null ? null : Buffer.from(String(keys <= 0 ? 0 : number % keys)),
    value: Buffer.from(`${prefix}${number}`),
    timestamp: createTime < 0 ? now : createTime + (now - startedAt),
  })
  const throttle = new Throttle(throughput)
  let sent = 0
  const refused = await refusal(producer)
  for (; (max < 0 || sent < max) && !stopped; sent++) {
    await throttle.due(sent)
    if (sent % YIELD_EVERY === 0) await new Promise((resolve) => setImmediate(resolve))
    const now = Date.now()
    const next = record(sent, now)
    if (refused !== null) tell.failure(next, refused)
    else {
      if (producer.full) await producer.room()
      producer.add(next, now)
    }
  }
  return sent
}

const YIELD_EVERY = 64

/** A topic that cannot be written: told for every message, as there. */
async function refusal(producer: PipelinedProducer): Promise<Error | null> {
  try {
    await producer.start()
    return null
  } catch (error) {
    if (error instanceof RequestFailed) return error
    throw error
  }
}

type Written = ProducedBatch['records'][number]

class Teller {
  readonly topic: string
  private readonly io: CommandIo
  acked = 0

  constructor(topic: string, io: CommandIo) {
    this.topic = topic
    this.io = io
  }

  event(name: string, fields: Readonly<Record<string, unknown>>): void {
    this.io.stdout.write(`${JSON.stringify({ timestamp: Date.now(), name, ...fields })}\n`)
  }

  outcome({ records, partition }: ProducedBatch, { baseOffset, failure }: BatchOutcome): void {
    for (const [at, record] of records.entries()) {
      if (failure !== null) {
        this.failure(record, failure)
        continue
      }
      this.acked++
      this.event('producer_send_success', {
        ...texts(record),
        offset: baseOffset < 0 ? -1 : baseOffset + at,
        topic: this.topic,
        partition,
      })
    }
  }

  failure(record: Written, failure: Error): void {
    this.event('producer_send_error', {
      topic: this.topic,
      ...texts(record),
      exception: `class ${javaClass(failure)}`,
      message: failure.message,
    })
  }
}

function texts({ key, value }: Written): { key: string | null; value: string | null } {
  return { key: key?.toString() ?? null, value: value?.toString() ?? null }
}

/** Scripts look for Kafka's exception classes: they are named after the errors. */
function javaClass(failure: Error): string {
  if (!(failure instanceof RequestFailed)) return 'org.apache.kafka.common.errors.NetworkException'
  const words = errorName(failure.code)
    .toLowerCase()
    .split('_')
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join('')
  return `org.apache.kafka.common.errors.${words.replace(/Exception$/, '')}Exception`
}
