/**
 * What an append costs: the log alone (numbering, indexes, producer state, one positional write), by
 * batch size and by batches per turn. Validation and CRC come on top, see bench/validate.ts.
 *
 * Warm: each case writes its bytes several times over into fresh files, the best pass counts, so that
 * the page cache's memory was touched before. Run: npx tsx bench/append.ts [folder] [MiB per case]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { silentLogger } from '../engine/base/logger.ts'
import { Log } from '../engine/log/log.ts'
import { DEFAULT_LOG_OPTIONS } from '../engine/log/log-options.ts'
import { NodeDisk } from '../engine/log/node-disk.ts'
import { buildBatch } from '../engine/record/build.ts'
import { machine } from './machine.ts'

const SIZES = [172, 512, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576]
const GROUPS = [1, 8, 64, 512]
const PASSES = 4
/** Largest group in bytes: what a turn may bring. */
const TURN_BYTES_MAX = 8 * 1024 * 1024
const TIME = 1_700_000_000_000

/** One batch with one record, `bytes` in all. */
function batchOf(bytes: number, producerId: number): Buffer {
  const build = (valueBytes: number) =>
    buildBatch({
      records: [{ key: null, value: Buffer.alloc(valueBytes, 'a'), timestamp: TIME }],
      ...(producerId < 0 ? {} : { producerId, producerEpoch: 0, baseSequence: 0 }),
    })
  const overhead = build(Math.max(0, bytes - 80)).length - Math.max(0, bytes - 80)
  return build(bytes - overhead)
}

async function openLog(dir: string): Promise<Log> {
  const clock = { wallMs: () => TIME, monotonicMs: () => performance.now() }
  return await Log.open({
    disk: new NodeDisk(),
    dir,
    topicPartition: 'bench-0',
    topicId: 'AQIDBAUGBwgJCgsMDQ4PEA',
    logStartOffset: 0,
    clock,
    random: { uuid: () => 'AQIDBAUGBwgJCgsMDQ4PEA', int: () => 0 },
    logger: silentLogger,
    options: DEFAULT_LOG_OPTIONS,
  })
}

/** Microseconds per batch of the best pass. */
async function measure(folder: string, size: number, group: number, bytes: number) {
  let best = Number.POSITIVE_INFINITY
  const batches = Array.from({ length: group }, () => batchOf(size, -1))
  const turns = Math.max(4, Math.floor(bytes / (size * group)))
  const origin = { kind: 'client', leaderEpoch: 0, appendTimeMs: TIME } as const
  for (let pass = 0; pass < PASSES; pass++) {
    const dir = mkdtempSync(join(folder, 'append-'))
    const log = await openLog(join(dir, 'bench-0'))
    const start = performance.now()
    for (let turn = 0; turn < turns; turn++) {
      for (const batch of batches) log.append(batch, origin)
      log.writeStaged()
    }
    best = Math.min(best, ((performance.now() - start) * 1000) / (turns * group))
    await log.close('abandon')
    rmSync(dir, { recursive: true })
  }
  return best
}

export async function benchAppend(
  folder: string,
  bytes: number,
  print: (line: string) => void,
): Promise<void> {
  print(machine())
  print(`bytes | ${GROUPS.map((group) => `${group} a turn: us a batch (GB/s)`).join(' | ')}`)
  for (const size of SIZES) {
    const cells: string[] = []
    for (const group of GROUPS) {
      if (size * group > TURN_BYTES_MAX) {
        cells.push('-')
        continue
      }
      const us = await measure(folder, size, group, bytes)
      cells.push(`${us.toFixed(2)} (${(size / us / 1000).toFixed(2)})`)
    }
    print(`${size} | ${cells.join(' | ')}`)
  }
}

if (process.argv[1] === import.meta.filename) {
  const mib = Number(process.argv[3] ?? 128)
  await benchAppend(process.argv[2] ?? tmpdir(), mib * 1024 * 1024, (line) => console.log(line))
}
