/** Time and chance of the real machine, for the engine's ports. */
import { closeSync, openSync, readSync } from 'node:fs'
import { assert } from '../engine/base/assert.ts'
import type { Clock } from '../engine/base/clock.ts'
import type { Random } from '../engine/base/random.ts'

const CHANCE = '/dev/urandom'
const INT_BYTES = 6
const INT_END = 2 ** (8 * INT_BYTES)

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
}

/** performance.now() counts from the start of its thread, hrtime from one moment for all threads. */
const SINCE_BOOT_MS = Number(process.hrtime.bigint()) / 1e6 - performance.now()

/** Monotonic milliseconds that are the same in all threads of the process. */
export function processMs(): number {
  return SINCE_BOOT_MS + performance.now()
}

/** Ids whose 16 bytes begin with 15 zeros are Kafka's own (Uuid.RESERVED). */
const RESERVED_PREFIX = Buffer.alloc(15)

export const systemRandom: Random = {
  uuid() {
    for (;;) {
      const bytes = randomBytes(16)
      // Version 4, as java.util.UUID.randomUUID makes them.
      bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
      bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
      const text = bytes.toString('base64url')
      // Kafka avoids a leading dash, which command lines take for an option.
      const reserved = bytes.subarray(0, 15).equals(RESERVED_PREFIX)
      if (!reserved && !text.startsWith('-')) return text
    }
  },
  int(bound) {
    assert(Number.isInteger(bound) && bound > 0 && bound <= INT_END, `chance below ${bound}`)
    const end = INT_END - (INT_END % bound)
    for (;;) {
      const value = randomBytes(INT_BYTES).readUIntBE(0, INT_BYTES)
      if (value < end) return value % bound
    }
  },
}

/** From the system, which node:crypto asks too; but that takes 4 ms to load, of a start that needs 32 bytes. */
function randomBytes(count: number): Buffer {
  const bytes = Buffer.alloc(count)
  try {
    const fd = openSync(CHANCE, 'r')
    try {
      if (readSync(fd, bytes, 0, count, null) === count) return bytes
    } finally {
      closeSync(fd)
    }
  } catch {
    // A system without it, or no descriptor left.
  }
  return process.getBuiltinModule('node:crypto').randomBytes(count)
}
