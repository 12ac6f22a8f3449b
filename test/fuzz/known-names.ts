/**
 * What mutations put into strings and UUIDs so that frames reach more than "unknown": the topics of the
 * brokers under test with the ids they get there, groups, and names that programs have stumbled over.
 */
import { seededRandom } from '../support/seeded-random.ts'

/** Of the chance of a broker in process. */
export const BROKER_SEED = 1

export interface TopicToMake {
  readonly name: string
  readonly partitions: number
  readonly configs?: Readonly<Record<string, string>>
}

/** The topics that the recorded requests name most, one with each rule that opens batches. */
export const fuzzTopics: readonly TopicToMake[] = [
  { name: 'syn', partitions: 3 },
  { name: 'compact', partitions: 2, configs: { 'cleanup.policy': 'compact' } },
  { name: 'stamped', partitions: 2, configs: { 'message.timestamp.type': 'LogAppendTime' } },
  { name: 'packed', partitions: 1, configs: { 'compression.type': 'zstd' } },
  { name: 'small', partitions: 1, configs: { 'max.message.bytes': '300' } },
]

const STUMBLED_OVER = [
  '',
  '.',
  '..',
  '../../etc/passwd',
  'a/b',
  'x'.repeat(249),
  'x'.repeat(250),
  '\0',
  'ä\u202e\ud83d\ude00',
  '__proto__',
  'constructor',
  'toString',
  '__consumer_offsets',
  '__transaction_state',
  '(a+)+$',
  'syn-group',
  'consumer',
  'range',
  'retention.ms',
  'cleanup.policy',
  '-1',
  '1e999',
  '9223372036854775807',
]

export const knownTexts: readonly Buffer[] = [
  ...fuzzTopics.map(({ name }) => Buffer.from(name)),
  ...STUMBLED_OVER.map((text) => Buffer.from(text)),
  Buffer.from([0xc0, 0x80]),
  Buffer.from([0xed, 0xa0, 0x80]),
]

const IDS = 16

/** What a broker of in-process-broker.ts draws from its seed: its topics' ids are among them. */
export const knownIds: readonly Buffer[] = drawnIds()

function drawnIds(): Buffer[] {
  const random = seededRandom(BROKER_SEED)
  return Array.from({ length: IDS }, () => Buffer.from(random.uuid(), 'base64url'))
}
