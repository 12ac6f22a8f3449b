/**
 * A pass of compaction as its owner drives it from another thread: what goes to the thread that works,
 * what comes back, and how it is held to its pace. Errors do not cross threads as what they are, so an
 * outcome says them in data.
 */
import { BombRefused, CodecUnavailable, CorruptPayload } from '../record/codec-adapter.ts'
import {
  type CompactGroupResult,
  type CompactInput,
  CompactPass,
  type CompactSource,
  type FillMapResult,
  type Pace,
} from './compact-log.ts'
import { CompactOffsetMap } from './compact-offset-map.ts'
import { type Disk, DiskError } from './disk.ts'
import type { KeyHashSeed } from './key-hash.ts'
import { CorruptLog } from './segment-rebuild.ts'

export interface CompactStart {
  readonly input: CompactInput
  /** Memory of the map, and how full it may get. */
  readonly mapBytes: number
  readonly mapLoadFactor: number
  readonly seed: KeyHashSeed
  /** Bytes read and written together; Infinity: no limit. */
  readonly bytesPerSecond: number
}

export type CompactOutcome<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'cancelled' }
  /** Stored bytes that cannot be read; nobody's fault that another pass would mend. */
  | { readonly kind: 'corrupt'; readonly message: string }
  | {
      readonly kind: 'disk-error'
      readonly code: string
      readonly path: string
      readonly message: string
    }

/** One pass at work elsewhere; used in this order, one step at a time. */
export interface CompactWorker {
  begin(start: CompactStart): Promise<CompactOutcome<FillMapResult>>
  compact(group: readonly CompactSource[]): Promise<CompactOutcome<CompactGroupResult>>
  /** The step under way ends soon, cancelled. */
  cancel(): void
  /** Gives thread and memory back; once, when no step is under way. */
  end(): void
}

/** Hands out workers, at most `threads` at a time over all shards; null: all are taken. */
export interface CompactPool {
  take(threads: number): CompactWorker | null
}

/** Thrown by a pace to end the step. */
export class CompactCancelled extends Error {
  override name = 'CompactCancelled'
}

/** The steps of one pass, on the thread that does the work. */
export class CompactSteps {
  private readonly pass: CompactPass

  constructor(disk: Disk, start: CompactStart, memory: ArrayBuffer, pace: Pace) {
    const { input, mapBytes, mapLoadFactor, seed } = start
    const firstOffset = input.firstDirtyOffset
    const shape = { memory, bytes: mapBytes, loadFactor: mapLoadFactor, firstOffset, seed }
    this.pass = new CompactPass(disk, input, new CompactOffsetMap(shape), pace)
  }

  fillMap(): Promise<CompactOutcome<FillMapResult>> {
    return outcomeOf(() => this.pass.fillMap())
  }

  compact(group: readonly CompactSource[]): Promise<CompactOutcome<CompactGroupResult>> {
    return outcomeOf(() => this.pass.compact(group))
  }
}

const UNREADABLE = [CorruptLog, CorruptPayload, BombRefused, CodecUnavailable]

async function outcomeOf<T>(step: () => Promise<T>): Promise<CompactOutcome<T>> {
  try {
    return { kind: 'done', value: await step() }
  } catch (error) {
    if (error instanceof CompactCancelled) return { kind: 'cancelled' }
    if (UNREADABLE.some((kind) => error instanceof kind))
      return { kind: 'corrupt', message: error instanceof Error ? error.message : String(error) }
    if (error instanceof DiskError)
      return { kind: 'disk-error', code: error.code, path: error.path, message: error.message }
    throw error
  }
}
