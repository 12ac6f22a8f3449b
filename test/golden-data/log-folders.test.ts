/** Partition folders that Kafka 4.2 wrote, opened as a start finds them: clean, and after a crash. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silentLogger } from '../../engine/base/logger.ts'
import { checkLog } from '../../engine/log/check.ts'
import { parseLeaderEpochs } from '../../engine/log/leader-epochs.ts'
import { Log } from '../../engine/log/log.ts'
import { DEFAULT_LOG_OPTIONS } from '../../engine/log/log-options.ts'
import { NodeDisk } from '../../engine/log/node-disk.ts'
import { readPartitionMetadata } from '../../engine/log/partition-metadata.ts'
import {
  decodeProducerSnapshot,
  type ProducerSnapshotEntry,
} from '../../engine/log/producer-snapshot.ts'
import { recoverLog } from '../../engine/log/recovery.ts'
import { batchSizeInBytes } from '../../engine/record/batch.ts'
import { readRecords } from '../../engine/record/iterate.ts'
import { parseDump } from '../support/dump-log.ts'
import { readAll, TestClock } from '../support/log-rig.ts'
import { seededRandom } from '../support/seeded-random.ts'

const LOGS = join(import.meta.dirname, '../golden/logs')
const disk = new NodeDisk()
const partitions = readdirSync(join(LOGS, 'data')).filter(
  (name) => statSync(join(LOGS, 'data', name)).isDirectory() && name !== '__cluster_metadata-0',
)

/** Offset of each partition in one of the checkpoint files. */
function checkpoint(file: string): Map<string, number> {
  const [, , ...lines] = readFileSync(join(LOGS, 'data', file), 'utf8')
    .trim()
    .split('\n')
  return new Map(
    lines.map((line) => {
      const [topic, partition, offset] = line.split(' ')
      return [`${topic}-${partition}`, Number(offset)]
    }),
  )
}
const logEnds = checkpoint('recovery-point-offset-checkpoint')
const logStarts = checkpoint('log-start-offset-checkpoint')

const options = {
  ...DEFAULT_LOG_OPTIONS,
  retentionMs: -1,
  producerIdExpirationMs: Number.MAX_SAFE_INTEGER,
}

let root: string
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'sluice-golden-'))
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

function copyOf(partition: string, purpose: string): string {
  const dir = join(root, purpose, partition)
  cpSync(join(LOGS, 'data', partition), dir, { recursive: true })
  return dir
}

async function open(dir: string, partition: string): Promise<Log> {
  return await Log.open({
    disk,
    dir,
    topicPartition: partition,
    topicId: (await readPartitionMetadata(disk, dir))!,
    logStartOffset: logStarts.get(partition) ?? 0,
    clock: new TestClock(),
    random: seededRandom(3),
    logger: silentLogger,
    options,
  })
}

/** Compaction leaves gaps, and snapshots that know of removed batches. */
const isCompacted = (partition: string) => /^compacted|^__/.test(partition)

/**
 * An index interval that explains the folder's offset indexes: at least the widest stretch without an
 * entry, below the narrowest one with one. null where restarts in between made that impossible.
 */
function intervalOf(partition: string): number | null {
  let without = 0
  let withEntry = Number.POSITIVE_INFINITY
  for (const name of readdirSync(join(LOGS, 'data', partition))) {
    if (!name.endsWith('.log')) continue
    const log = readFileSync(join(LOGS, 'data', partition, name))
    const index = readFileSync(join(LOGS, 'data', partition, name.replace('.log', '.index')))
    const indexed = new Set<number>()
    for (let at = 0; at < index.length; at += 8) indexed.add(index.readInt32BE(at + 4))
    let last = 0
    for (let at = 0; at < log.length; at += batchSizeInBytes(log, at))
      if (indexed.has(at)) {
        withEntry = Math.min(withEntry, at - last)
        last = at
      } else without = Math.max(without, at - last)
  }
  return without < withEntry ? without : null
}

function recover(dir: string, partition: string, recoveryPoint: number, indexIntervalBytes = 4096) {
  return recoverLog(disk, dir, {
    recoveryPoint,
    logStartOffset: logStarts.get(partition) ?? 0,
    indexIntervalBytes,
    segmentIndexBytes: options.segmentIndexBytes,
    producerIdExpirationMs: options.producerIdExpirationMs,
    nowMs: 1_700_000_000_000,
    logger: silentLogger,
    gapsAllowed: isCompacted(partition),
  })
}

/** Every record of the partition as Kafka's dump shows it. */
function dumped(partition: string) {
  const folder = join(LOGS, 'dump', partition)
  return readdirSync(folder)
    .filter((name) => name.endsWith('.log.dump.txt'))
    .sort()
    .flatMap((name) => parseDump(readFileSync(join(folder, name), 'utf8')))
    .flatMap(({ records }) =>
      records.map(({ offset, timestamp, keySize, valueSize, sequence }) => ({
        offset,
        timestamp,
        keySize,
        valueSize,
        sequence,
      })),
    )
}

async function stored(log: Log) {
  const records = []
  for (const { bytes } of await readAll(log, log.logStartOffset, 10_000))
    for (const record of readRecords(bytes))
      records.push({
        offset: record.offset,
        timestamp: record.timestamp,
        keySize: record.key?.length ?? -1,
        valueSize: record.value?.length ?? -1,
        sequence: record.sequence,
      })
  return records
}

const sorted = (entries: readonly ProducerSnapshotEntry[]) =>
  [...entries].sort((a, b) => a.producerId - b.producerId)

