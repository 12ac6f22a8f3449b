/**
 * `sluice log …` on partition folders, or on a data folder for all in it. What the data folder beside
 * them says is used: its lock keeps brokers out while something changes, its checkpoints tell what was
 * synced. A folder that lies elsewhere, as a copy does, has neither: then a bad end counts as torn.
 */
import { basename, dirname, resolve } from 'node:path'
import {
  CheckpointFile,
  readOffsetCheckpoint,
  writeOffsetCheckpoint,
} from '../../engine/log/checkpoints.ts'
import { CLEAN_SHUTDOWN_FILE } from '../../engine/log/clean-shutdown.ts'
import { listDataFolder, parsePartitionFolder } from '../../engine/log/data-folder.ts'
import { type Disk, DiskError } from '../../engine/log/disk.ts'
import { DEFAULT_LOG_OPTIONS } from '../../engine/log/log-options.ts'
import { META_PROPERTIES_FILE } from '../../engine/log/meta-properties.ts'
import { NodeDisk } from '../../engine/log/node-disk.ts'
import { logBases } from '../../engine/log/partition-folder.ts'
import { rebuildIndexes } from '../../engine/log/rebuild-indexes.ts'
import { type SalvageReport, salvageInto, salvageLog } from '../../engine/log/salvage.ts'
import { CorruptLog } from '../../engine/log/segment-rebuild.ts'
import { type SegmentVerdict, verifyLog } from '../../engine/log/verify-log.ts'
import { consoleLogger } from '../../net/console-logger.ts'
import { FolderLocked, folderHolder, lockFolder } from '../../net/folder-lock.ts'
import { systemClock } from '../../net/system-ports.ts'
import { CommandFailure, ExitCode } from './failure.ts'
import type { CommandIo } from './io.ts'
import { type Column, type Row, rendererFor } from './render.ts'

export interface LogFlags {
  readonly format: string
  readonly header: boolean
  readonly indexIntervalBytes?: string
}

export interface SalvageFlags extends LogFlags {
  readonly into?: string
}

const LOGGER = consoleLogger({ format: 'text', level: 'warn' }, 'sluice')
const MISSING_SHOWN_MAX = 20

/** A partition folder and what its data folder says of it. */
interface Partition {
  readonly dir: string
  readonly name: string
  /** null: it lies in no data folder. */
  readonly dataFolder: string | null
  /** Infinity after a clean stop. */
  readonly recoveryPoint: number
  readonly logStartOffset: number
  /** Of recovery point and high watermark the higher one. */
  readonly endOffsetKnown: number
}

const VERIFY_COLUMNS: readonly Column[] = [
  'partition',
  'segment',
  'state',
  'batches',
  'bytes',
  'endOffset',
  'missingOffsets',
  'problems',
].map((key) => ({ key }))

export async function verifyFolders(
  dirs: readonly string[],
  flags: LogFlags,
  io: CommandIo,
): Promise<number> {
  const renderer = rendererFor(flags, io)
  const disk = new NodeDisk()
  const rows: Row[] = []
  const states = new Set<SegmentVerdict['state']>()
  await failing('verify', async () => {
    for (const partition of await partitionsOf(disk, dirs, io)) {
      refuseHeld(partition)
      const verdict = await verifyLog(disk, partition.dir, partition)
      for (const segment of verdict.segments) {
        states.add(segment.state)
        rows.push(verifyRow(partition, segment))
      }
      // A file of no segment is derived too: the next start, or rebuild-index, makes it again.
      if (verdict.problems.length > 0) states.add('index')
      for (const problem of verdict.problems)
        rows.push({ ...EMPTY_ROW, partition: partition.name, state: 'index', problems: [problem] })
    }
  })
  renderer.table(VERIFY_COLUMNS, rows)
  for (const state of states) if (NEXT[state] !== undefined) io.stderr.write(`${NEXT[state]}\n`)
  return states.has('corrupt') || states.has('index') ? ExitCode.notHealthy : ExitCode.done
}

const EMPTY_ROW: Row = {
  segment: null,
  batches: null,
  bytes: null,
  endOffset: null,
  missingOffsets: null,
}

const NEXT: Partial<Record<SegmentVerdict['state'], string>> = {
  corrupt:
    'corrupt: bytes that were synced are damaged\n' +
    '  next: restore the file from a copy, or `sluice log salvage` the folder',
  index:
    'index: the log is intact, what is made from it is not\n' +
    '  next: `sluice log rebuild-index` the folder',
  torn: 'torn: the end was never promised; the next start of the broker cuts it off',
}

