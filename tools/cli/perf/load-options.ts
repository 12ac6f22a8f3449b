/**
 * What `sluice perf` can be told, as one table: it gives the flags of the commands, the keys of workload
 * files, their checks and their defaults.
 */
import { nearestName } from '../../../engine/base/config-names.ts'
import { CommandFailure, ExitCode } from '../failure.ts'

export const LOAD_COMMANDS = ['produce', 'fetch', 'e2e', 'connections', 'mix'] as const
export type LoadCommand = (typeof LOAD_COMMANDS)[number]

export type OptionValue = string | number | boolean | readonly number[]

export interface LoadOptionRow {
  /** Key in workload files; the flag is the same with dashes. */
  readonly key: keyof LoadOptions
  readonly kind: 'count' | 'number' | 'text' | 'choice' | 'yes' | 'rates'
  readonly choices?: readonly string[]
  /** Of a count or number. */
  readonly min?: number
  readonly max?: number
  readonly commands: readonly LoadCommand[]
  readonly help: string
}

export interface LoadOptions {
  readonly topic: string
  readonly partitions: number
  readonly replicationFactor: number
  readonly connections: number
  readonly inFlight: number
  readonly batchBytes: number
  readonly recordsPerBatch: number
  readonly recordBytes: number
  readonly keyBytes: number
  readonly payload: string
  readonly payloadFile: string
  readonly codec: string
  readonly acks: string
  readonly idempotent: boolean
  /** '' = none, unless they have a duration. */
  readonly transactionalId: string
  /** 0 = none, or 3,000 with an id. */
  readonly transactionDurationMs: number
  readonly isolation: string
  /** Records a second; several: one run after the other. */
  readonly rate: readonly number[]
  readonly maxBytes: number
  readonly fillMib: number
  readonly laggingReaders: number
  readonly seconds: number
  readonly warmUp: number
  readonly repeats: number
  readonly processes: number
  readonly pid: number
  readonly keepTopic: boolean
  readonly title: string
}

export const DEFAULTS: LoadOptions = {
  topic: 'sluice-perf',
  partitions: 0,
  replicationFactor: -1,
  connections: 4,
  inFlight: 5,
  batchBytes: 65_536,
  recordsPerBatch: 0,
  recordBytes: 1_000,
  keyBytes: 0,
  payload: 'random',
  payloadFile: '',
  codec: 'none',
  acks: 'all',
  idempotent: false,
  transactionalId: '',
  transactionDurationMs: 0,
  isolation: 'read_uncommitted',
  rate: [],
  maxBytes: 1_048_576,
  fillMib: 64,
  laggingReaders: 1,
  seconds: 5,
  warmUp: 2,
  repeats: 3,
  processes: 0,
  pid: 0,
  keepTopic: false,
  title: '',
}

/** Where a command means something else by saying nothing. */
export const COMMAND_DEFAULTS: Readonly<Record<LoadCommand, Partial<LoadOptions>>> = {
  produce: {},
  fetch: { inFlight: 1 },
  e2e: { connections: 1, batchBytes: 0, recordsPerBatch: 1, recordBytes: 100, rate: [1_000] },
  connections: { connections: 1_000 },
  mix: { connections: 2, batchBytes: 16_384, rate: [10_000] },
}

const WRITING = ['produce', 'e2e', 'mix'] as const
const FILLING = ['produce', 'fetch', 'e2e', 'mix'] as const
const ALL = LOAD_COMMANDS
const MIB_MAX = 1_048_576
/** As Kafka's kafka-producer-perf-test. */
const TRANSACTION_DURATION_MS = 3_000

