/** The line kafka-console-consumer prints per record (DefaultMessageFormatter's properties). */
import type { Writable } from 'node:stream'
import type { FetchedRecord } from '../../../net/client/client-fetcher.ts'

export function messageFormatter(
  config: ReadonlyMap<string, string>,
  output: Writable,
): (record: FetchedRecord) => void {
  const is = (name: string, fallback: boolean): boolean =>
    (config.get(name)?.trim().toLowerCase() ?? String(fallback)) === 'true'
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
  const keySeparator = config.get('key.separator') ?? '\t'
  const lineSeparator = config.get('line.separator') ?? '\n'
  const headersSeparator = config.get('headers.separator') ?? ','
  const nullLiteral = config.get('null.literal') ?? 'null'
  const text = (bytes: Buffer | null): string => bytes?.toString('utf8') ?? nullLiteral

  return (record) => {
    const parts: string[] = []
    if (show.timestamp) parts.push(`CreateTime:${record.timestamp}`)
    if (show.partition) parts.push(`Partition:${record.partition}`)
    if (show.offset) parts.push(`Offset:${record.offset}`)
    if (show.delivery) parts.push('Delivery:NOT_PRESENT')
    if (show.epoch) parts.push('Epoch:NOT_PRESENT')
    if (show.headers)
      parts.push(
        record.headers.length === 0
          ? 'NO_HEADERS'
          : record.headers.map(({ key, value }) => `${key}:${text(value)}`).join(headersSeparator),
      )
    if (show.key) parts.push(text(record.key))
    if (show.value) parts.push(text(record.value))
    output.write(parts.join(keySeparator) + lineSeparator)
  }
}
