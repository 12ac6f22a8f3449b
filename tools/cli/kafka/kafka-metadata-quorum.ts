/**
 * kafka-metadata-quorum by its own arguments (org.apache.kafka.tools.MetadataQuorumCommand, 4.2).
 *
 * Differs from Kafka's: of the controller that add-controller is to add nothing is read but its node
 * id and its folder's meta.properties, and its listeners.
 */
import { resolve } from 'node:path'
import {
  AddRaftVoterRequest,
  AddRaftVoterResponse,
} from '../../../engine/protocol/80-add-raft-voter.ts'
import {
  RemoveRaftVoterRequest,
  RemoveRaftVoterResponse,
} from '../../../engine/protocol/81-remove-raft-voter.ts'
import { parseAddress } from '../../../net/client/address.ts'
import type { Client } from '../../../net/client/client.ts'
import { RequestFailed } from '../../../net/client/client-errors.ts'
import { describeCluster, describeQuorum, EndpointType, type Quorum } from '../cluster-admin.ts'
import type { CommandIo } from '../io.ts'
import { folderState } from '../storage-folders.ts'
import {
  BOOTSTRAP_CONTROLLER,
  BOOTSTRAP_SERVER,
  COMMAND_CONFIG,
  CONNECT_ONE_OF,
  withAdminClient,
} from './admin-client.ts'
import { type ArgumentTable, type ParsedArguments, runArguments } from './arguments.ts'
import { type Flags, KafkaToolExit, propertiesFile } from './flags.ts'

const DRY_RUN = { name: 'dry-run', kind: 'flag', help: 'change nothing' } as const

const TABLE: ArgumentTable = {
  name: 'kafka-metadata-quorum',
  help: 'This tool describes kraft metadata quorum status.',
  arguments: [COMMAND_CONFIG, BOOTSTRAP_SERVER, BOOTSTRAP_CONTROLLER],
  oneOf: [CONNECT_ONE_OF],
  commands: [
    {
      name: 'describe',
      help: 'tell the state of the quorum',
      arguments: [
        { name: 'status', kind: 'flag', help: 'who leads, and how far all are' },
        { name: 'replication', kind: 'flag', help: 'how far each member is' },
        { name: 'human-readable', kind: 'flag', help: 'times as how long ago, not as numbers' },
      ],
    },
    { name: 'add-controller', help: 'add a controller to the quorum', arguments: [DRY_RUN] },
    {
      name: 'remove-controller',
      help: 'take a controller out of the quorum',
      arguments: [
        {
          name: 'controller-id',
          short: 'i',
          kind: 'value',
          integer: true,
          required: true,
          help: 'its node id',
        },
        {
          name: 'controller-directory-id',
          short: 'd',
          kind: 'value',
          required: true,
          help: 'the id of its metadata directory',
        },
        DRY_RUN,
      ],
    },
  ],
}

export function kafkaMetadataQuorum(args: readonly string[], io: CommandIo): Promise<number> {
  return runArguments(TABLE, args, io, (parsed) => run(parsed, io))
}

function run({ command, flags }: ParsedArguments, io: CommandIo): Promise<number> {
  if (command === 'describe') return describe(flags, io)
  return command === 'add-controller' ? addController(flags, io) : removeController(flags, io)
}

function describe(flags: Flags, io: CommandIo): Promise<number> {
  const [status, replication] = [flags.has('status'), flags.has('replication')]
  if (status && replication)
    throw new KafkaToolExit(
      'Only one of --status or --replication should be specified with describe sub-command',
    )
  if (flags.has('human-readable') && status)
    throw new KafkaToolExit(
      'The option --human-readable is only supported along with --replication',
    )
  if (!status && !replication)
    throw new KafkaToolExit(
      'One of --status or --replication must be specified with describe sub-command',
    )
  return withAdminClient(flags, io, async (client) => {
    const quorum = await describeQuorum(client)
    if (replication) io.stdout.write(replicationTable(quorum, flags.has('human-readable')))
    else io.stdout.write(statusLines(await clusterIdOf(client, flags), quorum))
    return 0
  })
}

