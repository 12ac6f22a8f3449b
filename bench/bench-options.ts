/** Flags that the broker benches share, their defaults, and their help. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Cell, chooseGroups, type Group } from './cells.ts'
import { machine } from './machine.ts'
import { defaultMeasure } from './measure-cell.ts'
import type { Peer } from './peers/peer.ts'
import { peerOf } from './peers/peer-list.ts'
import type { MeasuredBroker } from './peers/peer-process.ts'
import { emptyResult, type RoundOptions, type RoundsResult } from './rounds.ts'

export const HELP = `
  --peers LIST        sluice, kafka, kafka-MIB, floor, redis, nats, NAME=path/to/bin/sluice.js
  --broker ADDRESS    measure this running broker instead; --pid N adds its CPU and memory
  --cells LIST        only these cells
  --groups LIST       only cells of these groups; 'start' is start, rest, restart and topic
  --rounds N          rounds, each with every peer and cell once
  --seconds N         measured window of a cell (default 3), after --warm-up N (default 1)
  --compile N         seconds of mixed load after a start, not measured
  --clients N         processes of the raw client (default 1)
  --partitions N      partitions of a topic (default: one per connection)
  --record-bytes N    value bytes of records in full batches (default 1000)
  --acks 1|all        (default all)
  --bytes-max-gib N   ends a window early (default 4)
  --touch-gib N       memory touched before each cell
  --idle N            seconds of rest measured after each start; 0 = none
  --topic-partitions N  partitions of the topic whose creation is timed; 0 = none
  --restart-gib N     GiB of log when it is killed and started again; 0 = none
  --broker-cpus LIST  processors of the broker, as taskset takes them (default: the kernel's choice)
  --override K=V      for sluice, repeatable
  --node-option FLAG  for sluice, repeatable, as --cpu-prof
  --folder DIR        where brokers keep their data (default: the temporary folder)
  --seed N            of the order (default: from the clock)
  --json FILE         everything that was measured, kept after every round
  --together          all groups in one start of each peer, where rounds by group take too long
  --resume            add to what FILE holds
  --minutes N         begin nothing more after so long; a later --resume goes on
`

const number = { type: 'string' } as const

/** Everything a broker bench was told. */
export interface BenchRequest {
  readonly peers: readonly Peer[]
  readonly running: MeasuredBroker | null
  readonly cellNames: string | undefined
  readonly groups: readonly Group[]
  readonly resume: boolean
  readonly byGroup: boolean
  /** 0: as long as it takes. */
  readonly minutes: number
  readonly options: RoundOptions
  readonly json: string | undefined
  readonly help: boolean
}

export interface BenchDefaults {
  readonly peers: string
  readonly rounds: number
  readonly touchGib: number
  readonly compileSeconds: number
  readonly idleSeconds: number
  readonly topicPartitions: number
  readonly restartGib: number
  /** All rounds of one group of cells before those of the next. */
  readonly byGroup: boolean
}

/** Throws RangeError or TypeError with a sentence for a flag it does not know. */
export function parseBench(args: readonly string[], defaults: BenchDefaults): BenchRequest {
  const { values } = parseArgs({ args: [...args], options: FLAGS, strict: true })
  const figure = (text: string | undefined, otherwise: number): number => {
    const value = text === undefined ? otherwise : Number(text)
    if (!Number.isFinite(value) || value < 0) throw new RangeError(`'${text}' is no number`)
    return value
  }
  const peerOptions = {
    overrides: values.override ?? [],
    nodeOptions: values['node-option'] ?? [],
  }
  const pid = figure(values.pid, 0)
  return {
    peers: (values.peers ?? defaults.peers).split(',').map((name) => peerOf(name, peerOptions)),
    running:
      values.broker === undefined
        ? null
        : { address: values.broker, pid: pid === 0 ? null : pid, syncConfigs: [] },
    cellNames: values.cells,
    groups: chooseGroups(values.groups),
    resume: values.resume === true,
    byGroup: defaults.byGroup && values.together !== true,
    minutes: figure(values.minutes, 0),
    json: values.json,
    help: values.help === true,
    options: {
      rounds: figure(values.rounds, defaults.rounds),
      measureMs: figure(values.seconds, defaultMeasure.measureMs / 1000) * 1000,
      warmUpMs: figure(values['warm-up'], defaultMeasure.warmUpMs / 1000) * 1000,
      compileMs: figure(values.compile, defaults.compileSeconds) * 1000,
      clients: figure(values.clients, 1),
      partitions: figure(values.partitions, defaultMeasure.partitions),
      recordBytes: figure(values['record-bytes'], defaultMeasure.recordBytes),
      acks: values.acks === '1' ? 1 : -1,
      bytesMax: figure(values['bytes-max-gib'], 4) * 2 ** 30,
      touchGib: figure(values['touch-gib'], defaults.touchGib),
      idleSeconds: figure(values.idle, defaults.idleSeconds),
      topicPartitions: figure(values['topic-partitions'], defaults.topicPartitions),
      restartGib: figure(values['restart-gib'], defaults.restartGib),
      brokerCpus: values['broker-cpus'] ?? null,
      seed: figure(values.seed, Date.now() % 2 ** 31),
      folder: values.folder ?? join(tmpdir(), 'sluice-bench'),
    },
  }
}

