/**
 * What group flush is worth: the rate of one-record requests that wait for a sync each, one at a time,
 * against that of 100 producers with one request in flight, which share syncs; all to one partition. A
 * file that is written and synced in a loop says what the disk can do at best.
 *
 * Run: npm run bench -- flush [flags of the broker benches]. --folder must be on a disk: on tmpfs a sync
 * costs nothing.
 */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadJson } from './bench-options.ts'
import { runBrokerBench } from './broker-bench.ts'
import { type Cell, syncCells } from './cells.ts'
import { PRODUCE_DEFAULTS } from './produce.ts'
import { showSpread, spreadOf } from './spread.ts'

const PRODUCERS = 100
const RATIO_WANTED = 20
const FILE_SYNC_MS = 1_000
const BATCH_BYTES = 170

function cell(connections: number): Cell {
  const plain = syncCells.find(({ unit }) => unit === 'req/s')
  if (plain === undefined) throw new RangeError('no sync cell of one-record requests')
  const title = `sync before answer, one record, ${connections}x1, one partition`
  return { ...plain, name: `flush-${connections}x1`, title, connections, depth: 1 }
}

/** Writes and syncs one after the other; syncs per second. */
function fileSyncsPerSecond(folder: string): number {
  const scratch = mkdtempSync(join(folder, 'sluice-flush-'))
  const fd = openSync(join(scratch, 'file'), 'w')
  try {
    const batch = Buffer.alloc(BATCH_BYTES, 1)
    const started = performance.now()
    let count = 0
    while (performance.now() - started < FILE_SYNC_MS) {
      writeSync(fd, batch, 0, batch.length, count * batch.length)
      fdatasyncSync(fd)
      count++
    }
    return (count * 1000) / (performance.now() - started)
  } finally {
    closeSync(fd)
    rmSync(scratch, { recursive: true })
  }
}

async function run(args: readonly string[]): Promise<number> {
  const scratch = mkdtempSync(join(tmpdir(), 'sluice-flush-'))
  const json = join(scratch, 'result.json')
  const folder = args[args.indexOf('--folder') + 1]
  const cells = [cell(1), cell(PRODUCERS)]
  try {
    const all = ['--partitions', '1', '--json', json, ...args]
    const code = await runBrokerBench(all, cells, PRODUCE_DEFAULTS, (line) => console.log(line))
    if (code !== 0 || args.includes('--help')) return code
    const [single, shared] = cells.map(({ name }) =>
      loadJson(json)
        .cells.filter((each) => each.cell === name)
        .flatMap(({ figures }) => figures?.requestsPerSecond ?? []),
    )
    const alone = fileSyncsPerSecond(args.includes('--folder') ? (folder ?? tmpdir()) : tmpdir())
    const ratios = (shared ?? []).map((rate, at) => rate / (single?.[at] ?? Number.NaN))
    const { median } = spreadOf(ratios)
    console.log(
      `${PRODUCERS} producers that share syncs against one request per sync: ` +
        `${showSpread(spreadOf(ratios))} times (wanted: ${RATIO_WANTED}); a file alone syncs ` +
        `${Math.round(alone).toLocaleString('en-US')} times a second`,
    )
    return median >= RATIO_WANTED ? 0 : 1
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

if (process.argv[1] === import.meta.filename) process.exitCode = await run(process.argv.slice(2))
