/**
 * One lane between two threads: a ring with a single writer and a single reader over shared memory.
 *
 *   byte 0     tail: messages written, int32, stored by the writer alone
 *   byte 64    head: messages given back, int32, stored by the reader alone
 *   byte 68    wantsRoom: 1 while the writer waits for room; set by it, cleared by the reader
 *   byte 128   descriptors, 64 bytes each:
 *                0 opcode  4 correlation  8 slab  12 offset  16 length  20 a  24 b  28 c   (int32)
 *                32 w  40 x  48 y  56 z                                                   (float64)
 *   then       payload area: bytes of messages, contiguous, at multiples of 8
 *
 * tail and head only grow (modulo 2^32); tail - head messages are in the ring. A message's payload
 * bytes belong to the reader from the store of tail until the store of head behind it, and may be
 * changed by it meanwhile. The writer remembers where each payload ended, so giving back messages
 * gives back their payload and no second pair of counters is shared. When the ring is found empty
 * the writer starts over at the area's first byte: a ring with little traffic stays in the cache.
 *
 * Every access to tail, head and wantsRoom is a sequentially consistent Atomics operation, at most
 * one of them per function of `RingWriter` and `RingReader` below (`push` and `release` compose
 * two): test/workers/ring-interleaving.test.ts runs every order of those steps.
 */
import { assert, broken } from '../engine/base/assert.ts'

const TAIL = 0
const HEAD = 16
const WANTS_ROOM = 17
const HEADER_BYTES = 128
const DESCRIPTOR_BYTES = 64
const ALIGNMENT = 8

export interface RingSize {
  /** A power of two. */
  readonly descriptors: number
  /** A multiple of 8. */
  readonly payloadBytes: number
}

/** One message between shards: the words of its descriptor. What they mean is in messages.ts. */
export class Descriptor {
  opcode = 0
  correlation = 0
  /** 0: the payload is in the ring. Otherwise the id of the slab it is in. */
  slab = 0
  /** Where the payload begins in the ring's area or in the slab, in bytes. */
  offset = 0
  length = 0
  a = 0
  b = 0
  c = 0
  w = 0.5
  x = 0.5
  y = 0.5
  z = 0.5

  // The fractions above make V8 keep these fields as doubles from the start.
  reset(opcode: number, correlation: number): void {
    this.opcode = opcode
    this.correlation = correlation
    this.slab = 0
    this.offset = 0
    this.length = 0
    this.a = 0
    this.b = 0
    this.c = 0
    this.w = 0
    this.x = 0
    this.y = 0
    this.z = 0
  }

  copy(): Descriptor {
    return Object.assign(new Descriptor(), this)
  }
}

export function newRing(size: RingSize): SharedArrayBuffer {
  assert(Number.isInteger(Math.log2(size.descriptors)), `ring of ${size.descriptors} descriptors`)
  assert(size.payloadBytes % ALIGNMENT === 0, `ring with ${size.payloadBytes} payload bytes`)
  return new SharedArrayBuffer(
    HEADER_BYTES + size.descriptors * DESCRIPTOR_BYTES + size.payloadBytes,
  )
}

/** The views both ends have on the memory. */
class RingMemory {
  readonly descriptors: number
  readonly payloadBytes: number
  readonly ints: Int32Array
  readonly floats: Float64Array
  readonly payload: Buffer

  constructor(memory: SharedArrayBuffer, size: RingSize) {
    const payloadStart = HEADER_BYTES + size.descriptors * DESCRIPTOR_BYTES
    assert(
      memory.byteLength === payloadStart + size.payloadBytes,
      `ring memory of ${memory.byteLength} bytes for ${JSON.stringify(size)}`,
    )
    this.descriptors = size.descriptors
    this.payloadBytes = size.payloadBytes
    this.ints = new Int32Array(memory, 0, payloadStart / 4)
    this.floats = new Float64Array(memory, 0, payloadStart / 8)
    this.payload = Buffer.from(memory, payloadStart, size.payloadBytes)
  }
}

export class RingWriter {
  private readonly ring: RingMemory
  private readonly mask: number
  private tail: number
  /** The reader's head as last seen: never ahead of the true one. */
  private head: number
  /** Payload positions count on for ever; modulo the area's size they are places in it. */
  private payloadTail = 0
  private payloadHead = 0
  /** Where the payload of each message in the ring ended, by slot. */
  private readonly payloadEnds: Float64Array
  /** Start of what `reserve` found room for. */
  private reserved = 0

  constructor(memory: SharedArrayBuffer, size: RingSize) {
    this.ring = new RingMemory(memory, size)
    this.mask = size.descriptors - 1
    this.payloadEnds = new Float64Array(size.descriptors)
    this.tail = Atomics.load(this.ring.ints, TAIL)
    this.head = this.tail
    assert(this.tail === 0, `a ring has one writer: tail is ${this.tail} at its start`)
  }

  /**
   * Writes one message, `payload` being copied into the ring, where `d` is then told its place.
   * False: there is no room; nothing changed.
   */
  push(d: Descriptor, payload: Buffer | null): boolean {
    const bytes = payload === null ? 0 : payload.length
    if (!this.hasRoom(bytes)) {
      this.look()
      if (!this.hasRoom(bytes)) return false
    }
    this.fill(d, payload)
    this.publish()
    return true
  }

