/**
 * DescribeCluster, v0–2. Brokers and controller of the cluster (KIP-700). v1 endpoint type
 * (KIP-919), v2 fenced brokers (KIP-1073).
 */
import { bool, type Infer, int8, int16, int32, message, string, structs } from '../schema/fields.ts'

export const DescribeClusterRequest = message(
  60,
  'DescribeClusterRequest',
  { versions: [0, 2], flexible: 0 },
  {
    includeClusterAuthorizedOperations: bool,
    /** 1 brokers, 2 controllers. */
    endpointType: int8.since(1).default(1),
    includeFencedBrokers: bool.since(2),
  },
)
export type DescribeClusterRequest = Infer<typeof DescribeClusterRequest>

export const DescribeClusterResponse = message(
  60,
  'DescribeClusterResponse',
  { versions: [0, 2], flexible: 0 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    errorCode: int16,
    /** Text for people; null without an error. */
    errorMessage: string.nullable(),
    /** 1 brokers, 2 controllers. */
    endpointType: int8.since(1).default(1),
    clusterId: string,
    /** -1 for none. */
    controllerId: int32.default(-1),
    brokers: structs({
      brokerId: int32,
      host: string,
      port: int32,
      rack: string.nullable(),
      isFenced: bool.since(2),
    }),
    /** Bit per ACL operation the client may do; lowest int32 when not asked for. */
    clusterAuthorizedOperations: int32.default(-2147483648),
  },
)
export type DescribeClusterResponse = Infer<typeof DescribeClusterResponse>
