/**
 * One record as one JSON object, both ways: what `consume --format jsonl` prints, `produce --input
 * jsonl` takes. Bytes that are no UTF-8 travel as {"base64": "…"}; null stays null. Topic, partition
 * and offset say where a record was; they do not say where it goes.
 */
import type { HeaderToWrite } from '../../engine/record/build.ts'
import type { FetchedRecord } from '../../net/client/client-fetcher.ts'
import type { OutgoingRecord } from '../../net/client/client-producer.ts'
import { CommandFailure, ExitCode } from './failure.ts'
import type { Cell, Row } from './render.ts'

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function recordToRow(record: FetchedRecord): Row {
  return {
    topic: record.topic,
    partition: record.partition,
    offset: record.offset,
    timestamp: record.timestamp,
    headers: record.headers.map(({ key, value }) => ({ key, value: textOrBase64(value) })),
    key: textOrBase64(record.key),
    value: textOrBase64(record.value),
  }
}

export function recordFromJson(line: string, lineNumber: number): OutgoingRecord {
  let parsed: unknown
  try {
    parsed = JSON.parse(line)
  } catch (error) {
    throw badLine(lineNumber, error instanceof Error ? error.message : String(error))
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw badLine(lineNumber, 'not an object')
  const { key, value, headers, timestamp } = parsed as Record<string, unknown>
  const list = headers ?? []
  if (!Array.isArray(list)) throw badLine(lineNumber, 'headers is not a list')
  if (timestamp !== undefined && !Number.isSafeInteger(timestamp))
    throw badLine(lineNumber, 'timestamp is no whole number of milliseconds')
  return {
    key: bytesOf(key ?? null, lineNumber),
    value: bytesOf(value ?? null, lineNumber),
    headers: list.map((header: unknown) => headerOf(header, lineNumber)),
    ...(typeof timestamp === 'number' ? { timestamp } : {}),
  }
}

function headerOf(header: unknown, lineNumber: number): HeaderToWrite {
  const { key, value } = (header ?? {}) as Record<string, unknown>
  if (typeof key !== 'string') throw badLine(lineNumber, 'a header is {"key": "…", "value": …}')
  return { key, value: bytesOf(value ?? null, lineNumber) }
}

function textOrBase64(bytes: Buffer | null): Cell {
  if (bytes === null) return null
  try {
    return decoder.decode(bytes)
  } catch {
    return { base64: bytes.toString('base64') }
  }
}

function bytesOf(value: unknown, lineNumber: number): Buffer | null {
  if (value === null) return null
  if (typeof value === 'string') return Buffer.from(value)
  if (typeof value === 'object' && 'base64' in value && typeof value.base64 === 'string')
    return Buffer.from(value.base64, 'base64')
  throw badLine(lineNumber, 'key and value are text, null or {"base64": "…"}')
}

function badLine(lineNumber: number, why: string): CommandFailure {
  return new CommandFailure(ExitCode.failed, `line ${lineNumber} is not a record`, why)
}
