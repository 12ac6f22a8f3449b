/**
 * The state behind the simulated disk: what programs see (the cache), what is durable, and what
 * lies between them as pending units that a power loss may keep or drop one by one.
 *
 * - A file's write is pending as 512-byte sectors, each an image of the cached sector just after
 *   the write, and, when it changed the size, as a size unit of its own: data without size and size
 *   without data (zeros) are both legal. A truncate is one unit.
 * - A directory's entry operation is one unit, a rename is atomic. An operation on a name needs the
 *   earlier ones on that name: the journal of a directory is ordered per name, free otherwise.
 * - Syncing a file says nothing about its name, and the other way round.
 */
import type { SeededRandom } from './seeded-random.ts'

export const SECTOR_BYTES = 512

const NO_BYTES = Buffer.alloc(0)

/** Bytes that several nodes may share until one of them writes. */
export class Content {
  private buffer: Buffer
  size: number
  private shared = false

  constructor(buffer: Buffer = NO_BYTES, size = buffer.length) {
    this.buffer = buffer
    this.size = size
  }

  /** A second owner of the same bytes; both copy before they write. */
  fork(): Content {
    this.shared = true
    const twin = new Content(this.buffer, this.size)
    twin.shared = true
    return twin
  }

  read(into: Buffer, position: number): number {
    const end = Math.min(this.size, position + into.length)
    return end <= position ? 0 : this.buffer.copy(into, 0, position, end)
  }

  toBuffer(): Buffer {
    return Buffer.from(this.view())
  }

  /** The bytes themselves: to be read before the next write, and never written. */
  view(): Buffer {
    return this.buffer.subarray(0, this.size)
  }

  /** The same bytes without looking: neither was written since one was forked from the other. */
  sharesWith(other: Content): boolean {
    return this.buffer === other.buffer && this.size === other.size && this.shared && other.shared
  }

  /**
   * Puts bytes at a position and leaves the size as it is; bytes beyond it become visible by
   * resize.
   */
  put(bytes: Buffer, position: number): void {
    this.own(position + bytes.length)
    bytes.copy(this.buffer, position)
  }

  /** Shrinking clears what lies beyond, so growing again shows zeros. */
  truncate(size: number): void {
    this.own(size)
    this.buffer.fill(0, size)
    this.size = size
  }

  flipBit(position: number, bit: number): void {
    this.own(position + 1)
    this.buffer[position]! ^= 1 << bit
  }

  private own(capacity: number): void {
    if (!this.shared && capacity <= this.buffer.length) return
    const room = capacity <= this.buffer.length ? this.buffer.length : Math.max(capacity * 2, 1024)
    const fresh = Buffer.allocUnsafe(room)
    const used = this.buffer.copy(fresh)
    fresh.fill(0, used)
    this.buffer = fresh
    this.shared = false
  }
}

interface PendingWrite {
  readonly order: number
  readonly firstSector: number
  /** Whole sectors as cached after the write; empty for a truncate. */
  readonly image: Buffer
  /** Size after the operation when it changed it, else -1. */
  readonly sizeAfter: number
  readonly isTruncate: boolean
}

export class FileNode {
  readonly kind = 'file'
  cache: Content
  durable: Content
  pending: PendingWrite[] = []
  modifiedMs = 0
  /** A sync of it failed: no later one may be asked for. */
  syncFailed = false

  /** Without `tracks` everything is durable at once, and cheap. */
  constructor(content: Content, tracks = true) {
    this.durable = content
    this.cache = tracks ? content.fork() : content
  }

  write(bytes: Buffer, position: number, order: number): void {
    if (bytes.length === 0) return
    const end = position + bytes.length
    this.cache.put(bytes, position)
    const sizeAfter = end > this.cache.size ? end : -1
    if (sizeAfter >= 0) this.cache.size = end
    if (this.cache === this.durable) return
    const firstSector = Math.floor(position / SECTOR_BYTES)
    const sectors = Math.ceil(end / SECTOR_BYTES) - firstSector
    const image = Buffer.allocUnsafe(sectors * SECTOR_BYTES)
    image.fill(0, this.cache.read(image, firstSector * SECTOR_BYTES))
    this.pending.push({ order, firstSector, image, sizeAfter, isTruncate: false })
  }

  truncate(size: number, order: number): void {
    if (size === this.cache.size) return
    this.cache.truncate(size)
    if (this.cache === this.durable) return
    const more = { image: NO_BYTES, sizeAfter: size, isTruncate: true }
    this.pending.push({ order, firstSector: 0, ...more })
  }

  /** Makes durable what was pending up to and including `order`. */
  commit(order: number): void {
    if (this.pending.length === 0) return
    const kept = this.pending.filter((write) => write.order > order)
    for (const write of this.pending) {
      if (write.order > order) continue
      if (write.image.length > 0) putSectors(this.durable, write, 0, write.image)
      applySize(this.durable, write)
    }
    this.pending = kept
  }

