/**
 * The store of one node: everything in memory, every change appended to a log and synced before it
 * counts, the log folded into a snapshot when it has grown. Two plain files in the first data folder
 * (Kafka takes folders there for partitions, and leaves files alone):
 *
 *   sluice-meta.log        entries, one per transaction
 *     0  length    uint32   bytes of the payload
 *     4  crc       uint32   CRC-32C of the payload
 *     8  payload   UTF-8    {"revision":n,"changes":[[key,value or null],…]}
 *
 *     …  reserve   zeros    up to limits.metaReserveBytes behind the last entry
 *
 *   sluice-meta.snapshot   one entry of the same form, replaced atomically (S7)
 *        payload            {"revision":n,"entries":[[key,value,revision],…]}
 *
 * The reserve is the ballast of S11: on a disk that producers filled the next entries go where the file has
 * its blocks already, so that an operator can delete topics and lower options. It is filled up while there
 * is room. (File systems that write every block anew, as btrfs and ZFS, give no such promise.)
 *
 * A transaction is one entry, written and synced before the next begins. So only the last entry can be
 * torn, and what is torn was never answered: it is cut at open. Log entries at or below the snapshot's
 * revision are already in it (a crash between snapshot and truncation).
 *
 * Control state is never guessed: a snapshot that does not read, a log with a whole entry behind a
 * damaged one, or a snapshot without its log refuses the start. A full disk refuses changes, once the
 * reserve is used up, until there is room; any other failed write or sync refuses them until the next start (S5).
 *
 * Keys bound to a lease live in memory only: on one node a lease ends with its process.
 */
import { crc32c } from '../base/crc32c.ts'
import { limits } from '../base/limits.ts'
import type { Logger } from '../base/logger.ts'
import { OneAtATime } from '../base/one-at-a-time.ts'
import {
  type Disk,
  DiskError,
  type DiskFile,
  isOutOfRoom,
  readFullySync,
  writeFullySync,
} from '../log/disk.ts'
import type {
  MetaChange,
  MetaCompare,
  MetaEntry,
  MetaLease,
  MetaStore,
  MetaWatch,
  RoomFor,
} from './meta-store.ts'

export const META_LOG_FILE = 'sluice-meta.log'
export const META_SNAPSHOT_FILE = 'sluice-meta.snapshot'

const HEADER_BYTES = 8
const ZEROS = Buffer.alloc(limits.metaReserveBytes)
/** The log is folded into the snapshot once it is larger than this and than the snapshot. */
const FOLD_BYTES_MIN = 256 * 1024

/** Control state that does not read: start refused, nothing changed. */
export class MetaStoreCorrupt extends Error {
  override name = 'MetaStoreCorrupt'
}

interface LogPayload {
  readonly revision: number
  readonly changes: readonly (readonly [key: string, value: string | null])[]
}

interface SnapshotPayload {
  readonly revision: number
  readonly entries: readonly (readonly [key: string, value: string, revision: number])[]
}

interface Watcher {
  readonly prefix: string
  readonly listener: (change: MetaEntry | { key: string; value: null }) => void
}

export class EmbeddedMetaStore implements MetaStore {
  private readonly disk: Disk
  private readonly dir: string
  private readonly file: DiskFile
  private readonly entries = new Map<string, MetaEntry>()
  private readonly leased = new Map<string, MetaLease>()
  private readonly watchers = new Set<Watcher>()
  private revision = 0
  /** Where the next entry goes. */
  private logBytes = 0
  /** Size of the file: the reserve ends here. */
  private fileBytes = 0
  private snapshotBytes = 0
  private readonly queue = new OneAtATime(limits.metaTransactionsMax, 'changes of control state')
  private failed: unknown = null
  /** Hears once, in the same turn, of the error that ended the store: its folder has failed (S5). */
  onFailed: ((error: DiskError) => void) | null = null

  private readonly foldBytesMin: number

  private constructor(disk: Disk, dir: string, file: DiskFile, foldBytesMin: number) {
    this.disk = disk
    this.dir = dir
    this.file = file
    this.foldBytesMin = foldBytesMin
  }

  /** Reads what is there, cuts a torn last entry. Rejects with MetaStoreCorrupt or DiskError. */
  static async open(
    disk: Disk,
    dir: string,
    logger: Logger,
    foldBytesMin = FOLD_BYTES_MIN,
  ): Promise<EmbeddedMetaStore> {
    const { file, isNew } = await openOrCreate(disk, dir)
    const store = new EmbeddedMetaStore(disk, dir, file, foldBytesMin)
    try {
      await store.loadSnapshot()
      await store.loadLog(logger)
      const sizeFound = store.fileBytes
      store.fillReserve()
      if (isNew || store.fileBytes > sizeFound) await store.file.sync()
      if (isNew) await disk.syncDir(dir)
    } catch (error) {
      await store.file.close()
      throw error
    }
    return store
  }

