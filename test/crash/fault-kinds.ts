/** How a disk fails in the fault suite, and to which calls each way applies. */
import type { FaultPlan, Operation } from '../support/simulated-faults.ts'

const CHANGING: ReadonlySet<Operation> = new Set([
  'create',
  'write',
  'truncate',
  'makeDir',
  'rename',
  'unlink',
  'removeDir',
])
/** What needs room. */
const GROWING: ReadonlySet<Operation> = new Set(['create', 'write', 'makeDir'])
const SYNCING: ReadonlySet<Operation> = new Set(['sync', 'syncDir'])
const READING: ReadonlySet<Operation> = new Set(['read'])
const WRITING: ReadonlySet<Operation> = new Set(['write'])

export interface FaultSort {
  readonly name: string
  /** The calls it can hit; null: all. */
  readonly hits: ReadonlySet<Operation> | null
  /** No write is possible for as long as it lasts, and that is all. */
  readonly isFull: boolean
  /** Bytes may come back wrong, once. */
  readonly isFlip: boolean
  /** The fault at the `at`-th call; later calls in the same data folder suffer if it lasts. */
  plans(at: number, folder: string): FaultPlan[]
}

function once(name: string, code: string, hits: ReadonlySet<Operation> | null): FaultSort {
  const fault = { kind: 'error', code } as const
  const plans = (at: number): FaultPlan[] => [{ at, fault }]
  return { name, hits, isFull: code === 'ENOSPC', isFlip: false, plans }
}

/** From the call on, everything of those kinds in the folder fails. */
function lasting(name: string, code: string, hits: ReadonlySet<Operation> | null): FaultSort {
  const fault = { kind: 'error', code } as const
  const plans = (at: number, folder: string): FaultPlan[] => {
    const which = hits === null ? {} : { operations: hits }
    const path = new RegExp(`^${folder}(/|$)`)
    return [
      { at, fault },
      // The first of these follows the one above: a plan counts its own calls.
      { at: 1, after: at, path, sticky: true, fault, ...which },
    ]
  }
  return { name, hits, isFull: code === 'ENOSPC', isFlip: false, plans }
}

function single(
  name: string,
  hits: ReadonlySet<Operation>,
  fault: FaultPlan['fault'],
  more: { isFull?: boolean; isFlip?: boolean } = {},
): FaultSort {
  const { isFull = false, isFlip = false } = more
  return { name, hits, isFull, isFlip, plans: (at) => [{ at, fault }] }
}

export const FAULT_SORTS: readonly FaultSort[] = [
  once('EIO', 'EIO', null),
  lasting('EIO for good', 'EIO', null),
  once('ENOSPC', 'ENOSPC', GROWING),
  lasting('a full disk', 'ENOSPC', GROWING),
  lasting('EROFS for good', 'EROFS', CHANGING),
  single('short write, EIO', WRITING, { kind: 'short-write', code: 'EIO' }),
  single('short write, ENOSPC', WRITING, { kind: 'short-write', code: 'ENOSPC' }, { isFull: true }),
  single('failed sync, pages kept', SYNCING, { kind: 'sync-failure', mode: 'kept' }),
  single('failed sync, pages lost', SYNCING, { kind: 'sync-failure', mode: 'lost' }),
  single('flipped bit', READING, { kind: 'read-flip' }, { isFlip: true }),
]
