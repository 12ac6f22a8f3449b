/**
 * Snappy by the `snappy` package, in both forms that Kafka clients send: raw blocks (librdkafka)
 * and xerial's stream (Java's SnappyOutputStream, org.xerial.snappy):
 *
 *   0  0x82 'S' 'N' 'A' 'P' 'P' 'Y' 0x00
 *   8  version int32 (1), 12 lowest compatible version int32 (1)
 *  16  chunks: length int32, raw snappy block; a header may come again where streams were joined
 *
 * A raw block opens with its plain size as an unsigned varint; that is checked against the limit,
 * and against what the format can reach, before the library sees it. We write xerial's stream, like
 * Kafka's broker: every client reads it.
 */

import { BombRefused, type CodecAdapter, CorruptPayload } from './codec-adapter.ts'
import { optionalPackage } from './optional-package.ts'

interface SnappyPackage {
  compressSync(input: Buffer, options: { copyOutputData: boolean }): Buffer
  uncompressSync(input: Buffer, options: { copyOutputData: boolean }): Buffer | string
}

/** Without this the package hands out external memory and runs six times slower. */
const COPY = { copyOutputData: true }
const MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0])
const STREAM_HEADER = Buffer.concat([MAGIC, Buffer.from([0, 0, 0, 1, 0, 0, 0, 1])])
/** Plain bytes per chunk, xerial's default. */
const CHUNK_BYTES = 32 * 1024
/**
 * The densest element copies 64 bytes from 3; a block that claims more than this ratio is a lie.
 */
const EXPANSION_MAX = 22
/** Longest size prefix of a block: 32 bits in 7-bit groups. */
const SIZE_PREFIX_BYTES_MAX = 5

const library = optionalPackage<SnappyPackage>('snappy')

export const snappy: CodecAdapter = {
  implementation: () => (library() === null ? null : 'snappy'),
  installed: () => (library.isInstalled() ? 'snappy' : null),

  compress(plain) {
    const pieces: Buffer[] = [STREAM_HEADER]
    for (let at = 0; at < plain.length; at += CHUNK_BYTES) {
      const block = library()!.compressSync(plain.subarray(at, at + CHUNK_BYTES), COPY)
      const length = Buffer.allocUnsafe(4)
      length.writeInt32BE(block.length, 0)
      pieces.push(length, block)
    }
    return Buffer.concat(pieces)
  },

  decompress(packed, maxBytes) {
    const isStream = packed.length >= MAGIC.length && MAGIC.equals(packed.subarray(0, MAGIC.length))
    return isStream ? readStream(packed, maxBytes) : readBlock(packed, maxBytes)
  },
}

function readStream(packed: Buffer, maxBytes: number): Buffer {
  const pieces: Buffer[] = []
  let left = maxBytes
  let at = 0
  while (at < packed.length) {
    if (isHeaderAt(packed, at)) {
      at += STREAM_HEADER.length
      continue
    }
    if (packed.length - at < 4) throw new CorruptPayload('snappy: cut off in a chunk length')
    const length = packed.readInt32BE(at)
    at += 4
    if (length < 0 || length > packed.length - at)
      throw new CorruptPayload(`snappy: chunk of ${length} bytes, ${packed.length - at} left`)
    const piece = readBlock(packed.subarray(at, at + length), left)
    pieces.push(piece)
    left -= piece.length
    at += length
  }
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
}

function isHeaderAt(packed: Buffer, at: number): boolean {
  return (
    packed.length - at >= STREAM_HEADER.length &&
    MAGIC.equals(packed.subarray(at, at + MAGIC.length))
  )
}

function readBlock(block: Buffer, maxBytes: number): Buffer {
  const size = plainSize(block)
  if (size > maxBytes) throw new BombRefused(`snappy: ${size} bytes declared, ${maxBytes} allowed`)
  if (size > block.length * EXPANSION_MAX)
    throw new CorruptPayload(`snappy: ${size} bytes cannot come out of ${block.length}`)
  try {
    const plain = library()!.uncompressSync(block, COPY)
    return typeof plain === 'string' ? Buffer.from(plain) : plain
  } catch (error) {
    throw new CorruptPayload(`snappy: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function plainSize(block: Buffer): number {
  let size = 0
  for (let index = 0; index < Math.min(block.length, SIZE_PREFIX_BYTES_MAX); index++) {
    const byte = block[index]!
    size += (byte & 0x7f) * 2 ** (7 * index)
    if (byte < 0x80) return size
  }
  throw new CorruptPayload('snappy: no size prefix')
}
