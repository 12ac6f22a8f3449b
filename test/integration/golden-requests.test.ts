/**
 * Every request of test/golden/wire whose API is served, put to our broker over a real socket: an answer
 * comes where Kafka's did, it decodes by the table of its version with nothing left over, the
 * connection closes where Kafka closed it, and the broker outlives all of them.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseBrokerConfig } from '../../engine/base/config.ts'
import { responseHeaderVersion } from '../../engine/protocol/header.ts'
import { apis } from '../../engine/protocol/index.ts'
import { decoderFor } from '../../engine/schema/codec.ts'
import { Reader } from '../../engine/schema/reader.ts'
import { type Broker, startBroker } from '../../net/broker.ts'
import { handlers } from '../../net/handlers/index.ts'
import { MemoryLogger } from '../support/connection-rig.ts'
import { type Exchange, exchangesOf, wireFiles } from '../support/golden-wire.ts'

/** Requests that may be parked for a rebalance; they get their answer when the group's timers say so. */
const PARKING = new Set([11, 14])
const ANSWER_MS = 8_000
const JOIN_GROUP_ENOUGH_MS = 300

/** Where we answer although the recorded broker closed. */
const ANSWERED_HERE = new Set([
  // Metadata v1 for no topics: a legal request, whose answer Kafka 4.2 fails to encode.
  '03-Metadata.jsonl:3',
])

type Outcome = Buffer | 'closed' | 'silent'

let broker: Broker
let folder = ''
const logger = new MemoryLogger()

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-golden-'))
  const { config, errors } = parseBrokerConfig(
    new Map([
      ['listeners', 'PLAINTEXT://127.0.0.1:0'],
      ['log.dirs', folder],
      ['sluice.shards', '2'],
      ['group.initial.rebalance.delay.ms', '0'],
    ]),
  )
  expect(errors).toEqual([])
  broker = await startBroker({
    config,
    logger,
    logStyle: { format: 'text', level: 'error' },
    version: 'test',
    exit: (code) => {
      throw new Error(`the broker wants to exit with ${code}: ${logger.lines.join('\n')}`)
    },
  })
})

afterAll(async () => {
  await broker.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** Sends one frame on a connection of its own; resolves with the answer's frame or what came instead. */
function exchange(request: Buffer, waitMs: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = connect(broker.listeners[0]?.port ?? 0, '127.0.0.1')
    let received = Buffer.alloc(0)
    const end = (outcome: Outcome): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(outcome)
    }
    const timer = setTimeout(() => end('silent'), waitMs)
    socket.on('connect', () => socket.write(request))
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk])
      if (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) end(received)
    })
    socket.on('error', () => end('closed'))
    socket.on('close', () => end('closed'))
  })
}

/** Null when the answer is as it should be, else what is wrong. */
async function problemOf({ at, apiKey, version, request, response }: Exchange) {
  const parks = PARKING.has(apiKey ?? -1)
  const expectsNothing = response !== null && response.length === 0
  const waitMs = parks || expectsNothing ? JOIN_GROUP_ENOUGH_MS : ANSWER_MS
  const outcome = await exchange(request, waitMs)
  if (response === null)
    return outcome === 'closed' || ANSWERED_HERE.has(at) ? null : `${at}: Kafka closed, we did not`
  if (expectsNothing)
    return outcome === 'silent' || outcome === 'closed' ? null : `${at}: no answer is due`
  if (outcome === 'silent') return parks ? null : `${at}: no answer within ${waitMs} ms`
  if (outcome === 'closed') return `${at}: closed, Kafka answered`
  const api = apis.get(apiKey ?? -1)
  if (api === undefined) return `${at}: no table`
  const reader = new Reader(outcome, 4)
  if (reader.int32() !== request.readInt32BE(8)) return `${at}: another correlation id`
  if (responseHeaderVersion(api.apiKey, version) === 1) reader.skipTags()
  decoderFor(api.response, version)(reader)
  return reader.remaining === 0 ? null : `${at}: ${reader.remaining} bytes left over`
}

const served = new Map(handlers.map(({ apiKey, versions }) => [apiKey, versions]))

function isServed({ apiKey, version }: Exchange): boolean {
  const versions = served.get(apiKey ?? -1)
  return versions !== undefined && version >= versions[0] && version <= versions[1]
}

describe('the recorded requests of real clients', () => {
  for (const file of wireFiles().filter((name) => /^\d\d-/.test(name))) {
    const exchanges = exchangesOf(file).filter(isServed)
    if (exchanges.length === 0) continue
    it(`are answered in shape: ${file} (${exchanges.length})`, { timeout: 60_000 }, async () => {
      const problems: string[] = []
      for (let at = 0; at < exchanges.length; at += 16) {
        const found = await Promise.all(exchanges.slice(at, at + 16).map(problemOf))
        problems.push(...found.flatMap((problem) => problem ?? []))
      }
      expect(problems).toEqual([])
      expect(logger.lines.filter((line) => line.includes('unexpectedly'))).toEqual([])
    })
  }
})