  async get(key: string): Promise<MetaEntry | null> {
    return this.entries.get(key) ?? null
  }

  async range(prefix: string): Promise<MetaEntry[]> {
    return [...this.entries.values()]
      .filter(({ key }) => key.startsWith(prefix))
      .sort((a, b) => (a.key < b.key ? -1 : 1))
  }

  transact(
    compares: readonly MetaCompare[],
    changes: readonly MetaChange[],
    room: RoomFor = 'any change',
  ): Promise<number | null> {
    return this.queue.run(() => this.run(compares, changes, room))
  }

  watch(prefix: string, listener: Watcher['listener']): MetaWatch {
    const watcher = { prefix, listener }
    this.watchers.add(watcher)
    return { cancel: () => void this.watchers.delete(watcher) }
  }

  async lease(): Promise<MetaLease> {
    const lease: MetaLease = {
      revoke: () =>
        this.queue.run(async () => {
          const changes = [...this.leased]
            .filter(([, holder]) => holder === lease)
            .map(([key]) => ({ key, value: null }))
          if (changes.length > 0) this.apply(changes, ++this.revision)
        }),
    }
    return lease
  }

  async close(): Promise<void> {
    await this.queue.settled()
    await this.file.close()
  }

  private async run(
    compares: readonly MetaCompare[],
    changes: readonly MetaChange[],
    room: RoomFor,
  ): Promise<number | null> {
    if (this.failed !== null) throw this.failed
    for (const { key, revision } of compares)
      if ((this.entries.get(key)?.revision ?? 0) !== revision) return null
    const revision = this.revision + 1
    const durable = changes.flatMap((change) => this.durablePart(change))
    if (durable.length > 0) await this.append(durable, revision, room)
    this.revision = revision
    this.apply(changes, revision)
    if (this.logBytes > Math.max(this.foldBytesMin, this.snapshotBytes)) await this.fold()
    return revision
  }

  private fail(error: unknown): unknown {
    const isFirst = this.failed === null
    this.failed ??= error
    if (isFirst && error instanceof DiskError) this.onFailed?.(error)
    return error
  }

  /** What the log is told of a change: a key that becomes leased leaves it. */
  private durablePart({ key, value, lease }: MetaChange): LogPayload['changes'] {
    if (lease === undefined) return [[key, value]]
    return this.entries.has(key) && !this.leased.has(key) ? [[key, null]] : []
  }

  /** A failed write or sync leaves the file unknown: the store takes no further change (S5). */
  private async append(
    changes: LogPayload['changes'],
    revision: number,
    room: RoomFor,
  ): Promise<void> {
    const entry = encodeEntry({ revision, changes })
    try {
      const full = this.fillReserve()
      if (full !== null && room === 'an addition') throw full
      writeFullySync(this.file, [entry], this.logBytes)
    } catch (error) {
      // The file was cut back to its last entry: with room again, the next change may be taken.
      if (!isOutOfRoom(error)) throw this.fail(error)
      this.fileBytes = this.file.sizeSync()
      throw error
    }
    try {
      await this.file.sync()
    } catch (error) {
      throw this.fail(error)
    }
    this.logBytes += entry.length
    this.fileBytes = Math.max(this.fileBytes, this.logBytes)
  }

  /** Makes the reserve whole when half of it is used; the error if there is no room for that. */
  private fillReserve(): DiskError | null {
    if (this.fileBytes - this.logBytes >= limits.metaReserveBytes / 2) return null
    const bytes = this.logBytes + limits.metaReserveBytes - this.fileBytes
    try {
      writeFullySync(this.file, [ZEROS.subarray(0, bytes)], this.fileBytes)
    } catch (error) {
      if (isOutOfRoom(error)) return error as DiskError
      throw error
    }
    this.fileBytes += bytes
    return null
  }

  private apply(changes: readonly MetaChange[], revision: number): void {
    for (const { key, value, lease } of changes) {
      if (value === null) {
        this.entries.delete(key)
        this.leased.delete(key)
      } else {
        this.entries.set(key, { key, value, revision })
        if (lease === undefined) this.leased.delete(key)
        else this.leased.set(key, lease)
      }
      for (const { prefix, listener } of this.watchers)
        if (key.startsWith(prefix))
          listener(value === null ? { key, value } : { key, value, revision })
    }
  }

