/**
 * RemoveRaftVoter, v0. Removes a voter from the metadata quorum (KIP-853).
 */
import { type Infer, int16, int32, message, string, uuid } from '../schema/fields.ts'

export const RemoveRaftVoterRequest = message(
  81,
  'RemoveRaftVoterRequest',
  { versions: [0, 0], flexible: 0 },
  {
    clusterId: string.nullable(),
    voterId: int32,
    voterDirectoryId: uuid,
  },
)
export type RemoveRaftVoterRequest = Infer<typeof RemoveRaftVoterRequest>

export const RemoveRaftVoterResponse = message(
  81,
  'RemoveRaftVoterResponse',
  { versions: [0, 0], flexible: 0 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    errorCode: int16,
    /** Text for people; null without an error. */
    errorMessage: string.nullable().ignorable(),
  },
)
export type RemoveRaftVoterResponse = Infer<typeof RemoveRaftVoterResponse>
