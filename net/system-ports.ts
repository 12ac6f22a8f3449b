/** Time and chance of the real machine, for the engine's ports. */
import { randomBytes, randomInt } from 'node:crypto'
import type { Clock } from '../engine/base/clock.ts'
import type { Random } from '../engine/base/random.ts'

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
  int: (bound) => randomInt(bound),
}
