/**
 * kafka-storage by its own arguments (kafka.tools.StorageTool, 4.2): format, info, random-uuid,
 * version-mapping, feature-dependencies.
 *
 * Differs from Kafka's: folders are formatted for this broker, so no bootstrap.checkpoint is written
 * (KRaft's), and feature levels other than those a new cluster has are refused rather than recorded;
 * server.properties of the form before KRaft will do; there is no quorum, so how its first members are
 * told (--standalone and its kin) is checked as there and has no effect.
 */
import { resolve } from 'node:path'
import { loadConfig } from '../broker-config.ts'
import type { CommandIo } from '../io.ts'
import {
  type FolderState,
  folderProblem,
  folderState,
  formatFolder,
  mismatches,
  randomUuid,
} from '../storage-folders.ts'
import { type ArgumentTable, type ParsedArguments, runArguments } from './arguments.ts'
import {
  featureDependencies,
  featureNames,
  highestLevel,
  LATEST_PRODUCTION,
  METADATA_VERSION,
  metadataVersionNamed,
  metadataVersions,
  parseFeature,
  versionMapping,
} from './features.ts'
import { type Flags, KafkaToolExit } from './flags.ts'

const CONFIG = {
  name: 'config',
  short: 'c',
  kind: 'value',
  required: true,
  help: 'the server.properties of the broker',
} as const
const RELEASE = { name: 'release-version', short: 'r', kind: 'value' } as const

const TABLE: ArgumentTable = {
  name: 'kafka-storage',
  help: 'The Kafka storage tool.',
  arguments: [],
  commands: [
    { name: 'info', help: 'tell what is in the log directories', arguments: [CONFIG] },
    {
      name: 'format',
      help: 'make the log directories ready for a broker',
      arguments: [
        CONFIG,
        {
          name: 'cluster-id',
          short: 't',
          kind: 'value',
          required: true,
          help: 'the id of the cluster, as random-uuid makes one',
        },
        { name: 'add-scram', short: 'S', kind: 'list', help: 'a SCRAM credential to begin with' },
        { name: 'ignore-formatted', short: 'g', kind: 'flag', help: 'pass over formatted ones' },
        { ...RELEASE, help: `the release whose features to begin with, ${LATEST_PRODUCTION}` },
        { name: 'feature', short: 'f', kind: 'list', help: 'a feature to begin with: name=level' },
        { name: 'standalone', short: 's', kind: 'flag', help: 'a quorum of this node alone' },
        { name: 'no-initial-controllers', short: 'N', kind: 'flag', help: 'a quorum told later' },
        { name: 'initial-controllers', short: 'I', kind: 'value', help: 'the first quorum' },
      ],
      oneOf: [
        { names: ['standalone', 'no-initial-controllers', 'initial-controllers'], required: false },
      ],
    },
    {
      name: 'version-mapping',
      help: 'feature levels that belong to a release',
      arguments: [{ ...RELEASE, help: `the release, ${LATEST_PRODUCTION} when not given` }],
    },
    {
      name: 'feature-dependencies',
      help: 'what levels of features need of others',
      arguments: [
        { name: 'feature', short: 'f', kind: 'list', required: true, help: 'name=level' },
      ],
    },
    { name: 'random-uuid', help: 'make a random id', arguments: [] },
  ],
}

export function kafkaStorage(args: readonly string[], io: CommandIo): Promise<number> {
  return runArguments(TABLE, args, io, (parsed) => run(parsed, io))
}

async function run({ command, flags }: ParsedArguments, io: CommandIo): Promise<number> {
  switch (command) {
    case 'info':
      return info(await dataFolders(flags, io), io)
    case 'format':
      return format(flags, io)
    case 'version-mapping':
      io.stdout.write(versionMapping(flags.value('release-version') ?? LATEST_PRODUCTION))
      return 0
    case 'feature-dependencies':
      dependencies(flags, io)
      return 0
    default:
      io.stdout.write(`${randomUuid()}\n`)
      return 0
  }
}

