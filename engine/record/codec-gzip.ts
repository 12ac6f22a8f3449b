/** Gzip by node:zlib; members may follow one another, as Java's GZIPInputStream allows. */
import { BombRefused, type CodecAdapter, CorruptPayload } from './codec-adapter.ts'
import { nodeZlib } from './node-zlib.ts'

/** Output grows in pieces of this size: fewer joins than zlib's 16 KiB. */
const CHUNK_BYTES = 64 * 1024
/** Shortest gzip member: 10 of header, 2 of an empty block, 8 of trailer. */
const MEMBER_BYTES_MIN = 20

export const gzip: CodecAdapter = {
  implementation: () => 'node:zlib',
  installed: () => 'node:zlib',

  compress(plain, level) {
    return nodeZlib().gzipSync(plain, { level: level ?? -1 })
  },

  decompress(packed, maxBytes) {
    if (packed.length < MEMBER_BYTES_MIN) throw new CorruptPayload('gzip: shorter than a member')
    try {
      const { gunzipSync } = nodeZlib()
      return gunzipSync(packed, { maxOutputLength: Math.max(1, maxBytes), chunkSize: CHUNK_BYTES })
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined
      if (code === 'ERR_BUFFER_TOO_LARGE')
        throw new BombRefused(`gzip: output exceeds ${maxBytes} bytes`)
      throw new CorruptPayload(`gzip: ${error instanceof Error ? error.message : String(error)}`)
    }
  },
}
