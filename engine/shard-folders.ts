/**
 * The data folders as one shard sees them (log.dirs; org.apache.kafka.server LogManager): which one a
 * partition lives in, and which have failed (KIP-112). A failed folder stays so until the next start, takes
 * its partitions offline in the turn that notices, and gets no new ones.
 *
 * A new partition goes to the working folder with the fewest partitions, the first of several. Every shard
 * places every partition, its own or not, in the order of the image: so all count alike without asking.
 *
 * Where a partition of a failed folder was, nobody knows any more: while a folder is missing from the
 * start on, a known topic's partition that no other folder holds stays offline instead of beginning anew.
 */
import { type DiskError, isOutOfRoom } from './log/disk.ts'

/**
 * What the data folders held at the start, found once by whoever starts the broker. It tells of partitions
 * that were there then: a topic made later may have the name of one that was deleted.
 */
export interface DataFolders {
  /** log.dirs, in order, working or not. */
  readonly folders: readonly string[]
  /** Those that failed before the start was over, and why. */
  readonly failed: ReadonlyMap<string, string>
  /** `topic-partition` → the data folder that has it. */
  readonly placed: ReadonlyMap<string, string>
  /** From the log start checkpoints; absent = 0. */
  readonly logStartOffsets: ReadonlyMap<string, number>
  /** From the cleaner checkpoints; absent = not yet compacted. */
  readonly cleanedOffsets: ReadonlyMap<string, number>
  /** `topic-partition` → why recovery failed; these stay offline. */
  readonly damaged: ReadonlyMap<string, string>
}

/** What befell the folders or partitions of a shard; shard 0 draws the consequences. */
export interface FolderReport {
  /** The data folder concerned. */
  readonly folder: string
  /** It failed, with all it holds. */
  readonly failed: boolean
  readonly reason: string
  /** Partitions that went offline. */
  readonly offlineKeys: readonly number[]
  /** A partition came to live in it. */
  readonly moved: boolean
}

/** Errors that say nothing about the device: they end one log at most. */
const HARMLESS = new Set(['ENOMEM', 'ENOENT', 'EEXIST', 'ENOTEMPTY'])

/** The error of a write or sync condemns the whole data folder. */
export function failsFolder(error: DiskError): boolean {
  return !isOutOfRoom(error) && !HARMLESS.has(error.code)
}

export class ShardFolders {
  readonly folders: readonly string[]
  private readonly failures: Map<string, string>
  /** Where the start found those that were not asked for yet. */
  private readonly placed: Map<string, string>
  /** Where partitions are, of all shards. */
  private readonly homes = new Map<string, string>()
  private readonly counts = new Map<string, number>()

  constructor({ folders, failed, placed }: DataFolders) {
    this.folders = folders
    this.failures = new Map(failed)
    this.placed = new Map(placed)
    for (const folder of placed.values()) this.count(folder, 1)
  }

  /** The folder of a partition, chosen if it has none; null: it cannot be known, or none works. */
  place(name: string, isNew: boolean): string | null {
    const home = this.homes.get(name)
    if (home !== undefined) return home
    const found = this.placed.get(name)
    const folder = found ?? (isNew || this.failures.size === 0 ? this.emptiest() : null)
    if (folder === null) return null
    this.homes.set(name, folder)
    if (found === undefined) this.count(folder, 1)
    return folder
  }

  /** Gives a new partition another folder, since the first one failed before it held anything. */
  placeAgain(name: string): string | null {
    this.forget(name)
    return this.place(name, true)
  }

  /** Where the partition lives; undefined: nowhere, as far as is known. */
  homeOf(name: string): string | undefined {
    return this.homes.get(name)
  }

  forget(name: string): void {
    // A later partition of the same name is another one.
    this.placed.delete(name)
    const home = this.homes.get(name)
    if (home === undefined) return
    this.homes.delete(name)
    this.count(home, -1)
  }

  /** The partition lives in another folder now. */
  moved(name: string, folder: string): void {
    this.forget(name)
    this.homes.set(name, folder)
    this.count(folder, 1)
  }

  hasFailed(folder: string): boolean {
    return this.failures.has(folder)
  }

  /** Notes that the folder failed; false when that is known. */
  fail(folder: string, reason: string): boolean {
    if (this.failures.has(folder)) return false
    this.failures.set(folder, reason)
    return true
  }

  /** Why partitions that cannot be placed are offline. */
  failureText(): string {
    return [...this.failures].map(([folder, reason]) => `${folder} (${reason})`).join(', ')
  }

  private emptiest(): string | null {
    let best: string | null = null
    for (const folder of this.folders) {
      if (this.failures.has(folder)) continue
      if (best === null || this.countOf(folder) < this.countOf(best)) best = folder
    }
    return best
  }

  private countOf(folder: string): number {
    return this.counts.get(folder) ?? 0
  }

  private count(folder: string, change: number): void {
    this.counts.set(folder, this.countOf(folder) + change)
  }
}
