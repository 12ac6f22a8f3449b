/**
 * Every request of admin-answers.jsonl, in order, answered as the real Kafka that its first line names:
 * error codes, messages, values, sources, synonyms. Order inside lists is Kafka's hash order there, so
 * lists are compared sorted; where we differ on purpose, `differences` says how.
 */
import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { planFeatureUpdates } from '../../engine/coordinator/controller/feature-updates.ts'
import { UpdateFeaturesRequest } from '../../engine/protocol/57-update-features.ts'
import { decoderFor, encoderFor } from '../../engine/schema/codec.ts'
import type { Infer, InferInput, Message } from '../../engine/schema/fields.ts'
import { Reader } from '../../engine/schema/reader.ts'
import { Writer } from '../../engine/schema/writer.ts'
import type { Handler } from '../../net/handler.ts'
import { createTopics } from '../../net/handlers/19-create-topics.ts'
import { describeConfigs } from '../../net/handlers/32-describe-configs.ts'
import { alterConfigsHandler } from '../../net/handlers/33-alter-configs.ts'
import { electLeadersHandler } from '../../net/handlers/43-elect-leaders.ts'
import { incrementalAlterConfigsHandler } from '../../net/handlers/44-incremental-alter-configs.ts'
import { alterPartitionReassignmentsHandler } from '../../net/handlers/45-alter-partition-reassignments.ts'
import { listPartitionReassignmentsHandler } from '../../net/handlers/46-list-partition-reassignments.ts'
import { describeQuorumHandler } from '../../net/handlers/55-describe-quorum.ts'
import { unregisterBrokerHandler } from '../../net/handlers/64-unregister-broker.ts'
import { listConfigResourcesHandler } from '../../net/handlers/74-list-config-resources.ts'
import { type ControlRig, controlRig } from '../support/control-rig.ts'

const UPDATE_FEATURES = 57

interface Recorded {
  readonly name: string
  readonly apiKey: number
  readonly version: number
  readonly request: Record<string, unknown>
  readonly response: Record<string, unknown>
}

const recorded = readFileSync(new URL('admin-answers.jsonl', import.meta.url), 'utf8')
  .split('\n')
  .slice(1)
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as Recorded)

const handlers = new Map(
  [
    createTopics,
    describeConfigs,
    alterConfigsHandler,
    electLeadersHandler,
    incrementalAlterConfigsHandler,
    alterPartitionReassignmentsHandler,
    listPartitionReassignmentsHandler,
    describeQuorumHandler,
    unregisterBrokerHandler,
    listConfigResourcesHandler,
  ].map((handler) => [handler.apiKey, handler as unknown as Handler]),
)

/** Cases whose answer differs on purpose, and why. */
const differences = new Map<string, string>([
  ['incremental: unknown operation', 'Kafka breaks down over it for topics; 42 as for brokers'],
  ['incremental: listeners without the inter broker one', 'listeners need a restart here'],
  ['incremental: overrides per address, bad', 'Kafka shows what broke in its parser'],
  ['describe: loggers', 'there are none here'],
  ['list: after emptying', 'Kafka names groups without options until its next start'],
  ['move: nothing', 'an error message that is empty and not null'],
])

/** Those of the recorded broker: which of them ours supports is not the point here. */
const KAFKA_FEATURES = [
  { name: 'group.version', minVersion: 0, maxVersion: 1 },
  { name: 'kraft.version', minVersion: 0, maxVersion: 1 },
  { name: 'metadata.version', minVersion: 7, maxVersion: 29 },
  { name: 'transaction.version', minVersion: 0, maxVersion: 2 },
]

/** Told apart from what is compared: times, epochs, offsets, ports. */
const OWN = new Set([
  'leaderEpoch',
  'highWatermark',
  'logEndOffset',
  'lastFetchTimestamp',
  'lastCaughtUpTimestamp',
  'listeners',
  'documentation',
])

function comparable(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(comparable)
    const ordered = items.length > 0 && isSynonym(items[0])
    return ordered ? items : items.sort((a, b) => (textOf(a) < textOf(b) ? -1 : 1))
  }
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !OWN.has(name))
      .map(([name, field]) => [name, comparable(field)]),
  )
}

/** With its defaults, as a handler gets it. */
function decoded<T extends Message>(table: T, version: number, request: object): Infer<T> {
  const writer = new Writer()
  encoderFor(table, version)(writer, request as InferInput<T>)
  return decoderFor(table, version)(new Reader(writer.bytes()))
}

function isSynonym(item: unknown): boolean {
  return typeof item === 'object' && item !== null && 'source' in item
}

function textOf(item: unknown): string {
  if (typeof item === 'object' && item !== null && 'name' in item) return String(item.name)
  return JSON.stringify(item)
}

describe('a real Kafka 4.2 and ours answer alike', () => {
  let rig: ControlRig
  const answers = new Map<string, unknown>()

  /** As the handler does it, but for the features it knows. */
  function updateAnswer({ version, request }: Recorded, levels: Map<string, number>): unknown {
    const asked = decoded(UpdateFeaturesRequest, version, request)
    const image = { brokerId: 1, features: levels }
    const plan = planFeatureUpdates(asked.featureUpdates, image, KAFKA_FEATURES)
    if ('errorCode' in plan) return { ...plan, throttleTimeMs: 0, results: [] }
    if (!asked.validateOnly) for (const [name, level] of plan) levels.set(name, level)
    const results = asked.featureUpdates.map(({ feature }) => ({
      feature,
      errorCode: 0,
      errorMessage: 'NONE',
    }))
    return {
      throttleTimeMs: 0,
      errorCode: 0,
      errorMessage: null,
      results: version < 2 ? results : [],
    }
  }

  beforeAll(async () => {
    rig = await controlRig({ 'log.retention.hours': '100', 'num.partitions': '2' })
    const levels = new Map<string, number>([['kraft.version', 0]])
    for (const one of recorded) {
      const { name, apiKey, version, request } = one
      const handler = handlers.get(apiKey)
      if (apiKey === UPDATE_FEATURES) answers.set(name, updateAnswer(one, levels))
      else if (handler !== undefined)
        answers.set(
          name,
          await rig.ask(handler, version, decoded(handler.request, version, request)),
        )
    }
  })

  const compared = recorded.filter(({ apiKey }) => apiKey !== 18 && apiKey !== 19)
  test.each(compared.map((one) => [one.name, one] as const))('%s', (name, one) => {
    const ours = comparable(answers.get(name))
    const theirs = comparable(one.response)
    if (differences.has(name)) expect(ours).not.toEqual(theirs)
    else expect(ours).toEqual(theirs)
  })

  test('no answer is missing', () => {
    expect(answers.size).toBe(recorded.length - 2)
  })
})
