/**
 * Values and keys of the records that loads write. Random bytes do not compress and repeat within no
 * page; text is made of words by a fixed chance and compresses as logs do; a file's lines are values
 * as they are.
 */
import { readFileSync } from 'node:fs'
import type { BatchShape } from './load-plan.ts'

/** Value number `index`, of `size` bytes; a file's lines have their own sizes. */
export type PayloadSource = (size: number, index: number) => Buffer

const FILE_BYTES_MAX = 256 * 1024 * 1024
const WORDS = (
  'GET POST 200 404 index session user order payment warning error info started stopped timeout ' +
  'connection accepted closed from to the of and with in request response cache miss hit item'
).split(' ')

/** Throws RangeError with a sentence for a file that cannot be used. */
export function payloadSource(shape: Pick<BatchShape, 'payload' | 'payloadFile'>): PayloadSource {
  if (shape.payload === 'random') return randomBytes
  if (shape.payload === 'text') return text
  const lines = linesOf(shape.payloadFile)
  return (_size, index) => lines[index % lines.length]!
}

function linesOf(path: string): Buffer[] {
  const content = readPayload(path)
  if (content.length > FILE_BYTES_MAX)
    throw new RangeError(`${path} is larger than ${FILE_BYTES_MAX / 2 ** 20} MiB`)
  const lines: Buffer[] = []
  for (let at = 0; at < content.length; ) {
    const found = content.indexOf(10, at)
    const end = found < 0 ? content.length : found
    if (end > at) lines.push(content.subarray(at, end))
    at = end + 1
  }
  if (lines.length === 0) throw new RangeError(`${path} has no line to send`)
  return lines
}

function readPayload(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new RangeError(`the payload file cannot be read: ${(error as Error).message}`)
  }
}

/** Bytes that do not repeat within a page (xorshift32). */
export function randomBytes(size: number, seed: number): Buffer {
  const bytes = Buffer.allocUnsafe(size)
  const next = xorshift(seed)
  for (let at = 0; at < size; at++) bytes[at] = next()
  return bytes
}

function text(size: number, seed: number): Buffer {
  const next = xorshift(seed)
  let line = ''
  while (line.length < size)
    line += `${WORDS[(next() >>> 8) % WORDS.length]}${next() % 16 === 0 ? `=${next() >>> 12}` : ''} `
  return Buffer.from(line.slice(0, size), 'latin1')
}

function xorshift(seed: number): () => number {
  let state = (Math.imul(seed, 0x9e3779b9) + 1) | 0
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}
