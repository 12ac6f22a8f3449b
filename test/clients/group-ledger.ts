/**
 * What the members of a group were handed, and what that must obey whatever the client: no record
 * missing; within one assignment each partition's offsets follow one another; after a new assignment
 * a partition goes on at or above every offset that was seen committed before it.
 */
const PROBLEMS_KEPT_MAX = 20

interface Position {
  offset: number
  /** No record since the member's last assignment. */
  fresh: boolean
}

interface MemberState {
  readonly positions: Map<number, Position>
  /** Committed offset of each partition as seen before the member's last assignment. */
  floor: number[]
  received: number
}

export class GroupLedger {
  /** Records received more than once count here and below `received` once each. */
  repeated = 0
  distinct = 0
  readonly problems: string[] = []
  private readonly seen: Uint8Array[]
  private readonly members = new Map<string, MemberState>()
  private readonly committed: number[]

  constructor(partitions: number, recordsPerPartitionMax: number) {
    this.seen = Array.from({ length: partitions }, () => new Uint8Array(recordsPerPartitionMax))
    this.committed = new Array<number>(partitions).fill(-1)
  }

  /** The member holds a new assignment from now on. */
  assigned(member: string): void {
    const state = this.stateOf(member)
    for (const position of state.positions.values()) position.fresh = true
    state.floor = [...this.committed]
  }

  record(member: string, partition: number, offset: number): void {
    const state = this.stateOf(member)
    state.received++
    const position = state.positions.get(partition)
    const fresh = position?.fresh ?? true
    if (!fresh && position !== undefined && offset !== position.offset + 1)
      this.problem(`${member}: partition ${partition} went from ${position.offset} to ${offset}`)
    const floor = state.floor[partition] ?? -1
    if (fresh && offset < floor)
      this.problem(`${member}: partition ${partition} began at ${offset}, committed was ${floor}`)
    state.positions.set(partition, { offset, fresh: false })
    const seen = this.seen[partition]
    if (seen === undefined || offset >= seen.length) {
      this.problem(`${member}: partition ${partition} has no offset ${offset}`)
      return
    }
    if (seen[offset] === 0) this.distinct++
    else this.repeated++
    seen[offset] = 1
  }

  /** What the coordinator says is committed, -1 for nothing: never less than it said before. */
  observedCommit(partition: number, offset: number): void {
    const before = this.committed[partition] ?? -1
    if (offset < before)
      this.problem(`partition ${partition}: committed went back from ${before} to ${offset}`)
    this.committed[partition] = Math.max(before, offset)
  }

  receivedBy(member: string): number {
    return this.members.get(member)?.received ?? 0
  }

  /** `partition:offset` of records below the ends that nobody got, the first few. */
  missing(ends: readonly number[]): string[] {
    const missing: string[] = []
    ends.forEach((end, partition) => {
      for (let offset = 0; offset < end && missing.length < PROBLEMS_KEPT_MAX; offset++)
        if (this.seen[partition]?.[offset] !== 1) missing.push(`${partition}:${offset}`)
    })
    return missing
  }

  private stateOf(member: string): MemberState {
    const known = this.members.get(member)
    if (known !== undefined) return known
    const state: MemberState = { positions: new Map(), floor: [...this.committed], received: 0 }
    this.members.set(member, state)
    return state
  }

  private problem(text: string): void {
    if (this.problems.length < PROBLEMS_KEPT_MAX) this.problems.push(text)
  }
}
