/** What kcat prints of a record: by a format string (-f), as JSON (-J), or key and value as they are. */
import type { FetchedRecord } from '../../../net/client/client-fetcher.ts'
import { KcatFailure, type KcatOptions, unescaped } from './kcat-options.ts'

export type KcatFormatter = (record: FetchedRecord, brokerId: number) => Buffer

type Token = (record: FetchedRecord) => Buffer

const NULL = Buffer.from('NULL')
const EMPTY = Buffer.alloc(0)

export function kcatFormatter(options: KcatOptions): KcatFormatter {
  if (options.json) return (record, brokerId) => Buffer.from(envelope(record, brokerId, options))
  const tokens = tokensOf(options)
  return (record) => Buffer.concat(tokens.map((token) => token(record)))
}

function tokensOf(options: KcatOptions): Token[] {
  const { format, delimiter, keyDelimiter } = options
  const constant =
    (bytes: Buffer): Token =>
    () =>
      bytes
  if (format === null) {
    const parts: Token[] = []
    if (keyDelimiter !== null) parts.push(field('k', options), constant(keyDelimiter))
    return [...parts, field('s', options), constant(delimiter)]
  }
  return [...format.matchAll(/%(.)|(?:[^%])+|%/gs)].map(([whole, letter]) =>
    letter === undefined ? constant(unescaped(whole)) : field(letter, options),
  )
}

function field(letter: string, { nulls, keyPack, valuePack }: KcatOptions): Token {
  const text =
    (of: (record: FetchedRecord) => string | number): Token =>
    (record) =>
      Buffer.from(String(of(record)))
  // What is empty counts as null there.
  const content = (bytes: Buffer | null): Buffer =>
    bytes === null || bytes.length === 0 ? (nulls ? NULL : EMPTY) : bytes
  switch (letter) {
    case 's':
      return (record) => unpacked(record, 'value', valuePack) ?? content(record.value)
    case 'k':
      return (record) => unpacked(record, 'key', keyPack) ?? content(record.key)
    case 'S':
      return text(({ value }) => value?.length ?? -1)
    case 'K':
      return text(({ key }) => key?.length ?? -1)
    case 'R':
      return ({ value }) => {
        const size = Buffer.alloc(4)
        size.writeInt32BE(value?.length ?? -1)
        return size
      }
    case 'T':
      return text(({ timestamp }) => timestamp)
    case 't':
      return text(({ topic }) => topic)
    case 'p':
      return text(({ partition }) => partition)
    case 'o':
      return text(({ offset }) => offset)
    case 'h':
      return text(({ headers }) =>
        headers.map(({ key, value }) => `${key}=${value === null ? 'NULL' : value}`).join(','),
      )
    case '%':
      return () => Buffer.from('%')
    default:
      throw new KcatFailure(`% ERROR: Unsupported formatter: %${letter}`)
  }
}

function envelope(
  record: FetchedRecord,
  broker: number,
  { keyPack, valuePack }: KcatOptions,
): string {
  const { topic, partition, offset, timestamp, timestampOf, headers, key, value } = record
  const text = (bytes: Buffer | null): string | null => bytes?.toString() ?? null
  return `${JSON.stringify({
    topic,
    partition,
    offset,
    tstype: timestampOf === 'append' ? 'logappend' : 'create',
    ts: timestamp,
    broker,
    ...(headers.length === 0
      ? {}
      : { headers: headers.flatMap(({ key: name, value: content }) => [name, text(content)]) }),
    key: text(unpacked(record, 'key', keyPack) ?? key),
    payload: text(unpacked(record, 'value', valuePack) ?? value),
  })}\n`
}

/** Size and reader of each number a pack may hold, little and big end first. */
const NUMBERS: Readonly<
  Record<string, readonly [size: number, read: (bytes: Buffer, at: number, big: boolean) => string]>
> = {
  b: [1, (bytes, at) => String(bytes.readInt8(at))],
  B: [1, (bytes, at) => String(bytes.readUInt8(at))],
  h: [2, (bytes, at, big) => String(big ? bytes.readInt16BE(at) : bytes.readInt16LE(at))],
  H: [2, (bytes, at, big) => String(big ? bytes.readUInt16BE(at) : bytes.readUInt16LE(at))],
  i: [4, (bytes, at, big) => String(big ? bytes.readInt32BE(at) : bytes.readInt32LE(at))],
  I: [4, (bytes, at, big) => String(big ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at))],
  q: [8, (bytes, at, big) => String(big ? bytes.readBigInt64BE(at) : bytes.readBigInt64LE(at))],
  Q: [8, (bytes, at, big) => String(big ? bytes.readBigUInt64BE(at) : bytes.readBigUInt64LE(at))],
  c: [1, (bytes, at) => bytes.toString('latin1', at, at + 1)],
}

/** Null without a pack, or without content. */
function unpacked(
  record: FetchedRecord,
  side: 'key' | 'value',
  pack: string | null,
): Buffer | null {
  const bytes = record[side]
  if (pack === null || bytes === null) return null
  const where = `${record.topic} [${record.partition}] at offset ${record.offset}`
  const fail = (why: string): KcatFailure =>
    new KcatFailure(`% ERROR: Failed to format message in ${where}: ${side} ${why}: terminating`)
  let big = true
  let at = 0
  const parts: string[] = []
  for (const letter of pack) {
    if (letter === '<' || letter === '>') big = letter === '>'
    else if (letter === 's') {
      parts.push(bytes.toString('utf8', at))
      at = bytes.length
    } else if (letter === '$') {
      if (at < bytes.length)
        throw fail(`expected EOS (end-of-input), but ${bytes.length - at} bytes remaining`)
    } else if (letter === ' ') parts.push(' ')
    else {
      const [size, read] = NUMBERS[letter] ?? [0, () => '']
      if (bytes.length - at < size)
        throw fail(
          `truncated, expected ${size} bytes to unpack ${letter} but only ${bytes.length - at} ` +
            'bytes remaining',
        )
      parts.push(read(bytes, at, big))
      at += size
    }
  }
  return Buffer.from(parts.join(''))
}
