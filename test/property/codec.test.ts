/**
 * The codec against everything: every message in every version returns what was put in, and no
 * bytes whatever make the decoder do more than refuse them. Mutated frames are in fuzz.test.ts.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MalformedRequest } from '../../engine/base/errors.ts'
import {
  ConsumerProtocolAssignment,
  ConsumerProtocolSubscription,
} from '../../engine/protocol/consumer-protocol.ts'
import { apis } from '../../engine/protocol/index.ts'
import { decoderFor, encoderFor } from '../../engine/schema/codec.ts'
import type { AnyMessage } from '../../engine/schema/fields.ts'
import { Reader } from '../../engine/schema/reader.ts'
import { Writer } from '../../engine/schema/writer.ts'
import { messageValues } from '../support/arbitrary-message.ts'

const ROUND_TRIPS = 20

const messages: AnyMessage[] = [
  ...[...apis.values()].flatMap(({ request, response }) => [request, response]),
  ConsumerProtocolSubscription,
  ConsumerProtocolAssignment,
]

test.each(messages.map((message) => [message.name, message] as const))(
  '%s returns in every version',
  (_, message) => {
    const writer = new Writer(1)
    for (let version = message.minVersion; version <= message.maxVersion; version++)
      fc.assert(
        fc.property(messageValues(message, version), (value) => {
          writer.reset()
          encoderFor(message, version)(writer, value)
          const reader = new Reader(Buffer.from(writer.bytes()))
          expect(decoderFor(message, version)(reader)).toEqual(value)
          expect(reader.remaining).toBe(0)
        }),
        { numRuns: ROUND_TRIPS },
      )
  },
)

describe('the decoder', () => {
  test('refuses random bytes as malformed or reads them, and nothing else', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...messages),
        fc.nat(),
        fc.uint8Array({ maxLength: 300 }),
        (message, at, array) => {
          const version = message.minVersion + (at % (message.maxVersion - message.minVersion + 1))
          try {
            decoderFor(message, version)(new Reader(Buffer.from(array)))
          } catch (error) {
            expect(error).toBeInstanceOf(MalformedRequest)
          }
        },
      ),
      { numRuns: 20_000 },
    )
  })

  test('makes no more of a frame than its bytes can hold', () => {
    const before = process.memoryUsage().heapUsed
    const bomb = Buffer.alloc(4096, 0xff)
    for (const message of messages)
      for (let version = message.minVersion; version <= message.maxVersion; version++)
        for (const fill of [0x7f, 0xff, 0x01, 0x00]) {
          bomb.fill(fill)
          try {
            decoderFor(message, version)(new Reader(bomb))
          } catch (error) {
            expect(error, `${message.name} v${version}`).toBeInstanceOf(MalformedRequest)
          }
        }
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(256 * 1024 * 1024)
  })
})
