/**
 * Strings and UUIDs between bytes and JavaScript. Kafka's strings are UTF-8 and nearly always short
 * ASCII, so that case is done here byte by byte; a UUID's text form is base64url without padding
 * (org.apache.kafka.common.Uuid).
 */
import { assert } from '../base/assert.ts'
import { MalformedRequest } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import { ZERO_UUID } from '../base/random.ts'

/** Up to here a byte loop beats a call into the runtime (measured, bench/codec.ts). */
const SHORT_BYTES = 40

/** Slots of each memory below. */
const REMEMBERED = limits.rememberedTexts

const REPLACEMENT = '\ufffd'

/**
 * Short strings met before, by a hash of their bytes. Requests name the same clients, groups and
 * topics again and again: one of them found here costs no allocation, and maps find its hash made.
 * A slot holds the last one that fell into it, so strangers can only push others out.
 */
const texts: string[] = new Array(REMEMBERED).fill('')

/** UTF-8 of `length` bytes at `at`, which the caller knows to be there. Bad UTF-8 is malformed. */
export function readText(buffer: Buffer, at: number, length: number): string {
  if (length <= SHORT_BYTES) {
    const end = at + length
    let hash = length
    let bits = 0
    for (let i = at; i < end; i++) {
      const byte = buffer[i]!
      bits |= byte
      hash = (Math.imul(hash, 31) + byte) | 0
    }
    if (bits < 0x80) return rememberedText(buffer, at, length, hash)
  }
  const text = buffer.toString('utf8', at, at + length)
  // The runtime turns bad bytes into U+FFFD; one that stood there itself comes back as it was.
  if (text.includes(REPLACEMENT) && !Buffer.from(text).equals(buffer.subarray(at, at + length)))
    throw new MalformedRequest('a string is not UTF-8')
  return text
}

function rememberedText(buffer: Buffer, at: number, length: number, hash: number): string {
  const slot = (hash ^ (hash >>> 15)) & (REMEMBERED - 1)
  const known = texts[slot]!
  if (known.length === length) {
    let same = 0
    while (same < length && known.charCodeAt(same) === buffer[at + same]!) same++
    if (same === length) return known
  }
  const text = buffer.toString('latin1', at, at + length)
  texts[slot] = text
  return text
}

/** Bytes of `text` in UTF-8. */
export function textBytes(text: string): number {
  return Buffer.byteLength(text)
}

/**
 * Writes `text` at `at` if it is short and ASCII, where room for text.length bytes is: true if so.
 * False leaves the bytes from `at` on undefined.
 */
export function writeShortAscii(buffer: Buffer, at: number, text: string): boolean {
  const length = text.length
  if (length > SHORT_BYTES) return false
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0x7f) return false
    buffer[at + i] = code
  }
  return true
}

const UUID_CHARACTERS = 22
const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const VALUES = new Uint8Array(128).fill(0xff)
for (let value = 0; value < DIGITS.length; value++) VALUES[DIGITS.charCodeAt(value)] = value

/** Topic ids met before, as `texts`: four numbers to compare per slot, and their text. */
const idWords = new Int32Array(REMEMBERED * 4)
const idTexts: string[] = new Array(REMEMBERED).fill(ZERO_UUID)

/** The UUID of the 16 bytes at `at`. */
export function readUuid(buffer: Buffer, view: DataView, at: number): string {
  const a = view.getInt32(at)
  const b = view.getInt32(at + 4)
  const c = view.getInt32(at + 8)
  const d = view.getInt32(at + 12)
  const mixed = a ^ b ^ c ^ d
  const slot = (mixed ^ (mixed >>> 16)) & (REMEMBERED - 1)
  const words = slot * 4
  if (
    idWords[words] === a &&
    idWords[words + 1] === b &&
    idWords[words + 2] === c &&
    idWords[words + 3] === d
  )
    return idTexts[slot]!
  const text = buffer.toString('base64url', at, at + 16)
  idWords[words] = a
  idWords[words + 1] = b
  idWords[words + 2] = c
  idWords[words + 3] = d
  idTexts[slot] = text
  return text
}

/** Writes the 16 bytes of `text` at `at`; text that is no UUID is our own fault. */
export function writeUuid(buffer: Buffer, at: number, text: string): void {
  assert(text.length === UUID_CHARACTERS, `uuid ${text}`)
  let to = at
  let bad = 0
  for (let i = 0; i < 20; i += 4) {
    const a = VALUES[text.charCodeAt(i) & 0x7f]!
    const b = VALUES[text.charCodeAt(i + 1) & 0x7f]!
    const c = VALUES[text.charCodeAt(i + 2) & 0x7f]!
    const d = VALUES[text.charCodeAt(i + 3) & 0x7f]!
    bad |= a | b | c | d
    const group = (a << 18) | (b << 12) | (c << 6) | d
    buffer[to++] = group >> 16
    buffer[to++] = group >> 8
    buffer[to++] = group
  }
  const a = VALUES[text.charCodeAt(20) & 0x7f]!
  const b = VALUES[text.charCodeAt(21) & 0x7f]!
  assert(((bad | a | b) & 0xc0) === 0, `uuid ${text}`)
  buffer[to] = (a << 2) | (b >> 4)
}
