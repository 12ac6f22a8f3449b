/**
 * The cells every comparison consists of: one load each, named by API, size and shape. `AxB` is A
 * connections with B requests in flight on each. Cells of a group share a start of every peer, so that
 * a group is what one sitting measures.
 */

export const GROUPS = ['produce', 'small', 'fetch', 'latency', 'sync', 'start', 'stock'] as const
export type Group = (typeof GROUPS)[number]

/** What a cell is about. */
export type CellUnit = 'MB/s' | 'req/s' | 'ms'

export interface Cell {
  readonly name: string
  readonly title: string
  readonly group: Group
  /** Fetch, produce, paced (an open loop), or a client that people use. */
  readonly api: 'produce' | 'fetch' | 'paced' | StockTool
  /** Produce: bytes of a batch, 0 for one record. Fetch: most bytes of an answer. */
  readonly bytes: number
  readonly connections: number
  readonly depth: number
  readonly unit: CellUnit
  /** Every answer waits until its batch is on storage. */
  readonly sync: boolean
  /** Of an open loop. */
  readonly requestsPerSecond: number
  /** Latency until a consumer that waits in Fetch has the batch. */
  readonly consumers: boolean
}

export type StockTool = `${'java' | 'librdkafka' | 'kafkajs'}-${'produce' | 'consume'}`

const KIB_64 = 64 * 1024
const MIB = 1024 * 1024
const PLAIN = { sync: false, requestsPerSecond: 0, consumers: false, depth: 1 } as const

export const produceCells: readonly Cell[] = [
  produce('produce-64k-1', 'produce 64 KiB, 1x5', KIB_64, 1, 5),
  produce('produce-64k-4', 'produce 64 KiB, 4x5', KIB_64, 4, 5),
  produce('produce-1m-1', 'produce 1 MiB, 1x5', MIB, 1, 5),
  produce('produce-1m-4', 'produce 1 MiB, 4x5', MIB, 4, 5),
  produce('one-record-1x1', 'one record of 100 B, 1x1', 0, 1, 1),
  produce('one-record-10x1', 'one record of 100 B, 10x1', 0, 10, 1),
  produce('one-record-10x10', 'one record of 100 B, 10x10', 0, 10, 10),
]

export const fetchCells: readonly Cell[] = [
  fetch('fetch-64k-1', 'fetch 64 KiB, 1x1', KIB_64, 1),
  fetch('fetch-64k-4', 'fetch 64 KiB, 4x1', KIB_64, 4),
  fetch('fetch-1m-1', 'fetch 1 MiB, 1x1', MIB, 1),
  fetch('fetch-1m-4', 'fetch 1 MiB, 4x1', MIB, 4),
]

export const latencyCells: readonly Cell[] = [
  paced('parked-200', 'produce to parked consumer, 200/s', 200, true),
  paced('parked-2000', 'produce to parked consumer, 2,000/s', 2_000, true),
  paced('open-5000', 'open loop of one-record produces, 5,000/s', 5_000, false),
]

export const syncCells: readonly Cell[] = [
  synced(produce('sync-one-record-10x10', 'sync before answer, one record, 10x10', 0, 10, 10)),
  synced(produce('sync-64k-4', 'sync before answer, 64 KiB, 4x5', KIB_64, 4, 5)),
]

export const stockCells: readonly Cell[] = [
  stock('java-produce', "Kafka's producer-perf-test, 1 KB records"),
  stock('java-consume', "Kafka's consumer-perf-test, 1 KB records"),
  stock('librdkafka-produce', 'librdkafka producer, 1 KB records'),
  stock('librdkafka-consume', 'librdkafka consumer, 1 KB records'),
  stock('kafkajs-produce', 'kafkajs producer, 1 KB records'),
  stock('kafkajs-consume', 'kafkajs consumer, 1 KB records'),
]

export const allCells: readonly Cell[] = [
  ...produceCells,
  ...fetchCells,
  ...latencyCells,
  ...syncCells,
  ...stockCells,
]

/** All of `known`, or those named in a comma-separated list. Throws RangeError for a wrong name. */
export function chooseCells(known: readonly Cell[], names: string | undefined): readonly Cell[] {
  if (names === undefined) return known
  return names.split(',').map((name) => {
    const cell = known.find((candidate) => candidate.name === name.trim())
    if (cell === undefined)
      throw new RangeError(
        `no cell '${name}'; known are ${known.map((candidate) => candidate.name).join(', ')}`,
      )
    return cell
  })
}

/** Groups of a comma-separated list, or all. Throws RangeError for a wrong name. */
export function chooseGroups(names: string | undefined): readonly Group[] {
  if (names === undefined) return GROUPS
  return names.split(',').map((name) => {
    const group = GROUPS.find((candidate) => candidate === name.trim())
    if (group === undefined)
      throw new RangeError(`no group '${name}'; known are ${GROUPS.join(', ')}`)
    return group
  })
}

function produce(
  name: string,
  title: string,
  bytes: number,
  connections: number,
  depth: number,
): Cell {
  const [unit, group] = bytes === 0 ? (['req/s', 'small'] as const) : (['MB/s', 'produce'] as const)
  return { ...PLAIN, name, title, group, api: 'produce', bytes, connections, depth, unit }
}

/** One fetch in flight per connection, as consumers do. */
function fetch(name: string, title: string, bytes: number, connections: number): Cell {
  return { ...PLAIN, name, title, group: 'fetch', api: 'fetch', bytes, connections, unit: 'MB/s' }
}

function paced(name: string, title: string, requestsPerSecond: number, consumers: boolean): Cell {
  const shape = { api: 'paced', bytes: 0, connections: 1, unit: 'ms' } as const
  return { ...PLAIN, name, title, group: 'latency', ...shape, requestsPerSecond, consumers }
}

function synced(cell: Cell): Cell {
  return { ...cell, group: 'sync', sync: true }
}

function stock(api: StockTool, title: string): Cell {
  const shape = { bytes: KIB_64, connections: 1, unit: 'MB/s' } as const
  return { ...PLAIN, name: `stock-${api}`, title, group: 'stock', api, ...shape }
}
