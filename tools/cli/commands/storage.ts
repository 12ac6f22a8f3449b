/** `sluice storage format|info|random-id|adopt|release`: data folders before a broker runs on them. */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { DiskError } from '../../../engine/log/disk.ts'
import type { OwnCommand } from '../commands.ts'
import { CommandFailure, ExitCode } from '../failure.ts'
import type { CommandIo } from '../io.ts'
import { addFormatFlags, type FormatFlags, type Row, rendererFor } from '../render.ts'
import { addAdoptCommands } from './storage-adopt.ts'

interface StorageFlags extends FormatFlags {
  readonly override: string[]
}

export const storageCommand: OwnCommand = {
  register(program: Command, io: CommandIo, exit: (code: number) => void): Command {
    const storage = program.command('storage').description('data folders of a broker')
    withFlags(
      storage.command('info [server.properties]').description('what the folders hold'),
    ).action(async (file: string | undefined, flags: StorageFlags) => {
      exit(await info(file ?? null, flags, io))
    })
    withFlags(
      storage.command('format [server.properties]').description('mark new folders for a broker'),
    )
      .option('--cluster-id <id>', 'the cluster they will belong to; a random one when not given')
      .action((file: string | undefined, flags: StorageFlags & { clusterId?: string }) =>
        format(file ?? null, flags, io),
      )
    storage
      .command('random-id')
      .description('make an id for a cluster')
      .action(async () => {
        const { randomUuid } = await import('../storage-folders.ts')
        io.stdout.write(`${randomUuid()}\n`)
      })
    addAdoptCommands(storage, io)
    return storage
  },
}

function withFlags(command: Command): Command {
  return addFormatFlags(command).option(
    '--override <key=value>',
    'set an option, repeatable',
    (value: string, previous: string[]) => [...previous, value],
    [],
  )
}

async function folders(file: string | null, flags: StorageFlags, io: CommandIo) {
  const { brokerConfig } = await import('../broker-config.ts')
  const path = file === null ? null : resolve(io.cwd, file)
  const { config } = await brokerConfig({ file: path, overrides: flags.override }, io)
  const { folderState } = await import('../storage-folders.ts')
  return { config, states: await Promise.all(config.dataFolders.map(folderState)) }
}

/** Not healthy when the folders do not fit each other; new ones are no problem. */
async function info(file: string | null, flags: StorageFlags, io: CommandIo): Promise<number> {
  const renderer = rendererFor(flags, io)
  const { states } = await folders(file, flags, io)
  const { mismatches } = await import('../storage-folders.ts')
  const rows = states.map(
    ({ path, kind, meta }): Row => ({
      folder: path,
      state: kind,
      clusterId: meta?.clusterId ?? null,
      nodeId: meta?.nodeId ?? null,
      directoryId: meta?.directoryId ?? null,
    }),
  )
  const keys = ['folder', 'state', 'clusterId', 'nodeId', 'directoryId']
  renderer.table(
    keys.map((key) => ({ key })),
    rows,
  )
  const problems = [
    ...states.flatMap(({ kind, detail, path }) =>
      kind === 'no folder' ? [`${path} is not a directory`] : detail === null ? [] : [detail],
    ),
    ...mismatches(states),
  ]
  for (const problem of problems) io.stderr.write(`problem: ${problem}\n`)
  return problems.length === 0 ? ExitCode.done : ExitCode.notHealthy
}

async function format(
  file: string | null,
  flags: StorageFlags & { clusterId?: string },
  io: CommandIo,
): Promise<void> {
  const renderer = rendererFor(flags, io)
  const { config, states } = await folders(file, flags, io)
  const { formatFolder, randomUuid } = await import('../storage-folders.ts')
  const known = states.find(({ meta }) => meta !== null)?.meta?.clusterId
  const clusterId = flags.clusterId ?? known ?? config.sluiceClusterId ?? randomUuid()
  const other = states.find(({ meta }) => meta !== null && meta.clusterId !== clusterId)
  const broken = states.find(({ kind }) => kind === 'no folder' || kind === 'unreadable')
  if (other !== undefined || broken !== undefined)
    throw new CommandFailure(
      ExitCode.failed,
      'no folder was changed',
      other === undefined
        ? `${broken?.path} is ${broken?.kind === 'no folder' ? 'no folder' : 'damaged'}`
        : `${other.path} belongs to cluster ${other.meta?.clusterId}`,
      'set log.dirs to other folders, or leave out --cluster-id to keep the one they have',
    )
  const fresh = states.filter(({ kind }) => kind === 'absent' || kind === 'not formatted')
  for (const { path } of fresh) {
    await formatFolder(path, { clusterId, nodeId: config.nodeId }).catch((error: unknown) => {
      if (!(error instanceof DiskError)) throw error
      throw new CommandFailure(
        ExitCode.failed,
        `${path} cannot be formatted`,
        error.message,
        'see that this user may write there, or set log.dirs to another folder',
      )
    })
    io.stderr.write(`${path} is ready for broker ${config.nodeId} of cluster ${clusterId}\n`)
  }
  if (fresh.length === 0) io.stderr.write('all folders were formatted already\n')
  renderer.outcome({ clusterId, nodeId: config.nodeId, formatted: fresh.map(({ path }) => path) })
}
