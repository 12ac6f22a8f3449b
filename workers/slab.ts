/**
 * Slabs: shared memory for what is too large to copy, a frame being received or a long message to
 * another shard. Each shard has one pool and alone hands out and takes back its slabs; another
 * shard that is told of one (slab-courier.ts) reads and patches the bytes in place and says when
 * it is done.
 *
 * Sizes are powers of two from limits.slabBytesMin to limits.slabBytesMax. Bounds: bytes in use
 * (limits.slabBytesMax, of which large slabs have a share; at the bound requests wait, in the order
 * of slab-turns.ts) and bytes kept for reuse (limits.slabIdleBytesMax).
 *
 * Invariants: a slab in use has at least one holder; its memory is given to somebody else only when
 * the last one released it, holders in other shards included: whoever sends a slab's id retains it
 * until the other side has answered.
 */
import { broken } from '../engine/base/assert.ts'
import { limits } from '../engine/base/limits.ts'
import type { SlabCourier } from './slab-courier.ts'
import { SlabTurns, type TurnsBudget } from './slab-turns.ts'

const ID_MAX = 0x7fffffff

/** Memory of one size class, for as long as the pool keeps it. */
interface Block {
  /** Unique among the blocks of the pool that exist, never 0. */
  readonly id: number
  readonly memory: SharedArrayBuffer
  /** Shards that know it by its id. */
  readonly told: Set<SlabCourier>
}

export class Slab {
  /** Exactly as long as was asked for. */
  readonly bytes: Buffer
  readonly block: Block
  private readonly pool: SlabPool
  private holders = 1

  constructor(pool: SlabPool, block: Block, bytes: number) {
    this.pool = pool
    this.block = block
    this.bytes = Buffer.from(block.memory, 0, bytes)
  }

  get id(): number {
    return this.block.id
  }

  /** Somebody waits for memory that its release would give them. */
  get wanted(): boolean {
    return this.pool.isWanted(this)
  }

  retain(): void {
    if (this.holders <= 0) broken(`slab ${this.id} is retained after its last release`)
    this.holders++
  }

  release(): void {
    if (this.holders <= 0) broken(`slab ${this.id} is released too often`)
    this.holders--
    if (this.holders === 0) this.pool.takeBack(this)
  }

  /** Before its id is sent: makes it known at the other end. */
  tell(courier: SlabCourier): void {
    if (this.block.told.has(courier)) return
    this.block.told.add(courier)
    courier.announce(this.block.id, this.block.memory)
  }
}

/** Of a slab that is not there yet. */
export interface SlabWait {
  /** Leaves the line; once, and not after `onReady` was called. */
  end(): void
}

export interface SlabBudget extends TurnsBudget {
  readonly idleBytesMax: number
}

const DEFAULT_BUDGET: SlabBudget = {
  bytesMax: limits.slabBytesMax,
  smallBytesMax: limits.slabSmallBytesMax,
  largeBytesMax: limits.slabLargeBytesMax,
  idleBytesMax: limits.slabIdleBytesMax,
}

export class SlabPool {
  private readonly budget: SlabBudget
  /** Blocks for reuse by size, the last one used on top. */
  private readonly idle = new Map<number, Block[]>()
  /** In use, by memory, to recognize bytes that lie in one. */
  private readonly inUse = new Map<ArrayBufferLike, Slab>()
  private readonly ids = new Set<number>()
  private lastId = 0
  private readonly turns: SlabTurns
  private keptBytes = 0

  constructor(budget: SlabBudget = DEFAULT_BUDGET) {
    this.budget = budget
    this.turns = new SlabTurns(budget)
  }

  /** Bytes of the slabs in use, by size class. */
  get bytesInUse(): number {
    return this.turns.usedBytes
  }

  get bytesIdle(): number {
    return this.keptBytes
  }

  get waiting(): number {
    return this.turns.waiting
  }

  /**
   * A slab with `bytes` bytes (1 to the budget), or null: then `onReady` is called with one later,
   * when it is its turn, from within some other slab's release.
   */
  acquire(bytes: number, onReady: (slab: Slab) => void): Slab | null {
    const slab = this.acquireNow(bytes)
    if (slab === null) this.whenFree(bytes, onReady)
    return slab
  }

  /** A slab, or null when there is no memory or it is the turn of others who wait already. */
  acquireNow(bytes: number): Slab | null {
    if (bytes <= 0 || bytes > this.budget.bytesMax) broken(`a slab of ${bytes} bytes`)
    const size = slabClassBytes(bytes)
    return this.turns.take(size) ? this.grant(bytes, size) : null
  }

  /** After `acquireNow` gave none: as `acquire` later, unless the wait is ended before. */
  whenFree(bytes: number, onReady: (slab: Slab) => void): SlabWait {
    const size = slabClassBytes(bytes)
    const place = this.turns.wait(size, () => onReady(this.grant(bytes, size)))
    return { end: () => this.turns.leave(place) }
  }

  /** The slab in use that this memory belongs to, if it is one of ours. */
  slabOf(memory: ArrayBufferLike): Slab | undefined {
    return this.inUse.size === 0 ? undefined : this.inUse.get(memory)
  }

  /** For Slab.wanted alone. */
  isWanted(slab: Slab): boolean {
    return this.turns.wanted(slab.block.memory.byteLength)
  }

  /** For Slab.release alone. */
  takeBack(slab: Slab): void {
    const { block } = slab
    const size = block.memory.byteLength
    this.inUse.delete(block.memory)
    if (this.keptBytes + size <= this.budget.idleBytesMax) this.keep(block, size)
    else this.drop(block)
    this.turns.giveBack(size)
  }

  private keep(block: Block, size: number): void {
    this.keptBytes += size
    const same = this.idle.get(size)
    if (same === undefined) this.idle.set(size, [block])
    else same.push(block)
  }

  private drop(block: Block): void {
    for (const courier of block.told) courier.withdraw(block.id)
    this.ids.delete(block.id)
  }

  /** Of bytes that are counted as used already. */
  private grant(bytes: number, size: number): Slab {
    const kept = this.idle.get(size)?.pop()
    if (kept !== undefined) this.keptBytes -= size
    const block = kept ?? this.newBlock(size)
    const slab = new Slab(this, block, bytes)
    this.inUse.set(block.memory, slab)
    return slab
  }

  private newBlock(size: number): Block {
    do this.lastId = (this.lastId % ID_MAX) + 1
    while (this.ids.has(this.lastId))
    this.ids.add(this.lastId)
    return { id: this.lastId, memory: new SharedArrayBuffer(size), told: new Set() }
  }
}

/** Size of the slab that is given for so many bytes. */
export function slabClassBytes(bytes: number): number {
  let size: number = limits.slabBytesMin
  while (size < bytes) size *= 2
  return size
}