function verifyRow({ name }: Partition, segment: SegmentVerdict): Row {
  const { baseOffset, state, batches, bytes, endOffset, missingOffsets, problems } = segment
  return {
    partition: name,
    segment: baseOffset,
    state,
    batches,
    bytes,
    endOffset,
    missingOffsets,
    problems: problems.length > 0 ? problems : null,
  }
}

export async function rebuildFolders(
  dirs: readonly string[],
  flags: LogFlags,
  io: CommandIo,
): Promise<number> {
  // A mistake of usage is told before anything is opened.
  logOptions(flags)
  const renderer = rendererFor(flags, io)
  const disk = new NodeDisk()
  const rows: Row[] = []
  await failing('rebuild all indexes', async () => {
    const partitions = await partitionsOf(disk, dirs, io)
    await locked(partitions, async () => {
      for (const { dir, name } of partitions) {
        const { segments, bytes, epochs } = await rebuildIndexes(disk, dir, logOptions(flags))
        rows.push({ partition: name, segments, bytes, epochs })
      }
    })
  })
  const columns = ['partition', 'segments', 'bytes', 'epochs'].map((key) => ({ key }))
  renderer.table(columns, rows)
  return ExitCode.done
}

export async function salvageFolder(
  dir: string,
  flags: SalvageFlags,
  io: CommandIo,
): Promise<number> {
  // A mistake of usage is told before anything is opened.
  logOptions(flags)
  const renderer = rendererFor(flags, io)
  const disk = new NodeDisk()
  const report = await failing('salvage', async () => {
    const [partition] = await partitionsOf(disk, [dir], io, 'one')
    if (partition === undefined) throw new DiskError('ENOENT', dir, 'open')
    return flags.into === undefined
      ? await inPlace(disk, partition, flags)
      : await into(disk, partition, resolve(io.cwd, flags.into), flags)
  })
  renderer.table(
    ['segment', 'batches', 'keptBytes', 'lostBytes', 'lostOffsets', 'original'].map((key) => ({
      key,
    })),
    report.segments.map(salvageRow),
  )
  tellSalvage(report, io)
  return ExitCode.done
}

async function inPlace(disk: Disk, partition: Partition, flags: LogFlags): Promise<SalvageReport> {
  return await locked([partition], async () => {
    const { dir, name, dataFolder, logStartOffset, endOffsetKnown } = partition
    const options = { ...logOptions(flags), logStartOffset, endOffsetKnown }
    const report = await salvageLog(disk, dir, options)
    if (dataFolder !== null) {
      const file = CheckpointFile.recoveryPoint
      const points = await readOffsetCheckpoint(disk, dataFolder, file, LOGGER)
      points.set(name, report.logEndOffset)
      await writeOffsetCheckpoint(disk, dataFolder, file, points)
    }
    return report
  })
}

async function into(
  disk: Disk,
  partition: Partition,
  target: string,
  flags: LogFlags,
): Promise<SalvageReport> {
  refuseHeld(partition)
  if ((await disk.stat(target)) !== null)
    throw new CommandFailure(
      ExitCode.failed,
      `${target} exists`,
      'a salvaged log goes into a folder of its own',
      'name another folder with --into',
    )
  const { dir, logStartOffset, endOffsetKnown } = partition
  const options = { ...logOptions(flags), logStartOffset, endOffsetKnown }
  return await salvageInto(disk, dir, target, options)
}

function salvageRow(segment: SalvageReport['segments'][number]): Row {
  const { baseOffset, batches, keptBytes, lost, original } = segment
  const lostOffsets = lost
    .filter(({ fromOffset, toOffset }) => toOffset > fromOffset)
    .map(({ fromOffset, toOffset }) => `${fromOffset}..${toOffset - 1}`)
  return {
    segment: baseOffset,
    batches,
    keptBytes,
    lostBytes: lost.reduce((sum, { bytes }) => sum + bytes, 0),
    lostOffsets: lostOffsets.length > 0 ? lostOffsets.slice(0, MISSING_SHOWN_MAX) : null,
    original,
  }
}

