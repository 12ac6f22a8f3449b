/**
 * A Disk in memory with the model of reference/reliability.md §3.3 A: what was not synced may
 * survive a power loss in any part and order. Everything it decides comes from its seed.
 *
 * Three ways to use it:
 * - `onCall` runs before every call: a test takes crash states of each moment while the workload
 *   runs, since taking one changes nothing: `for (const after of disk.crashStates(seed)) …`.
 * - `inject` makes the k-th matching call fail, be short, flip a bit or lose power.
 * - `snapshot` compares two disks: a second recovery must change nothing.
 *
 * Asynchronous calls take a seeded number of microtask turns; a sync covers what was written before
 * it was called and takes effect at its end.
 */
import {
  type Disk,
  type DiskDir,
  DiskError,
  type DiskFile,
  type FileStat,
  type OpenMode,
  replaceFile,
} from '../../engine/log/disk.ts'
import { RefusedFolders } from '../../engine/log/refused-folders.ts'
import { type SeededRandom, seededRandom } from './seeded-random.ts'
import { concerns, type FaultKind, type FaultPlan, type Operation } from './simulated-faults.ts'
import { SimulatedDir, SimulatedFile } from './simulated-file.ts'
import { Content, DirNode, drawKept, FileNode, sizeOf, Tree, type Unit } from './simulated-tree.ts'

export interface SimulatedDiskOptions {
  readonly seed?: number
  /** Bytes of all files together; writes beyond are short, then ENOSPC. */
  readonly capacityBytes?: number
  readonly wallMs?: () => number
  /**
   * Everything is durable at once and calls take no turns: for looking at one state quickly. No power
   * loss can be taken from it.
   */
  readonly plain?: boolean
}

/** Crash states are enumerated up to this many pending units, sampled above. */
const EXHAUSTIVE_UNITS_MAX = 12
const SAMPLES = 64
const CHANGING_NAMES: ReadonlySet<Operation> = new Set([
  'create',
  'makeDir',
  'rename',
  'unlink',
  'removeDir',
  'syncDir',
])
/** Turns of the microtask queue within which a failure is known to everyone it concerns. */
const SAME_TICK_TURNS = 12

export class SimulatedDisk implements Disk {
  /** How much of what readCached asks for is there without waiting. */
  inMemory: 'none' | 'half' | 'all' = 'none'
  /** Calls so far, of every kind. */
  calls = 0
  /** Runs at the start of each call, before its effect. */
  onCall: ((operation: Operation, path: string) => void) | null = null
  /** Runs when an injected fault takes effect. */
  onFault: ((operation: Operation, path: string) => void) | null = null
  /** Paths of files opened and not yet closed, one entry per handle. */
  readonly openPaths: string[] = []
  /** Paths that were synced again after a sync of theirs had failed (S5: nobody may). */
  readonly retriedSyncs: string[] = []
  readonly options: SimulatedDiskOptions
  readonly tree: Tree
  private readonly random: SeededRandom
  private faults: { plan: FaultPlan; left: number; after: number }[] = []
  private powered = true
  private readonly refused = new RefusedFolders()

  constructor(options: SimulatedDiskOptions = {}, tree = new Tree(options.plain !== true)) {
    this.options = options
    this.tree = tree
    this.random = seededRandom(options.seed ?? 1)
  }

  /** A disk that durably holds these files (and the directories above them). */
  static holding(
    files: Readonly<Record<string, Buffer | string>>,
    options: SimulatedDiskOptions = {},
  ): SimulatedDisk {
    const disk = new SimulatedDisk(options)
    for (const [path, content] of Object.entries(files)) {
      const bytes = typeof content === 'string' ? Buffer.from(content) : Buffer.from(content)
      const names = split(path)
      let dir = disk.tree.root
      for (const name of names.slice(0, -1)) {
        const next = dir.durable.get(name) ?? new DirNode()
        if (next.kind !== 'dir') throw new Error(`${path} lies below a file`)
        dir.durable.set(name, next)
        dir.entries.set(name, next)
        dir = next
      }
      const file = new FileNode(new Content(bytes))
      dir.durable.set(names.at(-1)!, file)
      dir.entries.set(names.at(-1)!, file)
    }
    return disk
  }

  inject(plan: FaultPlan): void {
    this.faults.push({ plan, left: plan.at, after: plan.after ?? 0 })
  }

  clearFaults(): void {
    this.faults = []
  }

  /** Number of things a power loss now would keep or drop independently. */
  pendingUnits(): number {
    return this.tree.units().length
  }

