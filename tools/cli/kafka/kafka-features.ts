/** kafka-features by its own arguments (org.apache.kafka.tools.FeatureCommand, 4.2). */
import type { Client } from '../../../net/client/client.ts'
import { describeFeatures, UpgradeType, updateFeatures } from '../cluster-admin.ts'
import type { CommandIo } from '../io.ts'
import {
  BOOTSTRAP_CONTROLLER,
  BOOTSTRAP_SERVER,
  COMMAND_CONFIG,
  CONNECT_ONE_OF,
  withAdminClient,
} from './admin-client.ts'
import {
  type Argument,
  type ArgumentTable,
  type ParsedArguments,
  runArguments,
} from './arguments.ts'
import {
  featureDependencies,
  LATEST_PRODUCTION,
  METADATA_VERSION,
  metadataVersionName,
  metadataVersionNamed,
  parseFeature,
  releaseLevels,
  versionMapping,
} from './features.ts'
import { type Flags, KafkaToolExit } from './flags.ts'

const FEATURE: Argument = { name: 'feature', kind: 'list', help: 'a feature: name=level' }
const RELEASE: Argument = {
  name: 'release-version',
  kind: 'value',
  help: 'the levels of a release',
}
const METADATA: Argument = {
  name: 'metadata',
  kind: 'value',
  help: '(deprecated) metadata.version',
}
const DRY_RUN: Argument = { name: 'dry-run', kind: 'flag', help: 'change nothing' }
const UNSAFE: Argument = { name: 'unsafe', kind: 'flag', help: 'even if metadata is lost by it' }

const TABLE: ArgumentTable = {
  name: 'kafka-features',
  help: 'This tool manages feature flags in Kafka.',
  arguments: [COMMAND_CONFIG, BOOTSTRAP_SERVER, BOOTSTRAP_CONTROLLER],
  oneOf: [CONNECT_ONE_OF],
  commands: [
    { name: 'describe', help: 'tell the features and their levels', arguments: [] },
    {
      name: 'upgrade',
      help: 'raise levels',
      arguments: [METADATA, FEATURE, RELEASE, DRY_RUN],
    },
    {
      name: 'downgrade',
      help: 'lower levels',
      arguments: [METADATA, FEATURE, RELEASE, UNSAFE, DRY_RUN],
    },
    { name: 'disable', help: 'lower levels to zero', arguments: [FEATURE, UNSAFE, DRY_RUN] },
    { name: 'version-mapping', help: 'feature levels of a release', arguments: [RELEASE] },
    {
      name: 'feature-dependencies',
      help: 'what levels of features need of others',
      arguments: [{ ...FEATURE, required: true }],
    },
  ],
}

type Change = 'upgrade' | 'downgrade' | 'disable'

export function kafkaFeatures(args: readonly string[], io: CommandIo): Promise<number> {
  return runArguments(TABLE, args, io, (parsed) => run(parsed, io))
}

async function run({ command, flags }: ParsedArguments, io: CommandIo): Promise<number> {
  switch (command) {
    case 'version-mapping':
      io.stdout.write(versionMapping(flags.value('release-version') ?? LATEST_PRODUCTION))
      return 0
    case 'feature-dependencies':
      featureDependencies(
        flags.list('feature').map(parseFeature),
        (line) => io.stdout.write(line),
        (feature, level) => `No feature:${feature} with feature level ${level}`,
      )
      return 0
    case 'describe':
      return withAdminClient(flags, io, (client) => describe(client, io))
    default: {
      const operation = command as Change
      const levels = operation === 'disable' ? toDisable(flags) : wanted(flags, operation, io)
      return withAdminClient(flags, io, (client) => change(client, flags, operation, levels, io))
    }
  }
}

async function describe(client: Client, io: CommandIo): Promise<number> {
  const { epoch, features } = await describeFeatures(client)
  for (const { name, minVersion, maxVersion, finalizedLevel } of features)
    io.stdout.write(
      `Feature: ${name}\tSupportedMinVersion: ${levelText(name, minVersion)}` +
        `\tSupportedMaxVersion: ${levelText(name, maxVersion)}` +
        `\tFinalizedVersionLevel: ${levelText(name, finalizedLevel ?? 0)}` +
        `\tEpoch: ${epoch < 0 ? '-' : epoch}\n`,
    )
  return 0
}

function levelText(feature: string, level: number): string {
  if (feature !== METADATA_VERSION) return String(level)
  return metadataVersionName(level) ?? `UNKNOWN [${level}]`
}

function wanted(flags: Flags, operation: Change, io: CommandIo): Map<string, number> {
  const levels = new Map<string, number>()
  const release = flags.value('release-version')
  if (release !== undefined) {
    if (flags.has('metadata') || flags.has('feature'))
      throw new KafkaToolExit('Can not specify `release-version` with other feature flags.')
    // Nothing is raised to zero.
    for (const [feature, level] of releaseLevels(metadataVersionNamed(release)))
      if (operation !== 'upgrade' || level > 0) levels.set(feature, level)
    return levels
  }
  const metadata = flags.value('metadata')
  if (metadata !== undefined) {
    io.stdout.write(' `metadata` flag is deprecated and may be removed in a future release.\n')
    levels.set(METADATA_VERSION, metadataVersionNamed(metadata).level)
  }
  for (const [feature, level] of flags.list('feature').map(parseFeature)) {
    if (levels.has(feature))
      throw new KafkaToolExit(`Feature ${feature} was specified more than once.`)
    levels.set(feature, level)
  }
  if (levels.size === 0)
    throw new KafkaToolExit(`You must specify at least one feature to ${operation}`)
  return levels
}

function toDisable(flags: Flags): Map<string, number> {
  const levels = new Map<string, number>()
  for (const feature of flags.list('feature')) {
    if (levels.has(feature))
      throw new KafkaToolExit(`Feature ${feature} was specified more than once.`)
    levels.set(feature, 0)
  }
  if (levels.size === 0) throw new KafkaToolExit('You must specify at least one feature to disable')
  return levels
}

async function change(
  client: Client,
  flags: Flags,
  operation: Change,
  levels: ReadonlyMap<string, number>,
  io: CommandIo,
): Promise<number> {
  const dryRun = flags.has('dry-run')
  const type = flags.has('unsafe') ? UpgradeType.unsafeDowngrade : UpgradeType.safeDowngrade
  const failures = await updateFeatures(
    client,
    levels,
    operation === 'upgrade' ? UpgradeType.upgrade : type,
    dryRun,
  )
  const done = operation === 'disable' ? 'disabled' : `${operation}d`
  for (const [feature, level] of [...levels].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const to = operation === 'disable' ? '' : ` to ${level}`
    const failure = failures.get(feature)
    if (failure === undefined)
      io.stdout.write(`${feature} ${dryRun ? 'can be' : 'was'} ${done}${to}.\n`)
    else
      io.stdout.write(`${dryRun ? 'Can' : 'Could'} not ${operation} ${feature}${to}. ${failure}\n`)
  }
  if (failures.size === 0) return 0
  throw new KafkaToolExit(`${failures.size} out of ${levels.size} operation(s) failed.`)
}