export const LOAD_OPTIONS: readonly LoadOptionRow[] = [
  row('topic', 'text', FILLING, 'topic; made when it is not there, and then deleted at the end'),
  count('partitions', 0, 10_000, FILLING, 'of a topic that is made; 0 = one per connection'),
  count(
    'replicationFactor',
    -1,
    100,
    FILLING,
    "of a topic that is made; -1 = the broker's default",
  ),
  count('connections', 1, 100_000, ALL, 'connections to the broker'),
  count('inFlight', 1, 1_000, ['produce', 'fetch'], 'requests in flight per connection'),
  count(
    'batchBytes',
    0,
    64 * MIB_MAX,
    WRITING,
    'bytes of a batch before compression; 0 = by records',
  ),
  count('recordsPerBatch', 0, 1_000_000, WRITING, 'records of a batch where its bytes do not say'),
  count('recordBytes', 0, 16 * MIB_MAX, FILLING, 'bytes of a value'),
  count('keyBytes', 0, 65_536, WRITING, 'bytes of a key, 0 = no keys'),
  choice('payload', ['random', 'text', 'file'], WRITING, 'what values hold'),
  row('payloadFile', 'text', WRITING, 'with payload file: its lines are the values'),
  choice('codec', ['none', 'gzip', 'snappy', 'lz4', 'zstd'], WRITING, 'how batches are compressed'),
  choice('acks', ['all', '1'], FILLING, 'what an answer waits for'),
  row('idempotent', 'yes', WRITING, 'a producer id per connection, and sequence numbers'),
  row(
    'transactionalId',
    'text',
    WRITING,
    'each connection writes transactions as this, a dash and its number; sluice-perf- and a random ' +
      'id where only their duration is given',
  ),
  count(
    'transactionDurationMs',
    0,
    600_000,
    WRITING,
    'each transaction is committed so long after it began; 0 = no transactions, or 3,000 with an id',
  ),
  choice(
    'isolation',
    ['read_uncommitted', 'read_committed'],
    ['fetch', 'e2e', 'mix'],
    'what is read of transactions',
  ),
  row(
    'rate',
    'rates',
    WRITING,
    'records a second at fixed times (open loop); several after commas: one run after the other, ' +
      'until one breaks; without it as many as go (closed loop)',
  ),
  count('maxBytes', 1, 256 * MIB_MAX, ['fetch', 'mix'], 'most bytes of a fetch answer'),
  count('fillMib', 1, 65_536, ['fetch', 'mix'], 'MiB written to each partition to be read'),
  count('laggingReaders', 0, 1_000, ['mix'], 'readers of old data beside those at the end'),
  number('seconds', 0.1, 86_400, ALL, 'length of a run'),
  number('warmUp', 0, 3_600, ALL, 'seconds before a run that are not counted'),
  count('repeats', 1, 1_000, ALL, 'runs; the summary is their median and spread'),
  count('processes', 0, 64, ALL, 'processes of the generator; 0 = half of the processors'),
  count(
    'pid',
    0,
    4_194_304,
    ALL,
    "the broker's process on this machine: its CPU and memory count too",
  ),
  row('keepTopic', 'yes', FILLING, 'do not delete a topic that was made'),
  row('title', 'text', ALL, 'what reports call the result'),
]

export function rowOf(key: string): LoadOptionRow | undefined {
  return LOAD_OPTIONS.find((candidate) => candidate.key === key)
}

