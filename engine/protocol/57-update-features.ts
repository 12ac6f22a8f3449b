/**
 * UpdateFeatures, v0–2. Raises or lowers finalized feature levels (KIP-584). v1 upgrade types and
 * validateOnly (KIP-778), v2 without results per feature (KIP-1022).
 */
import { bool, type Infer, int8, int16, int32, message, string, structs } from '../schema/fields.ts'

export const UpdateFeaturesRequest = message(
  57,
  'UpdateFeaturesRequest',
  { versions: [0, 2], flexible: 0 },
  {
    /** Longest wait for the change to take effect, in milliseconds. */
    timeoutMs: int32.default(60000),
    featureUpdates: structs({
      feature: string,
      /** New level, 0 or less removes the feature. */
      maxVersionLevel: int16,
      allowDowngrade: bool.until(0),
      /** 1 upgrade, 2 safe downgrade, 3 unsafe downgrade. */
      upgradeType: int8.since(1).default(1),
    }),
    /** True: answer as if, change nothing. */
    validateOnly: bool.since(1),
  },
)
export type UpdateFeaturesRequest = Infer<typeof UpdateFeaturesRequest>

export const UpdateFeaturesResponse = message(
  57,
  'UpdateFeaturesResponse',
  { versions: [0, 2], flexible: 0 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    errorCode: int16,
    /** Text for people; null without an error. */
    errorMessage: string.nullable(),
    results: structs({
      feature: string,
      errorCode: int16,
      errorMessage: string.nullable(),
    })
      .until(1)
      .ignorable(),
  },
)
export type UpdateFeaturesResponse = Infer<typeof UpdateFeaturesResponse>
