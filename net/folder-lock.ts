/**
 * One process per data folder (S16): `.lock` is held from start to stop.
 *
 * - held: a POSIX record lock on the whole file (fcntl F_SETLK), the lock Kafka itself takes by
 *   Java's FileChannel.tryLock, so the two exclude each other. The kernel drops it when the process
 *   ends, however it ends. Taken through koffi, on 64-bit Linux.
 * - plain: without koffi the file names its owner by process id, start time and boot; it is stale
 *   once that process is gone. A held lock is seen through /proc/locks. Weaker: it does not reach
 *   across containers that cannot see each other's processes.
 *
 * Both write the owner into the file, and each respects the other. POSIX locks are lost when the
 * process closes ANY descriptor of the file, so nothing else may ever open it.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  openSync,
  readFileSync,
  readSync,
  realpathSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { loadRecordLocks, type RecordLocks } from './record-lock.ts'

const LOCK_FILE = '.lock'
/** Attempts at a plain lock whose file keeps changing hands. */
const ATTEMPTS_MAX = 5
const OWNER_BYTES_MAX = 1024

export interface FolderLock {
  readonly kind: 'held' | 'plain'
  release(): void
}

/** The folder is another process's; the message is for the operator. */
export class FolderLocked extends Error {
  override name = 'FolderLocked'
  readonly folder: string
  /** -1 when it cannot be seen from here. */
  readonly pid: number
  constructor(folder: string, pid: number) {
    const who = pid > 0 ? `process ${pid}` : 'a process that is not visible from here'
    super(
      `${folder} is in use by ${who}, which holds ${join(folder, LOCK_FILE)}. ` +
        'Stop that process, or set log.dirs to another folder.',
    )
    this.folder = folder
    this.pid = pid
  }
}

interface Owner {
  readonly kind: 'held' | 'plain'
  readonly pid: number
  /** Clock ticks from boot to the start of the process; null where the system does not tell. */
  readonly startTime: string | null
  readonly bootId: string | null
}

/** Real paths of the folders this process has locked: a second lock of ours would not conflict. */
const lockedHere = new Set<string>()

/**
 * Locks an existing folder for this process. Throws FolderLocked, or the system's error. `locks` is
 * for tests: null = as if koffi were missing.
 */
export function lockFolder(
  folder: string,
  locks: RecordLocks | null = loadRecordLocks(),
): FolderLock {
  const real = realpathSync(folder)
  if (lockedHere.has(real)) throw new FolderLocked(folder, process.pid)
  const path = join(real, LOCK_FILE)
  const unlock = locks === null ? lockPlain(folder, path) : lockHeld(folder, path, locks)
  lockedHere.add(real)
  return {
    kind: locks === null ? 'plain' : 'held',
    release() {
      if (lockedHere.delete(real)) unlock()
    },
  }
}

/**
 * The process that holds a folder, without touching anything; null when none is seen. Weaker than
 * locking: a lock on a system without /proc is not seen.
 */
export function folderHolder(folder: string): number | null {
  const path = join(realpathSync(folder), LOCK_FILE)
  const content = readIfThere(path)
  if (content === null) return null
  const owner = parseOwner(content)
  if (owner?.kind === 'plain' && isAlive(owner)) return owner.pid
  return recordLockHolder(path)
}

function lockHeld(folder: string, path: string, locks: RecordLocks): () => void {
  const fd = openSync(path, existsSync(path) ? 'r+' : 'a+')
  try {
    const holder = locks.tryLock(fd)
    if (holder !== null) throw new FolderLocked(folder, holder)
    const content = Buffer.alloc(OWNER_BYTES_MAX)
    const owner = parseOwner(
      content.toString('utf8', 0, readSync(fd, content, 0, content.length, 0)),
    )
    if (owner?.kind === 'plain' && isAlive(owner)) throw new FolderLocked(folder, owner.pid)
    ftruncateSync(fd, 0)
    writeSync(fd, formatOwner('held'), 0)
  } catch (error) {
    closeSync(fd)
    throw error
  }
  return () => {
    ftruncateSync(fd, 0)
    closeSync(fd)
  }
}

