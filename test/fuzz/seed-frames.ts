/**
 * What mutations start from: for every served API and version the frames that real clients sent to a
 * real Kafka (test/golden/wire), and frames of random values made from the tables by fast-check.
 */
import fc from 'fast-check'
import { encodeRequestFrame } from '../../engine/protocol/header.ts'
import { encoderFor } from '../../engine/schema/codec.ts'
import type { Message } from '../../engine/schema/fields.ts'
import { Writer } from '../../engine/schema/writer.ts'
import type { AnyHandler } from '../../net/handler.ts'
import { messageValues } from '../support/arbitrary-message.ts'
import { exchangesOf, wireFiles } from '../support/golden-wire.ts'
import { FrameWalk, type Mark, type ServedVersions } from './frame-walk.ts'

const LENGTH_BYTES = 4
const GOLDEN_PER_VERSION = 12
const GENERATED_PER_VERSION = 4
/** The same frames whatever a run's seed is: only mutations differ. */
const GENERATION_SEED = 20_260_101

export interface SeedFrame {
  /** Without the length field. */
  readonly bytes: Buffer
  readonly marks: readonly Mark[]
  readonly golden: boolean
}

/** The seeds of one API in one version. */
export interface SeedGroup {
  readonly apiKey: number
  readonly version: number
  /** `Produce v9`. */
  readonly name: string
  readonly frames: readonly SeedFrame[]
}

export function servedVersions(handlers: readonly AnyHandler[]): ServedVersions {
  return new Map(handlers.map(({ apiKey, versions }) => [apiKey, versions]))
}

export function seedGroups(handlers: readonly AnyHandler[]): SeedGroup[] {
  const walk = new FrameWalk(servedVersions(handlers))
  const golden = goldenFrames()
  const groups: SeedGroup[] = []
  for (const { apiKey, versions, request } of handlers)
    for (let version = versions[0]; version <= versions[1]; version++) {
      const found = golden.get(`${apiKey} ${version}`) ?? []
      const frames = [
        ...found.slice(0, GOLDEN_PER_VERSION).map((bytes) => seed(walk, bytes, true)),
        ...generated(request, version).map((bytes) => seed(walk, bytes, false)),
      ]
      const name = `${request.name.replace(/Request$/, '')} v${version}`
      groups.push({ apiKey, version, name, frames })
    }
  return groups
}

function seed(walk: FrameWalk, bytes: Buffer, golden: boolean): SeedFrame {
  const verdict = walk.judge(bytes, 0, bytes.length, true)
  if (verdict !== 'whole') throw new Error(`a seed is ${verdict}: ${bytes.toString('hex')}`)
  return { bytes, marks: walk.marks, golden }
}

/** Requests by `key version`, each once, the shortest last: real ones first get a chance. */
function goldenFrames(): Map<string, Buffer[]> {
  const frames = new Map<string, Map<string, Buffer>>()
  for (const file of wireFiles().filter((name) => /^(\d|sessions)/.test(name)))
    for (const { request } of exchangesOf(file)) {
      if (request.length < LENGTH_BYTES + 8) continue
      const bytes = request.subarray(LENGTH_BYTES)
      const key = `${bytes.readInt16BE(0)} ${bytes.readInt16BE(2)}`
      const known = frames.get(key) ?? new Map<string, Buffer>()
      // Correlation ids make no difference.
      known.set(bytes.toString('latin1', 8), bytes)
      frames.set(key, known)
    }
  return new Map([...frames].map(([key, known]) => [key, [...known.values()]]))
}

function generated(request: Message, version: number): Buffer[] {
  const values = fc.sample(messageValues(request, version), {
    numRuns: GENERATED_PER_VERSION,
    seed: GENERATION_SEED,
  })
  // Compiled here, so that a value the tables cannot say is told by its encoder.
  encoderFor(request, version)
  return values.map((value, index) => {
    const writer = new Writer()
    const header = { apiVersion: version, correlationId: 1_000 + index, clientId: 'generated' }
    encodeRequestFrame(writer, request, header, value)
    return Buffer.from(writer.bytes().subarray(LENGTH_BYTES))
  })
}
