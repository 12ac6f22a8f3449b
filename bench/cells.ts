/**
 * The cells every comparison consists of: one load each, named by API, size and shape. `AxB` is A
 * connections with B requests in flight on each.
 */

export interface Cell {
  readonly name: string
  readonly title: string
  readonly api: 'produce' | 'fetch'
  /** Produce: bytes of a batch, 0 for one record. Fetch: most bytes of an answer. */
  readonly bytes: number
  readonly connections: number
  readonly depth: number
  /** What the cell is about: bytes a second or requests a second. */
  readonly unit: 'MB/s' | 'req/s'
}

const KIB_64 = 64 * 1024
const MIB = 1024 * 1024

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

function produce(name: string, title: string, bytes: number, connections: number, depth: number) {
  const unit = bytes === 0 ? 'req/s' : 'MB/s'
  return { name, title, api: 'produce', bytes, connections, depth, unit } as const
}

/** One fetch in flight per connection, as consumers do. */
function fetch(name: string, title: string, bytes: number, connections: number) {
  return { name, title, api: 'fetch', bytes, connections, depth: 1, unit: 'MB/s' } as const
}
