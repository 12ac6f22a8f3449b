/**
 * The coordinators' view of their shard: appends, loads and timers of the internal partitions that this
 * shard owns. The machines themselves live in engine/coordinator and know none of this.
 */
import { assert } from './base/assert.ts'
import type { ErrorCode } from './base/errors.ts'
import { ErrorCode as Code } from './base/errors.ts'
import type { Random } from './base/random.ts'
import type {
  BatchOrigin,
  CoordinatorHost,
  CoordinatorRecord,
  TimerHandle,
} from './coordinator/state-machine.ts'
import type { Partition } from './partition/partition.ts'
import {
  BATCH_HEADER_BYTES,
  batchAttributes,
  batchProducerEpoch,
  batchProducerId,
  batchSizeInBytes,
  isControl,
  isTransactional,
} from './record/batch.ts'
import { buildBatch } from './record/build.ts'
import { readRecords } from './record/iterate.ts'
import type { Shard } from './shard.ts'

export const OFFSETS_TOPIC = '__consumer_offsets'

/** Read per step while loading; one batch may be larger. */
const LOAD_BYTES = 1024 * 1024

/** The host of one internal topic's coordinator. `partitionOf` finds the log behind its partitions. */
export function coordinatorHost(
  shard: Shard,
  random: Random,
  partitionOf: (index: number) => Partition | undefined,
): CoordinatorHost {
  return {
    clock: shard.clock,
    random,
    logger: shard.logger,
    image: () => shard.image,
    append: (index, records, done) => {
      const partition = partitionOf(index)
      if (partition === undefined) done(Code.NOT_LEADER_OR_FOLLOWER)
      else appendRecords(shard, partition, records, done)
    },
    load: async (index, onRecord) => {
      const partition = partitionOf(index)
      assert(partition !== undefined, `internal partition ${index} is loaded where it is owned`)
      await loadRecords(partition, onRecord)
    },
    schedule: (delayMs, run): TimerHandle =>
      shard.timers.schedule(shard.clock.monotonicMs() + delayMs, run),
  }
}

function appendRecords(
  shard: Shard,
  partition: Partition,
  records: readonly CoordinatorRecord[],
  done: (errorCode: ErrorCode) => void,
): void {
  const timestamp = shard.clock.wallMs()
  const batch = buildBatch({
    records: records.map(({ key, value }) => ({ key, value, timestamp })),
  })
  shard.appendInternal(partition, batch, (errorCode) => done(errorCode))
}

/** Hands over every visible record in offset order, reading through the pool. */
async function loadRecords(
  partition: Partition,
  onRecord: (key: Buffer | null, value: Buffer | null, offset: number, batch: BatchOrigin) => void,
): Promise<void> {
  const { log } = partition
  let offset = log.logStartOffset
  const end = partition.highWatermark
  while (offset < end) {
    const slice = await log.readAsync(offset, LOAD_BYTES, end, true)
    if (slice.length === 0 || slice.file === null) return
    const bytes = Buffer.allocUnsafe(slice.length)
    try {
      let filled = 0
      while (filled < bytes.length) {
        const size = await slice.file.read(bytes.subarray(filled), slice.position + filled)
        assert(size > 0, `${partition.name} ended ${bytes.length - filled} bytes early`)
        filled += size
      }
    } finally {
      slice.lease.release()
    }
    for (let at = 0; at + BATCH_HEADER_BYTES <= bytes.length; at += batchSizeInBytes(bytes, at)) {
      const attributes = batchAttributes(bytes, at)
      const origin: BatchOrigin = {
        producerId: batchProducerId(bytes, at),
        producerEpoch: batchProducerEpoch(bytes, at),
        isTransactional: isTransactional(attributes),
        isControl: isControl(attributes),
      }
      for (const record of readRecords(bytes, at))
        if (record.offset >= offset && record.offset < end)
          onRecord(record.key, record.value, record.offset, origin)
    }
    offset = slice.endOffset
  }
}