  /**
   * Snapshot first, durable, then the log empty: a crash between the two repeats nothing. Whatever fails,
   * the changes so far are durable; without room the next one tries again, else it is refused.
   */
  private async fold(): Promise<void> {
    const payload: SnapshotPayload = {
      revision: this.revision,
      entries: [...this.entries.values()]
        .filter(({ key }) => !this.leased.has(key))
        .map(({ key, value, revision }) => [key, value, revision] as const),
    }
    const content = encodeEntry(payload)
    try {
      await this.disk.writeFileAtomic(`${this.dir}/${META_SNAPSHOT_FILE}`, content)
    } catch (error) {
      if (!isOutOfRoom(error)) this.fail(error)
      return
    }
    try {
      await this.file.truncate(0)
      await this.file.sync()
    } catch (error) {
      this.fail(error)
      return
    }
    this.snapshotBytes = content.length
    this.logBytes = 0
    this.fileBytes = 0
  }

  private async loadSnapshot(): Promise<void> {
    const path = `${this.dir}/${META_SNAPSHOT_FILE}`
    const content = await this.disk.readFile(path)
    if (content === null) return
    const entry = decodeEntry(content, 0)
    if (entry === null || entry.end !== content.length)
      throw new MetaStoreCorrupt(
        `${path} is damaged: topics and options cannot be known. Restore it from a backup; ` +
          'the records themselves are not touched.',
      )
    const { revision, entries } = entry.payload as SnapshotPayload
    for (const [key, value, changed] of entries)
      this.entries.set(key, { key, value, revision: changed })
    this.revision = revision
    this.snapshotBytes = content.length
  }

  private async loadLog(logger: Logger): Promise<void> {
    const content = Buffer.alloc(this.file.sizeSync())
    const size = readFullySync(this.file, content, 0)
    let at = 0
    for (;;) {
      const entry = decodeEntry(content.subarray(0, size), at)
      if (entry === null) break
      at = entry.end
      const { revision, changes } = entry.payload as LogPayload
      if (revision <= this.revision) continue
      this.revision = revision
      this.apply(
        changes.map(([key, value]) => ({ key, value })),
        revision,
      )
    }
    this.logBytes = at
    this.fileBytes = size
    const end = endOfContent(content, size)
    if (at >= end) return
    const later = nextEntryAt(content.subarray(0, size), at + 1)
    if (later >= 0)
      throw new MetaStoreCorrupt(
        `${this.file.path} is damaged at byte ${at}, with changes behind it from byte ${later} on: ` +
          'restore it from a backup; the records themselves are not touched.',
      )
    const again = Buffer.alloc(size)
    if (readFullySync(this.file, again, 0) !== size || !again.equals(content.subarray(0, size)))
      throw new DiskError('EIO', this.file.path, 'two reads differ of')
    logger.warn(`${this.file.path}: cut ${end - at} bytes of a change that was never completed`)
    await this.file.truncate(at)
    await this.file.sync()
    this.fileBytes = at
  }
}

/** What is new is not durable yet. */
async function openOrCreate(
  disk: Disk,
  dir: string,
): Promise<{ readonly file: DiskFile; readonly isNew: boolean }> {
  const path = `${dir}/${META_LOG_FILE}`
  if ((await disk.stat(path)) !== null)
    return { file: await disk.open(path, 'read-write'), isNew: false }
  // The log is made first and never removed.
  if ((await disk.stat(`${dir}/${META_SNAPSHOT_FILE}`)) !== null)
    throw new MetaStoreCorrupt(
      `${path} is missing beside its snapshot: the latest changes of topics cannot be known. Restore ` +
        'it from a backup; the records themselves are not touched.',
    )
  return { file: await disk.open(path, 'create-new'), isNew: true }
}

/** Where the zeros at the end begin. */
function endOfContent(content: Buffer, size: number): number {
  let end = size
  while (end > 0 && content[end - 1] === 0) end--
  return end
}

/** Where a whole entry starts at or behind `from`; -1 when none does. */
function nextEntryAt(content: Buffer, from: number): number {
  for (let at = from; at + HEADER_BYTES < content.length; at++)
    if (decodeEntry(content, at) !== null) return at
  return -1
}

function encodeEntry(payload: LogPayload | SnapshotPayload): Buffer {
  const text = Buffer.from(JSON.stringify(payload))
  const entry = Buffer.alloc(HEADER_BYTES + text.length)
  entry.writeUInt32BE(text.length, 0)
  entry.writeUInt32BE(crc32c(text), 4)
  text.copy(entry, HEADER_BYTES)
  return entry
}

/** Null when no whole, valid entry starts at `at`. */
function decodeEntry(
  content: Buffer,
  at: number,
): { payload: LogPayload | SnapshotPayload; end: number } | null {
  if (at + HEADER_BYTES > content.length) return null
  const length = content.readUInt32BE(at)
  const end = at + HEADER_BYTES + length
  // A header of zeros would pass its own check: the CRC of nothing is 0 (S1).
  if (length === 0 || end > content.length) return null
  if (crc32c(content, at + HEADER_BYTES, end) !== content.readUInt32BE(at + 4)) return null
  return { payload: JSON.parse(content.toString('utf8', at + HEADER_BYTES, end)), end }
}