interface Storage {
  readonly folders: readonly string[]
  readonly nodeId: number
  /** Options by their names, as the file has them. */
  readonly given: ReadonlyMap<string, string>
}

async function dataFolders(flags: Flags, io: CommandIo): Promise<Storage> {
  const file = flags.value('config') ?? ''
  const loaded = await loadConfig({ file: resolve(io.cwd, file), overrides: [] }, io)
  if (loaded.errors.length > 0)
    throw new KafkaToolExit(
      `The configuration cannot be used:\n  ${loaded.errors.join('\n  ')}\n` +
        `  next: correct ${file}, or name another file by --config`,
    )
  const { config } = loaded
  return {
    folders: config.dataFolders,
    nodeId: config.nodeId,
    given: config.settings,
  }
}

async function info({ folders }: Storage, io: CommandIo): Promise<number> {
  const states = await Promise.all(folders.map(folderState))
  const found = states.filter(({ kind }) => kind !== 'absent' && kind !== 'no folder')
  const problems = [...states.flatMap((state) => folderProblem(state) ?? []), ...mismatches(states)]
  section(
    io,
    'Found log director',
    ['y', 'ies'],
    found.map(({ path }) => path),
  )
  const meta = states.find((state) => state.meta !== null)?.meta
  if (meta !== undefined && meta !== null) io.stdout.write(`Found metadata: ${shown(meta)}\n\n`)
  section(io, 'Found problem', ['', 's'], problems)
  return problems.length === 0 ? 0 : 1
}

function section(
  io: CommandIo,
  title: string,
  [one, many]: readonly [string, string],
  lines: readonly string[],
): void {
  if (lines.length === 0) return
  const ending = lines.length === 1 ? one : many
  io.stdout.write(`${title}${ending}:\n${lines.map((line) => `  ${line}\n`).join('')}\n`)
}

function shown(meta: NonNullable<FolderState['meta']>): string {
  const fields = [`cluster.id=${meta.clusterId}`]
  if (meta.directoryId !== null) fields.push(`directory.id=${meta.directoryId}`)
  fields.push(`${meta.version === 0 ? 'broker' : 'node'}.id=${meta.nodeId}`)
  return `{${[...fields, `version=${meta.version}`].sort().join(', ')}}`
}

async function format(flags: Flags, io: CommandIo): Promise<number> {
  const storage = await dataFolders(flags, io)
  const release = checkLevels(flags)
  checkQuorum(flags, storage)
  if (flags.has('add-scram'))
    throw new KafkaToolExit(
      '--add-scram: this broker keeps no users in its folders before it runs\n' +
        '  next: leave it out, start the broker, and add the user then',
    )
  const clusterId = flags.value('cluster-id') ?? ''
  if (!/^[A-Za-z0-9_-]+$/.test(clusterId))
    throw new KafkaToolExit(
      `Cluster id '${clusterId}': an id has letters, digits, _ and - only\n` +
        '  next: make one by kafka-storage random-uuid',
    )
  const states = await Promise.all(storage.folders.map(folderState))
  for (const { path, kind, meta } of states) {
    if (kind === 'no folder') throw new KafkaToolExit(`${path} is not a directory`)
    if (meta !== null && meta.clusterId !== clusterId)
      throw new KafkaToolExit(
        `Invalid cluster.id in: ${path}/meta.properties. Expected ${clusterId}, but read ` +
          `${meta.clusterId}`,
      )
    if (kind !== 'absent' && kind !== 'not formatted' && !flags.has('ignore-formatted'))
      throw new KafkaToolExit(
        `Log directory ${path} is already formatted. Use --ignore-formatted to ignore this ` +
          'directory and format the others.',
      )
  }
  return formatAll(states, { clusterId, nodeId: storage.nodeId }, release, io)
}

