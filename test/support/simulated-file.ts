/** Open files and directories of the simulated disk: their calls change the node, and fail as the disk's faults say. */
import { type DiskDir, DiskError, type DiskFile } from '../../engine/log/disk.ts'
import type { SimulatedDisk } from './simulated-disk.ts'
import type { FaultKind, Operation } from './simulated-faults.ts'
import type { FileNode } from './simulated-tree.ts'

export class SimulatedFile implements DiskFile {
  readonly path: string
  readonly fd = -1
  private readonly disk: SimulatedDisk
  private readonly node: FileNode
  private readonly readOnly: boolean
  private closed = false

  constructor(disk: SimulatedDisk, path: string, node: FileNode, readOnly: boolean) {
    this.disk = disk
    this.path = path
    this.node = node
    this.readOnly = readOnly
  }

  writeSync(pieces: readonly Buffer[], position: number): number {
    const fault = this.enterChanging('write')
    const bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
    let size = bytes.length
    if (fault?.kind === 'short-write') {
      size = Math.min(size, fault.bytes ?? Math.floor(size / 2))
      const path = new RegExp(`^${this.path.replaceAll('.', '\\.')}$`)
      const next = { kind: 'error', code: fault.code } as const
      this.disk.inject({ at: 1, operation: 'write', path, fault: next })
    }
    const growth = position + size - Math.max(this.node.cache.size, position)
    if (growth > 0 && this.disk.options.capacityBytes !== undefined) {
      size -= Math.max(0, growth - this.disk.freeNow())
      if (size <= 0) throw new DiskError('ENOSPC', this.path, 'write')
    }
    this.node.write(bytes.subarray(0, size), position, this.disk.tree.sequence++)
    this.node.modifiedMs = this.disk.options.wallMs?.() ?? 0
    return size
  }

  async write(bytes: Buffer, position: number): Promise<number> {
    const written = this.writeSync([bytes], position)
    await this.disk.wait()
    return written
  }

  readSync(into: Buffer, position: number): number {
    const fault = this.enter('read')
    const count = this.node.cache.read(into, position)
    if (fault?.kind === 'read-flip') this.disk.flipOneBit(into.subarray(0, count), fault.byte)
    return count
  }

  readCached(into: Buffer, position: number): number {
    const { inMemory } = this.disk
    if (inMemory === 'none') return -1
    const size = inMemory === 'all' ? into.length : into.length >> 1
    return this.readSync(into.subarray(0, size), position)
  }

  async read(into: Buffer, position: number): Promise<number> {
    await this.disk.wait()
    return this.readSync(into, position)
  }

  sizeSync(): number {
    this.enter('stat')
    return this.node.cache.size
  }

  async truncate(size: number): Promise<void> {
    this.truncateSync(size)
    await this.disk.wait()
  }

  truncateSync(size: number): void {
    this.enterChanging('truncate')
    this.node.truncate(size, this.disk.tree.sequence++)
  }

  /** What is in memory and what is on the medium is drawn by chance anyway. */
  async advise(): Promise<void> {
    if (this.closed) throw new DiskError('EBADF', this.path, 'advise')
  }

  async sync(): Promise<void> {
    const fault = this.enter('sync')
    if (this.node.syncFailed) this.disk.retriedSyncs.push(this.path)
    const covered = this.disk.tree.sequence++
    await this.disk.wait()
    if (fault?.kind === 'sync-failure') {
      this.node.failSync(fault.mode)
      void this.disk.noteFailedSync(this.node)
      throw new DiskError('EIO', this.path, 'sync')
    }
    this.node.commit(covered)
  }

  async close(): Promise<void> {
    if (this.closed) return
    this.end()
    await this.disk.wait()
  }

  closeSoon(): void {
    if (this.closed) return
    try {
      this.end()
    } catch (error) {
      if (!(error instanceof DiskError)) throw error
    }
  }

  private end(): void {
    this.closed = true
    this.disk.openPaths.splice(this.disk.openPaths.indexOf(this.path), 1)
    this.disk.enter('close', this.path)
  }

  private enter(operation: Operation): FaultKind | null {
    if (this.closed) throw new DiskError('EBADF', this.path, operation)
    return this.disk.enter(operation, this.path)
  }

  private enterChanging(operation: Operation): FaultKind | null {
    if (this.readOnly) throw new DiskError('EBADF', this.path, operation)
    return this.enter(operation)
  }
}

export class SimulatedDir implements DiskDir {
  private readonly path: string
  private readonly calls: { readonly sync: () => Promise<void>; readonly close: () => void }
  private closed = false

  constructor(path: string, calls: SimulatedDir['calls']) {
    this.path = path
    this.calls = calls
  }

  async sync(): Promise<void> {
    if (this.closed) throw new DiskError('EBADF', this.path, 'sync')
    this.closed = true
    try {
      await this.calls.sync()
    } finally {
      this.calls.close()
    }
  }

  closeSoon(): void {
    if (!this.closed) this.calls.close()
    this.closed = true
  }
}
