/**
 * ListConfigResources, v0–1. Resources that have settings. v0 client metrics only (KIP-714), v1 any
 * type (KIP-1142).
 */
import {
  array,
  type Infer,
  int8,
  int16,
  int32,
  message,
  string,
  structs,
} from '../schema/fields.ts'

export const ListConfigResourcesRequest = message(
  74,
  'ListConfigResourcesRequest',
  { versions: [0, 1], flexible: 0 },
  {
    /** Empty: every type. 2 topic, 4 broker, 8 broker logger, 16 client metrics, 32 group. */
    resourceTypes: array(int8).since(1),
  },
)
export type ListConfigResourcesRequest = Infer<typeof ListConfigResourcesRequest>

export const ListConfigResourcesResponse = message(
  74,
  'ListConfigResourcesResponse',
  { versions: [0, 1], flexible: 0 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    errorCode: int16,
    configResources: structs({
      resourceName: string,
      resourceType: int8.since(1).default(16).ignorable(),
    }),
  },
)
export type ListConfigResourcesResponse = Infer<typeof ListConfigResourcesResponse>