  /**
   * The disk after a power loss now, one legal outcome drawn from the seed. This one stays as it
   * is. `plain`: as an option of the new disk.
   */
  crash(seed: number, units: readonly Unit[] = this.tree.units(), plain = false): SimulatedDisk {
    const random = seededRandom(seed)
    return this.rebooted(units, drawKept(units, random), random.int(0x7fffffff), plain)
  }

  /** As crash, with exactly `kept[i]` of `units[i]` surviving. */
  crashKeeping(units: readonly Unit[], kept: readonly boolean[], plain = false): SimulatedDisk {
    return this.rebooted(units, kept, this.options.seed ?? 1, plain)
  }

  /**
   * As crashKeeping with the one directory alone on a plain disk; `units` are those of tree.unitsOf.
   * null when the directory itself is not durable, or is another one by now.
   */
  crashFolder(
    path: string,
    units: readonly Unit[],
    kept: readonly boolean[],
  ): SimulatedDisk | null {
    const dir = this.durableDir(path)
    if (dir === null) return null
    const tree = this.tree.folderAfterPowerLoss(path, dir, units, kept)
    return new SimulatedDisk({ ...this.options, plain: true }, tree)
  }

  /** The directory that both programs and a power loss find under this path. */
  durableDir(path: string): DirNode | null {
    let dir = this.tree.root
    for (const name of split(path)) {
      const next = dir.durable.get(name)
      if (next === undefined || next.kind !== 'dir' || dir.entries.get(name) !== next) return null
      dir = next
    }
    return dir
  }

  /** What a power loss certainly leaves of a file; null: its name is not durable. */
  durableFile(path: string): Buffer | null {
    const names = split(path)
    let dir = this.tree.root
    for (const name of names.slice(0, -1)) {
      const next = dir.durable.get(name)
      if (next === undefined || next.kind !== 'dir') return null
      dir = next
    }
    const file = dir.durable.get(names.at(-1) ?? '')
    return file?.kind === 'file' ? file.durable.toBuffer() : null
  }

  /** Every legal outcome when at most 12 units are pending, else `samples` drawn ones. */
  *crashStates(seed: number, samples = SAMPLES): Generator<SimulatedDisk> {
    const units = this.tree.units()
    if (units.length > EXHAUSTIVE_UNITS_MAX) {
      for (let i = 0; i < samples; i++) yield this.crash(seed * 1009 + i, units)
      return
    }
    for (let mask = 0; mask < 1 << units.length; mask++) {
      const kept = units.map((_, i) => (mask & (1 << i)) !== 0)
      yield this.rebooted(units, kept, seed + mask)
    }
  }

  /** Every file as programs see it now, by path; directories end in a slash and are empty. */
  snapshot(): Map<string, Buffer> {
    const found = new Map<string, Buffer>()
    const visit = (dir: DirNode, path: string): void => {
      for (const name of [...dir.entries.keys()].sort()) {
        const node = dir.entries.get(name)!
        if (node.kind === 'file') found.set(path + name, node.cache.toBuffer())
        else {
          found.set(`${path}${name}/`, Buffer.alloc(0))
          visit(node, `${path}${name}/`)
        }
      }
    }
    visit(this.tree.root, '/')
    return found
  }

  /** Bit rot: flips one bit on the medium and in the cache. */
  rot(path: string, position: number, bit = 0): void {
    const file = this.fileAt(path, 'rot')
    file.durable.flipBit(position, bit)
    file.cache.flipBit(position, bit)
  }

  async open(path: string, mode: OpenMode): Promise<DiskFile> {
    await this.wait()
    return this.openSync(path, mode)
  }

  openSync(path: string, mode: OpenMode): DiskFile {
    this.enter(mode === 'create-new' ? 'create' : 'open', path)
    const { dir, name } = this.parentOf(path, 'open')
    let node = dir.entries.get(name)
    if (mode === 'create-new') {
      if (node !== undefined) throw new DiskError('EEXIST', path, 'open')
      node = new FileNode(new Content(), this.tree.tracks)
      node.modifiedMs = this.options.wallMs?.() ?? 0
      this.tree.edit(dir, [{ dir, name, node }])
    }
    if (node === undefined) throw new DiskError('ENOENT', path, 'open')
    if (node.kind === 'dir') throw new DiskError('EISDIR', path, 'open')
    this.openPaths.push(path)
    return new SimulatedFile(this, path, node, mode === 'read')
  }

  openDirSync(path: string): DiskDir {
    this.enter('open', path)
    const dir = this.dirAt(path, 'open')
    this.openPaths.push(path)
    return new SimulatedDir(path, {
      sync: async () => this.syncNode(dir, path, this.enter('syncDir', path)),
      close: () => this.openPaths.splice(this.openPaths.indexOf(path), 1),
    })
  }

