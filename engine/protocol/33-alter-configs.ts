/**
 * AlterConfigs, v0–2. Replaces all dynamic settings of a resource (KIP-133); deprecated for
 * IncrementalAlterConfigs. v2 flexible.
 */
import { bool, type Infer, int8, int16, int32, message, string, structs } from '../schema/fields.ts'

export const AlterConfigsRequest = message(
  33,
  'AlterConfigsRequest',
  { versions: [0, 2], flexible: 2 },
  {
    resources: structs({
      /** 2 topic, 4 broker, 8 broker logger, 16 client metrics, 32 group. */
      resourceType: int8,
      resourceName: string,
      configs: structs({
        name: string,
        value: string.nullable(),
      }),
    }),
    /** True: answer as if, change nothing. */
    validateOnly: bool,
  },
)
export type AlterConfigsRequest = Infer<typeof AlterConfigsRequest>

export const AlterConfigsResponse = message(
  33,
  'AlterConfigsResponse',
  { versions: [0, 2], flexible: 2 },
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
export type AlterConfigsResponse = Infer<typeof AlterConfigsResponse>
