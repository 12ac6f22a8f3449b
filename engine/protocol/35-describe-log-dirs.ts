/**
 * DescribeLogDirs, v1–4. Log directories and the sizes of their partitions (KIP-113). v2 flexible,
 * v3 a top-level error, v4 total and usable bytes of a volume (KIP-827).
 */
import {
  array,
  bool,
  type Infer,
  int16,
  int32,
  int64,
  message,
  string,
  structs,
} from '../schema/fields.ts'

export const DescribeLogDirsRequest = message(
  35,
  'DescribeLogDirsRequest',
  { versions: [1, 4], flexible: 2 },
  {
    /** Null: all topics. */
    topics: structs({
      topic: string,
      partitions: array(int32),
    }).nullable(),
  },
)
export type DescribeLogDirsRequest = Infer<typeof DescribeLogDirsRequest>

export const DescribeLogDirsResponse = message(
  35,
  'DescribeLogDirsResponse',
  { versions: [1, 4], flexible: 2 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    errorCode: int16.since(3).ignorable(),
    results: structs({
      errorCode: int16,
      /** Absolute path. */
      logDir: string,
      topics: structs({
        name: string,
        partitions: structs({
          partitionIndex: int32,
          /** Bytes of its segments. */
          partitionSize: int64,
          /**
           * Log end offset short of the high watermark, or of the current replica for a future one.
           */
          offsetLag: int64,
          /** True while the replica is being moved here. */
          isFutureKey: bool,
        }),
      }),
      /** Of the volume; -1 for unknown. */
      totalBytes: int64.since(4).default(-1).ignorable(),
      usableBytes: int64.since(4).default(-1).ignorable(),
    }),
  },
)
export type DescribeLogDirsResponse = Infer<typeof DescribeLogDirsResponse>