  async makeDir(path: string): Promise<void> {
    this.enter('makeDir', path)
    let dir = this.tree.root
    for (const name of split(path)) {
      let next = dir.entries.get(name)
      if (next === undefined) {
        next = new DirNode(this.tree.tracks)
        this.tree.edit(dir, [{ dir, name, node: next }])
      }
      if (next.kind !== 'dir') throw new DiskError('ENOTDIR', path, 'mkdir')
      dir = next
    }
    await this.wait()
  }

  async list(path: string): Promise<string[]> {
    await this.wait()
    this.enter('list', path)
    const names = [...this.dirAt(path, 'list').entries.keys()]
    for (let i = names.length - 1; i > 0; i--) {
      const other = this.random.int(i + 1)
      ;[names[i], names[other]] = [names[other]!, names[i]!]
    }
    return names
  }

  async stat(path: string): Promise<FileStat | null> {
    await this.wait()
    this.enter('stat', path)
    const node = this.nodeAt(path)
    if (node === null) return null
    if (node.kind === 'dir') return { size: 0, isDirectory: true, modifiedMs: 0 }
    return { size: node.cache.size, isDirectory: false, modifiedMs: node.modifiedMs }
  }

  async rename(from: string, to: string): Promise<void> {
    this.enter('rename', from)
    this.refused.check('rename', to)
    const source = this.parentOf(from, 'rename')
    const target = this.parentOf(to, 'rename')
    const node = source.dir.entries.get(source.name)
    if (node === undefined) throw new DiskError('ENOENT', from, 'rename')
    const replaced = target.dir.entries.get(target.name)
    if (replaced?.kind === 'dir' && replaced.entries.size > 0)
      throw new DiskError('ENOTEMPTY', to, 'rename')
    if (replaced !== undefined && replaced.kind !== node.kind)
      throw new DiskError(node.kind === 'dir' ? 'ENOTDIR' : 'EISDIR', to, 'rename')
    if (replaced !== node)
      this.tree.edit(target.dir, [
        { dir: source.dir, name: source.name, node: null },
        { dir: target.dir, name: target.name, node },
      ])
    await this.wait()
  }

  async unlink(path: string): Promise<void> {
    this.unlinkSync(path)
    await this.wait()
  }

  unlinkSync(path: string): void {
    this.enter('unlink', path)
    const { dir, name } = this.parentOf(path, 'unlink')
    this.fileAt(path, 'unlink')
    this.tree.edit(dir, [{ dir, name, node: null }])
  }

  async removeDir(path: string): Promise<void> {
    this.enter('removeDir', path)
    const node = this.nodeAt(path)
    if (node !== null) {
      const { dir, name } = this.parentOf(path, 'remove')
      const empty = (target: DirNode): void => {
        for (const [child, inner] of [...target.entries]) {
          if (inner.kind === 'dir') empty(inner)
          this.tree.edit(target, [{ dir: target, name: child, node: null }])
        }
      }
      if (node.kind === 'dir') empty(node)
      this.tree.edit(dir, [{ dir, name, node: null }])
    }
    await this.wait()
  }

  async syncDir(path: string): Promise<void> {
    const fault = this.enter('syncDir', path)
    await this.syncNode(this.dirAt(path, 'sync'), path, fault)
  }

  private async syncNode(dir: DirNode, path: string, fault: FaultKind | null): Promise<void> {
    if (dir.syncFailed) this.retriedSyncs.push(path)
    const covered = this.tree.sequence++
    await this.wait()
    if (fault?.kind === 'sync-failure') {
      this.tree.failDir(dir, covered)
      void this.noteFailedSync(dir)
      throw new DiskError('EIO', path, 'sync')
    }
    this.tree.commitDir(dir, covered)
  }

  async freeBytes(path: string): Promise<number> {
    await this.wait()
    this.enter('freeBytes', path)
    return this.freeNow()
  }

  async totalBytes(path: string): Promise<number> {
    await this.wait()
    this.enter('freeBytes', path)
    return this.options.capacityBytes ?? Number.MAX_SAFE_INTEGER
  }

  async readFile(path: string): Promise<Buffer | null> {
    await this.wait()
    const fault = this.enter('read', path)
    const node = this.nodeAt(path)
    if (node === null) return null
    const content = this.fileAt(path, 'read').cache.toBuffer()
    if (fault?.kind === 'read-flip') this.flipOneBit(content, fault.byte)
    return content
  }