async function formatAll(
  states: readonly FolderState[],
  owner: { readonly clusterId: string; readonly nodeId: number },
  release: string,
  io: CommandIo,
): Promise<number> {
  const fresh = states.filter(({ kind }) => kind === 'absent' || kind === 'not formatted')
  if (fresh.length === 0) io.stdout.write('All of the log directories are already formatted.\n')
  for (const { path } of fresh) {
    const kind = path === states[0]?.path ? 'metadata' : 'data'
    io.stdout.write(`Formatting ${kind} directory ${path} with metadata.version ${release}.\n`)
    try {
      await formatFolder(path, owner)
    } catch (error) {
      throw new KafkaToolExit(
        `${path} cannot be formatted: ${error instanceof Error ? error.message : String(error)}\n` +
          '  next: see that this user may write there, or set log.dirs to another folder',
      )
    }
  }
  return 0
}

/** A new cluster has the highest levels; the wish for others is refused, not forgotten. */
function checkLevels(flags: Flags): string {
  const wanted = flags.list('feature').map(parseFeature)
  const supported = metadataVersions.filter(({ name }) => name <= LATEST_PRODUCTION)
  const release = flags.value('release-version')
  const version = metadataVersionNamed(release ?? LATEST_PRODUCTION, supported)
  if (release !== undefined && wanted.some(([feature]) => feature === METADATA_VERSION))
    throw new KafkaToolExit(
      'Use --release-version instead of --feature metadata.version=X to avoid ambiguity.',
    )
  for (const [feature, level] of wanted) {
    const highest = feature === METADATA_VERSION ? version.level : highestLevel(feature)
    if (highest === null)
      throw new KafkaToolExit(
        `Unsupported feature: ${feature}. Supported features are: ` +
          [...featureNames].sort().join(', '),
      )
    if (level !== highest)
      throw new KafkaToolExit(
        `--feature ${feature}=${level}: a new cluster begins with ${feature}=${highest} here\n` +
          '  next: leave it out, start the broker, and set the level by kafka-features',
      )
  }
  if (version.name !== LATEST_PRODUCTION)
    throw new KafkaToolExit(
      `--release-version ${release}: a new cluster begins with ${LATEST_PRODUCTION} here\n` +
        '  next: leave it out, start the broker, and set the level by kafka-features downgrade',
    )
  return version.name
}

/** Kafka's rules for naming the first members of a quorum. */
function checkQuorum(flags: Flags, { given }: Storage): void {
  const told = ['standalone', 'initial-controllers', 'no-initial-controllers'].some((name) =>
    flags.has(name),
  )
  const voters = (given.get('controller.quorum.voters') ?? '') !== ''
  const controller = (given.get('process.roles') ?? '')
    .split(',')
    .some((role) => role.trim() === 'controller')
  if (voters && (flags.has('standalone') || flags.has('initial-controllers')))
    throw new KafkaToolExit(
      'You cannot specify controller.quorum.voters and format the node with ' +
        '--initial-controllers or --standalone. If you want to use dynamic quorum, please remove ' +
        'controller.quorum.voters and specify controller.quorum.bootstrap.servers instead.',
    )
  if (flags.has('standalone') && !controller && given.has('process.roles'))
    throw new KafkaToolExit('You can only use --standalone on a controller.')
  if (!voters && !told && controller)
    throw new KafkaToolExit(
      'Because controller.quorum.voters is not set on this controller, you must specify one of the ' +
        'following: --standalone, --initial-controllers, or --no-initial-controllers.',
    )
}

function dependencies(flags: Flags, io: CommandIo): void {
  const features = flags.list('feature').map((text): [string, number] => {
    const [feature = '', level, ...rest] = text.split('=')
    if (level === undefined || rest.length > 0)
      throw new KafkaToolExit(
        `Invalid feature format: ${text}. Expected format: 'feature=version' (e.g. 'group.version=1')`,
      )
    if (!/^-?\d{1,5}$/.test(level))
      throw new KafkaToolExit(`Invalid version format: ${level} for feature ${feature}`)
    return [feature, Number(level)]
  })
  featureDependencies(
    features,
    (line) => io.stdout.write(line),
    (feature, level) => `Feature level ${level} is not supported for feature ${feature}`,
  )
}