async function clusterIdOf(client: Client, flags: Flags): Promise<string> {
  const type = flags.has('bootstrap-controller') ? EndpointType.controller : EndpointType.broker
  return (await describeCluster(client, type)).clusterId
}

function statusLines(clusterId: string, { partition, nodes }: Quorum): string {
  const { leaderId, currentVoters, observers } = partition
  const leader = currentVoters.find(({ replicaId }) => replicaId === leaderId)
  const followers = currentVoters.filter(({ replicaId }) => replicaId !== leaderId)
  const end = leader?.logEndOffset ?? 0
  const lags = followers.map(({ logEndOffset }) => end - logEndOffset)
  const caughtUp = leader?.lastCaughtUpTimestamp ?? -1
  const behind = followers.map(({ lastCaughtUpTimestamp: at }) => (at < 0 ? -1 : caughtUp - at))
  const member = ({ replicaId, replicaDirectoryId }: (typeof currentVoters)[number]): string => {
    const known = nodes.find(({ nodeId }) => nodeId === replicaId)
    const fields = [`"id": ${replicaId}`]
    if (replicaDirectoryId !== ZERO_UUID) fields.push(`"directoryId": "${replicaDirectoryId}"`)
    if (known !== undefined && known.listeners.length > 0)
      fields.push(
        `"endpoints": [${known.listeners
          .map(
            ({ name, host, port }) =>
              `"${name}://${host.includes(':') ? `[${host}]` : host}:${port}"`,
          )
          .join(', ')}]`,
      )
    return `{${fields.join(', ')}}`
  }
  const lines: readonly (readonly [string, string | number])[] = [
    ['ClusterId:', clusterId],
    ['LeaderId:', leaderId],
    ['LeaderEpoch:', partition.leaderEpoch],
    ['HighWatermark:', partition.highWatermark],
    ['MaxFollowerLag:', Math.max(0, ...lags)],
    ['MaxFollowerLagTimeMs:', behind.includes(-1) ? -1 : Math.max(0, ...behind)],
    ['CurrentVoters:', `[${currentVoters.map(member).join(', ')}]`],
    ['CurrentObservers:', `[${observers.map(member).join(', ')}]`],
  ]
  return lines.map(([name, value]) => `${name.padEnd(24)}${value}\n`).join('')
}

const ZERO_UUID = 'A'.repeat(22)

const REPLICATION_HEADS = [
  'NodeId',
  'DirectoryId',
  'LogEndOffset',
  'Lag',
  'LastFetchTimestamp',
  'LastCaughtUpTimestamp',
  'Status',
] as const

function replicationTable({ partition }: Quorum, readable: boolean): string {
  const { leaderId, currentVoters, observers } = partition
  const leader = currentVoters.find(({ replicaId }) => replicaId === leaderId)
  const now = Date.now()
  const time = (at: number): string =>
    !readable ? String(at) : at < 0 ? 'unknown' : `${Math.max(0, now - at)} ms ago`
  const row = (replica: (typeof currentVoters)[number], status: string): string[] => [
    String(replica.replicaId),
    replica.replicaDirectoryId,
    String(replica.logEndOffset),
    String((leader?.logEndOffset ?? 0) - replica.logEndOffset),
    time(replica.lastFetchTimestamp),
    time(replica.lastCaughtUpTimestamp),
    status,
  ]
  const rows = [
    ...(leader === undefined ? [] : [row(leader, 'Leader')]),
    ...currentVoters.filter((voter) => voter !== leader).map((voter) => row(voter, 'Follower')),
    ...observers.map((observer) => row(observer, 'Observer')),
  ]
  const table = [[...REPLICATION_HEADS], ...rows]
  const widths = REPLICATION_HEADS.map((_head, at) =>
    Math.max(...table.map((cells) => cells[at]?.length ?? 0)),
  )
  return table
    .map((cells) => `${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('\t')}\t\n`)
    .join('')
}

