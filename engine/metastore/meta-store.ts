/**
 * The store of control state as a port: keys and values with compare-and-swap, after etcd's model, so
 * that one node (embedded-store.ts) and a cluster (etcd) differ in one file.
 *
 * Every change gets the next revision; an entry's revision is that of its last change. Safety rests on
 * comparing revisions, never on having read something a moment ago.
 */

export interface MetaEntry {
  readonly key: string
  readonly value: string
  /** Revision of the change that gave it this value. */
  readonly revision: number
}

/** Holds when the key's entry has this revision; 0 = the key must not exist. */
export interface MetaCompare {
  readonly key: string
  readonly revision: number
}

export interface MetaChange {
  readonly key: string
  /** Null removes the key. */
  readonly value: string | null
  /** Bound to a lease: gone when it is revoked or its holder dies. */
  readonly lease?: MetaLease
}

export interface MetaLease {
  /** Ends it at once; its keys go. */
  revoke(): Promise<void>
}

/**
 * Where a store keeps room for a full disk: `any change` (the default) may take all of it, which lets an
 * operator delete and lower options; what only adds is refused while half of it is left.
 */
export type RoomFor = 'any change' | 'an addition'

export interface MetaWatch {
  cancel(): void
}

export interface MetaStore {
  get(key: string): Promise<MetaEntry | null>
  /** Entries whose key starts with `prefix`, by key. */
  range(prefix: string): Promise<MetaEntry[]>
  /**
   * Makes all changes or none: their revision (from 1) once they are durable, null when a compare did
   * not hold. Rejects when it cannot be known whether they took effect (disk or connection lost): read
   * again then.
   */
  transact(
    compares: readonly MetaCompare[],
    changes: readonly MetaChange[],
    room?: RoomFor,
  ): Promise<number | null>
  /** Hears of changes under `prefix` made from now on, in order; hints, not promises. */
  watch(
    prefix: string,
    listener: (change: MetaEntry | { key: string; value: null }) => void,
  ): MetaWatch
  lease(): Promise<MetaLease>
  close(): Promise<void>
}
