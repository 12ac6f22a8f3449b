import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limits } from '../../engine/base/limits.ts'
import { FrameRefused } from '../../net/framing.ts'
import {
  type FrameMemory,
  ReceiveArena,
  Receiver,
  type Slab,
  type SlabSource,
} from '../../net/receive.ts'

function frame(body: Buffer): Buffer {
  const out = Buffer.alloc(4 + body.length)
  out.writeInt32BE(body.length)
  body.copy(out, 4)
  return out
}

function body(length: number, seed: number): Buffer {
  const out = Buffer.alloc(length)
  for (let i = 0; i < length; i++) out[i] = (seed * 31 + i * 7) & 0xff
  return out
}

/** Slabs without bound, or granted one at a time when told to wait. */
class TestSlabs implements SlabSource {
  inUse = 0
  acquired = 0
  wait = false
  readonly queue: (() => void)[] = []

  acquireNow(bytes: number): Slab | null {
    this.acquired++
    return this.wait ? null : this.make(bytes)
  }

  whenFree(bytes: number, onReady: (slab: Slab) => void): { end(): void } {
    const serve = (): void => onReady(this.make(bytes))
    this.queue.push(serve)
    return { end: () => this.queue.splice(this.queue.indexOf(serve), 1) }
  }

  private make(bytes: number): Slab {
    this.inUse++
    let released = false
    return {
      bytes: Buffer.from(new SharedArrayBuffer(bytes)),
      wanted: false,
      release: () => {
        expect(released).toBe(false)
        released = true
        this.inUse--
      },
    }
  }
}

/** Keeps views until storage is flushed, then checks that none was overwritten in between. */
class Harness {
  readonly slabs = new TestSlabs()
  readonly staged: { view: Buffer; copy: Buffer }[] = []
  readonly frames: Buffer[] = []
  readonly kinds: string[] = []
  flushes = 0
  stopAfter = Number.POSITIVE_INFINITY
  resumed = 0
  readonly arena = new ReceiveArena(() => this.flush())
  readonly receiver: Receiver

  constructor(arena?: ReceiveArena) {
    if (arena !== undefined) this.arena = arena
    this.receiver = new Receiver({
      arena: this.arena,
      slabs: this.slabs,
      frameBytesMax: 1 << 27,
      onResume: () => this.resumed++,
      sink: {
        onFrame: (buffer, start, end, memory) => this.onFrame(buffer, start, end, memory),
      },
    })
  }

  private onFrame(buffer: Buffer, start: number, end: number, memory: FrameMemory): boolean {
    const view = buffer.subarray(start, end)
    const copy = Buffer.from(view)
    this.frames.push(copy)
    this.kinds.push(typeof memory === 'object' ? 'slab' : memory)
    if (memory === 'turn') this.staged.push({ view, copy })
    if (typeof memory === 'object') memory.release()
    return this.frames.length < this.stopAfter
  }

  flush(): void {
    this.flushes++
    for (const { view, copy } of this.staged) expect(view.equals(copy)).toBe(true)
    this.staged.length = 0
  }

  /** As a socket would: into whatever buffer the receiver offers, as much as fits. */
  feed(bytes: Buffer): void {
    let at = 0
    while (at < bytes.length) {
      const into = this.receiver.nextBuffer()
      const take = Math.min(into.length, bytes.length - at)
      bytes.copy(into, 0, at, at + take)
      this.receiver.received(take, into)
      at += take
    }
  }
}

