/**
 * Kafka's own kafka-dump-log on a folder that our log wrote: several segments, all codecs, idempotent
 * and transactional batches, index entries, a reopened log, a recovered one. Run by .ci/run:
 *
 *   npx tsx test/interop/dump-log.ts            KAFKA_LIBS=/opt/kafka/libs
 *
 * Exits 0 when the tool finds every batch valid and no index mismatch. Without Kafka's jars it says
 * SKIPPED and exits 0.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger } from '../../engine/base/logger.ts'
import { checkLog } from '../../engine/log/check.ts'
import { Log } from '../../engine/log/log.ts'
import { NodeDisk } from '../../engine/log/node-disk.ts'
import { recoverLog } from '../../engine/log/recovery.ts'
import { buildBatch } from '../../engine/record/build.ts'
import type { Codec } from '../../engine/record/compression.ts'
import { buildEndTransactionMarker } from '../../engine/record/control.ts'
import { sampleRecords } from '../support/batches.ts'
import { CLIENT, SMALL, TestClock } from '../support/log-rig.ts'
import { seededRandom } from '../support/seeded-random.ts'

const libs = process.env['KAFKA_LIBS'] ?? '/opt/kafka/libs'
const disk = new NodeDisk()
const options = { ...SMALL, segmentBytes: 64 * 1024, indexIntervalBytes: 4096 }
const root = mkdtempSync(join(tmpdir(), 'sluice-dump-'))
const dir = join(root, 'orders-0')

function open(): Promise<Log> {
  return Log.open({
    disk,
    dir,
    topicPartition: 'orders-0',
    topicId: 'AQIDBAUGBwgJCgsMDQ4PEA',
    logStartOffset: 0,
    clock: new TestClock(),
    random: seededRandom(1),
    logger: silentLogger,
    options,
  })
}

const TIME = 1_700_000_000_000
const sequences = new Map<number, number>()

/** One batch of a mixed kind, number `i`. */
function batch(i: number): Buffer {
  const records = sampleRecords(1 + (i % 9), 40 + (i % 200), TIME + i * 100)
  const codec = (i % 5) as Codec
  if (i % 3 === 0) return buildBatch({ records, codec })
  const producerId = 100 + (i % 3)
  const baseSequence = sequences.get(producerId) ?? 0
  sequences.set(producerId, baseSequence + records.length)
  const isTransactional = producerId === 102
  return buildBatch({ records, codec, producerId, producerEpoch: 0, baseSequence, isTransactional })
}

function append(log: Log, from: number, count: number): void {
  for (let i = from; i < from + count; i++) {
    const leaderEpoch = Math.floor(i / 150)
    log.append(batch(i), { ...CLIENT, leaderEpoch })
    if (i % 12 === 11) {
      const marker = buildEndTransactionMarker({
        type: i % 24 === 23 ? 'abort' : 'commit',
        producerId: 102,
        producerEpoch: 0,
        coordinatorEpoch: 3,
        timestamp: TIME + i * 100,
      })
      log.append(marker, { kind: 'coordinator', leaderEpoch, appendTimeMs: TIME })
    }
    if (i % 5 === 0) log.writeStaged()
  }
  log.writeStaged()
}

/** What the tool prints for all files with the suffix. */
function dump(suffix: string, ...flags: string[]): string {
  const files = readdirSync(dir)
    .filter((name) => name.endsWith(suffix))
    .map((name) => join(dir, name))
  const tool = ['-cp', `${libs}/*`, 'kafka.tools.DumpLogSegments']
  return execFileSync('java', [...tool, ...flags, '--files', files.join()], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

const COMPLAINT =
  /isvalid: false|mismatch|non-consecutive|could not be parsed|Exception|out of order|not found/i

function expectClean(what: string, output: string): void {
  const complaints = output.split('\n').filter((line) => COMPLAINT.test(line))
  if (complaints.length > 0) throw new Error(`${what}:\n${complaints.slice(0, 20).join('\n')}`)
  console.log(`ok: ${what} (${output.split('\n').length} lines)`)
}

async function dumpAll(what: string): Promise<void> {
  const report = await checkLog(disk, dir, { indexIntervalBytes: options.indexIntervalBytes })
  if (report.problems.length > 0) throw new Error(report.problems.join('\n'))
  const log = dump('.log', '--deep-iteration', '--print-data-log')
  expectClean(`${what}: .log --deep-iteration`, log)
  const batches = log.split('\n').filter((line) => line.startsWith('baseOffset:')).length
  if (batches !== report.batches)
    throw new Error(`Kafka sees ${batches} batches, we wrote ${report.batches}`)
  expectClean(`${what}: .index --verify-index-only`, dump('.index', '--verify-index-only'))
  expectClean(`${what}: .index --index-sanity-check`, dump('.index', '--index-sanity-check'))
  expectClean(`${what}: .timeindex --verify-index-only`, dump('.timeindex', '--verify-index-only'))
  expectClean(
    `${what}: .timeindex --index-sanity-check`,
    dump('.timeindex', '--index-sanity-check'),
  )
  expectClean(`${what}: .txnindex`, dump('.txnindex'))
  expectClean(`${what}: .snapshot`, dump('.snapshot'))
  console.log(`${what}: ${report.segments} segments, ${batches} batches, ${report.bytes} bytes`)
}

async function main(): Promise<void> {
  let log = await open()
  append(log, 0, 600)
  await log.close('clean')
  await dumpAll('closed')
  log = await open()
  append(log, 600, 400)
  await log.close('clean')
  await dumpAll('opened again')
  const nowMs = TIME
  const { logEndOffset } = await recoverLog(disk, dir, {
    recoveryPoint: 0,
    logStartOffset: 0,
    indexIntervalBytes: options.indexIntervalBytes,
    segmentIndexBytes: options.segmentIndexBytes,
    producerIdExpirationMs: options.producerIdExpirationMs,
    nowMs,
    logger: silentLogger,
  })
  await dumpAll(`recovered to ${logEndOffset}`)
}

if (!existsSync(libs)) {
  console.log(`SKIPPED: no Kafka in ${libs}; set KAFKA_LIBS to its libs folder`)
} else {
  try {
    await main()
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}
