/**
 * DescribeClientQuotas, v0–1. Quotas that match a filter (KIP-546). v1 flexible.
 */
import {
  bool,
  float64,
  type Infer,
  int8,
  int16,
  int32,
  message,
  string,
  structs,
} from '../schema/fields.ts'

export const DescribeClientQuotasRequest = message(
  48,
  'DescribeClientQuotasRequest',
  { versions: [0, 1], flexible: 1 },
  {
    components: structs({
      /** `user`, `client-id` or `ip`. */
      entityType: string,
      /** 0 exact name, 1 the default entity, 2 any name. */
      matchType: int8,
      match: string.nullable(),
    }),
    /** True: entities with further components do not match. */
    strict: bool,
  },
)
export type DescribeClientQuotasRequest = Infer<typeof DescribeClientQuotasRequest>

export const DescribeClientQuotasResponse = message(
  48,
  'DescribeClientQuotasResponse',
  { versions: [0, 1], flexible: 1 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    errorCode: int16,
    /** Text for people; null without an error. */
    errorMessage: string.nullable(),
    /** Null beside an error. */
    entries: structs({
      entity: structs({
        entityType: string,
        /** Null for the default entity. */
        entityName: string.nullable(),
      }),
      values: structs({
        /** `producer_byte_rate` and the like. */
        key: string,
        value: float64,
      }),
    }).nullable(),
  },
)
export type DescribeClientQuotasResponse = Infer<typeof DescribeClientQuotasResponse>
