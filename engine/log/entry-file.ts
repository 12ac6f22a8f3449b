/**
 * A file of entries of one fixed size: what the three indexes of a segment have in common. New
 * entries go to a tail in memory and reach the file, at its exact length, by writeTail or flush:
 * appending does no I/O and cannot fail. The file is opened for reading and writing, or made on the
 * first write.
 *
 *   entry 0 … written-1   in the file        tailStart ≤ written ≤ count
 *   tailStart … count-1   in memory          the newest written ones stay there up to a bound
 *
 * A file that Kafka preallocated and did not trim ends in zeros: those are not counted, and the
 * next flush cuts them off. It is sound because only a first entry may be all
 * zeros. One owner thread; pages read of it are shared by all files of the thread (entry-pages.ts).
 *
 * A file whose entries are all in memory is not kept open: a broker has thousands of partitions whose
 * indexes hold an entry or none, and two descriptors each would be most of what it may have. It is closed at
 * once: behind the syncs of thousands of new partitions in the pool, closes would come too late for that.
 */
import { assert, broken } from '../base/assert.ts'
import { limits } from '../base/limits.ts'
import { agree } from './agreed-read.ts'
import {
  type Disk,
  DiskError,
  type DiskFile,
  parentDir,
  readFullySync,
  writeFullySync,
} from './disk.ts'
import { type EntryPage, forgetPages, nextFileNumber, PAGE_BYTES, pageSlot } from './entry-pages.ts'

const TAIL_ENTRIES_MIN = 32
/** A file up to this size is read whole when it is opened. */
const RESIDENT_BYTES_MAX = 1024
const NO_BYTES = Buffer.alloc(0)

export class EntryFile {
  readonly path: string
  readonly entryBytes: number
  /** Entries in all. */
  count: number
  /** Bytes at the end of the opened file that are no whole entry; 0 once they are cut off. */
  oddBytes: number
  /** Entries of zeros that the opened file ends in; 0 once they are cut off. */
  zeroEntries: number
  /** Where `locate` found the entry; valid until the next call on any entry file. */
  bytes: Buffer = NO_BYTES

  private readonly disk: Disk
  /** No single wrong read decides (agreed-read.ts). */
  private readonly agrees: boolean
  private readonly fileNumber = nextFileNumber()
  /** Null: not open, or not there. */
  private file: DiskFile | null
  private exists: boolean
  private fileBytes: number
  private tail: Buffer = NO_BYTES
  private tailStart: number
  private written: number
  private unsynced = false
  private nameUnsynced = false
  private syncFailure: unknown = null

  private constructor(
    disk: Disk,
    path: string,
    entryBytes: number,
    file: DiskFile | null,
    agrees: boolean,
  ) {
    this.disk = disk
    this.path = path
    this.entryBytes = entryBytes
    this.file = file
    this.agrees = agrees
    this.exists = file !== null
    this.fileBytes = file === null ? 0 : file.sizeSync()
    this.oddBytes = this.fileBytes % entryBytes
    const whole = (this.fileBytes - this.oddBytes) / entryBytes
    this.count = whole
    this.tailStart = whole
    this.written = whole
    this.zeroEntries = this.dropZeroTail(whole)
    if (file !== null && this.fileBytes <= RESIDENT_BYTES_MAX) this.keepResident(file)
  }

  /**
   * Opens an existing file; a missing one is created now, or with `lazy` when first written. What a lazy one
   * says is confirmed by nothing else, so it is read twice.
   */
  static async open(
    disk: Disk,
    path: string,
    entryBytes: number,
    lazy: boolean,
  ): Promise<EntryFile> {
    let file: DiskFile | null
    try {
      file = await disk.open(path, 'read-write')
    } catch (error) {
      if (!isAbsent(error)) throw error
      file = lazy ? null : await disk.open(path, 'create-new')
    }
    return new EntryFile(disk, path, entryBytes, file, lazy)
  }

  /** As a lazy open of a file that is known not to be there: a failed call costs more than a good one. */
  static absent(disk: Disk, path: string, entryBytes: number): EntryFile {
    return new EntryFile(disk, path, entryBytes, null, true)
  }

