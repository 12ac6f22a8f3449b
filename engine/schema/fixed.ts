/**
 * Numbers of fixed width at a position in a buffer, big-endian, bounds checked by the caller.
 * Reader and Writer use them one at a time; compiled code uses them for runs of fixed fields, which
 * are checked once. They go through a DataView: one load or store each, where bytes one by one take
 * nearly twice as long (bench/codec.ts).
 */
import { assert } from '../base/assert.ts'
import type { Kind } from './fields.ts'

const TWO_TO_32 = 4_294_967_296
/** Upper halves from -2^20 to 2^20 cannot make an unsafe integer. */
const PLAINLY_SAFE = 0x100000

/** Kinds that may stand in a run, with their sizes in bytes. */
export const FIXED_BYTES: Partial<Record<Kind, number>> = {
  bool: 1,
  int8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
}

/** By kind: `(view, at) => value`. */
export const readAt = {
  bool: (view: DataView, at: number): boolean => view.getInt8(at) !== 0,
  int8: (view: DataView, at: number): number => view.getInt8(at),
  int16: (view: DataView, at: number): number => view.getInt16(at),
  uint16: (view: DataView, at: number): number => view.getUint16(at),
  int32: (view: DataView, at: number): number => view.getInt32(at),
  uint32: (view: DataView, at: number): number => view.getUint32(at),
  int64: readInt64,
}

/** By kind: `(view, at, value) => void`. A value the kind cannot hold asserts. */
export const writeAt = {
  bool: (view: DataView, at: number, value: boolean): void => view.setInt8(at, value ? 1 : 0),
  int8: (view: DataView, at: number, value: number): void => {
    if ((value << 24) >> 24 !== value) outOfRange('int8', value)
    view.setInt8(at, value)
  },
  int16: (view: DataView, at: number, value: number): void => {
    if ((value << 16) >> 16 !== value) outOfRange('int16', value)
    view.setInt16(at, value)
  },
  uint16: (view: DataView, at: number, value: number): void => {
    if ((value & 0xffff) !== value) outOfRange('uint16', value)
    view.setUint16(at, value)
  },
  int32: (view: DataView, at: number, value: number): void => {
    if ((value | 0) !== value) outOfRange('int32', value)
    view.setInt32(at, value)
  },
  uint32: (view: DataView, at: number, value: number): void => {
    if (value >>> 0 !== value) outOfRange('uint32', value)
    view.setUint32(at, value)
  },
  int64: writeInt64,
}

let lastBuffer: Buffer = Buffer.alloc(0)
let lastView: DataView = new DataView(lastBuffer.buffer, lastBuffer.byteOffset, 0)

/**
 * A view over `buffer`. Making one costs more than decoding a small request, and frames lie one behind
 * the other in few buffers, so the last one is kept.
 */
export function viewOf(buffer: Buffer): DataView {
  if (buffer === lastBuffer) return lastView
  lastView = new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
  lastBuffer = buffer
  return lastView
}

/**
 * A safe integer; what lies beyond is read as the last one. Java's Long.MAX_VALUE is a common way to say
 * "none" or "the end", and whoever compares finds it beyond everything, as it should be; whoever stores
 * refuses the last safe integer (S18).
 */
function readInt64(view: DataView, at: number): number {
  const high = view.getInt32(at)
  const value = high * TWO_TO_32 + view.getUint32(at + 4)
  if (high < PLAINLY_SAFE && high >= -PLAINLY_SAFE) return value
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(value, Number.MAX_SAFE_INTEGER))
}

function writeInt64(view: DataView, at: number, value: number): void {
  if ((value | 0) === value) {
    view.setInt32(at, value >> 31)
    view.setInt32(at + 4, value)
    return
  }
  if (!Number.isSafeInteger(value)) outOfRange('int64', value)
  view.setInt32(at, Math.floor(value / TWO_TO_32))
  view.setInt32(at + 4, value | 0)
}

function outOfRange(kind: Kind, value: number): never {
  assert(false, `${kind} ${value} is out of range`)
}
