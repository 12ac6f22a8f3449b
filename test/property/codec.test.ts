/**
 * The codec against everything: every message in every version returns what was put in, and no
 * bytes whatever make the decoder do more than refuse them. `SLUICE_FUZZ_FRAMES` sets how many frames are
 * mutated (T6 of reference/reliability.md asks for twenty million in a release run).
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MalformedRequest } from '../../engine/base/errors.ts'
import {
  ConsumerProtocolAssignment,
  ConsumerProtocolSubscription,
} from '../../engine/protocol/consumer-protocol.ts'
import { decodeRequestHeader } from '../../engine/protocol/header.ts'
import { apis } from '../../engine/protocol/index.ts'
import { decoderFor, encoderFor } from '../../engine/schema/codec.ts'
import type { AnyMessage } from '../../engine/schema/fields.ts'
import { Reader } from '../../engine/schema/reader.ts'
import { Writer } from '../../engine/schema/writer.ts'
import { messageValues } from '../support/arbitrary-message.ts'
import { exchangesOf, wireFiles } from '../support/golden-wire.ts'
import { type SeededRandom, seededRandom } from '../support/seeded-random.ts'

const ROUND_TRIPS = 20
const { SLUICE_FUZZ_FRAMES = '200000' } = process.env
const FUZZ_FRAMES = Number(SLUICE_FUZZ_FRAMES)

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
  const frames = wireFiles()
    .filter((file) => /^\d/.test(file))
    .flatMap((file) => exchangesOf(file))
    .filter(({ apiKey, version }) => {
      const request = apis.get(apiKey ?? -1)?.request
      return request !== undefined && version >= request.minVersion
    })

  test('refuses mutated frames as malformed or reads them, and nothing else', () => {
    const seed = Date.now() & 0x7fffffff
    const random = seededRandom(seed)
    let refused = 0
    for (let round = 0; round < FUZZ_FRAMES; round++) {
      const { request } = frames[random.int(frames.length)]!
      const frame = mutate(request.subarray(4), random)
      if (!decodes(frame, `seed ${seed}, frame ${round}`)) refused++
    }
    expect(refused).toBeGreaterThan(FUZZ_FRAMES / 20)
    expect(refused).toBeLessThan(FUZZ_FRAMES)
  })

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

/** True if header and body could be read; any error but MalformedRequest fails the test. */
function decodes(frame: Buffer, at: string): boolean {
  try {
    const header = decodeRequestHeader(frame, 0, frame.length)
    const api = apis.get(header.apiKey)
    if (api === undefined) return false
    const { request } = api
    if (header.apiVersion < request.minVersion || header.apiVersion > request.maxVersion)
      return false
    decoderFor(request, header.apiVersion)(new Reader(frame, header.bodyStart))
    return true
  } catch (error) {
    expect(error, `${at}: ${frame.toString('hex')}`).toBeInstanceOf(MalformedRequest)
    return false
  }
}

/** One to four changes: a bit, a byte, a length, a cut, a doubled or dropped piece. */
function mutate(original: Buffer, random: SeededRandom): Buffer {
  let frame = Buffer.from(original)
  for (let changes = 1 + random.int(4); changes > 0 && frame.length > 4; changes--) {
    // The first four bytes choose the decoder; most of the time that stays.
    const from = random.int(20) === 0 ? 0 : 4
    const at = from + random.int(frame.length - from)
    const piece = 1 + random.int(8)
    switch (random.int(6)) {
      case 0:
        frame[at]! ^= 1 << random.int(8)
        break
      case 1:
        frame[at] = [0x00, 0x01, 0x7f, 0x80, 0xff][random.int(5)]!
        break
      case 2:
        frame.fill(0xff, at, Math.min(at + piece, frame.length))
        break
      case 3:
        frame = frame.subarray(0, at)
        break
      case 4:
        frame = Buffer.concat([frame.subarray(0, at + piece), frame.subarray(at)])
        break
      default:
        frame = Buffer.concat([frame.subarray(0, at), frame.subarray(at + piece)])
    }
  }
  return frame
}
