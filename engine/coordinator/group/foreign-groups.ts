/**
 * Groups of other protocols that share __consumer_offsets: share groups, streams groups. Their
 * machines do not live here; what the log says of them is kept as far as the others need it: that
 * they exist, whether they have members, and for which records a tombstone is due when the group is
 * deleted or its id becomes a classic one.
 */
import type { CoordinatorRecord } from '../state-machine.ts'

export type ForeignType = 'share' | 'streams'

/** Key types that begin a group, and those that stand for one member each. */
interface TypeInfo {
  readonly type: ForeignType
  readonly isMember: boolean
}

const RECORD_TYPES: ReadonlyMap<number, TypeInfo> = new Map([
  [10, { type: 'share', isMember: true }],
  [11, { type: 'share', isMember: false }],
  [12, { type: 'share', isMember: false }],
  [13, { type: 'share', isMember: false }],
  [14, { type: 'share', isMember: false }],
  [15, { type: 'share', isMember: false }],
  [17, { type: 'streams', isMember: false }],
  [19, { type: 'streams', isMember: true }],
  [20, { type: 'streams', isMember: false }],
  [21, { type: 'streams', isMember: false }],
  [22, { type: 'streams', isMember: false }],
  [23, { type: 'streams', isMember: false }],
])

export class ForeignGroup {
  readonly groupId: string
  readonly type: ForeignType
  /** Live records by key bytes, in the order first written. */
  private readonly keys: Map<string, Buffer>
  private readonly members: Set<string>

  constructor(groupId: string, type: ForeignType) {
    this.groupId = groupId
    this.type = type
    this.keys = new Map()
    this.members = new Set()
  }

  get isEmpty(): boolean {
    return this.members.size === 0
  }

  get hasRecords(): boolean {
    return this.keys.size > 0
  }

  /** Newest first, so that a group's epoch goes after what depends on it. */
  tombstones(): CoordinatorRecord[] {
    return [...this.keys.values()].reverse().map((key) => ({ key, value: null }))
  }

  record(key: Buffer, isMember: boolean, isTombstone: boolean): void {
    const id = key.toString('latin1')
    if (isTombstone) {
      this.keys.delete(id)
      this.members.delete(id)
    } else {
      this.keys.set(id, Buffer.from(key))
      if (isMember) this.members.add(id)
    }
  }
}

export class ForeignGroups {
  private readonly groups: Map<string, ForeignGroup>

  constructor() {
    this.groups = new Map()
  }

  get size(): number {
    return this.groups.size
  }

  get(groupId: string): ForeignGroup | undefined {
    return this.groups.get(groupId)
  }

  all(): IterableIterator<ForeignGroup> {
    return this.groups.values()
  }

  /** True when a classic member may have this group id as far as other protocols are concerned. */
  yieldsTo(groupId: string): boolean {
    const group = this.groups.get(groupId)
    return group === undefined || (group.type === 'streams' && group.isEmpty)
  }

  /** Takes a group away, to be written off with tombstones. */
  take(groupId: string): ForeignGroup | undefined {
    const group = this.groups.get(groupId)
    this.groups.delete(groupId)
    return group
  }

  /** Puts a taken group back when its tombstones were not written. */
  restore(groupId: string, group: ForeignGroup | undefined): void {
    if (group !== undefined && !this.groups.has(groupId)) this.groups.set(groupId, group)
  }

  /** Replays a record of another protocol; `groupId` is the first field of every such key. */
  replay(recordType: number, groupId: string, record: CoordinatorRecord): void {
    const info = RECORD_TYPES.get(recordType)
    if (info === undefined) return
    let group = this.groups.get(groupId)
    if (group === undefined || group.type !== info.type) {
      if (record.value === null) return
      group = new ForeignGroup(groupId, info.type)
      this.groups.set(groupId, group)
    }
    group.record(record.key, info.isMember, record.value === null)
    if (!group.hasRecords) this.groups.delete(groupId)
  }
}

/** True for the key types above. */
export function isForeignRecord(recordType: number): boolean {
  return RECORD_TYPES.has(recordType)
}
