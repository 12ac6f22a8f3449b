/**
 * AlterReplicaLogDirs, v1–2. Moves replicas between log directories of a broker (KIP-113). v2
 * flexible.
 */
import { array, type Infer, int16, int32, message, string, structs } from '../schema/fields.ts'

export const AlterReplicaLogDirsRequest = message(
  34,
  'AlterReplicaLogDirsRequest',
  { versions: [1, 2], flexible: 2 },
  {
    dirs: structs({
      path: string,
      topics: structs({
        name: string,
        partitions: array(int32),
      }),
    }),
  },
)
export type AlterReplicaLogDirsRequest = Infer<typeof AlterReplicaLogDirsRequest>

export const AlterReplicaLogDirsResponse = message(
  34,
  'AlterReplicaLogDirsResponse',
  { versions: [1, 2], flexible: 2 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    results: structs({
      topicName: string,
      partitions: structs({
        partitionIndex: int32,
        errorCode: int16,
      }),
    }),
  },
)
export type AlterReplicaLogDirsResponse = Infer<typeof AlterReplicaLogDirsResponse>
