/**
 * The newest offset of each key while a log is compacted
 * (org.apache.kafka.storage.internals.log.SkimpyOffsetMap): open addressing over one block of memory,
 * 16 bytes an entry whatever the keys' length (Kafka's takes 24):
 *
 *    0  hash    3 × int32   96 bits of the key's hash; the other 32 choose the place
 *   12  offset  uint32      offset − first offset + 1; 0 = free
 *
 * Keys are taken as equal when their hashes are: among ten million keys two differ and look alike once
 * in 10^15 passes, and the hash has a secret (key-hash.ts). The map is full at its load, or when an
 * offset lies 2^32 − 2 behind the first: it then refuses new keys, the pass ends there, and the next
 * one begins where this one ended.
 */
import { assert } from '../base/assert.ts'
import { KeyHash, type KeyHashSeed } from './key-hash.ts'

export const OFFSET_MAP_ENTRY_BYTES = 16
const WORDS = OFFSET_MAP_ENTRY_BYTES / 4
const RANGE = 0x1_0000_0000

export interface OffsetMapShape {
  /** Zeros; two entries at least. */
  readonly memory: ArrayBuffer
  readonly bytes: number
  /** log.cleaner.io.buffer.load.factor. */
  readonly loadFactor: number
  /** No offset below it goes in. */
  readonly firstOffset: number
  readonly seed: KeyHashSeed
}

/** Memory for up to `keysMax` keys, `bytesMax` at most. */
export function offsetMapBytes(keysMax: number, loadFactor: number, bytesMax: number): number {
  const wanted = (Math.ceil(keysMax / loadFactor) + 2) * OFFSET_MAP_ENTRY_BYTES
  const bounded = Math.max(2 * OFFSET_MAP_ENTRY_BYTES, Math.min(wanted, bytesMax))
  return bounded - (bounded % OFFSET_MAP_ENTRY_BYTES)
}

export class CompactOffsetMap {
  /** Offset of the last record or batch that was taken in; -1 before one. */
  latestOffset = -1
  private used = 0
  private readonly words: Int32Array
  private readonly slots: number
  private readonly entriesMax: number
  private readonly firstOffset: number
  private readonly hash: KeyHash

  constructor({ memory, bytes, loadFactor, firstOffset, seed }: OffsetMapShape) {
    this.slots = Math.floor(bytes / OFFSET_MAP_ENTRY_BYTES)
    assert(this.slots >= 2 && bytes <= memory.byteLength, `an offset map of ${bytes} bytes`)
    this.words = new Int32Array(memory, 0, this.slots * WORDS)
    this.entriesMax = Math.min(this.slots - 1, Math.max(1, Math.floor(this.slots * loadFactor)))
    this.firstOffset = firstOffset
    this.hash = new KeyHash(seed)
  }

  get keys(): number {
    return this.used
  }

  /** The key is in [start, start + length). False when there is no room. Offsets come rising. */
  put(buffer: Buffer, start: number, length: number, offset: number): boolean {
    const relative = offset - this.firstOffset + 1
    if (relative >= RANGE) return false
    const { words } = this
    const at = this.find(buffer, start, length)
    if (words[at + 3] === 0) {
      if (this.used >= this.entriesMax) return false
      this.used++
      const sum = this.hash.words
      words[at] = sum[0]!
      words[at + 1] = sum[1]!
      words[at + 2] = sum[2]!
    }
    words[at + 3] = relative
    this.latestOffset = offset
    return true
  }

  /** The newest offset of the key, -1 when it is not here. */
  get(buffer: Buffer, start: number, length: number): number {
    const relative = this.words[this.find(buffer, start, length) + 3]! >>> 0
    return relative === 0 ? -1 : this.firstOffset + relative - 1
  }

  /** First word of the key's entry, or of the free one where it belongs. */
  private find(buffer: Buffer, start: number, length: number): number {
    const { words, slots, hash } = this
    hash.update(buffer, start, length)
    const sum = hash.words
    const a = sum[0]!
    const b = sum[1]!
    const c = sum[2]!
    let slot = Math.floor(((sum[3]! >>> 0) * slots) / RANGE)
    for (;;) {
      const at = slot * WORDS
      if (words[at + 3] === 0) return at
      if (words[at] === a && words[at + 1] === b && words[at + 2] === c) return at
      slot = slot + 1 === slots ? 0 : slot + 1
    }
  }
}
