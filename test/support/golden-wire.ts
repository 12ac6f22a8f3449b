/** Exchanges captured from a real Kafka 4.2 (test/golden/wire), as buffers. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const WIRE = new URL('../golden/wire/', import.meta.url).pathname

export interface Exchange {
  /** File and line, for messages of failing tests. */
  readonly at: string
  /** Absent on frames that are no requests (raw SASL tokens). */
  readonly apiKey: number | undefined
  readonly version: number
  readonly clientSoftware: string
  readonly note: string
  /** With the length prefix. */
  readonly request: Buffer
  /** Empty: none was due. Null: the broker closed the connection. */
  readonly response: Buffer | null
}

/** Names of the files: `NN-Name.jsonl`, `sessions/client.jsonl`, `odd.jsonl`. */
export function wireFiles(): string[] {
  const names = readdirSync(WIRE).filter((name) => name.endsWith('.jsonl'))
  const sessions = readdirSync(join(WIRE, 'sessions')).map((name) => `sessions/${name}`)
  return [...names, ...sessions].sort()
}

export function exchangesOf(file: string): Exchange[] {
  return readFileSync(join(WIRE, file), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line, index) => parse(`${file}:${index + 1}`, JSON.parse(line)))
}

function parse(at: string, line: Record<string, unknown>): Exchange {
  const { api, version, clientSoftware, note, request, response } = line
  return {
    at,
    apiKey: typeof api === 'number' ? api : undefined,
    version: typeof version === 'number' ? version : -1,
    clientSoftware: String(clientSoftware ?? ''),
    note: String(note ?? ''),
    request: Buffer.from(String(request), 'base64'),
    response: response === null ? null : Buffer.from(String(response), 'base64'),
  }
}
