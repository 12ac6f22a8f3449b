/**
 * How kafka-console-producer reads a line: LineMessageReader's properties, with the same checks and
 * words. Parts are cut as bytes, so that what is no UTF-8 arrives unchanged.
 *
 *   headers.delimiter ⌄        ⌄ key.separator
 *         h1:v1,h2:v2 ⇥ key ⇥ value
 */
import type { OutgoingRecord } from '../../../net/client/client-producer.ts'
import { KafkaToolExit } from './flags.ts'

export type LineReader = (line: Buffer, lineNumber: number) => OutgoingRecord
type OutgoingHeaders = NonNullable<OutgoingRecord['headers']>

const KAFKA_EXCEPTION = 'org.apache.kafka.common.KafkaException'

interface Settings {
  readonly parseKey: boolean
  readonly parseHeaders: boolean
  readonly ignoreError: boolean
  readonly keySeparator: string
  readonly headersDelimiter: string
  readonly headersSeparator: string
  readonly headersKeySeparator: string
  /** A part that is just this is null. */
  readonly nullMarker: Buffer | null
}

export function lineReader(config: ReadonlyMap<string, string>): LineReader {
  const settings = settingsOf(config)
  const { parseKey, parseHeaders, nullMarker } = settings
  const part = (bytes: Buffer): Buffer | null =>
    nullMarker !== null && bytes.equals(nullMarker) ? null : bytes

  return (line, lineNumber) => {
    let rest = line
    let headers: OutgoingHeaders = []
    let key: Buffer | null = null
    if (parseHeaders) {
      const [text, after] = cut(rest, settings.headersDelimiter, 'headers delimiter', lineNumber)
      if (text !== null && part(text) !== null) headers = headersOf(text, lineNumber)
      rest = after
    }
    if (parseKey) {
      const [text, after] = cut(rest, settings.keySeparator, 'key separator', lineNumber)
      if (text !== null) key = part(text)
      rest = after
    }
    return { key, value: part(rest), headers }

    /** What is before the separator, null where there is none, and what is behind it. */
    function cut(
      bytes: Buffer,
      separator: string,
      what: string,
      at: number,
    ): readonly [Buffer | null, Buffer] {
      const found = bytes.indexOf(separator)
      if (found >= 0)
        return [bytes.subarray(0, found), bytes.subarray(found + Buffer.byteLength(separator))]
      if (settings.ignoreError) return [null, bytes]
      throw new KafkaToolExit(
        `${KAFKA_EXCEPTION}: No ${what} found on line number ${at}: '${line}'`,
      )
    }
  }

  function headersOf(text: Buffer, lineNumber: number): OutgoingHeaders {
    return split(text, settings.headersSeparator).map((pair) => {
      const at = pair.indexOf(settings.headersKeySeparator)
      if (at < 0 && settings.ignoreError) return { key: pair.toString(), value: null }
      if (at < 0)
        throw new KafkaToolExit(
          `${KAFKA_EXCEPTION}: No header key separator found in pair '${pair}' on line number ` +
            `${lineNumber}`,
        )
      if (part(pair.subarray(0, at)) === null)
        throw new KafkaToolExit(
          `${KAFKA_EXCEPTION}: Header keys should not be equal to the null marker ` +
            `'${nullMarker}' as they can't be null`,
        )
      const behind = pair.subarray(at + Buffer.byteLength(settings.headersKeySeparator))
      return { key: pair.toString('utf8', 0, at), value: part(behind) }
    })
  }
}

function settingsOf(config: ReadonlyMap<string, string>): Settings {
  const is = (name: string): boolean => config.get(name)?.trim().toLowerCase() === 'true'
  const marker = config.get('null.marker')
  const settings: Settings = {
    parseKey: is('parse.key'),
    parseHeaders: is('parse.headers'),
    ignoreError: is('ignore.error'),
    keySeparator: config.get('key.separator') ?? '\t',
    headersDelimiter: config.get('headers.delimiter') ?? '\t',
    headersSeparator: config.get('headers.separator') ?? ',',
    headersKeySeparator: config.get('headers.key.separator') ?? ':',
    nullMarker: marker === undefined ? null : Buffer.from(marker),
  }
  const { headersDelimiter, headersSeparator, headersKeySeparator } = settings
  const mustDiffer = [
    ['headers.delimiter and headers.separator', headersDelimiter, headersSeparator],
    ['headers.delimiter and headers.key.separator', headersDelimiter, headersKeySeparator],
    ['headers.separator and headers.key.separator', headersSeparator, headersKeySeparator],
    ['null.marker and key.separator', marker, settings.keySeparator],
    ['null.marker and headers.delimiter', marker, headersDelimiter],
    ['null.marker and headers.separator', marker, headersSeparator],
    ['null.marker and headers.key.separator', marker, headersKeySeparator],
  ] as const
  for (const [names, one, other] of mustDiffer)
    if (one === other) throw new KafkaToolExit(`${KAFKA_EXCEPTION}: ${names} may not be equal`)
  return settings
}

function split(bytes: Buffer, separator: string): Buffer[] {
  const parts: Buffer[] = []
  const width = Buffer.byteLength(separator)
  let start = 0
  for (let at = bytes.indexOf(separator); at >= 0; at = bytes.indexOf(separator, start)) {
    parts.push(bytes.subarray(start, at))
    start = at + width
  }
  parts.push(bytes.subarray(start))
  return parts
}
