/**
 * Background job: makes the folder of a partition that was not closed cleanly one that Log.open may
 * trust (engine/log/recovery.ts). Reads much and computes sums over all of it, hence never in a
 * shard.
 *
 * Errors do not cross threads as what they are, so the outcome says them in data, and log lines
 * come back with it.
 */
import { type Disk, DiskError } from '../../engine/log/disk.ts'
import { NodeDisk } from '../../engine/log/node-disk.ts'
import {
  type RecoveryOptions,
  type RecoverySummary,
  recoverLog,
} from '../../engine/log/recovery.ts'
import { CorruptLog } from '../../engine/log/segment-rebuild.ts'

export interface RecoverLogInput {
  readonly dir: string
  readonly options: Omit<RecoveryOptions, 'logger'>
}

export interface JobLine {
  readonly level: 'info' | 'warn' | 'error'
  readonly message: string
}

export type RecoverLogOutcome = { readonly lines: readonly JobLine[] } & (
  | { readonly kind: 'recovered'; readonly summary: RecoverySummary }
  /** Data that had been synced is damaged: the partition stays offline. */
  | { readonly kind: 'corrupt'; readonly message: string }
  | {
      readonly kind: 'disk-error'
      readonly message: string
      readonly code: string
      readonly path: string
    }
)

/** Runs in a thread of the job pool, which has nothing else to do while it reads. */
export function recoverLogJob(input: RecoverLogInput): Promise<RecoverLogOutcome> {
  const disk = new NodeDisk()
  disk.inThread = true
  return recoverLogOn(disk, input)
}

/** The job on any disk. */
export async function recoverLogOn(disk: Disk, input: RecoverLogInput): Promise<RecoverLogOutcome> {
  const lines: JobLine[] = []
  const note = (level: JobLine['level']) => (message: string) => {
    lines.push({ level, message })
  }
  const logger = { info: note('info'), warn: note('warn'), error: note('error') }
  try {
    const summary = await recoverLog(disk, input.dir, { ...input.options, logger })
    return { kind: 'recovered', summary, lines }
  } catch (error) {
    if (error instanceof CorruptLog) return { kind: 'corrupt', message: error.message, lines }
    if (error instanceof DiskError)
      return {
        kind: 'disk-error',
        message: error.message,
        code: error.code,
        path: error.path,
        lines,
      }
    throw error
  }
}
