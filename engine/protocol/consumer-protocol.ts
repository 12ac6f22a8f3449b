/**
 * The blobs inside JoinGroup and SyncGroup when the protocol type is `consumer`: what members
 * subscribe to and what they are assigned. The broker reads them only to know which topics a group
 * consumes; everything else is between members.
 *
 *   blob   int16 version | body in that version, never flexible; bytes behind it are ignored
 *
 * v1 owned partitions (KIP-429), v2 generation (KIP-792), v3 rack (KIP-881). A version above ours is
 * read as our highest: later ones only add fields at the end.
 * (org.apache.kafka.clients.consumer.internals.ConsumerProtocol.)
 */
import { decoderFor, encoderFor } from '../schema/codec.ts'
import {
  array,
  bytes,
  type Infer,
  type InferInput,
  int32,
  type Message,
  message,
  NO_API_KEY,
  string,
  structs,
} from '../schema/fields.ts'
import { Reader } from '../schema/reader.ts'
import { Writer } from '../schema/writer.ts'

export const ConsumerProtocolSubscription = message(
  NO_API_KEY,
  'ConsumerProtocolSubscription',
  { versions: [0, 3], flexible: null },
  {
    topics: array(string),
    /** Of the assignor's own making. */
    userData: bytes.nullable(),
    /** Partitions the member still holds, for cooperative assignors. */
    ownedPartitions: structs({
      topic: string,
      partitions: array(int32),
    })
      .since(1)
      .ignorable(),
    /** Generation in which they were held, -1 for none. */
    generationId: int32.since(2).default(-1).ignorable(),
    rackId: string.nullable().since(3).ignorable(),
  },
)
export type ConsumerProtocolSubscription = Infer<typeof ConsumerProtocolSubscription>

export const ConsumerProtocolAssignment = message(
  NO_API_KEY,
  'ConsumerProtocolAssignment',
  { versions: [0, 3], flexible: null },
  {
    assignedPartitions: structs({
      topic: string,
      partitions: array(int32),
    }),
    userData: bytes.nullable(),
  },
)
export type ConsumerProtocolAssignment = Infer<typeof ConsumerProtocolAssignment>

/** Reads a subscription. MalformedRequest when the blob is none, which a broker must survive. */
export function decodeSubscription(blob: Buffer): ConsumerProtocolSubscription {
  return decodeVersioned(ConsumerProtocolSubscription, blob)
}

/** Reads an assignment, as `decodeSubscription`; an empty blob is not one. */
export function decodeAssignment(blob: Buffer): ConsumerProtocolAssignment {
  return decodeVersioned(ConsumerProtocolAssignment, blob)
}

export function encodeSubscription(
  subscription: InferInput<typeof ConsumerProtocolSubscription>,
  version = ConsumerProtocolSubscription.maxVersion,
): Buffer {
  return encodeVersioned(ConsumerProtocolSubscription, subscription, version)
}

export function encodeAssignment(
  assignment: InferInput<typeof ConsumerProtocolAssignment>,
  version = ConsumerProtocolAssignment.maxVersion,
): Buffer {
  return encodeVersioned(ConsumerProtocolAssignment, assignment, version)
}

function decodeVersioned<M extends Message>(table: M, blob: Buffer): Infer<M> {
  const reader = new Reader(blob)
  return decoderFor(table, reader.versionUpTo(table.maxVersion))(reader)
}

function encodeVersioned<M extends Message>(
  table: M,
  value: InferInput<M>,
  version: number,
): Buffer {
  const writer = new Writer(256)
  writer.int16(version)
  encoderFor(table, version)(writer, value)
  return writer.take()
}
