/**
 * The line kafka-console-consumer prints per record: DefaultMessageFormatter's properties and order,
 * content as the bytes it is. Deserializers are Kafka's by class name, those whose text form is the
 * same everywhere.
 */
import type { FetchedRecord } from '../../../net/client/client-fetcher.ts'
import { KafkaToolExit } from './flags.ts'

export type MessageFormatter = (record: FetchedRecord) => Buffer

type Deserializer = (bytes: Buffer) => Buffer

const asIs: Deserializer = (bytes) => bytes

/** Number types by their size in bytes; Kafka refuses content of another size. */
function numeric(name: string, size: number, read: (bytes: Buffer) => string): Deserializer {
  return (bytes) => {
    if (bytes.length === size) return Buffer.from(read(bytes))
    throw new KafkaToolExit(`Size of data received by ${name}Deserializer is not ${size}`)
  }
}

const DESERIALIZERS: Readonly<Record<string, Deserializer>> = {
  String: asIs,
  Short: numeric('Short', 2, (bytes) => String(bytes.readInt16BE(0))),
  Integer: numeric('Integer', 4, (bytes) => String(bytes.readInt32BE(0))),
  Long: numeric('Long', 8, (bytes) => String(bytes.readBigInt64BE(0))),
  UUID: asIs,
}

function deserializer(name: string | undefined): Deserializer {
  if (name === undefined || name === '') return asIs
  const match = /^(?:org\.apache\.kafka\.common\.serialization\.)?(\w+)Deserializer$/.exec(name)
  const found = DESERIALIZERS[match?.[1] ?? '']
  if (found !== undefined) return found
  throw new KafkaToolExit(
    `Unable to instantiate a deserializer from ${name}: ` +
      `known here are ${Object.keys(DESERIALIZERS).join(', ')} of org.apache.kafka.common.serialization`,
  )
}

const TIMESTAMP_NAMES = { create: 'CreateTime', append: 'LogAppendTime' } as const

export function messageFormatter(config: ReadonlyMap<string, string>): MessageFormatter {
  const is = (name: string, fallback: boolean): boolean =>
    (config.get(name)?.trim().toLowerCase() ?? String(fallback)) === 'true'
  const bytesOf = (name: string, fallback: string): Buffer =>
    Buffer.from(config.get(name) ?? fallback)
  const show = {
    timestamp: is('print.timestamp', false),
    partition: is('print.partition', false),
    offset: is('print.offset', false),
    delivery: is('print.delivery', false),
    epoch: is('print.epoch', false),
    headers: is('print.headers', false),
    key: is('print.key', false),
    value: is('print.value', true),
  }
  const keySeparator = bytesOf('key.separator', '\t')
  const lineSeparator = bytesOf('line.separator', '\n')
  const headersSeparator = bytesOf('headers.separator', ',')
  const nullLiteral = bytesOf('null.literal', 'null')
  const readKey = deserializer(config.get('key.deserializer'))
  const readValue = deserializer(config.get('value.deserializer'))
  const readHeader = deserializer(config.get('headers.deserializer'))

  const headersOf = ({ headers }: FetchedRecord): Buffer[] => {
    if (headers.length === 0) return [Buffer.from('NO_HEADERS')]
    return headers.flatMap(({ key, value }, at) => [
      ...(at === 0 ? [] : [headersSeparator]),
      Buffer.from(`${key}:`),
      value === null ? nullLiteral : readHeader(value),
    ])
  }

  return (record) => {
    const fields: Buffer[][] = []
    const text = (field: string): void => void fields.push([Buffer.from(field)])
    if (show.timestamp) text(`${TIMESTAMP_NAMES[record.timestampOf]}:${record.timestamp}`)
    if (show.partition) text(`Partition:${record.partition}`)
    if (show.offset) text(`Offset:${record.offset}`)
    if (show.delivery) text('Delivery:NOT_PRESENT')
    if (show.epoch) text('Epoch:NOT_PRESENT')
    if (show.headers) fields.push(headersOf(record))
    if (show.key) fields.push([record.key === null ? nullLiteral : readKey(record.key)])
    if (show.value) fields.push([record.value === null ? nullLiteral : readValue(record.value)])
    const pieces = fields.flatMap((field, at) => (at === 0 ? field : [keySeparator, ...field]))
    return Buffer.concat([...pieces, lineSeparator])
  }
}
