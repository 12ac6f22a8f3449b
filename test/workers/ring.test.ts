import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Descriptor, newRing, RingReader, type RingSize, RingWriter } from '../../workers/ring.ts'

const size: RingSize = { descriptors: 4, payloadBytes: 64 }

function ends(ringSize: RingSize): { writer: RingWriter; reader: RingReader } {
  const memory = newRing(ringSize)
  return { writer: new RingWriter(memory, ringSize), reader: new RingReader(memory, ringSize) }
}

function descriptor(opcode: number, correlation = 0): Descriptor {
  const d = new Descriptor()
  d.reset(opcode, correlation)
  return d
}

describe('a ring', () => {
  it('carries every word of a descriptor', () => {
    const { writer, reader } = ends(size)
    const sent = descriptor(7, -5)
    sent.slab = 3
    sent.offset = 70_000
    sent.length = 2 ** 31 - 1
    sent.a = -1
    sent.b = -(2 ** 31)
    sent.c = 9
    sent.w = 2 ** 53 - 1
    sent.x = -1
    sent.y = 0.25
    sent.z = Number.POSITIVE_INFINITY
    expect(writer.push(sent, null)).toBe(true)
    const received = new Descriptor()
    expect(reader.next(received)).toBe(true)
    expect(received).toEqual(sent)
    expect(reader.next(received)).toBe(false)
  })

  it('is full at its number of descriptors until messages are given back', () => {
    const { writer, reader } = ends(size)
    for (let i = 1; i <= 4; i++) expect(writer.push(descriptor(i), null)).toBe(true)
    expect(writer.push(descriptor(5), null)).toBe(false)
    const d = new Descriptor()
    expect(reader.next(d)).toBe(true)
    expect(writer.push(descriptor(5), null)).toBe(false)
    expect(reader.release()).toBe(false)
    expect(writer.push(descriptor(5), null)).toBe(true)
  })

  it('keeps a payload in place, to be changed by the reader, until it is given back', () => {
    const { writer, reader } = ends(size)
    const d = new Descriptor()
    writer.push(descriptor(1), Buffer.alloc(40, 1))
    reader.next(d)
    const payload = reader.payload(d)
    payload[0] = 99
    expect(writer.push(descriptor(2), Buffer.alloc(30, 2))).toBe(false)
    expect(payload[0]).toBe(99)
    expect(payload.subarray(1).every((byte) => byte === 1)).toBe(true)
    reader.release()
    expect(writer.push(descriptor(2), Buffer.alloc(30, 2))).toBe(true)
  })

  it('tells the reader who gives back that the writer wants room, once', () => {
    const { writer, reader } = ends(size)
    const d = new Descriptor()
    writer.push(descriptor(1), null)
    writer.askForRoom()
    reader.next(d)
    expect(reader.release()).toBe(true)
    expect(reader.release()).toBe(false)
  })

  it('starts over at the first payload byte when it was found empty', () => {
    const { writer, reader } = ends({ descriptors: 2, payloadBytes: 64 })
    const d = new Descriptor()
    const offsets: number[] = []
    for (let i = 0; i < 6; i++) {
      writer.push(descriptor(1), Buffer.alloc(8))
      reader.next(d)
      offsets.push(d.offset)
      reader.release()
    }
    // It looks only when it believes the ring full: every second message here.
    expect(offsets).toEqual([0, 8, 0, 8, 0, 8])
  })

  it('counts on past the end of 32 bits', () => {
    const memory = newRing(size)
    const writer = new RingWriter(memory, size)
    const reader = new RingReader(memory, size)
    const near = 2 ** 31 - 2
    new Int32Array(memory)[0] = near
    new Int32Array(memory)[16] = near
    Object.assign(writer, { tail: near, head: near })
    Object.assign(reader, { tail: near, head: near, taken: near })
    const d = new Descriptor()
    for (let i = 0; i < 10; i++) {
      expect(writer.push(descriptor(1, i), Buffer.alloc(20, i))).toBe(true)
      expect(reader.next(d)).toBe(true)
      expect(d.correlation).toBe(i)
      expect(reader.payload(d)[0]).toBe(i)
      reader.release()
    }
  })

  it('behaves as a queue of byte strings for any sequence of writes, reads and releases', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('write' as const), bytes: fc.nat(64) }),
      fc.record({
        kind: fc.constantFrom('take' as const, 'release' as const),
        bytes: fc.constant(0),
      }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const { writer, reader } = ends(size)
        const inRing: number[] = []
        const taken: { id: number; view: Buffer }[] = []
        let next = 0
        const d = new Descriptor()
        for (const { kind, bytes } of steps) {
          if (kind === 'write') {
            const id = next & 0xff
            if (writer.push(descriptor(1, next), Buffer.alloc(bytes, id))) {
              inRing.push(next)
              next++
            } else expect(inRing.length + taken.length).toBeGreaterThan(0)
          } else if (kind === 'take') {
            const has = reader.next(d)
            expect(has).toBe(inRing.length > 0)
            if (!has) continue
            const id = inRing.shift()!
            expect(d.correlation).toBe(id)
            taken.push({ id, view: reader.payload(d) })
          } else {
            for (const { id, view } of taken)
              expect(view.every((byte) => byte === (id & 0xff))).toBe(true)
            reader.release()
            taken.length = 0
          }
          for (const { id, view } of taken)
            expect(view.every((byte) => byte === (id & 0xff))).toBe(true)
        }
      }),
      { numRuns: 200 },
    )
  })
})
