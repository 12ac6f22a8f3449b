/**
 * `sluice top`: topics by what is written to them, groups by how far they lag, again and again until
 * Ctrl-C. On a terminal it draws over itself; elsewhere, and with --once, it prints tables one below
 * the other (with other formats an object per row and moment).
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import type { ClusterSnapshot } from '../cluster-snapshot.ts'
import type { OwnCommand } from '../commands.ts'
import { addConnectFlags, type ConnectFlags, wholeNumber, withClient } from '../connect-options.ts'
import type { CommandIo } from '../io.ts'
import type { Renderer, Row } from '../render.ts'

interface TopFlags extends ConnectFlags {
  readonly interval: string
  readonly once?: boolean
  readonly rows: string
}

const CLEAR = '\u001b[H\u001b[2J'
const RATE = 'recordsPerSecond'
/** How long the first rates are measured. */
const FIRST_MS = 1_000

export const topCommand: OwnCommand = {
  register(program: Command, io: CommandIo): Command {
    return addConnectFlags(program.command('top').description('live view of topics and groups'))
      .option('--interval <ms>', 'time between two looks', '2000')
      .option('--rows <n>', 'topics and groups shown, at most', '15')
      .option('--once', 'look once and end')
      .action((flags: TopFlags) => top(flags, io))
  },
}

async function top(flags: TopFlags, io: CommandIo): Promise<void> {
  const intervalMs = wholeNumber('--interval', flags.interval, 100)
  const rows = wholeNumber('--rows', flags.rows, 1)
  const { takeSnapshot } = await import('../cluster-snapshot.ts')
  await withClient(flags, io, async (client, renderer) => {
    const stop = new AbortController()
    void io.interrupted().then(() => stop.abort())
    void io.outputClosed.then(() => stop.abort())
    const drawsOver = renderer.forPeople && 'isTTY' in io.stdout && io.stdout.isTTY === true
    let before = await takeSnapshot(client)
    let waitMs = Math.min(FIRST_MS, intervalMs)
    while (!stop.signal.aborted) {
      await sleep(waitMs, null, { signal: stop.signal }).catch(() => {})
      if (stop.signal.aborted) return
      const now = await takeSnapshot(client)
      if (drawsOver) io.stdout.write(CLEAR)
      show(renderer, io, before, now, rows)
      if (flags.once === true) return
      before = now
      waitMs = intervalMs
    }
  })
}

function show(
  renderer: Renderer,
  io: CommandIo,
  before: ClusterSnapshot,
  now: ClusterSnapshot,
  count: number,
): void {
  const topics = topicRows(before, now)
  const groups = groupRows(before, now)
  const rate = topics.reduce((sum, row) => sum + Number(row[RATE]), 0)
  if (renderer.forPeople)
    io.stdout.write(
      `${now.brokers} brokers, ${topics.length} topics, ${groups.length} groups, ` +
        `${Math.round(rate)} records/s in\n\n`,
    )
  if (!renderer.forPeople) {
    renderer.streamed([...topics.slice(0, count), ...groups.slice(0, count)])
    return
  }
  const columns = (keys: readonly string[]) =>
    keys.map((key) => (key === RATE ? { key, head: 'RECORDS/S' } : { key }))
  renderer.table(columns(['topic', 'partitions', 'records', RATE]), topics.slice(0, count))
  io.stdout.write('\n')
  renderer.table(columns(['group', 'state', 'partitions', 'lag', RATE]), groups.slice(0, count))
}

/** The busiest first. Rates are by log end offsets, so that nothing needs to be read. */
export function topicRows(before: ClusterSnapshot, now: ClusterSnapshot): Row[] {
  const earlier = new Map(before.topics.map(({ name, ends }) => [name, sum(ends)]))
  const seconds = (now.atMs - before.atMs) / 1_000
  return now.topics
    .map(({ name, ends }) => {
      const records = sum(ends)
      const grown = Math.max(0, records - (earlier.get(name) ?? records))
      return {
        topic: name,
        partitions: ends.size,
        records,
        recordsPerSecond: Math.round(grown / seconds),
      }
    })
    .sort((a, b) => b.recordsPerSecond - a.recordsPerSecond || b.records - a.records)
}

/** The furthest behind first. */
export function groupRows(before: ClusterSnapshot, now: ClusterSnapshot): Row[] {
  const ends = new Map<string, number>(
    now.topics.flatMap(({ name, ends: offsets }) =>
      [...offsets].map(([partition, end]) => [`${name}-${partition}`, end] as const),
    ),
  )
  const earlier = new Map(before.groups.map(({ name, committed }) => [name, sum(committed)]))
  const seconds = (now.atMs - before.atMs) / 1_000
  return now.groups
    .map(({ name, state, committed }) => {
      let lag = 0
      for (const [partition, offset] of committed)
        lag += Math.max(0, (ends.get(partition) ?? offset) - offset)
      const total = sum(committed)
      const moved = Math.max(0, total - (earlier.get(name) ?? total))
      return {
        group: name,
        state,
        partitions: committed.size,
        lag,
        recordsPerSecond: Math.round(moved / seconds),
      }
    })
    .sort((a, b) => b.lag - a.lag)
}

function sum(offsets: ReadonlyMap<unknown, number>): number {
  let total = 0
  for (const offset of offsets.values()) total += offset
  return total
}
