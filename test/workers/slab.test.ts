import { describe, expect, it } from 'vitest'
import { type Slab, SlabPool, slabClassBytes } from '../../workers/slab.ts'
import type { SlabCourier } from '../../workers/slab-courier.ts'

const KIB = 1024
const budget = { bytesMax: 1024 * KIB, idleBytesMax: 128 * KIB }
const never = (): void => {
  throw new Error('no slab was to be waited for')
}

class NotedCourier implements SlabCourier {
  readonly notes: string[] = []
  announce(id: number): void {
    this.notes.push(`announce ${id}`)
  }
  withdraw(id: number): void {
    this.notes.push(`withdraw ${id}`)
  }
  lookUp(): SharedArrayBuffer {
    throw new Error('not asked here')
  }
  close(): void {}
}

describe('a slab pool', () => {
  it('gives exactly the bytes asked for from the next power of two', () => {
    const pool = new SlabPool(budget)
    const slab = pool.acquire(70 * KIB, never)!
    expect(slab.bytes.length).toBe(70 * KIB)
    expect(slab.block.memory.byteLength).toBe(128 * KIB)
    expect(pool.bytesInUse).toBe(128 * KIB)
    expect(slabClassBytes(1)).toBe(64 * KIB)
    expect(slabClassBytes(64 * KIB)).toBe(64 * KIB)
    expect(slabClassBytes(64 * KIB + 1)).toBe(128 * KIB)
  })

  it('uses memory again when its last holder released it, not before', () => {
    const pool = new SlabPool(budget)
    const slab = pool.acquire(1, never)!
    slab.retain()
    slab.release()
    expect(pool.acquire(1, never)!.id).not.toBe(slab.id)
    slab.release()
    expect(pool.acquire(1, never)!.id).toBe(slab.id)
  })

  it('refuses a release too many', () => {
    const slab = new SlabPool(budget).acquire(1, never)!
    slab.release()
    expect(() => slab.release()).toThrow('released too often')
    expect(() => slab.retain()).toThrow('after its last release')
  })

  it('makes requests wait at its budget and serves them in order, a small one never first', () => {
    const pool = new SlabPool(budget)
    const large = pool.acquire(512 * KIB, never)!
    const other = pool.acquire(256 * KIB, never)!
    const order: string[] = []
    const slabs: Slab[] = []
    const note = (name: string) => (slab: Slab) => {
      order.push(name)
      slabs.push(slab)
    }
    expect(pool.acquire(512 * KIB, note('large'))).toBeNull()
    expect(pool.acquire(1, note('small'))).toBeNull()
    expect(pool.acquireNow(1)).toBeNull()
    other.release()
    expect(order).toEqual(['large'])
    large.release()
    expect(order).toEqual(['large', 'small'])
    expect(pool.waiting).toBe(0)
    for (const slab of slabs) slab.release()
    expect(pool.bytesInUse).toBe(0)
  })

  it('keeps no more idle memory than its bound and withdraws what it drops', () => {
    const pool = new SlabPool(budget)
    const courier = new NotedCourier()
    const kept = pool.acquire(128 * KIB, never)!
    const dropped = pool.acquire(64 * KIB, never)!
    kept.tell(courier)
    dropped.tell(courier)
    dropped.tell(courier)
    expect(courier.notes).toEqual([`announce ${kept.id}`, `announce ${dropped.id}`])
    kept.release()
    expect(pool.bytesIdle).toBe(128 * KIB)
    dropped.release()
    expect(pool.bytesIdle).toBe(128 * KIB)
    expect(courier.notes.at(-1)).toBe(`withdraw ${dropped.id}`)
    const again = pool.acquire(100 * KIB, never)!
    again.tell(courier)
    expect(again.id).toBe(kept.id)
    expect(courier.notes.length).toBe(3)
  })

  it('knows its slabs in use by their memory', () => {
    const pool = new SlabPool(budget)
    const slab = pool.acquire(10, never)!
    expect(pool.slabOf(slab.bytes.subarray(3, 5).buffer)).toBe(slab)
    expect(pool.slabOf(Buffer.alloc(8).buffer)).toBeUndefined()
    slab.release()
    expect(pool.slabOf(slab.bytes.buffer)).toBeUndefined()
  })
})