  /** Whether one more message with so many payload bytes fits, as far as is known. */
  hasRoom(bytes: number): boolean {
    const { payloadBytes, descriptors } = this.ring
    if (bytes > payloadBytes) broken(`payload of ${bytes} bytes for a ring of ${payloadBytes}`)
    if (((this.tail - this.head) | 0) === descriptors) return false
    if (bytes === 0) return true
    const at = this.payloadTail % payloadBytes
    const skip = at + bytes <= payloadBytes ? 0 : payloadBytes - at
    this.reserved = this.payloadTail + skip
    return this.reserved + bytes - this.payloadHead <= payloadBytes
  }

  /** Learns what the reader has given back meanwhile. */
  look(): void {
    const head = Atomics.load(this.ring.ints, HEAD)
    const given = (head - this.head) | 0
    const inRing = (this.tail - this.head) | 0
    if (given < 0 || given > inRing) broken(`head moved by ${given} with ${inRing} in the ring`)
    if (given === 0) return
    this.head = head
    this.payloadHead = this.payloadEnds[(head - 1) & this.mask]!
    if (head !== this.tail) return
    const { payloadBytes } = this.ring
    this.payloadTail = Math.ceil(this.payloadTail / payloadBytes) * payloadBytes
    this.payloadHead = this.payloadTail
  }

  /** Writes the message behind the tail, where nobody reads yet. `hasRoom` said yes. */
  fill(d: Descriptor, payload: Buffer | null): void {
    const { ints, floats } = this.ring
    const slot = this.tail & this.mask
    if (payload !== null && payload.length > 0) {
      d.slab = 0
      d.offset = this.reserved % this.ring.payloadBytes
      d.length = payload.length
      payload.copy(this.ring.payload, d.offset)
      const end = this.reserved + payload.length
      this.payloadTail = Math.ceil(end / ALIGNMENT) * ALIGNMENT
    }
    this.payloadEnds[slot] = this.payloadTail
    const i = (HEADER_BYTES + slot * DESCRIPTOR_BYTES) >> 2
    ints[i] = d.opcode
    ints[i + 1] = d.correlation
    ints[i + 2] = d.slab
    ints[i + 3] = d.offset
    ints[i + 4] = d.length
    ints[i + 5] = d.a
    ints[i + 6] = d.b
    ints[i + 7] = d.c
    const f = (i >> 1) + 4
    floats[f] = d.w
    floats[f + 1] = d.x
    floats[f + 2] = d.y
    floats[f + 3] = d.z
  }

  /** Hands what `fill` wrote to the reader. */
  publish(): void {
    this.tail = (this.tail + 1) | 0
    Atomics.store(this.ring.ints, TAIL, this.tail)
  }

  /**
   * Asks to be woken when there is room. The caller must then `look` and try once more before it
   * rests, since room may have come in between.
   */
  askForRoom(): void {
    Atomics.store(this.ring.ints, WANTS_ROOM, 1)
  }
}

export class RingReader {
  private readonly ring: RingMemory
  private readonly mask: number
  /** The writer's tail as last seen. */
  private tail = 0
  /** Messages taken; those from `head` to here are still in use. */
  private taken = 0
  private head = 0

  constructor(memory: SharedArrayBuffer, size: RingSize) {
    this.ring = new RingMemory(memory, size)
    this.mask = size.descriptors - 1
    const head = Atomics.load(this.ring.ints, HEAD)
    assert(head === 0, `a ring has one reader: head is ${head} at its start`)
  }

  /** Whether there is a message to take. */
  hasNext(): boolean {
    if (this.taken !== this.tail) return true
    this.tail = Atomics.load(this.ring.ints, TAIL)
    const waiting = (this.tail - this.taken) | 0
    if (waiting < 0 || waiting > this.ring.descriptors)
      broken(`tail ${this.tail} with ${this.taken} taken`)
    return waiting > 0
  }

  /** Takes the next message into `d`; false: there is none. Its payload is kept until `release`. */
  next(d: Descriptor): boolean {
    if (!this.hasNext()) return false
    const { ints, floats } = this.ring
    const i = (HEADER_BYTES + (this.taken & this.mask) * DESCRIPTOR_BYTES) >> 2
    d.opcode = ints[i]!
    d.correlation = ints[i + 1]!
    d.slab = ints[i + 2]!
    d.offset = ints[i + 3]!
    d.length = ints[i + 4]!
    d.a = ints[i + 5]!
    d.b = ints[i + 6]!
    d.c = ints[i + 7]!
    const f = (i >> 1) + 4
    d.w = floats[f]!
    d.x = floats[f + 1]!
    d.y = floats[f + 2]!
    d.z = floats[f + 3]!
    this.taken = (this.taken + 1) | 0
    return true
  }

  /** The payload of a message just taken, in place: the reader's to change until `release`. */
  payload(d: Descriptor): Buffer {
    if (d.slab !== 0 || d.offset < 0 || d.offset + d.length > this.ring.payloadBytes)
      broken(`payload at ${d.offset}, ${d.length} bytes, slab ${d.slab}`)
    return this.ring.payload.subarray(d.offset, d.offset + d.length)
  }

  /** Gives back every message taken. True: the writer waits for room and must be woken. */
  release(): boolean {
    if (this.head === this.taken) return false
    this.giveBack()
    return this.takeRoomWish()
  }

  giveBack(): void {
    this.head = this.taken
    Atomics.store(this.ring.ints, HEAD, this.head)
  }

  /** Clears and returns the writer's wish to be woken. */
  takeRoomWish(): boolean {
    return Atomics.exchange(this.ring.ints, WANTS_ROOM, 0) === 1
  }
}
