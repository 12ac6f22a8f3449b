/**
 * Big-endian 64-bit integers in buffers as plain numbers. Kafka's offsets, timestamps and producer
 * ids are int64; inside the house they are safe integers (|v| <= 2^53 - 1). A value outside comes
 * out inexact but still outside the safe range, so `Number.isSafeInteger` at the edge refuses it (S18).
 */

const TWO_TO_32 = 4_294_967_296

/** Reads int64 at byte `at`; the caller has checked that eight bytes are there. */
export function readInt64(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at) * TWO_TO_32 + buffer.readUInt32BE(at + 4)
}

/** Writes a safe integer as int64 at byte `at`. */
export function writeInt64(buffer: Buffer, at: number, value: number): void {
  buffer.writeInt32BE(Math.floor(value / TWO_TO_32), at)
  buffer.writeUInt32BE(value >>> 0, at + 4)
}
