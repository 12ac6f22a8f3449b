/** How a call to the simulated disk can be made to fail, and which calls a plan concerns. */

export type Operation =
  /** Of what is there; as a plan's operation it stands for 'create' too. */
  | 'open'
  | 'create'
  | 'write'
  | 'read'
  | 'truncate'
  | 'sync'
  | 'close'
  | 'makeDir'
  | 'list'
  | 'stat'
  | 'rename'
  | 'unlink'
  | 'removeDir'
  | 'syncDir'
  | 'freeBytes'

export type FaultKind =
  /** Fails with `code`, nothing done. */
  | { readonly kind: 'error'; readonly code: string }
  /** A write takes `bytes` (default half), the next one to the same file fails with `code`. */
  | { readonly kind: 'short-write'; readonly bytes?: number; readonly code: string }
  /** The sync fails and its pages count as clean: still readable (kept) or gone at once (lost). */
  | { readonly kind: 'sync-failure'; readonly mode: 'kept' | 'lost' }
  /** One bit of what a read returns is wrong, of any byte or of the one at `byte`. */
  | { readonly kind: 'read-flip'; readonly byte?: number }
  /** From here on every call fails; take a crash state to go on. */
  | { readonly kind: 'power-loss' }

export interface FaultPlan {
  /** Which matching call, from 1, counted from the injection. */
  readonly at: number
  readonly operation?: Operation
  readonly operations?: ReadonlySet<Operation>
  readonly path?: RegExp
  /** Calls to let pass before it counts. */
  readonly after?: number
  /** Every later matching call suffers too, as on a file system that went read-only. */
  readonly sticky?: boolean
  readonly fault: FaultKind
}

/** Whether the plan may hit this kind of call, whatever its path. */
export function concerns({ operation, operations }: FaultPlan, called: Operation): boolean {
  if (operations?.has(called) === false) return false
  if (operation === undefined || operation === called) return true
  return operation === 'open' && called === 'create'
}
