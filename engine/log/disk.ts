/**
 * The Disk port: the only way the engine reaches files. Two implementations: node-disk.ts (the real
 * one, thin) and test/support/simulated-disk.ts (every legal outcome of a power loss).
 *
 * Synchronous calls are the hot path (positional writes into the page cache, reads that are cached
 * for certain, opening the files of a new segment); everything that may wait for a device is a
 * promise. Nothing here retries: a failed sync is never repeated (S5).
 *
 * Any call may throw or reject with DiskError; S-numbers are rules of reference/reliability.md
 * §3.2.
 */
import { posix } from 'node:path'

/** A failed file operation. `code` is the system's name of it, as ENOSPC, EIO, ENOENT. */
export class DiskError extends Error {
  override name = 'DiskError'
  readonly code: string
  readonly path: string
  constructor(code: string, path: string, operation: string) {
    super(`${operation} ${path}: ${code}`)
    this.code = code
    this.path = path
  }
}

/**
 * True when the error only says that there is no room, on the disk or for another open file: nothing was
 * tried that could have gone half way, and the log stays usable (S11).
 */
export function isOutOfRoom(error: unknown): boolean {
  if (!(error instanceof DiskError)) return false
  return error.code === 'ENOSPC' || error.code === 'EDQUOT' || isOutOfDescriptors(error)
}

/** The process, or the system, has as many files open as it may. */
export function isOutOfDescriptors(error: DiskError): boolean {
  return error.code === 'EMFILE' || error.code === 'ENFILE'
}

/**
 * create-new fails with EEXIST on an existing file; read-write and read fail with ENOENT on none.
 */
export type OpenMode = 'create-new' | 'read-write' | 'read'

/** write: begin to write a range to the device. drop: let go of what of it is written and in memory. */
export type PageCacheAdvice = 'write' | 'drop'

export interface DiskFile {
  /** As given to open; not followed through renames. */
  readonly path: string
  /** The system's descriptor, for sendfile; -1 on a simulated disk and after close. */
  readonly fd: number
  /** Writes the pieces one behind the other at `position`; returns bytes written, may be short. */
  writeSync(pieces: readonly Buffer[], position: number): number
  /** As writeSync through the thread pool, for bulk that nobody waits for. */
  write(bytes: Buffer, position: number): Promise<number>
  /** Fills `into` from `position`; returns bytes read, may be short, 0 = end of file. */
  readSync(into: Buffer, position: number): number
  /**
   * As readSync, for what needs no device: bytes at the start of `into` that were in memory, or -1 when
   * none were, or nobody can tell.
   */
  readCached(into: Buffer, position: number): number
  /** As readSync through the thread pool, for bytes that may have to come from the device. */
  read(into: Buffer, position: number): Promise<number>
  sizeSync(): number
  truncate(size: number): Promise<void>
  truncateSync(size: number): void
  /**
   * Tells the system what to do with a range in memory, through the pool. Advice: what the file holds and
   * what of it is durable stays as it is, and an error of the device is for the next sync to tell.
   */
  advise(advice: PageCacheAdvice, position: number, bytes: number): Promise<void>
  /** fdatasync: makes durable what was written before the call, nothing written after it (S4). */
  sync(): Promise<void>
  /** Waits for calls in flight, then closes. Closing twice is allowed. */
  close(): Promise<void>
  /**
   * As close, in the calling thread unless a call is in flight, and without a word of what goes wrong: for a
   * small file that keeps its name, so that its end frees nothing on the device, with nothing to be synced.
   */
  closeSoon(): void
}

/** An open directory: its names can be made durable when there is no descriptor left. */
export interface DiskDir {
  /** As Disk.syncDir, under whatever name it lies by now, and closes it. Called once. */
  sync(): Promise<void>
  /** Gives it back as it is, unless that was done, without a word of what goes wrong. */
  closeSoon(): void
}

export interface FileStat {
  readonly size: number
  readonly isDirectory: boolean
  /** Wall clock of the last change of content. */
  readonly modifiedMs: number
}