  /** Made now, for a new segment; what a crash left of an earlier attempt is opened. */
  static createSync(disk: Disk, path: string, entryBytes: number): EntryFile {
    try {
      return new EntryFile(disk, path, entryBytes, disk.openSync(path, 'create-new'), false)
    } catch (error) {
      if (!(error instanceof DiskError) || error.code !== 'EEXIST') throw error
      return new EntryFile(disk, path, entryBytes, disk.openSync(path, 'read-write'), false)
    }
  }

  /** As open, in the calling thread. */
  static openSync(disk: Disk, path: string, entryBytes: number, lazy: boolean): EntryFile {
    let file: DiskFile | null = null
    try {
      file = disk.openSync(path, 'read-write')
    } catch (error) {
      if (!isAbsent(error)) throw error
      if (!lazy) file = disk.openSync(path, 'create-new')
    }
    return new EntryFile(disk, path, entryBytes, file, lazy)
  }

  /** Makes `bytes` hold entry `index` and returns its position there. */
  locate(index: number): number {
    if (index < 0 || index >= this.count) broken(`entry ${index} of ${this.count} in ${this.path}`)
    if (index >= this.tailStart) {
      this.bytes = this.tail
      return (index - this.tailStart) * this.entryBytes
    }
    const perPage = Math.floor(PAGE_BYTES / this.entryBytes)
    const inPage = index % perPage
    const page = pageSlot(this.fileNumber, (index - inPage) / perPage)
    const isThere = page.fileNumber === this.fileNumber && page.first === index - inPage
    if (!isThere || inPage >= page.count) this.loadPage(page, index - inPage, perPage)
    this.bytes = page.bytes
    return inPage * this.entryBytes
  }

  /**
   * Adds an entry of undefined content; the caller fills it at the returned position of `bytes`.
   */
  append(): number {
    const at = (this.count - this.tailStart) * this.entryBytes
    if (at + this.entryBytes > this.tail.length) {
      const grown = Buffer.allocUnsafeSlow(
        Math.max(this.tail.length * 2, TAIL_ENTRIES_MIN * this.entryBytes),
      )
      this.tail.copy(grown, 0, 0, at)
      this.tail = grown
    }
    this.count++
    this.bytes = this.tail
    return at
  }

  /** Forgets all entries from `count` on. */
  truncate(count: number): void {
    if (count >= this.count) return
    this.count = count
    if (count < this.tailStart) {
      this.tail = NO_BYTES
      this.tailStart = count
    }
    if (count < this.written) {
      this.written = count
      this.trim()
    }
    forgetPages(this.fileNumber)
  }

  /** Forgets all entries and empties the file. */
  clear(): void {
    this.truncate(0)
    this.trim()
  }

  /** Writes what only memory has. Synced later, by flush. */
  writeTail(): void {
    if (this.written < this.count) this.putTail(this.opened())
    this.trim()
  }

  /**
   * Writes what only memory has and syncs; a file made here is also synced into its directory. After a
   * sync that failed, even for want of room, it fails for good: a second one would not tell what is lost.
   */
  async flush(): Promise<void> {
    if (this.syncFailure !== null) throw this.syncFailure
    if (this.file === null && this.written < this.count) await this.openAside()
    this.writeTail()
    try {
      if (this.file !== null && this.unsynced) {
        this.unsynced = false
        await this.file.sync()
      }
      if (this.nameUnsynced) {
        this.nameUnsynced = false
        await this.disk.syncDir(parentDir(this.path))
      }
      this.release()
    } catch (error) {
      this.syncFailure = error
      throw error
    }
  }

  /** Writes what only memory has and gives the file back. */
  async close(): Promise<void> {
    try {
      this.writeTail()
    } finally {
      await this.abandon()
    }
  }

  /** Gives the file back as it is: the log failed or the segment is deleted. */
  async abandon(): Promise<void> {
    forgetPages(this.fileNumber)
    const { file } = this
    this.file = null
    this.tail = NO_BYTES
    this.count = 0
    this.tailStart = 0
    this.written = 0
    this.fileBytes = 0
    await file?.close()
  }

