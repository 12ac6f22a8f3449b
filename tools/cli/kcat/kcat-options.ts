/**
 * kcat's command line (1.7.1): short options in getopt's manner, `-X name=value` settings of librdkafka,
 * positional topics or files.
 *
 * Not here, and refused: transactions, schema registries, TLS and SASL, `-X list` and `-X dump`.
 */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { CommandIo } from '../io.ts'

/** Ends kcat with exit code 1. */
export class KcatFailure extends Error {
  override name = 'KcatFailure'
}

export type KcatMode = 'consume' | 'produce' | 'list' | 'query' | 'group'

export interface KcatOptions {
  readonly mode: KcatMode
  readonly brokers: string
  /** -t, all of them. */
  readonly topics: readonly string[]
  readonly group: string
  /** Null: all, or by the partitioner. */
  readonly partition: number | null
  /** -o, all of them. */
  readonly offsets: readonly string[]
  readonly count: number
  readonly exitAtEnd: boolean
  readonly quiet: boolean
  readonly json: boolean
  readonly nulls: boolean
  readonly tee: boolean
  readonly linesOfFile: boolean
  readonly delimiter: Buffer
  readonly keyDelimiter: Buffer | null
  readonly key: Buffer | null
  readonly headers: readonly { readonly key: string; readonly value: Buffer | null }[]
  readonly format: string | null
  readonly keyPack: string | null
  readonly valuePack: string | null
  readonly codec: string
  readonly timeoutMs: number
  readonly config: ReadonlyMap<string, string>
  readonly words: readonly string[]
}

const WITH_VALUE = 'tpbzofskcKDHFXdmGIr'
/** -u, -v, -E and the like change nothing here; -O changes nothing in kcat 1.7.1 either. */
const WITHOUT = 'CPLQTOlZeEqvuJVhA'
const MODES: Readonly<Record<string, KcatMode>> = {
  C: 'consume',
  P: 'produce',
  L: 'list',
  Q: 'query',
}
const METADATA_TIMEOUT_S = 5

/** Settings that change what is done here; of the others librdkafka has, none is known. */
const HONOURED: ReadonlySet<string> = new Set([
  'acks',
  'auto.offset.reset',
  'batch.size',
  'bootstrap.servers',
  'client.id',
  'compression.codec',
  'compression.type',
  'enable.auto.commit',
  'fetch.message.max.bytes',
  'fetch.wait.max.ms',
  'group.id',
  'isolation.level',
  'linger.ms',
  'max.partition.fetch.bytes',
  'message.timeout.ms',
  'metadata.broker.list',
  'partitioner',
  'queue.buffering.max.ms',
  'request.required.acks',
  'security.protocol',
  'session.timeout.ms',
])
/** How the names begin of what librdkafka knows and has no effect here. */
const IDLE_STARTS = [
  ...['allow.auto', 'api.version', 'auto.commit', 'broker.', 'debug', 'delivery.timeout'],
  ...['enable.auto.offset', 'enable.idempotence', 'enable.partition.eof', 'fetch.', 'heartbeat.'],
  ...['log', 'max.', 'message.', 'metadata.', 'partition.assign', 'queue.', 'queued.'],
  ...['reconnect', 'request.timeout', 'retries', 'retry.', 'socket.', 'statistics', 'sticky'],
  'topic.metadata',
]

export function parseKcat(
  args: readonly string[],
  io: CommandIo,
): KcatOptions | 'help' | 'version' {
  const given = new Map<string, string[]>()
  const words: string[] = []
  let mode: KcatMode | null = null
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? ''
    if (word === '--') {
      words.push(...args.slice(at + 1))
      break
    }
    if (!word.startsWith('-') || word === '-') {
      words.push(word)
      continue
    }
    for (let letter = 1; letter < word.length; letter++) {
      const option = word[letter] ?? ''
      const known = given.get(option) ?? []
      given.set(option, known)
      mode = MODES[option] ?? (option === 'G' ? 'group' : mode)
      if (WITHOUT.includes(option)) continue
      if (!WITH_VALUE.includes(option)) throw new KcatFailure(`Error: unknown argument -${option}`)
      const value = letter + 1 < word.length ? word.slice(letter + 1) : args[++at]
      if (value === undefined) throw new KcatFailure(`Error: -${option} needs a value`)
      known.push(value)
      break
    }
  }
  if (given.has('h')) return 'help'
  if (given.has('V')) return 'version'
  return optionsOf(given, mode, words, io)
}

