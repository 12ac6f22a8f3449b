import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { limits } from '../../../engine/base/limits.ts'
import {
  BombRefused,
  CodecUnavailable,
  CorruptPayload,
} from '../../../engine/record/codec-adapter.ts'
import {
  Codec,
  codecAvailability,
  codecByName,
  codecName,
  codecsInstalled,
  compress,
  decompress,
} from '../../../engine/record/compression.ts'
import { sampleBatch } from '../../support/batches.ts'

const MIB = 1024 * 1024

describe('codecs', () => {
  const codecs = Object.entries(Codec).filter(([name]) => name !== 'none')

  it('are all available here, under names that map both ways', () => {
    expect(Object.values(codecAvailability())).not.toContain(null)
    expect(codecsInstalled()).toEqual(codecAvailability())
    for (const [name, codec] of Object.entries(Codec)) {
      expect(codecName(codec)).toBe(name)
      expect(codecByName(name)).toBe(codec)
    }
    expect(codecByName('producer')).toBeNull()
    expect(codecName(5)).toBeNull()
    expect(() => decompress(7, Buffer.alloc(1), 10)).toThrow(CodecUnavailable)
  })

  it.each(codecs)('%s gives back what it took, also from shared memory', (_name, codec) => {
    for (const bytes of [0, 1, 100, 32 * 1024, 65_537, 3 * MIB]) {
      const plain = bytes < 100 ? Buffer.alloc(bytes, 'x') : sampleBatch(bytes)
      const packed = compress(codec, plain)
      const shared = Buffer.from(new SharedArrayBuffer(packed.length + 9), 9)
      packed.copy(shared)
      expect(decompress(codec, shared, 4 * MIB).equals(plain)).toBe(true)
      const sharedPlain = Buffer.from(new SharedArrayBuffer(plain.length + 5), 5)
      plain.copy(sharedPlain)
      expect(compress(codec, sharedPlain).equals(packed)).toBe(true)
    }
  })

  it.each(codecs)('%s stops exactly at the limit', (_name, codec) => {
    const plain = sampleBatch(200_000)
    const packed = compress(codec, plain)
    expect(decompress(codec, packed, plain.length).equals(plain)).toBe(true)
    expect(() => decompress(codec, packed, plain.length - 1)).toThrow(BombRefused)
    expect(() => decompress(codec, packed, 1)).toThrow(BombRefused)
  })

  it.each(codecs)('%s reports bytes that are cut, foreign or changed', (_name, codec) => {
    const packed = compress(codec, sampleBatch(5_000))
    expect(() => decompress(codec, Buffer.from('not compressed at all'), MIB)).toThrow(
      CorruptPayload,
    )
    for (const end of [1, 3, 10, 40, packed.length - 20]) {
      if (codec === Codec.snappy && end < 16) continue // too short to be a stream: read as a block
      expect(() => decompress(codec, packed.subarray(0, end), MIB), `cut at ${end}`).toThrow(
        CorruptPayload,
      )
    }
  })

  it('take a level where they have one', () => {
    const plain = sampleBatch(300_000)
    expect(compress(Codec.gzip, plain, 9).length).toBeLessThan(
      compress(Codec.gzip, plain, 1).length,
    )
    expect(compress(Codec.zstd, plain, 15).length).toBeLessThan(
      compress(Codec.zstd, plain, -5).length,
    )
    expect(compress(Codec.lz4, plain, 9).equals(compress(Codec.lz4, plain))).toBe(true)
  })
})

/** RSS growth of `run`, in bytes: output that was never taken cannot show here. */
function memoryTaken(run: () => void): number {
  const before = process.memoryUsage.rss()
  run()
  return process.memoryUsage.rss() - before
}

/** A zstd frame without content size: 1 MiB window, then the given blocks. */
function zstdFrame(blocks: Buffer[]): Buffer {
  return Buffer.concat([Buffer.from('28b52ffd0050', 'hex'), ...blocks])
}

function zstdBlock(type: number, size: number, body: Buffer, last: boolean): Buffer {
  const header = Buffer.alloc(3)
  header.writeUIntLE((size << 3) | (type << 1) | (last ? 1 : 0), 0, 3)
  return Buffer.concat([header, body])
}