  /** After a failed sync the pages count as clean: kept in the cache only, or lost at once. */
  failSync(mode: 'kept' | 'lost'): void {
    this.pending = []
    if (mode === 'lost') this.cache = this.durable.fork()
  }
}

/** Sector bytes beyond the durable size stay invisible until a size unit covers them. */
function putSectors(target: Content, write: PendingWrite, sector: number, image: Buffer): void {
  target.put(image, (write.firstSector + sector) * SECTOR_BYTES)
}

function applySize(target: Content, write: PendingWrite): void {
  if (write.sizeAfter < 0) return
  if (write.isTruncate) target.truncate(write.sizeAfter)
  else if (write.sizeAfter > target.size) target.size = write.sizeAfter
}

export class DirNode {
  readonly kind = 'dir'
  readonly entries: Map<string, FileNode | DirNode>
  readonly durable: Map<string, FileNode | DirNode>
  syncFailed = false

  constructor(tracks = true) {
    this.entries = new Map()
    this.durable = tracks ? new Map() : this.entries
  }
}

interface Edit {
  readonly dir: DirNode
  readonly name: string
  /** null removes the name. */
  readonly node: FileNode | DirNode | null
}

interface EntryOp {
  readonly order: number
  /** The directory whose sync commits the operation. */
  readonly home: DirNode
  readonly edits: readonly Edit[]
  /** The sync that should have committed it failed: a later one says nothing about it. */
  stranded: boolean
}

/** One thing a power loss keeps or drops. */
export interface Unit {
  readonly order: number
  readonly what: 'entry' | 'sector' | 'size'
  readonly owner: FileNode | EntryOp
  readonly write: PendingWrite | null
  /** Sector within the write's image. */
  readonly sector: number
}

export class Tree {
  root: DirNode
  sequence = 0
  /** Keeps what is not durable apart; else there is no power loss to take. */
  readonly tracks: boolean
  private entryOps: EntryOp[] = []

  constructor(tracks = true) {
    this.tracks = tracks
    this.root = new DirNode(tracks)
  }

  edit(home: DirNode, edits: readonly Edit[]): void {
    for (const { dir, name, node } of edits) setEntry(dir.entries, name, node)
    if (this.tracks) this.entryOps.push({ order: this.sequence++, home, edits, stranded: false })
  }

  /** The sync of the directory failed: what it covered may survive, and no later one is sure of it. */
  failDir(dir: DirNode, order: number): void {
    for (const op of this.entryOps) if (op.home === dir && op.order <= order) op.stranded = true
  }

  /** Commits the directory's entry operations up to `order`, and those they build on. */
  commitDir(dir: DirNode, order: number): void {
    if (!this.entryOps.some((op) => op.home === dir)) return
    const wanted = new Set<EntryOp>()
    const names = new Map<DirNode, Set<string>>()
    for (const op of [...this.entryOps].reverse()) {
      const touched = op.edits.some((edit) => names.get(edit.dir)?.has(edit.name))
      if ((op.home !== dir || op.order > order || op.stranded) && !touched) continue
      wanted.add(op)
      for (const edit of op.edits) {
        const known = names.get(edit.dir) ?? new Set()
        names.set(edit.dir, known.add(edit.name))
      }
    }
    for (const op of this.entryOps)
      if (wanted.has(op))
        for (const edit of op.edits) setEntry(edit.dir.durable, edit.name, edit.node)
    this.entryOps = this.entryOps.filter((op) => !wanted.has(op))
  }

  /** Everything pending that can matter after a power loss, oldest first. */
  units(): Unit[] {
    const units: Unit[] = this.entryOps.map((op) => ({
      order: op.order,
      what: 'entry',
      owner: op,
      write: null,
      sector: 0,
    }))
    for (const file of this.reachableFiles())
      for (const write of file.pending) {
        const unit = { order: write.order, owner: file, write }
        for (let at = 0; at < write.image.length; at += SECTOR_BYTES)
          units.push({ ...unit, what: 'sector', sector: at / SECTOR_BYTES })
        if (write.sizeAfter >= 0) units.push({ ...unit, what: 'size', sector: 0 })
      }
    return units.sort((a, b) => a.order - b.order)
  }

  /**
   * The tree after a power loss that kept exactly `kept[i]` of `units()[i]`. Nothing is pending in
   * it.
   */
  afterPowerLoss(units: readonly Unit[], kept: readonly boolean[], tracks: boolean): Tree {
    const tree = new Tree(tracks)
    tree.root = this.copyAfter(this.root, units, kept, tracks)
    return tree
  }

  /** Those of the units that decide about one directory, whatever becomes of its own name. */
  unitsOf(dir: DirNode, units: readonly Unit[]): Unit[] {
    const files = new Set<unknown>(dir.durable.values())
    for (const op of this.entryOps)
      if (op.home === dir) for (const { node } of op.edits) files.add(node)
    return units.filter(({ what, owner }) =>
      what === 'entry' ? (owner as EntryOp).home === dir : files.has(owner),
    )
  }