describe('receiver', () => {
  it('finds the same frames wherever the stream is cut in two', () => {
    const bodies = [body(8, 1), body(40, 2), body(9, 3), body(300, 4)]
    const stream = Buffer.concat(bodies.map(frame))
    for (let cut = 0; cut <= stream.length; cut++) {
      const harness = new Harness()
      harness.feed(stream.subarray(0, cut))
      harness.feed(stream.subarray(cut))
      expect(harness.frames).toEqual(bodies)
      expect(harness.receiver.midFrame).toBe(false)
    }
  })

  it('finds the same frames byte by byte, and from data chunks byte by byte', () => {
    const bodies = [body(8, 1), body(40, 2), body(300, 4)]
    const stream = Buffer.concat(bodies.map(frame))
    const read = new Harness()
    const chunks = new Harness()
    for (let i = 0; i < stream.length; i++) {
      read.feed(stream.subarray(i, i + 1))
      chunks.receiver.receivedChunk(Buffer.from(stream.subarray(i, i + 1)))
    }
    expect(read.frames).toEqual(bodies)
    expect(chunks.frames).toEqual(bodies)
  })

  it('copies small reads of several connections behind one another without a flush', () => {
    const first = new Harness()
    const second = new Harness(first.arena)
    for (let i = 0; i < 20; i++) {
      first.feed(frame(body(200, i)))
      second.feed(frame(body(100, i)))
    }
    expect(first.flushes).toBe(0)
    first.flush()
    second.flush()
  })

  it('flushes storage after a large read worked in place, before scratch is used again', () => {
    const harness = new Harness()
    const bodies = Array.from({ length: 30 }, (_, i) => body(3_000, i))
    harness.feed(Buffer.concat(bodies.map(frame)))
    expect(harness.frames).toEqual(bodies)
    expect(harness.flushes).toBe(1)
    harness.feed(frame(body(8, 1)))
  })

  it('flushes once the copies of a turn fill the arena', () => {
    const harness = new Harness()
    const size = limits.receiveCopyBytesMax - 4
    const room = limits.receiveArenaBytes - limits.receiveScratchBytes
    for (let i = 0; i < room / (size + 4); i++) harness.feed(frame(body(size, i)))
    expect(harness.flushes).toBe(0)
    harness.feed(frame(body(size, 99)))
    expect(harness.flushes).toBe(1)
  })

  it('spills a small tail, and reads the rest of a large frame straight into its slab', () => {
    const harness = new Harness()
    const small = frame(body(1_000, 1))
    harness.feed(small.subarray(0, 500))
    expect(harness.slabs.acquired).toBe(0)
    harness.feed(small.subarray(500))
    const large = frame(body(limits.spillBytesMax + 1, 2))
    harness.feed(large.subarray(0, 1_000))
    expect(harness.slabs.inUse).toBe(1)
    const into = harness.receiver.nextBuffer()
    expect(into.length).toBe(large.length - 1_000)
    harness.feed(large.subarray(1_000))
    expect(harness.kinds).toEqual(['own', 'slab'])
    expect(harness.slabs.inUse).toBe(0)
    expect(harness.receiver.nextBuffer()).toBe(harness.arena.scratch)
  })

  it('reads nothing more while it waits for a slab, and loses nothing when it comes', () => {
    const harness = new Harness()
    harness.slabs.wait = true
    const bodies = [body(50, 1), body(40_000, 2), body(50, 3)]
    const stream = Buffer.concat(bodies.map(frame))
    harness.feed(stream.subarray(0, 20_000))
    expect(harness.receiver.wantsBytes).toBe(false)
    expect(harness.receiver.midFrame).toBe(true)
    harness.slabs.queue.shift()?.()
    expect(harness.resumed).toBe(1)
    harness.receiver.resume()
    expect(harness.receiver.wantsBytes).toBe(true)
    // The first read after a pause still lands where Node was told before it.
    const scratch = harness.arena.scratch
    stream.copy(scratch, 0, 20_000)
    harness.receiver.received(stream.length - 20_000, scratch)
    expect(harness.frames).toEqual(bodies)
  })

  it('waits for a slab no longer once the connection closed', () => {
    const harness = new Harness()
    harness.slabs.wait = true
    harness.feed(frame(body(40_000, 2)).subarray(0, 100))
    expect(harness.slabs.queue.length).toBe(1)
    harness.receiver.close()
    expect(harness.slabs.queue.length).toBe(0)
  })

  it('stops where the sink says so and goes on from there', () => {
    const harness = new Harness()
    const bodies = Array.from({ length: 10 }, (_, i) => body(20 + i, i))
    harness.stopAfter = 3
    harness.feed(Buffer.concat(bodies.map(frame)))
    expect(harness.frames.length).toBe(3)
    expect(harness.receiver.wantsBytes).toBe(false)
    harness.stopAfter = 4
    harness.receiver.resume()
    expect(harness.frames.length).toBe(4)
    harness.stopAfter = Number.POSITIVE_INFINITY
    harness.receiver.resume()
    expect(harness.frames).toEqual(bodies)
  })

  it('refuses bad lengths before it reserves anything', () => {
    for (const length of [-1, 0, 7, 0x7fffffff, -0x80000000, (1 << 27) + 1]) {
      for (const split of [0, 1, 2, 3, 4]) {
        const harness = new Harness()
        const bytes = Buffer.alloc(4)
        bytes.writeInt32BE(length)
        expect(() => {
          harness.feed(bytes.subarray(0, split))
          harness.feed(bytes.subarray(split))
        }).toThrow(FrameRefused)
        expect(harness.slabs.acquired).toBe(0)
      }
    }
  })

  it('tells HTTP and TLS from a wrong length', () => {
    const opening = (text: string | Buffer): string => {
      try {
        new Harness().feed(Buffer.from(text))
      } catch (error) {
        return `${(error as FrameRefused).kind}: ${(error as Error).message}`
      }
      return 'taken'
    }
    expect(opening('GET / HTTP/1.1\r\n\r\n')).toMatch(/^http: .*"GET"/)
    expect(opening('POST /topics')).toMatch(/^http: .*"POST"/)
    expect(opening(Buffer.from('16030100f5010000f10303', 'hex'))).toMatch(/^tls: .*PLAINTEXT/)
    expect(opening(Buffer.from('7fffffff', 'hex'))).toMatch(/^length: .*2147483647/)
  })

  it('hands out every frame once and intact, for any frames, reads, stops and late slabs', () => {
    const size = fc.oneof(
      fc.integer({ min: 8, max: 300 }),
      fc.integer({ min: 8, max: 20_000 }),
      fc.integer({ min: 8, max: 90_000 }),
    )
    const read = fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 100_000 }))
    fc.assert(
      fc.property(
        fc.array(fc.array(size, { maxLength: 12 }), { minLength: 1, maxLength: 3 }),
        fc.infiniteStream(read),
        fc.infiniteStream(fc.integer({ min: 0, max: 9 })),
        (connections, reads, dice) => {
          const first = new Harness()
          const roll = (): number => dice.next().value ?? 0
          const peers = connections.map((sizes, at) => {
            const harness = at === 0 ? first : new Harness(first.arena)
            const bodies = sizes.map((bytes, i) => body(bytes, i + at))
            return { harness, bodies, stream: Buffer.concat(bodies.map(frame)), at: 0 }
          })
          // One arena: its flush is every connection's flush.
          const flushAll = () => {
            for (const { harness } of peers) harness.flush()
          }
          first.flush = () => {
            first.flushes++
            for (const { harness } of peers)
              for (const { view, copy } of harness.staged.splice(0))
                expect(view.equals(copy)).toBe(true)
          }
          let steps = 0
          while (peers.some((peer) => peer.at < peer.stream.length) && steps++ < 20_000) {
            for (const peer of peers) {
              const { harness } = peer
              const { receiver } = harness
              harness.slabs.wait = roll() < 3
              if (roll() < 5) harness.slabs.queue.shift()?.()
              harness.stopAfter = roll() < 2 ? harness.frames.length + 1 : Number.POSITIVE_INFINITY
              if (!receiver.wantsBytes) receiver.resume()
              if (!receiver.wantsBytes) continue
              const into = receiver.nextBuffer()
              const left = peer.stream.length - peer.at
              const take = Math.min(into.length, left, reads.next().value ?? 1)
              if (take === 0) continue
              peer.stream.copy(into, 0, peer.at, peer.at + take)
              peer.at += take
              receiver.received(take, into)
            }
            if (roll() < 3) {
              first.arena.flush()
              flushAll()
            }
          }
          for (const { harness, bodies } of peers) {
            for (let i = 0; i < 1_000 && harness.frames.length < bodies.length; i++) {
              harness.stopAfter = Number.POSITIVE_INFINITY
              harness.slabs.queue.shift()?.()
              harness.receiver.resume()
            }
            expect(harness.frames.length).toBe(bodies.length)
            for (const [i, each] of harness.frames.entries())
              expect(each.equals(bodies[i] as Buffer)).toBe(true)
            expect(harness.slabs.inUse).toBe(0)
          }
        },
      ),
      { numRuns: 60 },
    )
  })
})
