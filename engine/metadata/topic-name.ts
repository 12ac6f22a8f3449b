/**
 * Which names a topic may have, with Kafka's texts (org.apache.kafka.common.internals.Topic). A
 * name becomes a folder name and part of metric names, where `.` and `_` are the same: hence
 * collisions.
 */

export const GROUP_METADATA_TOPIC = '__consumer_offsets'
export const TRANSACTION_STATE_TOPIC = '__transaction_state'
export const SHARE_GROUP_STATE_TOPIC = '__share_group_state'
/** KRaft's own log; no broker serves it as a topic. */
export const CLUSTER_METADATA_TOPIC = '__cluster_metadata'

export type InternalTopic =
  | typeof GROUP_METADATA_TOPIC
  | typeof TRANSACTION_STATE_TOPIC
  | typeof SHARE_GROUP_STATE_TOPIC

const NAME_LENGTH_MAX = 249
const LEGAL = /^[a-zA-Z0-9._-]+$/

/** Topics that coordinators write and clients may not. */
export function isInternalTopic(name: string): name is InternalTopic {
  return (
    name === GROUP_METADATA_TOPIC ||
    name === TRANSACTION_STATE_TOPIC ||
    name === SHARE_GROUP_STATE_TOPIC
  )
}

/** Kafka's complaint about a name, or null for a good one. */
export function topicNameProblem(name: string): string | null {
  const complaint = complaintOf(name)
  return complaint === null ? null : `Topic name is invalid: ${complaint}`
}

function complaintOf(name: string): string | null {
  if (name === '') return 'the empty string is not allowed'
  if (name === '.' || name === '..') return `'${name}' is not allowed`
  if (name.length > NAME_LENGTH_MAX)
    return `the length of '${name}' is longer than the max allowed length ${NAME_LENGTH_MAX}`
  if (LEGAL.test(name)) return null
  return (
    `'${name}' contains one or more characters other than ASCII alphanumerics, '.', '_' ` +
    `and '-'`
  )
}

/** True for a name that has a `.` or `_` and so may collide with another. */
export function mayCollide(name: string): boolean {
  return name.includes('.') || name.includes('_')
}

/** Names with the same key collide. */
export function collisionKey(name: string): string {
  return name.replaceAll('.', '_')
}