describe('a bomb', () => {
  const LIMIT = 32 * MIB
  const refuse = (codec: number, packed: Buffer, limit = LIMIT) =>
    expect(() => decompress(codec, packed, limit)).toThrow(BombRefused)

  it('of gzip stops at the limit', () => {
    const bomb = gzipSync(Buffer.alloc(256 * MIB), { level: 9 })
    expect(memoryTaken(() => refuse(Codec.gzip, bomb))).toBeLessThan(160 * MIB)
  })

  it('of several gzip members stops at the limit as a whole', () => {
    const member = gzipSync(Buffer.alloc(2 * MIB))
    refuse(Codec.gzip, Buffer.concat(Array.from({ length: 20 }, () => member)))
  })

  it('of snappy is seen in the declared size', () => {
    const block = Buffer.from('ffffffff0f0000', 'hex') // 4 GiB declared
    expect(memoryTaken(() => refuse(Codec.snappy, block))).toBeLessThan(16 * MIB)
    const within = Buffer.from('8080800100', 'hex') // 2 MiB out of 5 bytes: impossible
    expect(() => decompress(Codec.snappy, within, LIMIT)).toThrow(CorruptPayload)
  })

  it('of many snappy chunks is refused when their sum passes the limit', () => {
    const stream = compress(Codec.snappy, Buffer.alloc(40 * MIB))
    refuse(Codec.snappy, stream)
    const joined = Buffer.concat([stream.subarray(0, 16), compress(Codec.snappy, Buffer.alloc(99))])
    expect(decompress(Codec.snappy, joined, LIMIT).length).toBe(99)
  })

  it('of snappy with an absurd chunk length is corrupt (CVE-2023-34455)', () => {
    for (const length of [-1, 0x7fffffff, 5]) {
      const stream = Buffer.alloc(20 + 4)
      compress(Codec.snappy, Buffer.alloc(0)).copy(stream)
      stream.writeInt32BE(length, 16)
      expect(() => decompress(Codec.snappy, stream, LIMIT)).toThrow(CorruptPayload)
    }
  })

  it('of lz4 is refused before it is decoded, and a legal frame of the same ratio is not', () => {
    const bomb = compress(Codec.lz4, Buffer.alloc(128 * MIB))
    expect(memoryTaken(() => refuse(Codec.lz4, bomb))).toBeLessThan(16 * MIB)
    const zeros = Buffer.alloc(8 * MIB)
    expect(decompress(Codec.lz4, compress(Codec.lz4, zeros), 8 * MIB).equals(zeros)).toBe(true)
  })

  it('of lz4 that declares more than its blocks can give is corrupt', () => {
    const frame = compress(Codec.lz4, Buffer.alloc(1000))
    const size = Buffer.from('ffffffffff000000', 'hex')
    const declared = Buffer.concat([frame.subarray(0, 6), size, frame.subarray(6)])
    declared[4]! |= 0x08
    expect(() => decompress(Codec.lz4, declared, LIMIT)).toThrow(/declared/)
  })

  it('of zstd with a declared size is refused by it', () => {
    const bomb = compress(Codec.zstd, Buffer.alloc(64 * MIB))
    expect(memoryTaken(() => refuse(Codec.zstd, bomb, 100 * MIB))).toBeLessThan(16 * MIB)
  })

  it('of zstd without a declared size gets no more room than the limit', () => {
    const repeated = Buffer.from([0])
    const blocks = Array.from({ length: 4096 }, (_, index) =>
      zstdBlock(1, 128 * 1024, repeated, index === 4095),
    )
    const bomb = zstdFrame(blocks) // 16 KiB that claim 512 MiB
    expect(bomb.length).toBeLessThan(17_000)
    expect(memoryTaken(() => refuse(Codec.zstd, bomb))).toBeLessThan(64 * MIB)
  })

  it('of zstd in compressed blocks without a declared size is held to the limit', () => {
    const framed = compress(Codec.zstd, Buffer.alloc(128 * 1024))
    const bodyBytes = framed.readUIntLE(framed.length - blockOf(framed).length, 3) >> 3
    const body = framed.subarray(framed.length - bodyBytes)
    const blocks = (count: number) =>
      Array.from({ length: count }, (_, index) =>
        zstdBlock(2, body.length, body, index === count - 1),
      )
    expect(decompress(Codec.zstd, zstdFrame(blocks(8)), LIMIT).length).toBe(MIB)
    expect(memoryTaken(() => refuse(Codec.zstd, zstdFrame(blocks(2000))))).toBeLessThan(64 * MIB)
  })

  it('of zstd that declares more than its blocks can give is corrupt', () => {
    const frame = Buffer.from('28b52ffda000000002010000', 'hex') // 32 MiB, one empty block
    expect(() => decompress(Codec.zstd, frame, LIMIT)).toThrow(CorruptPayload)
  })

  it('is told from data that shrinks well by size, then by ratio', () => {
    const four = compress(Codec.zstd, Buffer.alloc(limits.inflateRatioFreeBytes))
    expect(four.length * limits.inflateRatioMax).toBeLessThan(limits.inflateRatioFreeBytes)
    expect(decompress(Codec.zstd, four, LIMIT).length).toBe(limits.inflateRatioFreeBytes)
    refuse(Codec.zstd, compress(Codec.zstd, Buffer.alloc(limits.inflateRatioFreeBytes + 1)))
  })
})

/** The first block of a zstd frame with a 4-byte content size and no window: header and body. */
function blockOf(frame: Buffer): Buffer {
  const descriptor = frame[4]!
  const sizeBytes = [1, 2, 4, 8][descriptor >> 6]!
  expect(descriptor & 0x27).toBe(0x20)
  return frame.subarray(5 + sizeBytes)
}

describe('zstd frames', () => {
  it('may follow one another, with skippable ones between', () => {
    const skippable = Buffer.from('5a2a4d1803000000aabbcc', 'hex')
    const joined = Buffer.concat([
      compress(Codec.zstd, Buffer.from('one ')),
      skippable,
      zstdFrame([
        zstdBlock(0, 4, Buffer.from('two '), false),
        zstdBlock(1, 3, Buffer.from('!'), true),
      ]),
      compress(Codec.zstd, Buffer.from(' three')),
    ])
    expect(decompress(Codec.zstd, joined, 100).toString()).toBe('one two !!! three')
    expect(() => decompress(Codec.zstd, joined, 16)).toThrow(BombRefused)
  })
})

describe('snappy', () => {
  it('reads raw blocks, as librdkafka sends them', () => {
    const stream = compress(Codec.snappy, Buffer.from('hello hello hello hello'))
    const raw = stream.subarray(20)
    expect(decompress(Codec.snappy, raw, 100).toString()).toBe('hello hello hello hello')
  })
})
