/**
 * Control batches: one record that ends a producer's transaction in a partition
 * (org.apache.kafka.common.record.ControlRecordType, EndTransactionMarker).
 *
 *   key:   version int16 (0) · type int16 (0 abort, 1 commit; 2-7 belong to KRaft)
 *   value: version int16 (0) · coordinatorEpoch int32
 *
 * The batch has the control and transactional bits, producer id and epoch, and sequence -1.
 */
import { buildBatch } from './build.ts'
import { openBatch, RecordCursor, recordKey, recordValue } from './iterate.ts'

export const ControlType = { abort: 0, commit: 1 } as const

export interface EndTransactionMarker {
  readonly type: 'commit' | 'abort'
  readonly coordinatorEpoch: number
}

const KEY_BYTES = 4
const VALUE_BYTES = 6
const PLAIN_BATCH_BYTES_MAX = 1024

/** One whole control batch; base offset and leader epoch are patched on append. */
export function buildEndTransactionMarker(marker: {
  readonly type: 'commit' | 'abort'
  readonly producerId: number
  readonly producerEpoch: number
  readonly coordinatorEpoch: number
  /** Wall clock, as Kafka does. */
  readonly timestamp: number
  readonly baseOffset?: number
  readonly leaderEpoch?: number
}): Buffer {
  const { type, producerId, producerEpoch, coordinatorEpoch, timestamp } = marker
  const key = Buffer.alloc(KEY_BYTES)
  key.writeInt16BE(ControlType[type], 2)
  const value = Buffer.alloc(VALUE_BYTES)
  value.writeInt32BE(coordinatorEpoch, 2)
  return buildBatch({
    records: [{ key, value, timestamp }],
    baseOffset: marker.baseOffset ?? 0,
    leaderEpoch: marker.leaderEpoch ?? -1,
    producerId,
    producerEpoch,
    isTransactional: true,
    isControl: true,
  })
}

/**
 * The marker in the control batch at `at`; null when the batch is empty (compacted away), of
 * another type, or not readable as one.
 */
export function readEndTransactionMarker(batch: Buffer, at = 0): EndTransactionMarker | null {
  const cursor = new RecordCursor()
  openBatch(cursor, batch, at, PLAIN_BATCH_BYTES_MAX)
  if (!cursor.next()) return null
  const key = recordKey(cursor)
  const value = recordValue(cursor)
  if (key === null || key.length < KEY_BYTES || value === null || value.length < VALUE_BYTES)
    return null
  const type = key.readInt16BE(2)
  if (type !== ControlType.abort && type !== ControlType.commit) return null
  return {
    type: type === ControlType.commit ? 'commit' : 'abort',
    coordinatorEpoch: value.readInt32BE(2),
  }
}