  refuseChanges(folder: string): void {
    this.refused.add(folder)
  }

  writeFileAtomic(path: string, content: Buffer | string): Promise<void> {
    return replaceFile(this, path, content)
  }

  // --- for SimulatedFile

  /**
   * Counts the call, lets the test look, and applies a due fault; returns one the caller applies.
   */
  enter(operation: Operation, path: string): FaultKind | null {
    if (!this.powered) throw new DiskError('EIO', path, `no power: ${operation}`)
    if (CHANGING_NAMES.has(operation)) this.refused.check(operation, path)
    this.calls++
    this.onCall?.(operation, path)
    if (this.faults.length === 0) return null
    for (const fault of [...this.faults]) {
      const { plan } = fault
      if (fault.after-- > 0 || !concerns(plan, operation)) continue
      if (plan.path !== undefined && !plan.path.test(path)) continue
      if (fault.left > 1) {
        fault.left--
        continue
      }
      this.onFault?.(operation, path)
      if (plan.sticky !== true) this.faults = this.faults.filter((other) => other !== fault)
      if (plan.fault.kind === 'error') throw new DiskError(plan.fault.code, path, operation)
      if (plan.fault.kind === 'power-loss') {
        this.powered = false
        throw new DiskError('EIO', path, `power lost at ${operation}`)
      }
      return plan.fault
    }
    return null
  }

  /** Some turns of the microtask queue, as many as the seed says. */
  async wait(): Promise<void> {
    if (this.options.plain === true) return
    for (let turns = this.random.int(3) + 1; turns > 0; turns--) await null
    if (!this.powered) throw new DiskError('EIO', '/', 'power lost during a call on')
  }

  /** From the next tick on nobody may sync it again; what is under way in this one may not know yet. */
  async noteFailedSync(node: { syncFailed: boolean }): Promise<void> {
    for (let turns = 0; turns < SAME_TICK_TURNS; turns++) await null
    node.syncFailed = true
  }

  freeNow(): number {
    const { capacityBytes } = this.options
    if (capacityBytes === undefined) return Number.MAX_SAFE_INTEGER
    return Math.max(0, capacityBytes - sizeOf(this.tree.root))
  }

  flipOneBit(bytes: Buffer, at = this.random.int(Math.max(1, bytes.length))): void {
    if (at < bytes.length) bytes[at]! ^= 1 << this.random.int(8)
  }

  private rebooted(
    units: readonly Unit[],
    kept: readonly boolean[],
    seed: number,
    plain = false,
  ): SimulatedDisk {
    if (!this.tree.tracks) throw new Error('a plain disk has no power loss')
    const tree = this.tree.afterPowerLoss(units, kept, !plain)
    return new SimulatedDisk({ ...this.options, seed, plain }, tree)
  }

  private nodeAt(path: string): FileNode | DirNode | null {
    let node: FileNode | DirNode = this.tree.root
    for (const name of split(path)) {
      const next: FileNode | DirNode | undefined =
        node.kind === 'dir' ? node.entries.get(name) : undefined
      if (next === undefined) return null
      node = next
    }
    return node
  }

  private dirAt(path: string, operation: string): DirNode {
    const node = this.nodeAt(path)
    if (node === null) throw new DiskError('ENOENT', path, operation)
    if (node.kind !== 'dir') throw new DiskError('ENOTDIR', path, operation)
    return node
  }

  private fileAt(path: string, operation: string): FileNode {
    const node = this.nodeAt(path)
    if (node === null) throw new DiskError('ENOENT', path, operation)
    if (node.kind !== 'file') throw new DiskError('EISDIR', path, operation)
    return node
  }

  private parentOf(path: string, operation: string): { dir: DirNode; name: string } {
    const names = split(path)
    const name = names.at(-1)
    if (name === undefined) throw new DiskError('EBUSY', path, operation)
    let dir: DirNode = this.tree.root
    for (let i = 0; i < names.length - 1; i++) {
      const next = dir.entries.get(names[i]!)
      if (next === undefined) throw new DiskError('ENOENT', path, operation)
      if (next.kind !== 'dir') throw new DiskError('ENOTDIR', path, operation)
      dir = next
    }
    return { dir, name }
  }
}

/** Paths come again and again. */
const known = new Map<string, readonly string[]>()
const KNOWN_MAX = 10_000

function split(path: string): readonly string[] {
  let names = known.get(path)
  if (names === undefined) {
    if (known.size >= KNOWN_MAX) known.clear()
    names = path.split('/').filter((name) => name !== '')
    known.set(path, names)
  }
  return names
}
