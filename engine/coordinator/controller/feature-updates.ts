/**
 * May these features get these levels? All or none, with Kafka's checks in Kafka's words
 * (FeatureControlManager, 4.2; KIP-584, KIP-778).
 */
import { ErrorCode } from '../../base/errors.ts'
import {
  featureLevel,
  METADATA_VERSION,
  type SupportedFeature,
  supportedFeatures,
} from '../../metadata/features.ts'
import type { MetadataImage } from '../../metadata/image.ts'
import type { UpdateFeaturesRequest } from '../../protocol/57-update-features.ts'
import { type Refusal, refusal } from './refusal.ts'

type FeatureLevels = Pick<MetadataImage, 'brokerId' | 'features'>
type Update = UpdateFeaturesRequest['featureUpdates'][number]

export const UpgradeType = { upgrade: 1, safeDowngrade: 2, unsafeDowngrade: 3 } as const

/** 4.0-IV1, the last level that changed what is stored. */
const METADATA_LEVEL_MIN = 23

/** The levels that change, or why none does. Of a feature named twice the last update counts. */
export function planFeatureUpdates(
  updates: readonly Update[],
  image: FeatureLevels,
  supported = supportedFeatures,
): ReadonlyMap<string, number> | Refusal {
  const last = new Map(updates.map((update) => [update.feature, update]))
  const levels = new Map<string, number>()
  for (const update of last.values()) {
    const problem = updateProblem(update, image, supported)
    if (problem !== null)
      return refusal(
        ErrorCode.INVALID_UPDATE_VERSION,
        `The update failed for all features since the following feature had an error: ${problem}`,
      )
    if (update.maxVersionLevel !== featureLevel(image, update.feature, supported))
      levels.set(update.feature, update.maxVersionLevel)
  }
  return levels
}

function updateProblem(
  update: Update,
  image: FeatureLevels,
  supported: readonly SupportedFeature[],
): string | null {
  const { feature, maxVersionLevel: level } = update
  const upgradeType = upgradeTypeOf(update)
  const wrong = (reason: string) =>
    `Invalid update version ${level} for feature ${feature}. ${reason}`
  const types: readonly number[] = Object.values(UpgradeType)
  if (!types.includes(upgradeType))
    return wrong('The controller does not support the given upgrade type.')
  if (level < 0) return wrong('A feature version cannot be less than 0.')
  const known = supported.find(({ name }) => name === feature)
  if (known === undefined)
    return wrong(`Local controller ${image.brokerId} does not support this feature.`)
  if (level < known.minVersion || level > known.maxVersion)
    return wrong(
      `Local controller ${image.brokerId} only supports versions ` +
        `${known.minVersion}-${known.maxVersion}`,
    )
  const current = featureLevel(image, feature, supported)
  if (level < current && upgradeType === UpgradeType.upgrade)
    return wrong(
      "Can't downgrade the version of this feature without setting the upgrade type to either " +
        'safe or unsafe downgrade.',
    )
  if (level > current && upgradeType !== UpgradeType.upgrade)
    return wrong("Can't downgrade to a newer version.")
  if (feature !== METADATA_VERSION || level >= Math.min(METADATA_LEVEL_MIN, current)) return null
  return (
    `Unsupported metadata.version downgrade from ${current} to ${level}. ` +
    (upgradeType === UpgradeType.safeDowngrade
      ? 'Refusing to perform the requested downgrade because it might delete metadata information.'
      : 'Unsafe metadata downgrade is not supported in this version.')
  )
}

/** Version 0 of the request only says whether a downgrade is allowed. */
function upgradeTypeOf({ allowDowngrade, upgradeType }: Update): number {
  return allowDowngrade ? UpgradeType.safeDowngrade : upgradeType
}
