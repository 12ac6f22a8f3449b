/**
 * The real disk: the Disk port on node:fs, one system call each, no logic but the mapping of
 * errors. Files are plain descriptors, not FileHandles: the hot path needs the synchronous calls,
 * and sendfile needs the number.
 */
import fs from 'node:fs'
import { getSystemErrorName, promisify } from 'node:util'
import {
  type Disk,
  type DiskDir,
  DiskError,
  type DiskFile,
  type FileStat,
  type OpenMode,
  type PageCacheAdvice,
  parentDir,
  replaceFile,
} from './disk.ts'
import { RefusedFolders } from './refused-folders.ts'

/**
 * Linux takes at most this many pieces in one call (IOV_MAX); more are written by the caller's
 * loop.
 */
const GATHER_MAX = 1024
/**
 * Bytes of one write to the page cache, about; the caller's loop does the rest. The kernel takes memory in
 * pieces as large as the write, and those of 1 MiB and more can be ten times as slow to fill, where they
 * have not been used before (docs/performance.md).
 */
const WRITE_BYTES_MAX = 256 * 1024

const OPEN_FLAGS = {
  'create-new': fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_EXCL,
  'read-write': fs.constants.O_RDWR,
  read: fs.constants.O_RDONLY,
} as const

const openAsync = promisify(fs.open)
const readAsync = promisify(fs.read)
const writeAsync = promisify(fs.write)
const truncateAsync = promisify(fs.ftruncate)
const dataSyncAsync = promisify(fs.fdatasync)
const closeAsync = promisify(fs.close)
const syncAsync = promisify(fs.fsync)
const makeDirAsync = promisify(fs.mkdir)
const renameAsync = promisify(fs.rename)
const unlinkAsync = promisify(fs.unlink)
// A start opens thousands of folders: these take half the CPU time of their twins in fs.promises.
const readFileAsync = promisify(fs.readFile)
const statAsync = promisify(fs.stat)
const listAsync = promisify(fs.readdir)

/** Fills `into` with what the page cache holds from `position` on; returns bytes, -1 = none or unknown. */
export type ReadCached = (fd: number, into: Buffer, position: number) => number

/** One system call each: bytes done, or minus the system's error number. */
export interface NativeFileCalls {
  write(fd: number, bytes: Buffer, position: number): number
  read(fd: number, into: Buffer, position: number): number
}

/** In the pool; resolves when the system has taken it, see net/native-page-cache.ts. */
export type AdvisePageCache = (
  fd: number,
  advice: PageCacheAdvice,
  position: number,
  bytes: number,
) => Promise<void>

export class NodeDisk implements Disk {
  /** Null: node:fs does it. */
  native: NativeFileCalls | null = null
  /** Null: nobody can tell what is in the page cache. */
  readCached: ReadCached | null = null
  /** Null: the page cache is left to the system. */
  advisePageCache: AdvisePageCache | null = null
  /**
   * Everything but syncs and what takes long is done in the calling thread instead of the pool, which
   * costs a tenth of the time: for a start, which opens thousands of folders and serves nobody yet.
   */
  inThread = false
  /** And syncs: for a start's own, which come one after the other. Many at a time share their cost in the pool. */
  syncsInThread = false
  readonly refused = new RefusedFolders()

  async open(path: string, mode: OpenMode): Promise<DiskFile> {
    if (this.inThread) return this.openSync(path, mode)
    if (mode === 'create-new') this.refused.check('open', path)
    const fd = await orDiskError('open', path, openAsync(path, OPEN_FLAGS[mode]))
    return new NodeFile(path, fd, this)
  }

  openSync(path: string, mode: OpenMode): DiskFile {
    if (mode === 'create-new') this.refused.check('open', path)
    try {
      return new NodeFile(path, fs.openSync(path, OPEN_FLAGS[mode]), this)
    } catch (error) {
      throw toDiskError(error, 'open', path)
    }
  }

  openDirSync(path: string): DiskDir {
    try {
      return new NodeDir(path, fs.openSync(path, 'r'), this)
    } catch (error) {
      throw toDiskError(error, 'open', path)
    }
  }

  /** Level by level: Node's recursive mkdir never ends below a folder that takes none, as /proc. */
  async makeDir(path: string): Promise<void> {
    this.refused.check('mkdir', path)
    try {
      await this.makeOneDir(path)
      return
    } catch {
      // It is there, or its parent is not, or it cannot be made: told apart below.
    }
    const missing: string[] = []
    let at = path
    while ((await this.stat(at)) === null && parentDir(at) !== at) {
      missing.push(at)
      at = parentDir(at)
    }
    for (const dir of missing.reverse())
      await orDiskError('mkdir', dir, this.makeOneDir(dir)).catch((error: DiskError) => {
        // Another thread was quicker.
        if (error.code !== 'EEXIST') throw error
      })
    if (missing.length === 0 && (await this.stat(path))?.isDirectory !== true)
      throw new DiskError('EEXIST', path, 'mkdir')
  }

