/** What descriptions of groups say of operations: a bit field, by AclOperation's codes. */
import { ErrorCode } from '../../base/errors.ts'

/** "Not asked for". */
export const NO_OPERATIONS = -2_147_483_648
/** READ, DELETE, DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS: all there are for a group. */
const ALL_OPERATIONS = (1 << 3) | (1 << 6) | (1 << 8) | (1 << 10) | (1 << 11)

interface Described {
  readonly errorCode: number
  readonly authorizedOperations: number
}

/** Everybody may do everything; told, when asked for, of groups that are described without an error. */
export function withOperations<Group extends Described>(
  groups: readonly Group[],
  isAsked: boolean,
): Group[] {
  return groups.map((group) =>
    isAsked && group.errorCode === ErrorCode.NONE
      ? { ...group, authorizedOperations: ALL_OPERATIONS }
      : group,
  )
}