function lockPlain(folder: string, path: string): () => void {
  const mine = formatOwner('plain')
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    if (createWith(path, mine)) return () => unlinkSync(path)
    const found = readIfThere(path)
    if (found === null) continue
    const owner = parseOwner(found)
    if (owner !== null && isAlive(owner)) throw new FolderLocked(folder, owner.pid)
    const holder = recordLockHolder(path)
    if (holder !== null) throw new FolderLocked(folder, holder)
    // Stale. Of several that see it so, one gets this very file out of the way.
    const aside = `${path}.${process.pid}`
    if (!renameIfThere(path, aside)) continue
    if (readFileSync(aside, 'utf8') !== found) putBack(aside, path)
    unlinkSync(aside)
  }
  throw new FolderLocked(folder, parseOwner(readIfThere(path) ?? '')?.pid ?? -1)
}

/** Someone took the stale lock before us and we moved theirs: theirs it stays. */
function putBack(aside: string, path: string): void {
  try {
    linkSync(aside, path)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  }
}

/** Creates the file with its content in one step; false when it exists. */
function createWith(path: string, content: string): boolean {
  const temporary = `${path}.${process.pid}.new`
  const fd = openSync(temporary, 'w')
  try {
    writeSync(fd, content, 0)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  try {
    linkSync(temporary, path)
    return true
  } catch (error) {
    const code = codeOf(error)
    if (code === 'EEXIST') return false
    // No hard links on this file system: create it empty and fill it.
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS') throw error
    return createExclusively(path, content)
  } finally {
    unlinkSync(temporary)
  }
}

function createExclusively(path: string, content: string): boolean {
  try {
    writeFileSync(path, content, { flag: 'wx' })
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw error
  }
}

function renameIfThere(from: string, to: string): boolean {
  try {
    renameSync(from, to)
    return true
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw error
  }
}

function formatOwner(kind: Owner['kind']): string {
  const owner: Owner = {
    kind,
    pid: process.pid,
    startTime: startTimeOf(process.pid),
    bootId: bootId(),
  }
  return `${JSON.stringify(owner)}\n`
}

/** null when the content names nobody, as in a file that Kafka made. */
function parseOwner(content: string): Owner | null {
  try {
    const owner: unknown = JSON.parse(content)
    if (typeof owner !== 'object' || owner === null || !('pid' in owner)) return null
    const { kind, pid, startTime, bootId: boot } = owner as Partial<Owner>
    if (!Number.isSafeInteger(pid)) return null
    return {
      kind: kind === 'plain' ? 'plain' : 'held',
      pid: pid as number,
      startTime: startTime ?? null,
      bootId: boot ?? null,
    }
  } catch {
    // Not ours, or cut short by a crash: names nobody.
    return null
  }
}

function isAlive(owner: Owner): boolean {
  if (owner.bootId !== bootId()) return false
  if (owner.startTime !== null) return startTimeOf(owner.pid) === owner.startTime
  try {
    process.kill(owner.pid, 0)
    return true
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

/**
 * Field 22 of /proc/PID/stat; the name in field 2 may hold anything, so count from its last
 * bracket.
 */
function startTimeOf(pid: number): string | null {
  const stat = readProc(`/proc/${pid}/stat`)
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null
}

function bootId(): string | null {
  return readProc('/proc/sys/kernel/random/boot_id')?.trim() ?? null
}

/** The process with a record lock on the file, as /proc/locks tells it; null when none is known. */
function recordLockHolder(path: string): number | null {
  const locks = readProc('/proc/locks')
  if (locks === null) return null
  const { dev, ino } = statSync(path)
  const major = (Math.floor(dev / 256) & 0xfff).toString(16).padStart(2, '0')
  const minor = ((dev & 0xff) | (Math.floor(dev / 4096) & 0xfff00)).toString(16).padStart(2, '0')
  for (const line of locks.split('\n')) {
    const match = /POSIX\s+\S+\s+WRITE\s+(-?\d+)\s+(\S+)/.exec(line)
    if (match?.[2] === `${major}:${minor}:${ino}`) return Number(match[1])
  }
  return null
}

/** null where there is no such file: other systems, a process that is gone. */
function readProc(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // Whatever the reason, the answer is that it cannot be known.
    return null
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
