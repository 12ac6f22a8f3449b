import { describe, expect, it } from 'vitest'
import { type Slab, SlabPool, slabClassBytes } from '../../workers/slab.ts'
import type { SlabCourier } from '../../workers/slab-courier.ts'

const KIB = 1024
const budget = {
  bytesMax: 1024 * KIB,
  smallBytesMax: 64 * KIB,
  largeBytesMax: 512 * KIB,
  idleBytesMax: 128 * KIB,
}
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

  it('gives a small one memory while large ones wait for their share', () => {
    const pool = new SlabPool(budget)
    const claims = Array.from({ length: 20 }, () => pool.acquire(200 * KIB, () => {}))
    expect(claims.filter((claim) => claim !== null).length).toBe(2)
    const small = pool.acquire(60 * KIB, never)!
    expect(pool.acquireNow(200 * KIB)).toBeNull()
    expect(pool.acquireNow(60 * KIB)).not.toBeNull()
    expect(pool.waiting).toBe(18)
    expect(claims[0]!.wanted).toBe(true)
    expect(small.wanted).toBe(false)
  })

  it('makes requests wait at its budget and serves them from within a release', () => {
    const pool = new SlabPool(budget)
    const all = Array.from({ length: 16 }, () => pool.acquire(64 * KIB, never)!)
    const slabs: Slab[] = []
    expect(pool.acquire(50 * KIB, (slab) => slabs.push(slab))).toBeNull()
    expect(all[0]!.wanted).toBe(true)
    all[3]!.release()
    expect(slabs[0]!.bytes.length).toBe(50 * KIB)
    expect(pool.waiting).toBe(0)
    for (const slab of [...all, ...slabs]) if (slab !== all[3]) slab.release()
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