function optionsOf(
  given: ReadonlyMap<string, readonly string[]>,
  wanted: KcatMode | null,
  words: readonly string[],
  io: CommandIo,
): KcatOptions {
  const last = (option: string): string | undefined => given.get(option)?.at(-1)
  if (given.has('r')) throw new KcatFailure('-r: schema registries are not supported here')
  const config = configOf(given, io)
  const brokers = last('b') ?? config.get('bootstrap.servers') ?? config.get('metadata.broker.list')
  if (brokers === undefined) throw new KcatFailure('Error: -b <broker,..> missing')
  const reads = (io.stdin as { isTTY?: boolean }).isTTY === true
  const mode = wanted ?? (reads ? 'consume' : 'produce')
  const topics = given.get('t') ?? []
  if ((mode === 'consume' || mode === 'produce' || mode === 'query') && topics.length === 0)
    throw new KcatFailure('Error: -t <topic> missing')
  if (mode === 'group' && words.length === 0 && topics.length === 0)
    throw new KcatFailure('Error: -G needs topics behind it: -G <group-id> topic1 topic2')
  const partition = last('p') === undefined ? -1 : numberOf('-p', last('p') ?? '')
  return {
    mode,
    brokers,
    topics,
    group: last('G') ?? '',
    partition: partition < 0 ? null : partition,
    offsets: given.get('o') ?? [],
    count: last('c') === undefined ? Number.POSITIVE_INFINITY : numberOf('-c', last('c') ?? ''),
    exitAtEnd: given.has('e'),
    quiet: given.has('q'),
    json: given.has('J'),
    nulls: given.has('Z'),
    tee: given.has('T'),
    linesOfFile: given.has('l'),
    delimiter: unescaped(last('D') ?? '\\n'),
    keyDelimiter: last('K') === undefined ? null : unescaped(last('K') ?? ''),
    key: last('k') === undefined ? null : Buffer.from(last('k') ?? ''),
    headers: (given.get('H') ?? []).map(headerOf),
    format: last('f') ?? null,
    ...packsOf(given.get('s') ?? []),
    codec: last('z') ?? config.get('compression.codec') ?? config.get('compression.type') ?? 'none',
    timeoutMs: numberOf('-m', last('m') ?? String(METADATA_TIMEOUT_S)) * 1000,
    config,
    words,
  }
}

function numberOf(option: string, text: string): number {
  if (/^-?\d{1,15}$/.test(text)) return Number(text)
  throw new KcatFailure(`Error: ${option} ${text}: not a whole number`)
}

function headerOf(text: string): { key: string; value: Buffer | null } {
  const at = text.indexOf('=')
  if (at < 0) return { key: text, value: null }
  return { key: text.slice(0, at), value: Buffer.from(text.slice(at + 1)) }
}

function packsOf(given: readonly string[]): { keyPack: string | null; valuePack: string | null } {
  let [keyPack, valuePack]: (string | null)[] = [null, null]
  for (const text of given) {
    const [, side, pack = ''] = /^(?:(key|value)=)?(.*)$/s.exec(text) ?? []
    if (!/^[<>bBhHiIqQcs$ ]+$/.test(pack))
      throw new KcatFailure(`Error: -s ${text}: a pack is made of < > b B h H i I q Q c s $`)
    if (side !== 'value') keyPack = pack
    if (side !== 'key') valuePack = pack
  }
  return { keyPack: keyPack ?? null, valuePack: valuePack ?? null }
}

function configOf(
  given: ReadonlyMap<string, readonly string[]>,
  io: CommandIo,
): Map<string, string> {
  const config = new Map<string, string>()
  const file = given.get('F')?.at(-1) ?? io.env['KCAT_CONFIG']
  const lines = file === undefined ? [] : linesOf(resolve(io.cwd, file))
  for (const pair of [...lines, ...(given.get('X') ?? [])]) {
    const at = pair.indexOf('=')
    if (at <= 0) throw new KcatFailure(`% Expected -X property=value, not ${pair}`)
    set(
      config,
      pair
        .slice(0, at)
        .trim()
        .replace(/^topic\./, ''),
      pair.slice(at + 1).trim(),
    )
  }
  return config
}

function set(config: Map<string, string>, name: string, value: string): void {
  if (/^transactional\.id$|^ssl\.|^sasl\./.test(name))
    throw new KcatFailure(`% ERROR: ${name} is not supported here: use the real kcat for it`)
  if (name === 'security.protocol' && value.toLowerCase() !== 'plaintext')
    throw new KcatFailure(`% ERROR: security.protocol=${value} is not supported here: plaintext is`)
  if (!HONOURED.has(name) && !IDLE_STARTS.some((start) => name.startsWith(start)))
    throw new KcatFailure(`% ERROR: No such configuration property: "${name}"`)
  config.set(name, value)
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('#'))
  } catch (error) {
    throw new KcatFailure(
      `% ERROR: Failed to read ${path}: ${error instanceof Error ? error.message : error}`,
    )
  }
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '\\': '\\' }

/** `\n \r \t`, `\xNN` and `\NNN` (octal); other characters are themselves. */
export function unescaped(text: string): Buffer {
  const parts = [...text.matchAll(/\\x([0-9a-fA-F]{1,2})|\\([0-7]{1,3})|\\(.)|[^\\]+|\\/gs)]
  return Buffer.concat(
    parts.map(([whole, hex, octal, letter]) => {
      if (hex !== undefined) return Buffer.from([Number.parseInt(hex, 16)])
      if (octal !== undefined) return Buffer.from([Number.parseInt(octal, 8) & 0xff])
      if (letter !== undefined) return Buffer.from(ESCAPES[letter] ?? letter)
      return Buffer.from(whole)
    }),
  )
}
