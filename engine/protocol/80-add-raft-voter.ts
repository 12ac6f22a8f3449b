/**
 * AddRaftVoter, v0–1. Adds a voter to the metadata quorum (KIP-853). v1 may answer before the
 * change is committed (KIP-1186).
 */
import {
  bool,
  type Infer,
  int16,
  int32,
  message,
  string,
  structs,
  uint16,
  uuid,
} from '../schema/fields.ts'

export const AddRaftVoterRequest = message(
  80,
  'AddRaftVoterRequest',
  { versions: [0, 1], flexible: 0 },
  {
    clusterId: string.nullable(),
    /** Longest wait for the change to take effect, in milliseconds. */
    timeoutMs: int32,
    voterId: int32,
    voterDirectoryId: uuid,
    listeners: structs({
      name: string,
      host: string,
      port: uint16,
    }),
    /** False: answer once the change is appended. */
    ackWhenCommitted: bool.since(1).default(true),
  },
)
export type AddRaftVoterRequest = Infer<typeof AddRaftVoterRequest>

export const AddRaftVoterResponse = message(
  80,
  'AddRaftVoterResponse',
  { versions: [0, 1], flexible: 0 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    errorCode: int16,
    /** Text for people; null without an error. */
    errorMessage: string.nullable().ignorable(),
  },
)
export type AddRaftVoterResponse = Infer<typeof AddRaftVoterResponse>