async function addController(flags: Flags, io: CommandIo): Promise<number> {
  if (!flags.has('command-config'))
    throw new KafkaToolExit(
      'You must supply the configuration file of the controller you are adding when using ' +
        'add-controller.',
    )
  const config = propertiesFile(flags, 'command-config', io)
  const id = Number(config.get('node.id') ?? Number.NaN)
  if (!Number.isSafeInteger(id))
    throw new KafkaToolExit(
      'node.id not found in configuration file. Is this a valid controller configuration file?',
    )
  const folder =
    config.get('metadata.log.dir') ?? config.get('log.dirs')?.split(',')[0] ?? config.get('log.dir')
  if (folder === undefined)
    throw new KafkaToolExit(
      'Neither metadata.log.dir, log.dirs nor log.dir is in the configuration file.',
    )
  const { meta } = await folderState(resolve(io.cwd, folder.trim()))
  if (meta === null || meta.directoryId === null)
    throw new KafkaToolExit(`${folder} is not formatted: no directory.id can be read from it`)
  const listeners = controllerListeners(config)
  const { directoryId } = meta
  const told = listeners.map(({ name, host, port }) => `${name}://${host}:${port}`).join(', ')
  if (!flags.has('dry-run'))
    await withAdminClient(flags, io, async (client) => {
      const answer = await client.send(AddRaftVoterRequest, AddRaftVoterResponse, {
        timeoutMs: 60_000,
        voterId: id,
        voterDirectoryId: directoryId,
        listeners,
      })
      if (answer.errorCode !== 0) throw new RequestFailed(answer.errorCode, answer.errorMessage)
      return 0
    })
  io.stdout.write(
    `${flags.has('dry-run') ? 'DRY RUN of adding' : 'Added'} controller ${id} with directory id ` +
      `${directoryId} and endpoints: ${told}\n`,
  )
  return 0
}

function controllerListeners(
  config: ReadonlyMap<string, string>,
): { name: string; host: string; port: number }[] {
  const names = (config.get('controller.listener.names') ?? '')
    .split(',')
    .map((name) => name.trim())
  const all = config.get('advertised.listeners') ?? config.get('listeners') ?? ''
  const listeners = `${all},${config.get('listeners') ?? ''}`
    .split(',')
    .map((text) => /^\s*(\w+):\/\/(.*)$/.exec(text))
    .flatMap((match) => (match === null ? [] : [{ name: match[1] ?? '', at: match[2] ?? '' }]))
  const found = names.flatMap((name) => {
    const listener = listeners.find((candidate) => candidate.name === name)
    if (listener === undefined) return []
    const { host, port } = parseAddress(
      listener.at.startsWith(':') ? `localhost${listener.at}` : listener.at,
    )
    return [{ name, host, port }]
  })
  if (found.length === 0)
    throw new KafkaToolExit(
      'controller.listener.names was not found in configuration file, or names no listener. Is this ' +
        'a valid controller configuration file?',
    )
  return found
}

async function removeController(flags: Flags, io: CommandIo): Promise<number> {
  const id = Number(flags.value('controller-id'))
  const directory = flags.value('controller-directory-id') ?? ''
  if (id < 0) throw new KafkaToolExit(`Invalid negative --controller-id: ${id}`)
  const size = Buffer.from(directory, 'base64url').length
  if (size !== 16)
    throw new KafkaToolExit(
      `Failed to parse --controller-directory-id: Input string \`${directory}\` decoded as ${size} ` +
        'bytes, which is not equal to the expected 16 bytes of a base64-encoded UUID',
    )
  const what = `KRaft controller ${id} with directory id ${directory}`
  if (flags.has('dry-run')) {
    io.stdout.write(`DRY RUN of removing  ${what}\n`)
    return 0
  }
  return withAdminClient(flags, io, async (client) => {
    const answer = await client.send(RemoveRaftVoterRequest, RemoveRaftVoterResponse, {
      voterId: id,
      voterDirectoryId: directory,
    })
    if (answer.errorCode !== 0) throw new RequestFailed(answer.errorCode, answer.errorMessage)
    io.stdout.write(`Removed ${what}\n`)
    return 0
  })
}
