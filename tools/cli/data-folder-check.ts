/**
 * What a start would find in the data folders, found without changing anything: whether each is there
 * or can be made, is ours to write, belongs to this broker and cluster, and is free. The order of
 * net/data-folders.ts; a check that passes does not promise that the logs themselves are sound.
 */
import { access, constants, stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { BrokerConfig } from '../../engine/base/config.ts'
import { CLEAN_SHUTDOWN_FILE } from '../../engine/log/clean-shutdown.ts'
import { CorruptFile } from '../../engine/log/corrupt-file.ts'
import { listDataFolder } from '../../engine/log/data-folder.ts'
import {
  META_PROPERTIES_FILE,
  metaPropertiesProblem,
  readMetaProperties,
} from '../../engine/log/meta-properties.ts'
import { NodeDisk } from '../../engine/log/node-disk.ts'
import { folderHolder } from '../../net/folder-lock.ts'
import { unadoptedProblem } from '../../net/unadopted-folder.ts'

export interface FolderFindings {
  /** In the order of log.dirs. */
  readonly found: readonly { readonly path: string; readonly state: string }[]
  /** What would stop the start, each with what to do. */
  readonly problems: readonly string[]
  /** Folders beyond the first that cannot be used: their partitions would be offline. */
  readonly warnings: readonly string[]
  /** The cluster the folders belong to; null when all are new. */
  readonly clusterId: string | null
}

export async function checkDataFolders(config: BrokerConfig): Promise<FolderFindings> {
  const found: { path: string; state: string }[] = []
  const problems: string[] = []
  const warnings: string[] = []
  const working: string[] = []
  let clusterId: string | null = null
  for (const [at, path] of config.dataFolders.entries()) {
    const expected = { clusterId: clusterId ?? config.sluiceClusterId, nodeId: config.nodeId }
    const outcome = await checkFolder(path, expected)
    found.push({ path, state: outcome.state })
    const { problem, unusable } = outcome
    // The first one holds the metadata; a broker goes on without one of the others.
    if (problem !== null && unusable && at > 0)
      warnings.push(`${problem} The broker would start without it.`)
    else if (problem !== null) problems.push(problem)
    if (!unusable && (await kindOf(path)) === 'folder') working.push(path)
    clusterId ??= outcome.clusterId
  }
  const unadopted = await unadoptedProblem(new NodeDisk(), working)
  if (unadopted !== null) problems.push(unadopted)
  return { found, problems, warnings, clusterId }
}

interface FolderOutcome {
  readonly state: string
  readonly problem: string | null
  /** The system does not let us, as opposed to a folder that is another's. */
  readonly unusable: boolean
  readonly clusterId: string | null
}

const FINE = { problem: null, unusable: false, clusterId: null } as const

async function checkFolder(
  path: string,
  expected: { readonly clusterId: string | null; readonly nodeId: number },
): Promise<FolderOutcome> {
  const refused = (state: string, problem: string, unusable: boolean): FolderOutcome => ({
    state,
    problem,
    unusable,
    clusterId: null,
  })
  const kind = await kindOf(path)
  if (kind === 'file')
    return refused('not a folder', `${path} is a file: log.dirs takes folders.`, true)
  if (kind === 'absent') return checkNew(path)
  if (!(await allowed(path)))
    return refused(
      'not ours to write',
      `This user may not read and write in ${path}. Make it this user's, or set log.dirs to another ` +
        'folder.',
      true,
    )
  const holder = folderHolder(path)
  if (holder !== null)
    return refused(
      `in use by process ${holder}`,
      `${path} is in use by process ${holder}. Stop it, or set log.dirs to another folder.`,
      false,
    )
  try {
    return await describe(path, expected)
  } catch (error) {
    if (!(error instanceof CorruptFile)) throw error
    return refused('damaged', error.message, false)
  }
}

async function describe(
  path: string,
  expected: { readonly clusterId: string | null; readonly nodeId: number },
): Promise<FolderOutcome> {
  const disk = new NodeDisk()
  const meta = await readMetaProperties(disk, path)
  const space = await freeSpace(path)
  if (meta === null) return { state: `there, not used by a broker yet, ${space}`, ...FINE }
  const problem = metaPropertiesProblem(meta, expected, `${path}/${META_PROPERTIES_FILE}`)
  const { folders } = await listDataFolder(disk, path)
  const count = folders.filter(({ kind }) => kind === 'partition').length
  const clean = (await disk.readFile(`${path}/${CLEAN_SHUTDOWN_FILE}`)) !== null
  const stopped = clean
    ? 'stopped cleanly'
    : 'not stopped cleanly: the ends of its logs are checked'
  return {
    state: `${count} partition${count === 1 ? '' : 's'}, ${stopped}, ${space}`,
    problem,
    unusable: false,
    clusterId: meta.clusterId,
  }
}

/** A folder that would be made: the nearest one that is there must let us. */
async function checkNew(path: string): Promise<FolderOutcome> {
  let above = dirname(path)
  while ((await kindOf(above)) === 'absent' && above !== dirname(above)) above = dirname(above)
  const mayWrite = (await kindOf(above)) === 'folder' && (await allowed(above))
  // As in /proc, which lets root write and takes no folder.
  const possible = mayWrite && (await freeBytes(above)) > 0
  const why = mayWrite ? `there is no room in ${above}` : `this user may not write in ${above}`
  return {
    state: possible ? `new, ${await freeSpace(above)}` : 'cannot be made',
    problem: possible
      ? null
      : `${path} cannot be made: ${why}. Make it, or set log.dirs to another folder.`,
    unusable: !possible,
    clusterId: null,
  }
}

async function kindOf(path: string): Promise<'folder' | 'file' | 'absent'> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file'
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    // ENOTDIR: something above it is a file, which the search for the nearest folder finds.
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') return 'absent'
    throw error
  }
}

async function allowed(folder: string): Promise<boolean> {
  return access(folder, constants.R_OK | constants.W_OK | constants.X_OK).then(
    () => true,
    // The reason is always that it is not allowed: it was there a moment ago.
    () => false,
  )
}

async function freeSpace(folder: string): Promise<string> {
  return `${((await freeBytes(folder)) / 2 ** 30).toFixed(1)} GiB free`
}

async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}
