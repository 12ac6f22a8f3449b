/**
 * Features of the cluster (KIP-584): what clients may rely on, each with a finalized level between the
 * versions supported here; level 0 is off. A new cluster has the highest levels, as Kafka's format tool
 * sets them; others are stored (see cluster-state.ts).
 *
 *   metadata.version  29 is 4.2-IV1, the level whose requests and record formats we follow; 7 the oldest
 *                     a 4.x broker supports. Nothing is kept in a format that depends on it.
 *   group.version     1 is the consumer group protocol of KIP-848; at 0 its requests are refused
 */
import type { MetadataImage } from './image.ts'

export interface SupportedFeature {
  readonly name: string
  readonly minVersion: number
  readonly maxVersion: number
}

export const METADATA_VERSION = 'metadata.version'
export const GROUP_VERSION = 'group.version'

export const supportedFeatures: readonly SupportedFeature[] = [
  { name: METADATA_VERSION, minVersion: 7, maxVersion: 29 },
  { name: GROUP_VERSION, minVersion: 0, maxVersion: 1 },
]

/** The finalized level; 0 for a feature that is off or not known. */
export function featureLevel(
  image: Pick<MetadataImage, 'features'>,
  name: string,
  supported = supportedFeatures,
): number {
  const stored = image.features.get(name)
  if (stored !== undefined) return stored
  return supported.find((feature) => feature.name === name)?.maxVersion ?? 0
}
