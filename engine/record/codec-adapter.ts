/**
 * The face that each codec file shows to compression.ts, and what can be wrong with compressed
 * records: typed errors, so that callers map each to its error code.
 */

/** One codec's library behind one face. */
export interface CodecAdapter {
  /** What serves it in this process ('node:zlib', a package name), null when nothing does. Loads it. */
  implementation(): string | null
  /** The same by what is installed: nothing is loaded. */
  installed(): string | null
  /** `level` undefined = the codec's default; ignored where the codec has none. */
  compress(plain: Buffer, level: number | undefined): Buffer
  /** Throws CorruptPayload or BombRefused; never takes more than about `maxBytes` of memory. */
  decompress(packed: Buffer, maxBytes: number): Buffer
}

/** The bytes are not what their codec, or the record layout, says. Maps to INVALID_RECORD. */
export class CorruptPayload extends Error {
  override name = 'CorruptPayload'
}

/**
 * The bytes would expand past the allowed size; found before that memory was taken. Maps to
 * INVALID_RECORD.
 */
export class BombRefused extends Error {
  override name = 'BombRefused'
}

/** The codec's library is not installed here. Maps to UNSUPPORTED_COMPRESSION_TYPE. */
export class CodecUnavailable extends Error {
  override name = 'CodecUnavailable'
}
