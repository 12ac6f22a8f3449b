/**
 * `sluice storage adopt DIR…` and `sluice storage release DIR…`: a stopped Kafka's data folders become
 * ours in place, and Kafka's again (tools/adopt/). Everything is checked before anything is written,
 * and every reason against it is told, not only the first.
 */
import { CorruptFile } from '../../engine/log/corrupt-file.ts'
import { DiskError } from '../../engine/log/disk.ts'
import { NodeDisk } from '../../engine/log/node-disk.ts'
import { MetaStoreCorrupt } from '../../engine/metastore/embedded-store.ts'
import { consoleLogger } from '../../net/console-logger.ts'
import { FolderLocked, lockFolder } from '../../net/folder-lock.ts'
import { systemClock } from '../../net/system-ports.ts'
import { refuseAdopted, writeAdoption } from '../adopt/adopt.ts'
import {
  adoptionProblems,
  type KafkaFolders,
  NotAdoptable,
  readKafkaFolders,
} from '../adopt/kafka-folders.ts'
import { MetadataUnreadable } from '../adopt/metadata-log.ts'
import { finishRelease, readOurState, writeRelease } from '../adopt/release.ts'
import { CommandFailure, ExitCode } from './failure.ts'
import type { CommandIo } from './io.ts'
import { type FormatFlags, rendererFor } from './render.ts'

export interface ReleaseFlags extends FormatFlags {
  readonly metadataDir?: string
  readonly recover?: boolean
}

export interface AdoptFlags extends ReleaseFlags {
  readonly withoutSecurity?: boolean
  readonly dryRun?: boolean
}

const LOGGER = consoleLogger({ format: 'text', level: 'warn' }, 'sluice')

export function adopt(folders: readonly string[], flags: AdoptFlags, io: CommandIo): Promise<void> {
  return locked('adopt', folders, () => adoptLocked(folders, flags, io))
}

export function release(
  folders: readonly string[],
  flags: ReleaseFlags,
  io: CommandIo,
): Promise<void> {
  return locked('release', folders, () => releaseLocked(folders, flags, io))
}

async function adoptLocked(
  folders: readonly string[],
  flags: AdoptFlags,
  io: CommandIo,
): Promise<void> {
  const disk = new NodeDisk()
  const first = folders[0] ?? ''
  await finishRelease(disk, first)
  await refuseAdopted(disk, first)
  const found = await readKafkaFolders(disk, {
    folders,
    metadataFolder: flags.metadataDir ?? null,
  })
  const problems = adoptionProblems(found, {
    recover: flags.recover === true,
    withoutSecurity: flags.withoutSecurity === true,
  })
  if (problems.length > 0) throw cannot('adopt', problems)
  if (flags.dryRun !== true) await writeAdoption(disk, found, LOGGER)
  const outcome = { ...summaryOf(found), adopted: flags.dryRun !== true }
  rendererFor(flags, io).outcome(outcome)
  const { topics, partitions } = outcome
  io.stderr.write(
    `${flags.dryRun === true ? 'could adopt' : 'adopted'} ${topics} topics with ${partitions} ` +
      `partitions of node ${found.nodeId}, cluster ${found.clusterId}\n` +
      `  next: sluice serve --override node.id=${found.nodeId} ` +
      `--override log.dirs=${folders.join(',')}\n`,
  )
}

async function releaseLocked(
  folders: readonly string[],
  flags: ReleaseFlags,
  io: CommandIo,
): Promise<void> {
  const disk = new NodeDisk()
  const first = folders[0] ?? ''
  await finishRelease(disk, first)
  const ours = await readOurState(disk, first, LOGGER)
  const found = await readKafkaFolders(disk, {
    folders,
    metadataFolder: flags.metadataDir ?? null,
  })
  const unclean = found.folders.filter(({ cleanlyStopped }) => !cleanlyStopped)
  const problems = [
    ...found.folderProblems,
    ...(flags.recover === true ? [] : unclean).map(
      ({ path }) =>
        `${path} was not closed cleanly: start and stop sluice once more, or release with --recover`,
    ),
  ]
  if (problems.length > 0) throw cannot('release', problems)
  const records = await writeRelease(disk, found, ours, systemClock)
  rendererFor(flags, io).outcome({ released: true, records })
  io.stderr.write(
    `released: Kafka's metadata log got ${records} records of what changed\n` +
      '  next: start Kafka on these folders with the server.properties it had\n',
  )
}

function summaryOf({ cluster, clusterId, nodeId }: KafkaFolders) {
  const topics = [...cluster.topics.values()]
  return {
    clusterId,
    nodeId,
    topics: topics.length,
    partitions: topics.reduce((sum, { partitions }) => sum + partitions.size, 0),
  }
}

function cannot(verb: string, problems: readonly string[]): CommandFailure {
  return new CommandFailure(
    ExitCode.failed,
    `cannot ${verb}; nothing was changed`,
    problems.join('\n        '),
    verb === 'adopt'
      ? "mend that, or let Kafka's own broker use the folder; --dry-run tries again without a change"
      : 'mend that, or let sluice use the folder on',
  )
}

/** Holds every folder's lock meanwhile, so that no broker starts on it; errors told for people. */
async function locked(
  verb: string,
  folders: readonly string[],
  run: () => Promise<void>,
): Promise<void> {
  const locks: { release(): void }[] = []
  try {
    for (const folder of folders) locks.push(lockFolder(folder))
    await run()
  } catch (error) {
    throw failureOf(verb, error)
  } finally {
    for (const lock of locks) lock.release()
  }
}

function failureOf(verb: string, error: unknown): unknown {
  if (
    error instanceof NotAdoptable ||
    error instanceof MetadataUnreadable ||
    error instanceof MetaStoreCorrupt ||
    error instanceof CorruptFile ||
    error instanceof FolderLocked ||
    error instanceof DiskError
  )
    return cannot(verb, [error.message])
  const code = (error as NodeJS.ErrnoException).code
  return code === undefined ? error : cannot(verb, [(error as Error).message])
}
