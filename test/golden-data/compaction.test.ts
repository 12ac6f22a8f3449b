/**
 * What Kafka's cleaner left (test/golden/logs), compacted once more by ours: nothing that Kafka kept goes
 * before its time, nothing stays after it, and readers end up with the same.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silentLogger } from '../../engine/base/logger.ts'
import { checkLog } from '../../engine/log/check.ts'
import { Log } from '../../engine/log/log.ts'
import { DEFAULT_LOG_OPTIONS } from '../../engine/log/log-options.ts'
import { NodeDisk } from '../../engine/log/node-disk.ts'
import { readPartitionMetadata } from '../../engine/log/partition-metadata.ts'
import {
  batchAttributes,
  batchBaseTimestamp,
  hasDeleteHorizon,
  isControl,
} from '../../engine/record/batch.ts'
import { readRecords } from '../../engine/record/iterate.ts'
import { compact } from '../support/compact-rig.ts'
import { splitBatches, TestClock } from '../support/log-rig.ts'
import { seededRandom } from '../support/seeded-random.ts'

const DATA = join(import.meta.dirname, '../golden/logs/data')
const disk = new NodeDisk()
const partitions = readdirSync(DATA).filter((name) => /^compacted.*-0$/.test(name))
/** Before any horizon of the recording, and after all of them. */
const EARLY_MS = 1_000
const LATE_MS = 4_000_000_000_000
/** Kafka's cleaner had come this far. */
const cleaned = new Map(
  readFileSync(join(DATA, 'cleaner-offset-checkpoint'), 'utf8')
    .split('\n')
    .slice(2)
    .map((line) => [`${line.split(' ')[0]}-0`, Number(line.split(' ')[2])]),
)

let root: string
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'sluice-compacted-'))
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

interface Kept {
  readonly offset: number
  readonly key: string
  readonly value: string | null
  readonly timestamp: number
  readonly control: boolean
  /** A tombstone or marker whose horizon Kafka had set. */
  readonly horizonMs: number | null
}

function records(dir: string): Kept[] {
  const logs = readdirSync(dir).filter((name) => name.endsWith('.log'))
  return logs.sort().flatMap((name) =>
    splitBatches(readFileSync(join(dir, name))).flatMap(({ bytes }) => {
      const attributes = batchAttributes(bytes, 0)
      const horizonMs = hasDeleteHorizon(attributes) ? batchBaseTimestamp(bytes, 0) : null
      return readRecords(bytes).map(({ offset, key, value, timestamp }) => ({
        offset,
        key: String(key),
        value: value === null ? null : value.toString('latin1'),
        timestamp,
        control: isControl(attributes),
        horizonMs: value === null || isControl(attributes) ? horizonMs : null,
      }))
    }),
  )
}

const plain = (kept: readonly Kept[]): object[] =>
  kept.map(({ offset, key, value, timestamp, control }) => ({
    offset,
    key,
    value,
    timestamp,
    control,
  }))

async function compactCopy(partition: string, nowMs: number): Promise<string> {
  const dir = join(root, `${nowMs}`, partition)
  cpSync(join(DATA, partition), dir, { recursive: true })
  const clock = new TestClock()
  clock.wall = nowMs
  const log = await Log.open({
    disk,
    dir,
    topicPartition: partition,
    topicId: (await readPartitionMetadata(disk, dir))!,
    logStartOffset: 0,
    clock,
    random: seededRandom(3),
    logger: silentLogger,
    options: {
      ...DEFAULT_LOG_OPTIONS,
      producerIdExpirationMs: Number.MAX_SAFE_INTEGER,
      cleanupPolicy: { delete: false, compact: true },
    },
  })
  const done = await compact(log, disk, { nowMs })
  expect(done?.endOffset).toBe(cleaned.get(partition))
  await log.close('clean')
  return dir
}

describe('compacting what Kafka compacted', () => {
  it('covers plain, compressed, transactional, aborted and expired logs', () => {
    expect(partitions.length).toBe(6)
  })

  for (const partition of partitions) {
    it(`takes nothing from ${partition} before its time`, async () => {
      const before = records(join(DATA, partition))
      const dir = await compactCopy(partition, EARLY_MS)
      expect(plain(records(dir))).toEqual(plain(before))
      // The active segments are as Kafka, restarted in between, left their indexes.
      const options = {
        indexIntervalBytes: 4_096,
        gapsAllowed: true,
        producers: false,
        exactIndex: false,
      }
      expect((await checkLog(disk, dir, options)).problems).toEqual([])
    })

    it(`takes from ${partition} what is over, and nothing else`, async () => {
      const before = records(join(DATA, partition))
      const end = cleaned.get(partition)!
      // A marker goes only when its data is gone too, and a batch's values stay when its tombstones go.
      const isOver = ({ horizonMs, offset }: Kept) => horizonMs !== null && offset < end
      const after = records(await compactCopy(partition, LATE_MS))
      expect(plain(after)).toEqual(plain(before.filter((record) => !isOver(record))))
    })
  }
})