function tellSalvage(
  { segments, logEndOffset, openTransactions }: SalvageReport,
  io: CommandIo,
): void {
  const lost = segments.flatMap((segment) => segment.lost)
  const bytes = lost.reduce((sum, each) => sum + each.bytes, 0)
  io.stderr.write(
    lost.length === 0
      ? `nothing was damaged; the log ends at ${logEndOffset}\n`
      : `${bytes} bytes in ${lost.length} places could not be saved; the log ends at ${logEndOffset}\n`,
  )
  if (openTransactions.length > 0)
    io.stderr.write(
      `warning: the transactions of producers ${openTransactions.join(', ')} have no end in what is ` +
        'left: readers of committed records stop in front of them\n',
    )
}

function logOptions(flags: LogFlags) {
  const indexIntervalBytes = Number(flags.indexIntervalBytes)
  if (!Number.isSafeInteger(indexIntervalBytes) || indexIntervalBytes < 0)
    throw new CommandFailure(
      ExitCode.usage,
      `--index-interval-bytes '${flags.indexIntervalBytes}' is no count of bytes`,
      null,
      'give the value of index.interval.bytes of the topic, 4096 unless it was changed',
    )
  const { segmentIndexBytes } = DEFAULT_LOG_OPTIONS
  return { indexIntervalBytes, segmentIndexBytes, nowMs: systemClock.wallMs(), logger: LOGGER }
}

/** Partition folders as given, and those of data folders. */
async function partitionsOf(
  disk: Disk,
  dirs: readonly string[],
  io: CommandIo,
  how: 'one' | 'all' = 'all',
): Promise<Partition[]> {
  const found: Partition[] = []
  for (const given of dirs) {
    const dir = resolve(io.cwd, given)
    const names = new Set(await disk.list(dir))
    if (logBases(names).length > 0) found.push(await describe(disk, dir))
    else if (how === 'all' && names.has(META_PROPERTIES_FILE))
      for (const { name } of (await listDataFolder(disk, dir)).folders)
        found.push(await describe(disk, `${dir}/${name}`))
    else
      throw new CommandFailure(
        ExitCode.failed,
        `${dir} is no partition folder`,
        'it holds no segment, as 00000000000000000000.log',
        'name a folder such as <log.dirs>/<topic>-<partition>',
      )
  }
  return found
}

async function describe(disk: Disk, dir: string): Promise<Partition> {
  const name = basename(dir)
  const parent = dirname(dir)
  const inData =
    parsePartitionFolder(name) !== null &&
    (await disk.stat(`${parent}/${META_PROPERTIES_FILE}`)) !== null
  if (!inData) {
    const unknown = { recoveryPoint: 0, logStartOffset: 0, endOffsetKnown: 0 }
    return { dir, name, dataFolder: null, ...unknown }
  }
  const read = async (file: CheckpointFile): Promise<number> =>
    (await readOffsetCheckpoint(disk, parent, file, LOGGER)).get(name) ?? 0
  const recoveryPoint = await read(CheckpointFile.recoveryPoint)
  const wasClean = (await disk.stat(`${parent}/${CLEAN_SHUTDOWN_FILE}`)) !== null
  return {
    dir,
    name,
    dataFolder: parent,
    recoveryPoint: wasClean ? Number.POSITIVE_INFINITY : recoveryPoint,
    logStartOffset: await read(CheckpointFile.logStartOffset),
    endOffsetKnown: Math.max(recoveryPoint, await read(CheckpointFile.highWatermark)),
  }
}

/** For what only reads: a log that a broker appends to looks damaged. */
function refuseHeld({ dataFolder }: Partition): void {
  const pid = dataFolder === null ? null : folderHolder(dataFolder)
  if (dataFolder !== null && pid !== null) throw new FolderLocked(dataFolder, pid)
}

async function locked<T>(partitions: readonly Partition[], run: () => Promise<T>): Promise<T> {
  const folders = new Set(partitions.flatMap(({ dataFolder }) => dataFolder ?? []))
  const locks: { release(): void }[] = []
  try {
    for (const folder of folders) locks.push(lockFolder(folder))
    return await run()
  } finally {
    for (const lock of locks) lock.release()
  }
}

async function failing<T>(verb: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof CorruptLog)
      throw new CommandFailure(
        ExitCode.failed,
        `cannot ${verb}`,
        error.message,
        'sluice log verify tells what is intact',
      )
    if (error instanceof FolderLocked || error instanceof DiskError)
      throw new CommandFailure(
        ExitCode.failed,
        `cannot ${verb}`,
        error.message,
        'name a partition folder, as <log.dirs>/<topic>-<partition>, or a data folder',
      )
    throw error
  }
}
