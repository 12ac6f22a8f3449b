/**
 * How fast a start after a crash reads a log: recoverLog over warm segments of 64 KiB and of small
 * batches, and a clean open of the same folder. Run: npx tsx bench/recovery.ts [folder] [MiB]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { silentLogger } from '../engine/base/logger.ts'
import { Log } from '../engine/log/log.ts'
import { DEFAULT_LOG_OPTIONS } from '../engine/log/log-options.ts'
import { NodeDisk } from '../engine/log/node-disk.ts'
import { recoverLog } from '../engine/log/recovery.ts'
import { sampleBatch } from '../test/support/batches.ts'
import { machine } from './machine.ts'

const SIZES = [400, 4_096, 65_536, 1_048_576]
const PASSES = 3
const NOW_MS = 1_700_000_000_000
const SEGMENT_BYTES = 64 * 1024 * 1024

export async function benchRecovery(
  folder: string,
  bytes: number,
  print: (line: string) => void,
): Promise<void> {
  const disk = new NodeDisk()
  const options = { ...DEFAULT_LOG_OPTIONS, segmentBytes: SEGMENT_BYTES }
  print(machine())
  print('batch bytes | batches | recovery MB/s | us a batch | clean open ms')
  for (const size of SIZES) {
    const root = mkdtempSync(join(folder, 'recovery-'))
    const dir = join(root, 'bench-0')
    const open = () =>
      Log.open({
        disk,
        dir,
        topicPartition: 'bench-0',
        topicId: 'AQIDBAUGBwgJCgsMDQ4PEA',
        logStartOffset: 0,
        clock: { wallMs: () => NOW_MS, monotonicMs: () => performance.now() },
        random: { uuid: () => 'AQIDBAUGBwgJCgsMDQ4PEA', int: () => 0 },
        logger: silentLogger,
        options,
      })
    let log = await open()
    // Copies: a batch is patched in place and must keep its offset until it is written.
    const batches = Array.from({ length: 16 }, () => sampleBatch(size))
    const batch = batches[0]!
    const count = Math.floor(bytes / batch.length)
    for (let i = 0; i < count; i++) {
      log.append(batches[i % 16]!, { kind: 'client', leaderEpoch: 0, appendTimeMs: NOW_MS })
      if (i % 16 === 15) log.writeStaged()
    }
    await log.close('clean')
    let openMs = Number.POSITIVE_INFINITY
    let recoveryMs = Number.POSITIVE_INFINITY
    for (let pass = 0; pass < PASSES; pass++) {
      let start = performance.now()
      log = await open()
      openMs = Math.min(openMs, performance.now() - start)
      await log.close('abandon')
      start = performance.now()
      await recoverLog(disk, dir, {
        recoveryPoint: 0,
        logStartOffset: 0,
        indexIntervalBytes: options.indexIntervalBytes,
        segmentIndexBytes: options.segmentIndexBytes,
        producerIdExpirationMs: options.producerIdExpirationMs,
        nowMs: NOW_MS,
        logger: silentLogger,
      })
      recoveryMs = Math.min(recoveryMs, performance.now() - start)
    }
    const rate = (count * batch.length) / recoveryMs / 1000
    const us = ((recoveryMs * 1000) / count).toFixed(2)
    print(`${batch.length} | ${count} | ${rate.toFixed(0)} | ${us} | ${openMs.toFixed(1)}`)
    rmSync(root, { recursive: true })
  }
}

if (process.argv[1] === import.meta.filename) {
  const mib = Number(process.argv[3] ?? 256)
  await benchRecovery(process.argv[2] ?? tmpdir(), mib * 1024 * 1024, (line) => console.log(line))
}