/** `inFlight` → `in-flight`. */
export function flagOf(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** Checks a value from a workload file. Throws RangeError with what is wrong about it. */
export function checkValue(rowFor: LoadOptionRow, value: unknown): OptionValue {
  const { kind } = rowFor
  if (kind === 'yes') {
    if (typeof value === 'boolean') return value
    throw new RangeError(`is true or false, not ${JSON.stringify(value)}`)
  }
  if (kind === 'rates') return rates(value)
  if (kind === 'count' || kind === 'number') return figure(rowFor, value)
  if (typeof value !== 'string')
    throw new RangeError(`is a text in quotes, not ${JSON.stringify(value)}`)
  if (kind === 'choice' && rowFor.choices?.includes(value) === false)
    throw new RangeError(`is one of ${rowFor.choices.join(', ')}, not '${value}'`)
  return value
}

/** The same from a flag's text. */
export function parseValue(rowFor: LoadOptionRow, text: string | boolean): OptionValue {
  if (typeof text === 'boolean' || rowFor.kind === 'text' || rowFor.kind === 'choice')
    return checkValue(rowFor, text)
  if (rowFor.kind === 'rates') return rates(text.split(',').map(Number))
  return checkValue(rowFor, Number(text))
}

/** Throws CommandFailure for what no broker could be asked. */
export function checkTogether(options: LoadOptions, command: LoadCommand): void {
  const refuse = (what: string, next: string): never => {
    throw new CommandFailure(ExitCode.usage, what, null, next)
  }
  if (transactionsOf(options) !== null && options.acks !== 'all')
    refuse('transactions need acks all', 'leave out --acks')
  if (options.batchBytes === 0 && options.recordsPerBatch === 0 && command !== 'connections')
    refuse('a batch has neither bytes nor records', 'give --batch-bytes or --records-per-batch')
  if (options.batchBytes > 0 && options.recordsPerBatch > 0)
    refuse(
      'a batch is filled to --batch-bytes or holds --records-per-batch, not both',
      'leave one of them out, or make it 0',
    )
  if ((options.payload === 'file') !== (options.payloadFile !== ''))
    refuse('--payload file and --payload-file NAME go together', 'give both or neither')
  if (command !== 'produce' && command !== 'fetch' && command !== 'connections')
    if (options.rate.length === 0) refuse(`${command} needs a rate`, 'give --rate N')
}

/** What transactions are asked for, null for none: either option is enough. */
export function transactionsOf(
  options: LoadOptions,
): { readonly idPrefix: string; readonly durationMs: number } | null {
  const { transactionalId, transactionDurationMs } = options
  if (transactionalId === '' && transactionDurationMs === 0) return null
  return {
    idPrefix: transactionalId,
    durationMs: transactionDurationMs || TRANSACTION_DURATION_MS,
  }
}

export function unknownKey(key: string): string {
  const nearest = nearestName(
    key,
    LOAD_OPTIONS.map((option) => option.key),
  )
  return nearest === null ? '' : `; did you mean "${nearest}"?`
}

function rates(value: unknown): readonly number[] {
  const list = Array.isArray(value) ? value : [value]
  if (list.length > 0 && list.every((rate) => typeof rate === 'number' && rate > 0)) return list
  throw new RangeError(`is a number above 0, or several, not ${JSON.stringify(value)}`)
}

function figure({ kind, min = 0, max = 0 }: LoadOptionRow, value: unknown): number {
  const whole = kind === 'count' ? Number.isInteger(value) : Number.isFinite(value)
  if (typeof value === 'number' && whole && value >= min && value <= max) return value
  const what = kind === 'count' ? 'a whole number' : 'a number'
  throw new RangeError(`is ${what} from ${min} to ${max}, not ${JSON.stringify(value)}`)
}

function row(
  key: keyof LoadOptions,
  kind: LoadOptionRow['kind'],
  commands: readonly LoadCommand[],
  help: string,
): LoadOptionRow {
  return { key, kind, commands, help }
}

function count(
  key: keyof LoadOptions,
  min: number,
  max: number,
  commands: readonly LoadCommand[],
  help: string,
): LoadOptionRow {
  return { key, kind: 'count', min, max, commands, help }
}

function number(
  key: keyof LoadOptions,
  min: number,
  max: number,
  commands: readonly LoadCommand[],
  help: string,
): LoadOptionRow {
  return { key, kind: 'number', min, max, commands, help }
}

function choice(
  key: keyof LoadOptions,
  choices: readonly string[],
  commands: readonly LoadCommand[],
  help: string,
): LoadOptionRow {
  return { key, kind: 'choice', choices, commands, help }
}
