/** What every batch costs: its sum, its header read and patched, varints, a walk over its records. */
import { crc32c } from '../../engine/base/crc32c.ts'
import {
  batchBaseSequence,
  batchLastOffset,
  batchProducerId,
  batchSizeInBytes,
  setBaseOffset,
  setLeaderEpoch,
} from '../../engine/record/batch.ts'
import { buildBatch } from '../../engine/record/build.ts'
import { openBatch, RecordCursor } from '../../engine/record/iterate.ts'
import { VarintReader, writeVarint } from '../../engine/record/varint.ts'
import { type MicroTask, task } from './micro-task.ts'

const CRC_SIZES = [100, 1_024, 16_384, 65_536, 1_048_576]
const RECORDS = 100
const TIME = 1_700_000_000_000

export function recordTasks(): MicroTask[] {
  const bytes = Buffer.from(new SharedArrayBuffer(CRC_SIZES.at(-1)! + 64))
  for (let at = 0; at < bytes.length; at++) bytes[at] = (at * 131) >> 3
  const record = { key: null, value: bytes.subarray(0, 100), timestamp: TIME }
  const batch = buildBatch({ records: Array.from({ length: RECORDS }, () => record) })
  const varints = Buffer.alloc(8 * RECORDS)
  const reader = new VarintReader()
  const cursor = new RecordCursor()
  return [
    ...CRC_SIZES.map((size) =>
      task(`crc ${size} B`, Math.max(1, Math.floor(200_000 / size)), (call) =>
        crc32c(bytes, call & 31, (call & 31) + size),
      ),
    ),
    task(
      'batch header read',
      500,
      () =>
        batchSizeInBytes(batch, 0) +
        batchLastOffset(batch, 0) +
        batchProducerId(batch, 0) +
        batchBaseSequence(batch, 0),
    ),
    task('batch header patch', 500, (call) => {
      setBaseOffset(batch, 0, call)
      setLeaderEpoch(batch, 0, call)
      return 0
    }),
    task('varints written', 500, (call) => writeVarint(varints, 0, call * 77)),
    task('varints read', 500, () => {
      reader.reset(varints, 0, 8)
      return reader.varint()
    }),
    task(`record walk of ${RECORDS}`, 5, () => {
      openBatch(cursor, batch, 0, batch.length)
      let seen = 0
      while (cursor.next()) seen += cursor.valueBytes
      return seen
    }),
  ]
}
