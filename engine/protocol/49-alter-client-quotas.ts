/**
 * AlterClientQuotas, v0–1. Sets and removes quotas (KIP-546). v1 flexible.
 */
import {
  bool,
  float64,
  type Infer,
  int16,
  int32,
  message,
  string,
  structs,
} from '../schema/fields.ts'

export const AlterClientQuotasRequest = message(
  49,
  'AlterClientQuotasRequest',
  { versions: [0, 1], flexible: 1 },
  {
    entries: structs({
      entity: structs({
        entityType: string,
        /** Null for the default entity. */
        entityName: string.nullable(),
      }),
      ops: structs({
        key: string,
        value: float64,
        /** True removes the setting, false sets it. */
        remove: bool,
      }),
    }),
    /** True: answer as if, change nothing. */
    validateOnly: bool,
  },
)
export type AlterClientQuotasRequest = Infer<typeof AlterClientQuotasRequest>

export const AlterClientQuotasResponse = message(
  49,
  'AlterClientQuotasResponse',
  { versions: [0, 1], flexible: 1 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    entries: structs({
      errorCode: int16,
      /** Text for people; null without an error. */
      errorMessage: string.nullable(),
      entity: structs({
        entityType: string,
        /** Null for the default entity. */
        entityName: string.nullable(),
      }),
    }),
  },
)
export type AlterClientQuotasResponse = Infer<typeof AlterClientQuotasResponse>