describe.each(partitions)('the folder %s', (partition) => {
  const logStart = logStarts.get(partition) ?? 0

  it('opens after a clean stop with all its records', async () => {
    const log = await open(copyOf(partition, 'clean'), partition)
    expect(log.logEndOffset).toBe(logEnds.get(partition))
    expect(log.logStartOffset).toBe(logStart)
    const wanted = dumped(partition)
    // A batch that holds the log start is shown whole.
    const found = await stored(log)
    const first = found[0]?.offset ?? 0
    expect(found).toEqual(wanted.filter(({ offset }) => offset >= first))
    expect(first).toBeLessThanOrEqual(Math.max(logStart, wanted[0]?.offset ?? 0))
    await log.close('clean')
  })

  it('is left as it was by an open and a clean close', async () => {
    const dir = copyOf(partition, 'untouched')
    await (await open(dir, partition)).close('clean')
    for (const name of readdirSync(join(LOGS, 'data', partition))) {
      const before = readFileSync(join(LOGS, 'data', partition, name))
      const after = readFileSync(join(dir, name))
      if (name.endsWith('.snapshot'))
        expect(sorted(decodeProducerSnapshot(after, name)), name).toEqual(
          sorted(decodeProducerSnapshot(before, name)),
        )
      else if (name === 'leader-epoch-checkpoint')
        expect(epochsOf(after, partition)).toEqual(epochsOf(before, partition))
      else expect(after.equals(before), name).toBe(true)
    }
  })

  it('recovers with all its records, twice the same, from any recovery point', async () => {
    const wanted = dumped(partition)
    const end = logEnds.get(partition)!
    for (const recoveryPoint of [0, Math.floor(end / 2), end]) {
      const dir = copyOf(partition, `recovered-${recoveryPoint}`)
      const summary = await recover(dir, partition, recoveryPoint)
      expect(summary.logEndOffset).toBe(end)
      expect(summary.truncatedBytes).toBe(0)
      const first = contents(dir)
      await recover(dir, partition, recoveryPoint)
      expect(contents(dir)).toEqual(first)
      const report = await checkLog(disk, dir, {
        indexIntervalBytes: 4096,
        gapsAllowed: isCompacted(partition),
        producers: !isCompacted(partition),
        exactIndex: false,
      })
      expect(report.problems).toEqual([])
      const log = await open(dir, partition)
      const found = await stored(log)
      expect(found).toEqual(wanted.filter(({ offset }) => offset >= (found[0]?.offset ?? 0)))
      await log.close('clean')
    }
  })

  it('gets the same indexes, snapshots and epochs from its logs alone', async () => {
    const interval = intervalOf(partition)
    const dir = copyOf(partition, 'rebuilt')
    const logs = readdirSync(dir).filter((name) => name.endsWith('.log'))
    const firstSnapshot = logs.sort()[0]!.replace('.log', '.snapshot')
    for (const name of readdirSync(dir)) {
      // Compacted logs need their snapshots: they say that a gap between segments is no loss.
      const isKept = name.endsWith('.snapshot') && isCompacted(partition)
      if (!/\.log$|^partition.metadata$/.test(name) && name !== firstSnapshot && !isKept)
        rmSync(join(dir, name))
    }
    await recover(dir, partition, 0, interval ?? 4096)
    const ours = (name: string) => readFileSync(join(dir, name))
    for (const name of readdirSync(join(LOGS, 'data', partition))) {
      const kafkas = readFileSync(join(LOGS, 'data', partition, name))
      if (name === 'leader-epoch-checkpoint') {
        const wanted = isCompacted(partition) ? [] : epochsOf(kafkas, partition)
        if (wanted.length > 0) expect(epochsOf(ours(name))).toEqual(wanted)
      } else if (name.endsWith('.snapshot')) {
        if (!isCompacted(partition))
          expect(sorted(decodeProducerSnapshot(ours(name), name)), name).toEqual(
            sorted(decodeProducerSnapshot(kafkas, name)),
          )
      } else if (/\.(time)?index$/.test(name) && interval === null) continue
      else if (name.endsWith('.timeindex') && wasRestarted(partition)) {
        // Each stop in between left one more entry: ours are among Kafka's, with the same end.
        const entries = entriesOf(ours(name))
        expect(entriesOf(kafkas)).toEqual(expect.arrayContaining(entries))
        expect(entries.at(-1)).toBe(entriesOf(kafkas).at(-1))
      } else if (!(isCompacted(partition) && name.endsWith('.txnindex')))
        // (Aborted data that compaction removed cannot be found again, and nobody needs it named.)
        expect(ours(name).toString('hex'), name).toBe(kafkas.toString('hex'))
    }
  })
})

/** More than one run of the broker wrote to it. */
function wasRestarted(partition: string): boolean {
  const name = join(LOGS, 'data', partition, 'leader-epoch-checkpoint')
  return epochsOf(readFileSync(name), partition).length > 1
}

function entriesOf(timeIndex: Buffer): string[] {
  return timeIndex.toString('hex').match(/.{24}/g) ?? []
}

/** Kafka notes an epoch when a leader starts; without a batch nothing of it can be rebuilt. */
function epochsOf(content: Buffer, partition?: string) {
  const entries = parseLeaderEpochs(content, 'leader-epoch-checkpoint')
  if (partition === undefined) return entries
  return entries.filter(({ startOffset }) => startOffset < logEnds.get(partition)!)
}

function contents(dir: string): Map<string, string> {
  return new Map(
    readdirSync(dir)
      .sort()
      .map((name) => [name, readFileSync(join(dir, name)).toString('hex')]),
  )
}
