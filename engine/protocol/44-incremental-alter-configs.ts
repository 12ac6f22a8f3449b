/**
 * IncrementalAlterConfigs, v0–1. Sets, deletes, appends to and subtracts from single settings
 * (KIP-339). v1 flexible.
 */
import { bool, type Infer, int8, int16, int32, message, string, structs } from '../schema/fields.ts'

export const IncrementalAlterConfigsRequest = message(
  44,
  'IncrementalAlterConfigsRequest',
  { versions: [0, 1], flexible: 1 },
  {
    resources: structs({
      /** 2 topic, 4 broker, 8 broker logger, 16 client metrics, 32 group. */
      resourceType: int8,
      resourceName: string,
      configs: structs({
        name: string,
        /** 0 set, 1 delete, 2 append, 3 subtract. */
        configOperation: int8,
        value: string.nullable(),
      }),
    }),
    /** True: answer as if, change nothing. */
    validateOnly: bool,
  },
)
export type IncrementalAlterConfigsRequest = Infer<typeof IncrementalAlterConfigsRequest>

export const IncrementalAlterConfigsResponse = message(
  44,
  'IncrementalAlterConfigsResponse',
  { versions: [0, 1], flexible: 1 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    responses: structs({
      errorCode: int16,
      /** Text for people; null without an error. */
      errorMessage: string.nullable(),
      resourceType: int8,
      resourceName: string,
    }),
  },
)
export type IncrementalAlterConfigsResponse = Infer<typeof IncrementalAlterConfigsResponse>
