/**
 * Our compaction beside a real Kafka's: both are given the same folder, and leave the same batches. Kafka's
 * dump tool has nothing against what ours leaves.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { silentLogger } from '../../engine/base/logger.ts'
import { Log } from '../../engine/log/log.ts'
import { DEFAULT_LOG_OPTIONS, type LogOptions } from '../../engine/log/log-options.ts'
import { NodeDisk } from '../../engine/log/node-disk.ts'
import { readPartitionMetadata } from '../../engine/log/partition-metadata.ts'
import {
  batchAttributes,
  batchBaseOffset,
  batchBaseSequence,
  batchLastOffset,
  batchMaxTimestamp,
  batchProducerId,
  batchRecordCount,
} from '../../engine/record/batch.ts'
import { buildBatch } from '../../engine/record/build.ts'
import type { Codec } from '../../engine/record/compression.ts'
import { buildEndTransactionMarker } from '../../engine/record/control.ts'
import { readRecords } from '../../engine/record/iterate.ts'
import { KafkaAdmin } from '../clients/kafka-admin.ts'
import { closeActive, compact } from '../support/compact-rig.ts'
import type { KafkaJars } from '../support/kafka-jars.ts'
import { startKafka } from '../support/kafka-process.ts'
import { CLIENT, splitBatches, TestClock } from '../support/log-rig.ts'
import type { ManagedBroker } from '../support/managed-broker.ts'
import { describeWith, kafkaJars } from '../support/outside.ts'
import { seededRandom } from '../support/seeded-random.ts'

const LIMIT_MS = 180_000
const KEYS = 25
const disk = new NodeDisk()
const options: LogOptions = {
  ...DEFAULT_LOG_OPTIONS,
  segmentMs: Number.MAX_SAFE_INTEGER,
  cleanupPolicy: { delete: false, compact: true },
  deleteRetentionMs: 0,
}

async function open(dir: string): Promise<Log> {
  const clock = new TestClock()
  clock.wall = Date.now()
  return await Log.open({
    disk,
    dir,
    topicPartition: 'mixed-0',
    topicId: (await readPartitionMetadata(disk, dir))!,
    logStartOffset: 0,
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    options,
  })
}

const random = seededRandom(17)
const sequences = new Map<number, number>()
const inTransaction = new Set<number>()

/** Records and tombstones of all codecs, plain, idempotent and in transactions, in several segments. */
async function write(log: Log): Promise<void> {
  for (let segment = 0; segment < 4; segment++) {
    for (let turn = 0; turn < 40; turn++) writeOne(log)
    log.writeStaged()
    log.onHighWatermark(log.logEndOffset)
    await closeActive(log)
  }
  for (const producerId of [...inTransaction]) end(log, producerId, 'commit')
  log.writeStaged()
  log.onHighWatermark(log.logEndOffset)
}

function end(log: Log, producerId: number, type: 'commit' | 'abort'): void {
  inTransaction.delete(producerId)
  const fields = { producerId, producerEpoch: 0, coordinatorEpoch: 0, timestamp: Date.now() }
  log.append(buildEndTransactionMarker({ type, ...fields }), {
    ...originOf(log),
    kind: 'coordinator',
  })
}

/** Each start of Kafka begins an epoch. */
const originOf = (log: Log) => ({ ...CLIENT, leaderEpoch: log.latestLeaderEpoch() })

function writeOne(log: Log): void {
  const kind = random.int(5)
  const producerId = 1_000 + kind
  if (inTransaction.has(producerId) && random.chance(0.4))
    end(log, producerId, random.chance(0.5) ? 'abort' : 'commit')
  else append(log, kind, producerId)
}

function append(log: Log, kind: number, producerId: number): void {
  const records = Array.from({ length: 1 + random.int(6) }, () => ({
    key: Buffer.from(`key-${random.int(KEYS)}`),
    value: random.chance(0.2) ? null : Buffer.from(`value ${random.int(1 << 30)}`),
    timestamp: Date.now() + random.int(1_000),
    headers: [{ key: 'h', value: Buffer.from('x') }],
  }))
  const codec = random.int(5) as Codec
  if (kind < 2) {
    log.append(buildBatch({ records, codec }), originOf(log))
    return
  }
  const baseSequence = sequences.get(producerId) ?? 0
  sequences.set(producerId, baseSequence + records.length)
  const isTransactional = kind > 2
  if (isTransactional) inTransaction.add(producerId)
  const more = { producerId, producerEpoch: 0, baseSequence, isTransactional }
  log.append(buildBatch({ records, codec, ...more }), originOf(log))
}