  /** As afterPowerLoss for one directory; the tree holds nothing else. */
  folderAfterPowerLoss(
    path: string,
    dir: DirNode,
    units: readonly Unit[],
    kept: readonly boolean[],
  ): Tree {
    const tree = new Tree(false)
    const names = path.split('/').filter((name) => name !== '')
    let parent = tree.root
    for (const name of names.slice(0, -1)) {
      const next = new DirNode(false)
      parent.entries.set(name, next)
      parent = next
    }
    parent.entries.set(names.at(-1)!, this.copyAfter(dir, units, kept, false))
    return tree
  }

  private copyAfter(
    from: DirNode,
    units: readonly Unit[],
    kept: readonly boolean[],
    tracks: boolean,
  ): DirNode {
    const entries = this.entriesAfter(units, kept)
    const byFile = new Map<FileNode, Unit[]>()
    units.forEach((unit, i) => {
      if (unit.what === 'entry' || !kept[i]) return
      const file = unit.owner as FileNode
      const list = byFile.get(file)
      if (list === undefined) byFile.set(file, [unit])
      else list.push(unit)
    })
    const copyDir = (dir: DirNode): DirNode => {
      const copy = new DirNode(tracks)
      for (const [name, node] of entries.get(dir) ?? dir.durable) {
        const twin =
          node.kind === 'dir' ? copyDir(node) : copyFile(node, byFile.get(node) ?? [], tracks)
        copy.entries.set(name, twin)
        if (tracks) copy.durable.set(name, twin)
      }
      return copy
    }
    return copyDir(from)
  }

  private entriesAfter(
    units: readonly Unit[],
    kept: readonly boolean[],
  ): Map<DirNode, Map<string, FileNode | DirNode>> {
    const entries = new Map<DirNode, Map<string, FileNode | DirNode>>()
    const blocked = new Map<DirNode, Set<string>>()
    units.forEach((unit, i) => {
      if (unit.what !== 'entry') return
      const { edits } = unit.owner as EntryOp
      if (!kept[i] || edits.some((edit) => blocked.get(edit.dir)?.has(edit.name))) {
        for (const { dir, name } of edits)
          blocked.set(dir, (blocked.get(dir) ?? new Set()).add(name))
        return
      }
      for (const { dir, name, node } of edits) {
        const map = entries.get(dir) ?? new Map(dir.durable)
        entries.set(dir, map)
        setEntry(map, name, node)
      }
    })
    return entries
  }

  private reachableFiles(): Set<FileNode> {
    const files = new Set<FileNode>()
    const seen = new Set<DirNode>()
    const visit = (node: FileNode | DirNode | null): void => {
      if (node === null) return
      if (node.kind === 'file') files.add(node)
      else if (!seen.has(node)) {
        seen.add(node)
        for (const child of node.durable.values()) visit(child)
      }
    }
    visit(this.root)
    for (const op of this.entryOps) for (const edit of op.edits) visit(edit.node)
    return files
  }
}

function copyFile(file: FileNode, keptUnits: readonly Unit[], tracks: boolean): FileNode {
  const content = file.durable.fork()
  for (const unit of keptUnits) {
    const write = unit.write!
    if (unit.what === 'size') applySize(content, write)
    else {
      const from = unit.sector * SECTOR_BYTES
      putSectors(content, write, unit.sector, write.image.subarray(from, from + SECTOR_BYTES))
    }
  }
  // What lies beyond the size did not survive.
  if (keptUnits.length > 0) content.truncate(content.size)
  const copy = new FileNode(content, tracks)
  copy.modifiedMs = file.modifiedMs
  return copy
}

function setEntry(
  map: Map<string, FileNode | DirNode>,
  name: string,
  node: FileNode | DirNode | null,
): void {
  if (node === null) map.delete(name)
  else map.set(name, node)
}

/** Which units survive: whole, none, a prefix, all but one, a late part only, or any mix. */
export function drawKept(units: readonly Unit[], random: SeededRandom): boolean[] {
  const count = units.length
  if (count === 0) return []
  const at = random.int(count)
  switch (random.int(8)) {
    case 0:
      return units.map(() => false)
    case 1:
      return units.map(() => true)
    case 2:
      return units.map((_, i) => i < at)
    case 3:
      return units.map((_, i) => i !== at)
    case 4:
      return units.map((_, i) => i >= at)
    case 5: {
      // Each file and each directory operation by a rule of its own.
      const rules = new Map<unknown, number>()
      for (const { owner } of units) if (!rules.has(owner)) rules.set(owner, random.int(3) / 2)
      return units.map((unit) => random.chance(rules.get(unit.owner)!))
    }
    case 6: {
      // Sizes without data, or data without sizes; names survive.
      const sizes = random.chance(0.5)
      return units.map(({ what }) => what === 'entry' || (what === 'size') === sizes)
    }
    default:
      return units.map(() => random.chance(0.5))
  }
}

/** Bytes of all files in it and below. */
export function sizeOf(dir: DirNode): number {
  let bytes = 0
  for (const node of dir.entries.values())
    bytes += node.kind === 'dir' ? sizeOf(node) : node.cache.size
  return bytes
}
