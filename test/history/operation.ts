/**
 * What clients did, as the checker sees it: one JSON line per operation, in the order of `i`.
 *
 * A key is a partition of one topic, named by a number. Values are unique per key. A process does one
 * thing after another; whoever has several requests under way records them as several processes, or as
 * operations whose times overlap. Times are milliseconds of one monotonic clock for all processes.
 *
 * `ok` is acknowledged, `fail` surely did not happen, `info` is anyone's guess: a timeout, a connection
 * that broke. Several sends of one operation outside a transaction are one batch: its records lie side
 * by side. Whoever cannot promise that records one send per operation.
 */

export interface Send {
  readonly f: 'send'
  readonly k: number
  readonly v: string
  /** As acknowledged; null when the client was not told. */
  readonly off: number | null
  /** Time before which nobody may see it, of a delayed message. */
  readonly due?: number
  /** Key and offset of the input this output was made from. */
  readonly from?: readonly [k: number, off: number]
}

export interface Poll {
  readonly f: 'poll'
  readonly got: readonly (readonly [k: number, off: number, v: string])[]
}

/** A member was given these keys: its positions begin anew. */
export interface Assign {
  readonly f: 'assign'
  readonly group: string
  readonly generation: number
  readonly keys: readonly number[]
}

/** Positions written for a group. */
export interface Commit {
  readonly f: 'commit'
  readonly group: string
  readonly generation: number
  readonly offsets: readonly (readonly [k: number, off: number])[]
}

/** Positions read back for a group; -1 for none. */
export interface Committed {
  readonly f: 'committed'
  readonly group: string
  readonly offsets: readonly (readonly [k: number, off: number])[]
}

/** The visible ends that a broker told: high watermarks, or last stable offsets when committed. */
export interface Ends {
  readonly f: 'ends'
  readonly ends: readonly (readonly [k: number, off: number])[]
}

export type Mop = Send | Poll | Assign | Commit | Committed | Ends

export interface Op {
  readonly i: number
  readonly t0: number
  readonly t1: number
  readonly proc: number
  readonly txn: boolean
  readonly type: 'ok' | 'fail' | 'info'
  readonly mops: readonly Mop[]
  /** Part of the last reading, from each key's begin to its end when all was quiet. */
  readonly final?: boolean
}

export type FindingKind =
  /** Acknowledged, below what someone read, read by nobody. */
  | 'lost'
  /** Acknowledged, and not there at the end. */
  | 'unseen'
  /** One value at two offsets. */
  | 'duplicate'
  /** Two values at one offset, or one value acknowledged at another offset than it is read at. */
  | 'inconsistent-offset'
  /** Sends of one process lie in another order, or a batch is not in one piece. */
  | 'reorder'
  /** Acknowledged before another send began, and behind it. */
  | 'realtime'
  /** A reader jumped over a value, or went back. */
  | 'poll-skip'
  | 'poll-back'
  /** Read although its writer was refused or aborted. */
  | 'G1a'
  /** A transaction is visible in part. */
  | 'G1b'
  /** A transaction read its own write before it committed. */
  | 'precommitted'
  /** Cycles: of writes; with reads; with one read that came too early. */
  | 'G0'
  | 'G1c'
  | 'G-single'
  /** A committed position went back. */
  | 'commit-back'
  /** Two members held one key in one generation. */
  | 'two-owners'
  /** One input went into two outputs. */
  | 'twice-consumed'
  /** A visible end went back. */
  | 'end-back'
  /** Seen before it was due. */
  | 'early-delay'
  /** Read, and sent by nobody. */
  | 'unknown-value'

export interface Finding {
  readonly kind: FindingKind
  /** -1 when it is about several. */
  readonly k: number
  readonly v?: string
  /** Numbers (`i`) of the operations that show it. */
  readonly ops: readonly number[]
}

export interface Mode {
  readonly isolation: 'committed' | 'uncommitted'
  /** Whether positions may jump between operations when a member was assigned anew. */
  readonly via: 'assign' | 'subscribe'
  /** Clients that retry leave each value once and in order. */
  readonly idempotent: boolean
}

export interface Verdict {
  readonly bad: Finding[]
  /** What Kafka's promises leave open in this mode; told, no failure. */
  readonly allowed: Finding[]
}

export function formatOp(op: Op): string {
  return `${JSON.stringify(op)}\n`
}

export function parseHistory(text: string): Op[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Op)
}

export function describeFinding({ kind, k, v, ops }: Finding): string {
  const value = v === undefined ? '' : ` "${v}"`
  return `${kind}: key ${k}${value}, operations ${ops.slice(0, 8).join()}${ops.length > 8 ? ' …' : ''}`
}
