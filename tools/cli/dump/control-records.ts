/**
 * Records of control batches as kafka-dump-log prints them: ends of transactions, and those that
 * KRaft writes into its metadata log (ControlRecordType; KIP-595, KIP-630, KIP-853). A key holds
 * version and type, both int16.
 */
import { MalformedRequest } from '../../../engine/base/errors.ts'
import type { StoredRecord } from '../../../engine/record/iterate.ts'
import { decoderFor } from '../../../engine/schema/codec.ts'
import {
  type Fields,
  int16,
  int32,
  int64,
  type Message,
  message,
  NO_API_KEY,
  string,
  struct,
  structs,
  uint16,
  uuid,
} from '../../../engine/schema/fields.ts'
import { Reader } from '../../../engine/schema/reader.ts'
import { jsonText, messageJson } from './message-json.ts'

const V0 = { versions: [0, 0], flexible: 0 } as const

const voter = { voterId: int32, voterDirectoryId: uuid.since(1).ignorable() }
const LeaderChange = message(
  NO_API_KEY,
  'LeaderChangeMessage',
  { versions: [0, 1], flexible: 0 },
  { version: int16, leaderId: int32, voters: structs(voter), grantingVoters: structs(voter) },
)

const KRAFT: ReadonlyMap<number, readonly [label: string, schema: Message<Fields>]> = new Map<
  number,
  readonly [string, Message<Fields>]
>([
  [2, ['LeaderChange:', LeaderChange]],
  [
    3,
    [
      'SnapshotHeader',
      message(NO_API_KEY, 'SnapshotHeaderRecord', V0, {
        version: int16,
        lastContainedLogTimestamp: int64,
      }),
    ],
  ],
  [4, ['SnapshotFooter', message(NO_API_KEY, 'SnapshotFooterRecord', V0, { version: int16 })]],
  [
    5,
    [
      'KRaftVersion',
      message(NO_API_KEY, 'KRaftVersionRecord', V0, { version: int16, kRaftVersion: int16 }),
    ],
  ],
  [
    6,
    [
      'KRaftVoters',
      message(NO_API_KEY, 'VotersRecord', V0, {
        version: int16,
        voters: structs({
          voterId: int32,
          voterDirectoryId: uuid,
          endpoints: structs({ name: string, host: string, port: uint16 }),
          kRaftVersionFeature: struct({ minSupportedVersion: int16, maxSupportedVersion: int16 }),
        }),
      }),
    ],
  ],
])

const END_TRANSACTION = ['ABORT', 'COMMIT'] as const

export function controlText({ key, value }: StoredRecord): string {
  try {
    const type = key === null ? -1 : new Reader(key, 2).int16()
    const name = END_TRANSACTION[type]
    if (name !== undefined && value !== null)
      return `endTxnMarker: ${name} coordinatorEpoch: ${new Reader(value, 2).int32()}`
    const known = KRAFT.get(type)
    if (known === undefined || value === null) return `controlType: UNKNOWN(${type})`
    const [label, schema] = known
    const version = Math.min(new Reader(value).int16(), schema.maxVersion)
    const data = decoderFor(schema, version)(new Reader(value))
    return `${label} ${jsonText(messageJson(schema, version, data))}`
  } catch (error) {
    if (!(error instanceof MalformedRequest)) throw error
    return `(a control record that cannot be read: ${error.message})`
  }
}