  private makeOneDir(path: string): Promise<void> {
    return this.inThread ? inPromise(() => fs.mkdirSync(path)) : makeDirAsync(path)
  }

  list(path: string): Promise<string[]> {
    const names = this.inThread ? inPromise(() => fs.readdirSync(path)) : listAsync(path)
    return orDiskError('list', path, names)
  }

  async stat(path: string): Promise<FileStat | null> {
    const looking = this.inThread
      ? inPromise(() => fs.statSync(path, { throwIfNoEntry: false }))
      : statAsync(path)
    const stat = await orNull('stat', path, looking)
    if (stat === null || stat === undefined) return null
    return { size: stat.size, isDirectory: stat.isDirectory(), modifiedMs: stat.mtimeMs }
  }

  async rename(from: string, to: string): Promise<void> {
    this.refused.check('rename', from)
    this.refused.check('rename', to)
    const renamed = this.inThread ? inPromise(() => fs.renameSync(from, to)) : renameAsync(from, to)
    await orDiskError('rename', from, renamed)
  }

  async unlink(path: string): Promise<void> {
    this.refused.check('unlink', path)
    const removed = this.inThread ? inPromise(() => fs.unlinkSync(path)) : unlinkAsync(path)
    await orDiskError('unlink', path, removed)
  }

  unlinkSync(path: string): void {
    this.refused.check('unlink', path)
    try {
      fs.unlinkSync(path)
    } catch (error) {
      throw toDiskError(error, 'unlink', path)
    }
  }

  async removeDir(path: string): Promise<void> {
    this.refused.check('remove', path)
    await orDiskError('remove', path, fs.promises.rm(path, { recursive: true, force: true }))
  }

  async syncDir(path: string): Promise<void> {
    const opened = this.inThread ? inPromise(() => fs.openSync(path, 'r')) : openAsync(path, 'r')
    await new NodeDir(path, await orDiskError('open', path, opened), this).sync()
  }

  async freeBytes(path: string): Promise<number> {
    const stat = await orDiskError('statfs', path, fs.promises.statfs(path))
    return stat.bavail * stat.bsize
  }

  async totalBytes(path: string): Promise<number> {
    const stat = await orDiskError('statfs', path, fs.promises.statfs(path))
    return stat.blocks * stat.bsize
  }

  readFile(path: string): Promise<Buffer | null> {
    const bytes = this.inThread ? inPromise(() => fs.readFileSync(path)) : readFileAsync(path)
    return orNull('read', path, bytes)
  }

  refuseChanges(folder: string): void {
    this.refused.add(folder)
  }

  writeFileAtomic(path: string, content: Buffer | string): Promise<void> {
    return replaceFile(this, path, content)
  }
}

/**
 * A file that another thread opened and keeps open: descriptors belong to the process. For reading
 * only, and only as long as that thread has promised to keep it.
 */
export function borrowFile(
  path: string,
  fd: number,
  readCached: ReadCached | null = null,
): Pick<DiskFile, 'fd' | 'path' | 'readSync' | 'readCached' | 'read'> {
  return new NodeFile(path, fd, {
    inThread: false,
    syncsInThread: false,
    readCached,
    native: null,
    advisePageCache: null,
  })
}

/** The first of the pieces, of WRITE_BYTES_MAX together or a little less. */
function forOneWrite(pieces: readonly Buffer[]): readonly Buffer[] {
  const most = Math.min(pieces.length, GATHER_MAX)
  let bytes = 0
  for (let count = 0; count < most; count++) {
    bytes += pieces[count]!.length
    if (bytes > WRITE_BYTES_MAX && count > 0) return pieces.slice(0, count)
  }
  return most === pieces.length ? pieces : pieces.slice(0, most)
}

async function inPromise<T>(call: () => T): Promise<T> {
  return call()
}

type DiskWays = Pick<
  NodeDisk,
  'inThread' | 'syncsInThread' | 'readCached' | 'native' | 'advisePageCache'
>

class NodeFile implements DiskFile {
  readonly path: string
  fd: number
  /** Calls in the thread pool: the descriptor may not be given back (and reused) below them. */
  private inFlight = 0
  private onIdle: (() => void) | null = null
  private readonly disk: DiskWays

  constructor(path: string, fd: number, disk: DiskWays) {
    this.path = path
    this.fd = fd
    this.disk = disk
  }

  writeSync(pieces: readonly Buffer[], position: number): number {
    try {
      const first = pieces[0]!
      if (pieces.length > 1 && first.length < WRITE_BYTES_MAX)
        return fs.writevSync(this.openFd(), forOneWrite(pieces), position)
      const piece = first.length <= WRITE_BYTES_MAX ? first : first.subarray(0, WRITE_BYTES_MAX)
      const { native } = this.disk
      if (native !== null) return orThrow(native.write(this.openFd(), piece, position))
      return fs.writeSync(this.openFd(), piece, 0, piece.length, position)
    } catch (error) {
      throw toDiskError(error, 'write', this.path)
    }
  }