  /** All entries as the file holds them once flushed. */
  encode(): Buffer {
    const all = Buffer.alloc(this.count * this.entryBytes)
    for (let i = 0; i < this.count; i++) {
      const at = this.locate(i)
      this.bytes.copy(all, i * this.entryBytes, at, at + this.entryBytes)
    }
    return all
  }

  /** Takes all entries of a small file into memory, and gives its descriptor back. */
  private keepResident(file: DiskFile): void {
    if (this.oddBytes > 0 || this.zeroEntries > 0) return
    const bytes = Buffer.allocUnsafeSlow(this.fileBytes)
    if (readFullySync(file, bytes, 0) < this.fileBytes) return
    if (this.agrees) agree(file, bytes, 0)
    this.tail = bytes
    this.tailStart = 0
    this.file = null
    file.closeSoon()
  }

  /** Gives the descriptor back when nothing will be read from the file and nothing waits for a sync. */
  private release(): void {
    const { file } = this
    if (file === null || this.tailStart > 0 || this.unsynced || this.zeroEntries > 0) return
    this.file = null
    file.closeSoon()
  }

  /** In the calling thread: an index entry must not wait. */
  private opened(): DiskFile {
    this.file ??= this.disk.openSync(this.path, this.exists ? 'read-write' : 'create-new')
    this.nowExists()
    return this.file
  }

  private async openAside(): Promise<void> {
    const file = await this.disk.open(this.path, this.exists ? 'read-write' : 'create-new')
    // It may have been opened in the calling thread meanwhile.
    if (this.file !== null) return await file.close()
    this.file = file
    this.nowExists()
  }

  private nowExists(): void {
    if (!this.exists) this.nameUnsynced = true
    this.exists = true
  }

  private putTail(file: DiskFile): void {
    const from = (this.written - this.tailStart) * this.entryBytes
    const to = (this.count - this.tailStart) * this.entryBytes
    const position = this.written * this.entryBytes
    writeFullySync(file, [this.tail.subarray(from, to)], position)
    this.written = this.count
    this.fileBytes = Math.max(this.fileBytes, position + to - from)
    this.unsynced = true
    if (this.count - this.tailStart <= limits.indexTailEntries) return
    const keep = limits.indexTailEntries / 2
    const kept = Buffer.from(this.tail.subarray(to - keep * this.entryBytes, to))
    this.tail = kept
    this.tailStart = this.count - keep
  }

  /** Cuts the file where its entries end. */
  private trim(): void {
    const size = this.written * this.entryBytes
    if (this.fileBytes <= size) return
    this.opened().truncateSync(size)
    this.fileBytes = size
    this.oddBytes = 0
    this.zeroEntries = 0
    this.unsynced = true
  }

  private loadPage(page: EntryPage, first: number, perPage: number): void {
    const count = Math.min(perPage, this.written - first)
    const size = count * this.entryBytes
    page.fileNumber = 0
    assert(this.file !== null, `${this.path} has entries, so it is open`)
    const bytes = page.bytes.subarray(0, size)
    const filled = readFullySync(this.file, bytes, first * this.entryBytes)
    if (filled < size) throw new DiskError('EIO', this.path, 'file is shorter than it was:')
    if (this.agrees) agree(this.file, bytes, first * this.entryBytes)
    page.fileNumber = this.fileNumber
    page.first = first
    page.count = count
  }

  /**
   * Sets `count` to the entries before the zeros at the end; returns how many zero entries there
   * are.
   */
  private dropZeroTail(whole: number): number {
    if (whole <= 1 || !this.isZero(whole - 1)) return 0
    let low = 0
    let high = whole - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.isZero(middle)) high = middle
      else low = middle + 1
    }
    this.count = low
    this.tailStart = low
    this.written = low
    forgetPages(this.fileNumber)
    return whole - low
  }

  private isZero(index: number): boolean {
    const at = this.locate(index)
    for (let i = at; i < at + this.entryBytes; i++) if (this.bytes[i] !== 0) return false
    return true
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof DiskError && error.code === 'ENOENT'
}