/** Everything of the folder's batches but what depends on the moment and on a codec's version. */
function content(dir: string): object[] {
  const logs = readdirSync(dir).filter((name) => name.endsWith('.log'))
  return logs.sort().flatMap((name) =>
    splitBatches(readFileSync(join(dir, name))).map(({ bytes }) => ({
      segment: name,
      baseOffset: batchBaseOffset(bytes, 0),
      lastOffset: batchLastOffset(bytes, 0),
      attributes: batchAttributes(bytes, 0).toString(2),
      maxTimestamp: batchMaxTimestamp(bytes, 0),
      producerId: batchProducerId(bytes, 0),
      baseSequence: batchBaseSequence(bytes, 0),
      count: batchRecordCount(bytes, 0),
      records: readRecords(bytes).map(({ offset, timestamp, key, value, headers }) => ({
        offset,
        timestamp,
        key: key?.toString('latin1'),
        value: value?.toString('latin1'),
        headers: headers.length,
      })),
    })),
  )
}

const COMPLAINT = /isvalid: false|mismatch|could not be parsed|Exception|out of order|not found/i

async function dumpedCleanly(jars: KafkaJars, dir: string): Promise<void> {
  for (const [suffix, ...flags] of [
    ['.log', '--deep-iteration', '--print-data-log'],
    ['.index', '--verify-index-only'],
    ['.index', '--index-sanity-check'],
    ['.timeindex', '--index-sanity-check'],
    ['.timeindex', '--verify-index-only'],
    ['.txnindex'],
    ['.snapshot'],
  ] as [string, ...string[]][]) {
    const files = readdirSync(dir).filter((name) => name.endsWith(suffix))
    const args = [...flags, '--files', files.map((name) => join(dir, name)).join()]
    const { code, stdout } = await jars.run('kafka-dump-log', args, { limitMs: 60_000 })
    const complaints = stdout.split('\n').filter((line) => COMPLAINT.test(line))
    expect({ suffix, flags, code, complaints }).toEqual({ suffix, flags, code: 0, complaints: [] })
  }
}

describeWith(await kafkaJars(), "compaction beside a real Kafka's", (jars) => {
  const work = mkdtempSync(join(tmpdir(), 'sluice-compaction-'))
  const cleanups: (() => Promise<void> | void)[] = []
  let kafka: ManagedBroker
  let theirs: string

  beforeAll(async () => {
    kafka = await startKafka(jars, {
      'log.cleaner.backoff.ms': '100',
      'log.cleaner.min.cleanable.ratio': '0.001',
      'log.cleaner.delete.retention.ms': '0',
    })
    theirs = join(kafka.dataFolder, 'mixed-0')
    const defer = (cleanup: () => Promise<void> | void): void => void cleanups.push(cleanup)
    const admin = new KafkaAdmin({ address: kafka.address, defer })
    await admin.createTopic('mixed', 1, { 'cleanup.policy': 'compact' })
    await kafka.stop()
  }, LIMIT_MS)

  afterAll(async () => {
    for (const cleanup of cleanups) await cleanup()
    await kafka.discard()
    rmSync(work, { recursive: true, force: true })
  }, LIMIT_MS)

  const cleaned = (): number => {
    const path = join(kafka.dataFolder, 'cleaner-offset-checkpoint')
    return Number(/^mixed 0 (\d+)$/m.exec(readFileSync(path, 'utf8'))?.[1] ?? 0)
  }

  // The second time round tombstones and markers of the first are past their horizon.
  for (const round of [1, 2, 3])
    it(
      `leaves the same batches, pass ${round}`,
      async () => {
        let log = await open(theirs)
        await write(log)
        const endOffset = log.segmentBaseOffsets().at(-1)!
        await log.close('clean')
        const ours = join(work, `${round}`, 'mixed-0')
        cpSync(theirs, ours, { recursive: true })
        const before = content(theirs).length
        await kafka.start()
        await expect.poll(cleaned, { timeout: 30_000 }).toBe(endOffset)
        await kafka.stop()
        log = await open(ours)
        log.compaction.cleanedEndOffset = round === 1 ? null : previousEnd
        previousEnd = endOffset
        await compact(log, disk, { nowMs: Date.now() })
        await log.close('clean')
        expect(content(ours)).toEqual(content(theirs))
        expect(content(ours).length).toBeLessThan(before)
        // What later passes left has everything in it that earlier ones did.
        if (round === 3) await dumpedCleanly(jars, ours)
      },
      LIMIT_MS,
    )
  let previousEnd = 0
})