  async write(bytes: Buffer, position: number): Promise<number> {
    const write = () => writeAsync(this.openFd(), bytes, 0, bytes.length, position)
    return (await this.track('write', write)).bytesWritten
  }

  readSync(into: Buffer, position: number): number {
    try {
      const { native } = this.disk
      if (native !== null) return orThrow(native.read(this.openFd(), into, position))
      return fs.readSync(this.openFd(), into, 0, into.length, position)
    } catch (error) {
      throw toDiskError(error, 'read', this.path)
    }
  }

  readCached(into: Buffer, position: number): number {
    return this.disk.readCached?.(this.openFd(), into, position) ?? -1
  }

  async read(into: Buffer, position: number): Promise<number> {
    if (this.disk.inThread) return this.readSync(into, position)
    const read = () => readAsync(this.openFd(), into, 0, into.length, position)
    return (await this.track('read', read)).bytesRead
  }

  sizeSync(): number {
    try {
      return fs.fstatSync(this.openFd()).size
    } catch (error) {
      throw toDiskError(error, 'stat', this.path)
    }
  }

  truncate(size: number): Promise<void> {
    return this.track('truncate', () => truncateAsync(this.openFd(), size))
  }

  truncateSync(size: number): void {
    try {
      fs.ftruncateSync(this.openFd(), size)
    } catch (error) {
      throw toDiskError(error, 'truncate', this.path)
    }
  }

  async advise(advice: PageCacheAdvice, position: number, bytes: number): Promise<void> {
    const { advisePageCache } = this.disk
    if (advisePageCache === null) return
    await this.track(advice, () => advisePageCache(this.openFd(), advice, position, bytes))
  }

  sync(): Promise<void> {
    const { syncsInThread } = this.disk
    return this.track('sync', () =>
      syncsInThread
        ? inPromise(() => fs.fdatasyncSync(this.openFd()))
        : dataSyncAsync(this.openFd()),
    )
  }

  async close(): Promise<void> {
    const { fd } = this
    if (fd < 0) return
    this.fd = -1
    if (this.inFlight > 0)
      await new Promise<void>((resolve) => {
        this.onIdle = resolve
      })
    const closed = this.disk.inThread ? inPromise(() => fs.closeSync(fd)) : closeAsync(fd)
    await orDiskError('close', this.path, closed)
  }

  closeSoon(): void {
    const { fd } = this
    if (fd < 0) return
    if (this.inFlight > 0) {
      // It loses nothing that anybody waits for.
      this.close().catch(() => {})
      return
    }
    this.fd = -1
    closeQuietly(fd)
  }

  private openFd(): number {
    if (this.fd < 0) throw new DiskError('EBADF', this.path, 'use after close of')
    return this.fd
  }

  private async track<T>(operation: string, call: () => Promise<T>): Promise<T> {
    this.inFlight++
    try {
      return await call()
    } catch (error) {
      throw toDiskError(error, operation, this.path)
    } finally {
      this.inFlight--
      if (this.inFlight === 0 && this.onIdle !== null) this.onIdle()
    }
  }
}

class NodeDir implements DiskDir {
  private readonly path: string
  private fd: number
  private readonly disk: NodeDisk

  constructor(path: string, fd: number, disk: NodeDisk) {
    this.path = path
    this.fd = fd
    this.disk = disk
  }

  async sync(): Promise<void> {
    const { path, fd, disk } = this
    this.fd = -1
    try {
      disk.refused.check('sync', path)
      const synced = disk.syncsInThread ? inPromise(() => fs.fsyncSync(fd)) : syncAsync(fd)
      await orDiskError('sync', path, synced)
    } finally {
      const closed = disk.inThread ? inPromise(() => fs.closeSync(fd)) : closeAsync(fd)
      await orDiskError('close', path, closed)
    }
  }

  closeSoon(): void {
    const { fd } = this
    this.fd = -1
    if (fd >= 0) closeQuietly(fd)
  }
}

/** The descriptor is free either way, and what it stands for needs no word of the device. */
function closeQuietly(fd: number): void {
  try {
    fs.closeSync(fd)
  } catch {
    // As said.
  }
}

/** What a native call gave; an error as Node's own would be. */
function orThrow(done: number): number {
  if (done >= 0) return done
  throw Object.assign(new Error('a native call failed'), { code: getSystemErrorName(done) })
}

function toDiskError(error: unknown, operation: string, path: string): unknown {
  if (error instanceof DiskError) return error
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  // Anything without a system's code (a wrong argument) is our own fault and stays what it is.
  return typeof code === 'string' && !code.startsWith('ERR_')
    ? new DiskError(code, path, operation)
    : error
}

async function orDiskError<T>(operation: string, path: string, call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    throw toDiskError(error, operation, path)
  }
}

async function orNull<T>(operation: string, path: string, call: Promise<T>): Promise<T | null> {
  try {
    return await call
  } catch (error) {
    const mapped = toDiskError(error, operation, path)
    if (mapped instanceof DiskError && mapped.code === 'ENOENT') return null
    throw mapped
  }
}
