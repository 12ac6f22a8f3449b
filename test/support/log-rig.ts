/** Opens logs for tests: on any disk, with a clock that tests move, and reads them back as batches. */
import type { Clock } from '../../engine/base/clock.ts'
import { silentLogger } from '../../engine/base/logger.ts'
import { type CheckOptions, checkLog } from '../../engine/log/check.ts'
import type { Disk } from '../../engine/log/disk.ts'
import { Log, type LogParameters } from '../../engine/log/log.ts'
import { DEFAULT_LOG_OPTIONS, type LogOptions } from '../../engine/log/log-options.ts'
import { type RecoveryOptions, recoverLog } from '../../engine/log/recovery.ts'
import {
  batchBaseOffset,
  batchLastOffset,
  batchLeaderEpoch,
  batchSizeInBytes,
} from '../../engine/record/batch.ts'
import { type BatchToWrite, buildBatch } from '../../engine/record/build.ts'
import { seededRandom } from './seeded-random.ts'

export const LOG_DIR = '/data/orders-0'
export const TOPIC_ID = 'AQIDBAUGBwgJCgsMDQ4PEA'
/** Wall clock of tests, just after the sample records' times. */
export const NOW_MS = 1_700_000_100_000

export class TestClock implements Clock {
  wall = NOW_MS
  monotonic = 5_000
  wallMs(): number {
    return this.wall
  }
  monotonicMs(): number {
    return this.monotonic
  }
  pass(ms: number): void {
    this.wall += ms
    this.monotonic += ms
  }
}

/** Small segments and indexes, so that little data shows every rule. */
export const SMALL: LogOptions = {
  ...DEFAULT_LOG_OPTIONS,
  segmentBytes: 2_000,
  indexIntervalBytes: 300,
  segmentIndexBytes: 4_096,
  retentionMs: -1,
  producerIdExpirationMs: Number.MAX_SAFE_INTEGER,
}

export function logParameters(
  disk: Disk,
  options: Partial<LogOptions> = {},
  more: Partial<LogParameters> = {},
): LogParameters {
  return {
    disk,
    dir: LOG_DIR,
    topicPartition: 'orders-0',
    topicId: TOPIC_ID,
    logStartOffset: 0,
    clock: new TestClock(),
    random: seededRandom(7),
    logger: silentLogger,
    options: { ...SMALL, ...options },
    ...more,
  }
}

export async function openLog(
  disk: Disk,
  options: Partial<LogOptions> = {},
  more: Partial<LogParameters> = {},
): Promise<Log> {
  return await Log.open(logParameters(disk, options, more))
}

/** Recovers as a start after a crash does. */
export function recover(disk: Disk, more: Partial<RecoveryOptions> = {}) {
  return recoverLog(disk, LOG_DIR, {
    recoveryPoint: 0,
    logStartOffset: 0,
    indexIntervalBytes: SMALL.indexIntervalBytes,
    segmentIndexBytes: SMALL.segmentIndexBytes,
    producerIdExpirationMs: Number.MAX_SAFE_INTEGER,
    nowMs: NOW_MS,
    logger: silentLogger,
    ...more,
  })
}

/** A batch of `count` small records whose bytes depend on `label`. */
export function labelled(label: string, count = 1, more: Partial<BatchToWrite> = {}): Buffer {
  return buildBatch({
    records: Array.from({ length: count }, (_, index) => ({
      key: null,
      value: Buffer.from(`${label}/${index}`),
      timestamp: NOW_MS,
    })),
    ...more,
  })
}

export const CLIENT = { kind: 'client', leaderEpoch: 0, appendTimeMs: NOW_MS } as const

/** Appends and writes one batch; returns its base offset. */
export function put(log: Log, batch: Buffer, leaderEpoch = 0): number {
  const { errorCode, baseOffset } = log.append(batch, { ...CLIENT, leaderEpoch })
  if (errorCode !== 0) throw new Error(`refused with ${errorCode}`)
  log.writeStaged()
  return baseOffset
}

export interface ReadBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly leaderEpoch: number
  /** The whole batch, its own copy. */
  readonly bytes: Buffer
}

export function splitBatches(bytes: Buffer): ReadBatch[] {
  const batches: ReadBatch[] = []
  for (let at = 0; at < bytes.length; at += batchSizeInBytes(bytes, at))
    batches.push({
      baseOffset: batchBaseOffset(bytes, at),
      lastOffset: batchLastOffset(bytes, at),
      leaderEpoch: batchLeaderEpoch(bytes, at),
      bytes: Buffer.from(bytes.subarray(at, at + batchSizeInBytes(bytes, at))),
    })
  return batches
}

/** All batches from `offset` on, as a consumer fetches them. */
export async function readAll(
  log: Log,
  offset = log.logStartOffset,
  maxBytes = 1_000,
  how: 'read' | 'readAsync' = 'read',
): Promise<ReadBatch[]> {
  const batches: ReadBatch[] = []
  let next = offset
  for (;;) {
    const slice = await log[how](next, maxBytes, log.logEndOffset, true)
    if (slice.errorCode !== 0) throw new Error(`read answered ${slice.errorCode}`)
    if (slice.length === 0 || slice.file === null) return batches
    const bytes = Buffer.alloc(slice.length)
    slice.file.readSync(bytes, slice.position)
    slice.lease.release()
    const found = splitBatches(bytes)
    batches.push(...found)
    next = found.at(-1)!.lastOffset + 1
  }
}

/** The folder's problems, none when all is well. */
export async function problemsOf(
  disk: Disk,
  options: Partial<CheckOptions> = {},
): Promise<readonly string[]> {
  const { indexIntervalBytes } = SMALL
  return (await checkLog(disk, LOG_DIR, { indexIntervalBytes, ...options })).problems
}
