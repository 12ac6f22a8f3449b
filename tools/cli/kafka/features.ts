/**
 * Levels of Kafka's features by release (MetadataVersion and Feature, 4.2), as `kafka-storage` and
 * `kafka-features` tell them. Recorded from Kafka 4.2's own `version-mapping`.
 */
import { KafkaToolExit } from './flags.ts'

export interface MetadataVersion {
  readonly level: number
  readonly name: string
}

/** Level 7 is the first that 4.2 knows; the last one is not for production yet. */
const FIRST_LEVEL = 7
const NAMES = [
  '3.3-IV3',
  '3.4-IV0',
  '3.5-IV0',
  '3.5-IV1',
  '3.5-IV2',
  '3.6-IV0',
  '3.6-IV1',
  '3.6-IV2',
  '3.7-IV0',
  '3.7-IV1',
  '3.7-IV2',
  '3.7-IV3',
  '3.7-IV4',
  '3.8-IV0',
  '3.9-IV0',
  '4.0-IV0',
  '4.0-IV1',
  '4.0-IV2',
  '4.0-IV3',
  '4.1-IV0',
  '4.1-IV1',
  '4.2-IV0',
  '4.2-IV1',
  '4.3-IV0',
] as const

export const LATEST_PRODUCTION = '4.2-IV1'
export const METADATA_VERSION = 'metadata.version'

export const metadataVersions: readonly MetadataVersion[] = NAMES.map((name, at) => ({
  level: FIRST_LEVEL + at,
  name,
}))

/** First metadata level at which a feature has level 1 (or the one named) when a release is chosen. */
const SINCE: readonly (readonly [feature: string, level: number, since: string])[] = [
  ['kraft.version', 1, '3.9-IV0'],
  ['transaction.version', 2, '4.0-IV2'],
  ['group.version', 1, '4.0-IV0'],
  ['eligible.leader.replicas.version', 1, '4.1-IV0'],
  ['share.version', 1, '4.2-IV0'],
  ['streams.version', 1, '4.2-IV1'],
]

/** Features other than metadata.version, in the order they are told. */
export const featureNames: readonly string[] = SINCE.map(([feature]) => feature)

/** What a level needs of another feature. */
const DEPENDENCIES: ReadonlyMap<string, string> = new Map([
  ['eligible.leader.replicas.version=1', '4.0-IV1'],
])

export function highestLevel(feature: string): number | null {
  return SINCE.find(([name]) => name === feature)?.[1] ?? null
}

export function metadataVersionName(level: number): string | null {
  return NAMES[level - FIRST_LEVEL] ?? null
}

/** By its name, or by a release's: that means the release's last one. */
export function metadataVersionNamed(
  text: string,
  known: readonly MetadataVersion[] = metadataVersions,
): MetadataVersion {
  const production = known.filter(({ name }) => levelOf(name) <= levelOf(LATEST_PRODUCTION))
  const found =
    known.find(({ name }) => name === text) ??
    production.findLast(({ name }) => name.startsWith(`${text}-`))
  if (found !== undefined) return found
  throw new KafkaToolExit(
    `Unknown metadata.version '${text}'. Supported metadata.version are: ` +
      known.map(({ name }) => name).join(', '),
  )
}

function levelOf(name: string): number {
  return FIRST_LEVEL + (NAMES as readonly string[]).indexOf(name)
}

/** Levels that a release brings, metadata.version first. */
export function releaseLevels(version: MetadataVersion): [feature: string, level: number][] {
  return [
    [METADATA_VERSION, version.level],
    ...SINCE.map(([feature, level, since]): [string, number] => [
      feature,
      version.level >= levelOf(since) ? level : 0,
    ]),
  ]
}

/** Lines of `version-mapping`. */
export function versionMapping(release: string): string {
  const version = metadataVersionNamed(release)
  return releaseLevels(version)
    .map(([name, level]) =>
      name === METADATA_VERSION ? `${name}=${level} (${release})\n` : `${name}=${level}\n`,
    )
    .join('')
}

/** `feature=level`, in the words of both tools. */
export function parseFeature(text: string): [feature: string, level: number] {
  const at = text.indexOf('=')
  if (at < 0)
    throw new KafkaToolExit(`Can't parse feature=level string ${text}: equals sign not found.`)
  const level = text.slice(at + 1).trim()
  if (!/^-?\d{1,5}$/.test(level))
    throw new KafkaToolExit(
      `Can't parse feature=level string ${text}: unable to parse ${level} as a short.`,
    )
  return [text.slice(0, at).trim(), Number(level)]
}

/** Lines of `feature-dependencies`, told up to one that is wrong; `unsupported` words that. */
export function featureDependencies(
  features: readonly (readonly [feature: string, level: number])[],
  write: (line: string) => void,
  unsupported: (feature: string, level: number) => string,
): void {
  for (const [feature, level] of features) {
    if (feature === METADATA_VERSION) {
      const name = metadataVersionName(level)
      if (name === null) throw new KafkaToolExit(`Unknown metadata.version ${level}`)
      write(`${feature}=${level} (${name}) has no dependencies.\n`)
      continue
    }
    const highest = highestLevel(feature)
    if (highest === null) throw new KafkaToolExit(`Unknown feature: ${feature}`)
    if (level < 0 || level > highest) throw new KafkaToolExit(unsupported(feature, level))
    const needs = DEPENDENCIES.get(`${feature}=${level}`)
    write(
      needs === undefined
        ? `${feature}=${level} has no dependencies.\n`
        : `${feature}=${level} requires:\n    ${METADATA_VERSION}=${levelOf(needs)} (${needs})\n`,
    )
  }
}