export interface Disk {
  open(path: string, mode: OpenMode): Promise<DiskFile>
  /** For the roll of a segment only. */
  openSync(path: string, mode: OpenMode): DiskFile
  /** For the roll of a segment only. */
  openDirSync(path: string): DiskDir
  /**
   * With all missing parents; an existing directory is fine. Durable after syncDir of the parent.
   */
  makeDir(path: string): Promise<void>
  /** Names in the directory, in no order. */
  list(path: string): Promise<string[]>
  /** null when there is no such file or directory. */
  stat(path: string): Promise<FileStat | null>
  /** Atomic, replaces an existing file. Durable after syncDir. */
  rename(from: string, to: string): Promise<void>
  unlink(path: string): Promise<void>
  /** For what the roll of a segment takes back only. */
  unlinkSync(path: string): void
  /** With all content; a missing directory is fine. */
  removeDir(path: string): Promise<void>
  /** Makes creations, renames and removals in the directory durable (S6). */
  syncDir(path: string): Promise<void>
  /** Bytes that may still be written on the file system of `path`. */
  freeBytes(path: string): Promise<number>
  /** Size of the file system of `path`. */
  totalBytes(path: string): Promise<number>
  /** The whole file; null when there is none. For small files. */
  readFile(path: string): Promise<Buffer | null>
  /** The folder failed: no call that changes names in it begins from now on, refused-folders.ts. */
  refuseChanges(folder: string): void
  /**
   * Old content or new content after any crash, never a mix (S7). One writer per path at a time.
   */
  writeFileAtomic(path: string, content: Buffer | string): Promise<void>
}

/**
 * Writes all pieces at `position`. Throws DiskError; when the disk is full after a part was
 * written, the file is cut back to `position` first (S11), and if that fails its error is thrown
 * instead. After any other code than a full disk the log directory counts as failed (S5).
 */
export function writeFullySync(file: DiskFile, pieces: readonly Buffer[], position: number): void {
  let size = 0
  for (let i = 0; i < pieces.length; i++) size += pieces[i]!.length
  if (size === 0) return
  let written = 0
  try {
    written = file.writeSync(pieces, position)
    while (written < size) {
      const more = file.writeSync(piecesFrom(pieces, written), position + written)
      if (more <= 0) throw new DiskError('EIO', file.path, 'write made no progress on')
      written += more
    }
  } catch (error) {
    if (written > 0 && isOutOfRoom(error)) file.truncateSync(position)
    throw error
  }
}

/** The pieces without their first `skip` bytes. */
function piecesFrom(pieces: readonly Buffer[], skip: number): Buffer[] {
  const rest: Buffer[] = []
  let left = skip
  for (const piece of pieces) {
    if (left >= piece.length) left -= piece.length
    else {
      rest.push(left === 0 ? piece : piece.subarray(left))
      left = 0
    }
  }
  return rest
}

/** Writes all of `bytes` through the pool. Throws DiskError; what was written before it stays. */
export async function writeFully(file: DiskFile, bytes: Buffer, position: number): Promise<void> {
  let written = 0
  while (written < bytes.length) {
    const more = await file.write(bytes.subarray(written), position + written)
    if (more <= 0) throw new DiskError('EIO', file.path, 'write made no progress on')
    written += more
  }
}

/** Reads until `into` is full or the file ends; returns the bytes read. */
export function readFullySync(file: DiskFile, into: Buffer, position: number): number {
  let filled = file.readSync(into, position)
  while (filled > 0 && filled < into.length) {
    const more = file.readSync(into.subarray(filled), position + filled)
    if (more === 0) break
    filled += more
  }
  return filled
}

/** As readFullySync, for bytes that may not be cached. */
export async function readFully(file: DiskFile, into: Buffer, position: number): Promise<number> {
  let filled = await file.read(into, position)
  while (filled > 0 && filled < into.length) {
    const more = await file.read(into.subarray(filled), position + filled)
    if (more === 0) break
    filled += more
  }
  return filled
}

/**
 * The one way to replace a small file (S7): temp file beside it, sync, rename, sync directory.
 * Every Disk implements writeFileAtomic with this. A temp file left by a crash is overwritten.
 */
export async function replaceFile(
  disk: Disk,
  path: string,
  content: Buffer | string,
): Promise<void> {
  const temporary = `${path}.tmp`
  const file = await createAnew(disk, temporary)
  try {
    writeFullySync(file, [typeof content === 'string' ? Buffer.from(content) : content], 0)
    await file.sync()
  } finally {
    await file.close()
  }
  await disk.rename(temporary, path)
  await disk.syncDir(parentDir(path))
}

async function createAnew(disk: Disk, path: string): Promise<DiskFile> {
  try {
    return await disk.open(path, 'create-new')
  } catch (error) {
    if (!(error instanceof DiskError) || error.code !== 'EEXIST') throw error
  }
  await disk.unlink(path)
  return await disk.open(path, 'create-new')
}

/** The directory a path lies in: the one to sync after creating, renaming or removing the path. */
export function parentDir(path: string): string {
  return posix.dirname(path)
}
