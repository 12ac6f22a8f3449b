/**
 * The five codecs of a batch by their attribute bits
 * (org.apache.kafka.common.record.CompressionType). Calls are synchronous and bounded: no codec
 * allocates output past the limit, however the input lies (N3). The limit of one call is
 *
 *   min(maxBytes, max(limits.inflateRatioFreeBytes, limits.inflateRatioMax * input bytes))
 *
 * Libraries load on first use, in 3 to 15 ms; a missing one disables its codec alone.
 */
import { limits } from '../base/limits.ts'
import { type CodecAdapter, CodecUnavailable } from './codec-adapter.ts'
import { gzip } from './codec-gzip.ts'
import { lz4 } from './codec-lz4.ts'
import { snappy } from './codec-snappy.ts'
import { zstd } from './codec-zstd.ts'

export const Codec = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const
export type Codec = (typeof Codec)[keyof typeof Codec]

const NAMES = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
export type CodecName = (typeof NAMES)[number]

const ADAPTERS: readonly (CodecAdapter | null)[] = [null, gzip, snappy, lz4, zstd]

/** Kafka's name of a codec id, null for 5..7. */
export function codecName(codec: number): CodecName | null {
  return NAMES[codec] ?? null
}

/** Codec id by Kafka's name (`compression.type`), null for others such as `producer`. */
export function codecByName(name: string): Codec | null {
  const index = NAMES.indexOf(name as CodecName)
  return index < 0 ? null : (index as Codec)
}

/** Compressed bytes as Java and librdkafka read them. Throws CodecUnavailable. */
export function compress(codec: number, plain: Buffer, level?: number): Buffer {
  return codec === Codec.none ? plain : adapterOf(codec).compress(plain, level)
}

/** Plain bytes, at most `maxBytes`. Throws CorruptPayload, BombRefused, CodecUnavailable. */
export function decompress(codec: number, packed: Buffer, maxBytes: number): Buffer {
  if (codec === Codec.none) return packed
  const byRatio = Math.max(limits.inflateRatioFreeBytes, limits.inflateRatioMax * packed.length)
  return adapterOf(codec).decompress(packed, Math.min(maxBytes, byRatio))
}

/**
 * What serves each codec here; null = requests that need it are answered UNSUPPORTED_COMPRESSION_TYPE.
 * Loads all of them.
 */
export function codecAvailability(): Record<CodecName, string | null> {
  return ofEachCodec((codec) => codec.implementation())
}

/** The same as far as it can be told without loading anything: whether a package works is not tried. */
export function codecsInstalled(): Record<CodecName, string | null> {
  return ofEachCodec((codec) => codec.installed())
}

function ofEachCodec(ask: (codec: CodecAdapter) => string | null) {
  return {
    none: 'built in',
    gzip: ask(gzip),
    snappy: ask(snappy),
    lz4: ask(lz4),
    zstd: ask(zstd),
  }
}

function adapterOf(codec: number): CodecAdapter {
  const adapter = ADAPTERS[codec]
  if (adapter == null) throw new CodecUnavailable(`codec ${codec} does not exist`)
  if (adapter.implementation() === null)
    throw new CodecUnavailable(`no library for ${codecName(codec)} is installed`)
  return adapter
}