const FLAGS = {
  peers: { type: 'string' },
  broker: { type: 'string' },
  pid: number,
  cells: { type: 'string' },
  rounds: number,
  seconds: number,
  'warm-up': number,
  compile: number,
  clients: number,
  partitions: number,
  'record-bytes': number,
  acks: { type: 'string' },
  'bytes-max-gib': number,
  'touch-gib': number,
  idle: number,
  'topic-partitions': number,
  override: { type: 'string', multiple: true },
  'node-option': { type: 'string', multiple: true },
  'restart-gib': number,
  'broker-cpus': { type: 'string' },
  groups: { type: 'string' },
  resume: { type: 'boolean' },
  together: { type: 'boolean' },
  minutes: number,
  folder: { type: 'string' },
  seed: number,
  json: { type: 'string' },
  help: { type: 'boolean' },
} as const

/** Peers that can run here; the others are named loudly. */
export async function presentPeers(
  peers: readonly Peer[],
  print: (line: string) => void,
): Promise<Peer[]> {
  const present: Peer[] = []
  for (const peer of peers) {
    const why = await peer.missing()
    if (why === null) present.push(peer)
    else print(`SKIPPED ${peer.name}: ${why}`)
  }
  return present
}

export function printHead(request: BenchRequest, print: (line: string) => void): void {
  const { options } = request
  print(machine())
  for (const peer of request.running === null ? request.peers : [])
    print(`${peer.name}: ${peer.setting}`)
  print(
    `${options.rounds} rounds, windows of ${options.measureMs / 1000} s after ` +
      `${options.warmUpMs / 1000} s, ${options.touchGib} GiB touched before each, ` +
      `acks ${options.acks === 1 ? '1' : 'all'}, answers from the page cache (sync cells: from ` +
      `storage), seed ${options.seed}`,
  )
  const brokers = options.brokerCpus === null ? "the kernel's choice" : `cpu ${options.brokerCpus}`
  print(`placement: broker ${brokers}, client the kernel's choice`)
}

interface KeptPeer {
  readonly name: string
  readonly setting: string
}

/** Keeps everything that was measured. */
export function saveJson(
  path: string,
  request: BenchRequest,
  cells: readonly Cell[],
  result: RoundsResult,
): void {
  const { options, peers } = request
  const settings = new Map(request.resume ? settingsIn(path) : [])
  for (const { name, setting } of peers) settings.set(name, setting)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(
    path,
    oneLineEach({ ...result, options, peers: settingList(settings), shapes: cells }),
  )
}

function settingList(settings: ReadonlyMap<string, string>): KeptPeer[] {
  return [...settings].map(([name, setting]) => ({ name, setting }))
}

/** Of the peers of earlier sittings, by name. */
function settingsIn(path: string): [string, string][] {
  if (!existsSync(path)) return []
  const { peers = [] } = JSON.parse(readFileSync(path, 'utf8')) as { peers?: KeptPeer[] }
  return peers.map(({ name, setting }) => [name, setting])
}

/** JSON with an entry of a list per line: long results that still can be compared. */
function oneLineEach(content: Readonly<Record<string, unknown>>): string {
  const parts = Object.entries(content).map(([key, value]) => {
    const text = Array.isArray(value)
      ? `[\n${value.map((entry) => JSON.stringify(entry)).join(',\n')}\n]`
      : JSON.stringify(value)
    return `${JSON.stringify(key)}: ${text}`
  })
  return `{\n${parts.join(',\n')}\n}\n`
}

const NULLABLE = new Set(['figures', 'idle', 'problem'])

/** What an earlier sitting kept; nothing where there is no such file yet. */
export function loadJson(path: string | undefined): RoundsResult {
  if (path === undefined) throw new RangeError('--resume needs --json FILE')
  if (!existsSync(path)) return emptyResult()
  const { rounds, cells, starts, problems, machine } = JSON.parse(
    readFileSync(path, 'utf8'),
    // JSON has no NaN: a figure that was not measured came out as null.
    (key, value) => (value === null && !NULLABLE.has(key) ? Number.NaN : value),
  ) as RoundsResult
  return { rounds, cells, starts, problems, machine }
}
