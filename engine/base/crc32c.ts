/**
 * CRC-32C (Castagnoli, RFC 3720; Kafka's org.apache.kafka.common.utils.Crc32C): the sum over every
 * record batch, producer snapshot and metadata record.
 *
 * Three implementations, the best one that loads is taken, once, when there is much to sum or somebody
 * asks which it is (loading costs 10 ms):
 *   native    fast-crc32c with its compiled part (SSE 4.2); absent if install scripts are blocked
 *   prebuilt  @node-rs/crc32, prebuilt for every platform Node runs on
 *   table     slicing-by-8 below, plain JavaScript, always there
 * fast-crc32c falls back silently to a byte-wise loop (0.5 GB/s), so its compiled part is asked for
 * by name and its hardware flag is read. Each candidate must pass the check value before it is
 * used.
 *
 * Crossing into native code costs 80-130 ns and a view 40 ns, so short input goes through the table
 * in all cases (bench/crc32c.ts). All three accept buffers over SharedArrayBuffer and never copy.
 */
import { createRequire } from 'node:module'
import { assert } from './assert.ts'

export type Crc32cName = 'native' | 'prebuilt' | 'table'

export interface Crc32cImplementation {
  readonly name: Crc32cName
  /** Unsigned sum of bytes [start, end). */
  readonly calculate: (buffer: Buffer, start: number, end: number) => number
}

/** Up to this many bytes the table is faster than a call into native code (bench/crc32c.ts). */
const TABLE_BYTES_MAX = 160
/** Bytes that the table sums in place of native code that is not loaded yet: 0.2 ms against 10. */
const TABLE_FIRST_BYTES = 256 * 1024

/** Unsigned CRC-32C of bytes [start, end) of `buffer`. */
export function crc32c(buffer: Buffer, start = 0, end = buffer.length): number {
  const bytes = end - start
  if (bytes <= TABLE_BYTES_MAX) return tableCalculate(buffer, start, end)
  if (chosen !== null) return chosen.calculate(buffer, start, end)
  tableBytesLeft -= bytes
  return tableBytesLeft >= 0
    ? tableCalculate(buffer, start, end)
    : choose().calculate(buffer, start, end)
}

let tableBytesLeft = TABLE_FIRST_BYTES

/** Which implementation sums long input in this process; printed at start and by `check`. */
export function crc32cImplementation(): Crc32cName {
  return (chosen ?? choose()).name
}

/** Every implementation that works here, fastest first; for tests and benches. */
export function crc32cImplementations(): readonly Crc32cImplementation[] {
  return CANDIDATES.map((load) => load()).filter((found) => found !== null)
}

/** Eight tables of 256 entries in one array: table k starts at k * 256. */
const TABLES = buildTables()

function buildTables(): Int32Array {
  const polynomial = 0x82f63b78
  const tables = new Int32Array(8 * 256)
  for (let byte = 0; byte < 256; byte++) {
    let sum = byte
    for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ polynomial : sum >>> 1
    tables[byte] = sum
  }
  for (let at = 256; at < tables.length; at++) {
    const previous = tables[at - 256]!
    tables[at] = (previous >>> 8) ^ tables[previous & 0xff]!
  }
  return tables
}

function tableCalculate(buffer: Buffer, start: number, end: number): number {
  const t = TABLES
  let sum = -1
  let at = start
  for (const stop = end - 7; at < stop; at += 8) {
    sum ^= buffer[at]! | (buffer[at + 1]! << 8) | (buffer[at + 2]! << 16) | (buffer[at + 3]! << 24)
    sum =
      t[1792 + (sum & 0xff)]! ^
      t[1536 + ((sum >>> 8) & 0xff)]! ^
      t[1280 + ((sum >>> 16) & 0xff)]! ^
      t[1024 + (sum >>> 24)]! ^
      t[768 + buffer[at + 4]!]! ^
      t[512 + buffer[at + 5]!]! ^
      t[256 + buffer[at + 6]!]! ^
      t[buffer[at + 7]!]!
  }
  for (; at < end; at++) sum = t[(sum ^ buffer[at]!) & 0xff]! ^ (sum >>> 8)
  return ~sum >>> 0
}

type Whole = (bytes: Buffer) => number

function overRange(whole: Whole): Crc32cImplementation['calculate'] {
  return (buffer, start, end) =>
    whole(start === 0 && end === buffer.length ? buffer : buffer.subarray(start, end))
}

function loadNative(): Crc32cImplementation | null {
  return tryLoad('native', (require) => {
    const fast = require.resolve('fast-crc32c/impls/sse4_crc32c.js')
    const compiled = createRequire(fast)('sse4_crc32') as { hardware_support?: boolean }
    if (compiled.hardware_support !== true) return null
    return (require(fast) as { calculate: Whole }).calculate
  })
}

function loadPrebuilt(): Crc32cImplementation | null {
  return tryLoad('prebuilt', (require) => {
    return (require('@node-rs/crc32') as { crc32c: Whole }).crc32c
  })
}

function loadTable(): Crc32cImplementation {
  return { name: 'table', calculate: tableCalculate }
}

function tryLoad(
  name: Crc32cName,
  load: (require: NodeJS.Require) => Whole | null,
): Crc32cImplementation | null {
  try {
    const whole = load(createRequire(import.meta.url))
    if (whole === null) return null
    const found = { name, calculate: overRange(whole) }
    return isCorrect(found) ? found : null
  } catch {
    // Not built or not shipped for this platform: the next candidate serves.
    return null
  }
}

/** RFC 3720 check value, on a sub-range, so that a wrong range or start value shows too. */
function isCorrect(implementation: Crc32cImplementation): boolean {
  return implementation.calculate(Buffer.from('..123456789.'), 2, 11) === 0xe3069283
}

const CANDIDATES = [loadNative, loadPrebuilt, loadTable] as const

let chosen: Crc32cImplementation | null = null

function choose(): Crc32cImplementation {
  chosen = loadNative() ?? loadPrebuilt() ?? loadTable()
  assert(isCorrect(chosen) && isCorrect(loadTable()), 'CRC-32C gives the check value')
  return chosen
}
