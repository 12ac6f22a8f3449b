/**
 * kcat -P: messages from stdin (or one file with -l) parted by -D, keys by -K; or each file as one
 * message. Keys go where librdkafka puts them: CRC-32 over the partitions.
 */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { crc32 } from 'node:zlib'
import { codecByName } from '../../../engine/record/compression.ts'
import type { Client } from '../../../net/client/client.ts'
import { ClientProducer, type OutgoingRecord } from '../../../net/client/client-producer.ts'
import { partitionForKey } from '../../../net/client/partitioner.ts'
import type { CommandIo } from '../io.ts'
import { acksOf } from '../perf/producer-config.ts'
import { KcatFailure, type KcatOptions } from './kcat-options.ts'

const MESSAGE_BYTES_MAX = 1 << 28
const LINGER_MS = 5
const BATCH_BYTES = 1_000_000

export async function kcatProduce(
  client: Client,
  options: KcatOptions,
  io: CommandIo,
): Promise<void> {
  const { config, topics, words } = options
  const codec = codecByName(options.codec)
  if (codec === null)
    throw new KcatFailure(
      `% ERROR: Invalid value "${options.codec}" for configuration property "compression.codec"`,
    )
  const topic = topics.at(-1) ?? ''
  const producer = new ClientProducer(client, topic, {
    acks: acksOf(config.get('acks') ?? config.get('request.required.acks') ?? 'all'),
    codec,
    batchBytes: Number(config.get('batch.size') ?? BATCH_BYTES),
    lingerMs: Number(config.get('linger.ms') ?? config.get('queue.buffering.max.ms') ?? LINGER_MS),
    timeoutMs: Number(config.get('message.timeout.ms') ?? 300_000),
  })
  await producer.start()
  const { topics: known } = await client.metadata([topic])
  const partitions = known[0]?.partitions.length ?? 1
  const send = (message: Buffer, split: boolean): Promise<void> => {
    const record = recordOf(message, options, split)
    const partition = partitionOf(record.key, partitions, options)
    if (options.tee) io.stdout.write(message)
    return producer.send(partition === null ? record : { ...record, partition })
  }
  if (words.length > 0 && !options.linesOfFile) await sendFiles(words, send, options, io)
  else {
    const source = words[0] === undefined ? io.stdin : [readFile(resolve(io.cwd, words[0]))]
    let left = options.count
    for await (const message of parted(source as AsyncIterable<Buffer>, options.delimiter)) {
      if (left-- <= 0) break
      if (message.length > 0) await send(message, true)
    }
  }
  await producer.flush()
}

function readFile(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new KcatFailure(
      `% ERROR: Failed to open ${path}: ${error instanceof Error ? error.message : error}`,
    )
  }
}

async function sendFiles(
  files: readonly string[],
  send: (message: Buffer, split: boolean) => Promise<void>,
  options: KcatOptions,
  io: CommandIo,
): Promise<void> {
  let failed = 0
  for (const file of files.slice(0, options.count)) {
    try {
      await send(readFileSync(resolve(io.cwd, file)), false)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      failed++
      io.stderr.write(`% Failed to open ${file}: No such file or directory\n`)
    }
  }
  if (failed > 0) throw new KcatFailure(`% Failed to produce from ${failed}/${files.length} files`)
}

function recordOf(message: Buffer, options: KcatOptions, split: boolean): OutgoingRecord {
  const { keyDelimiter, nulls, headers } = options
  const at = split && keyDelimiter !== null ? message.indexOf(keyDelimiter) : -1
  const given = at < 0 || keyDelimiter === null ? null : message.subarray(0, at)
  const value =
    given === null || keyDelimiter === null ? message : message.subarray(at + keyDelimiter.length)
  const orNull = (bytes: Buffer | null): Buffer | null =>
    nulls && bytes !== null && bytes.length === 0 ? null : bytes
  return { key: orNull(given) ?? options.key, value: orNull(value), headers }
}

/** Null: wherever the producer likes. */
function partitionOf(key: Buffer | null, partitions: number, options: KcatOptions): number | null {
  if (options.partition !== null) return options.partition
  const partitioner = options.config.get('partitioner') ?? 'consistent_random'
  if (key === null || key.length === 0 || partitioner === 'random')
    return key === null ? null : Math.trunc(Math.random() * partitions)
  if (partitioner.startsWith('murmur2')) return partitionForKey(key, partitions)
  if (partitioner.startsWith('consistent')) return crc32(key) % partitions
  throw new KcatFailure(
    `% ERROR: partitioner=${partitioner} is not supported here: use consistent_random, ` +
      'murmur2_random or random',
  )
}

/** The bytes between delimiters of any length; what follows the last one counts too. */
async function* parted(
  source: AsyncIterable<Buffer | string>,
  delimiter: Buffer,
): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0)
  for await (const piece of source) {
    rest = Buffer.concat([rest, Buffer.from(piece as Buffer)])
    let start = 0
    for (let end = rest.indexOf(delimiter); end >= 0; end = rest.indexOf(delimiter, start)) {
      yield rest.subarray(start, end)
      start = end + delimiter.length
    }
    rest = rest.subarray(start)
    if (rest.length > MESSAGE_BYTES_MAX)
      throw new KcatFailure(
        `% ERROR: ${MESSAGE_BYTES_MAX} bytes without a delimiter: no broker takes such a message`,
      )
  }
  if (rest.length > 0) yield rest
}
