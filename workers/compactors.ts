/**
 * The threads that compact: each shard has one of its own while it has something to compact, of lower
 * priority than those that serve, and all shards together run log.cleaner.threads passes at most. Their
 * count is one shared word.
 */
import { assert } from '../engine/base/assert.ts'
import type { CompactGroupResult, CompactSource, FillMapResult } from '../engine/log/compact-log.ts'
import type {
  CompactOutcome,
  CompactPool,
  CompactStart,
  CompactWorker,
} from '../engine/log/compact-steps.ts'
import { Jobs } from './jobs.ts'

/** Room for `cleanersMemory`: passes at work, over all threads. */
export function cleanersMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)
}

/** Steps down the scheduler's ladder; the threads that serve come first when all want to run. */
const NICE = 10

export class Compactors implements CompactPool {
  private readonly atWork: Int32Array
  private jobs: Jobs | null = null

  constructor(memory: SharedArrayBuffer) {
    this.atWork = new Int32Array(memory)
  }

  take(threads: number): CompactWorker | null {
    if (Atomics.add(this.atWork, 0, 1) >= threads) {
      Atomics.sub(this.atWork, 0, 1)
      return null
    }
    this.jobs ??= new Jobs(1, undefined, NICE)
    this.jobs.hold()
    return new ThreadWorker(this.jobs, () => {
      this.jobs?.release()
      Atomics.sub(this.atWork, 0, 1)
    })
  }

  /** Ends the thread; no pass is under way. */
  async close(): Promise<void> {
    await this.jobs?.close()
  }
}

class ThreadWorker implements CompactWorker {
  private readonly jobs: Jobs
  private readonly cancelled = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)
  private readonly onEnd: () => void
  private ended = false

  constructor(jobs: Jobs, onEnd: () => void) {
    this.jobs = jobs
    this.onEnd = onEnd
  }

  begin(start: CompactStart): Promise<CompactOutcome<FillMapResult>> {
    return this.jobs.beginCompaction({ ...start, cancel: this.cancelled })
  }

  compact(group: readonly CompactSource[]): Promise<CompactOutcome<CompactGroupResult>> {
    return this.jobs.compactGroup({ group })
  }

  cancel(): void {
    const word = new Int32Array(this.cancelled)
    Atomics.store(word, 0, 1)
    Atomics.notify(word, 0)
  }

  end(): void {
    assert(!this.ended, 'a pass of compaction ends once')
    this.ended = true
    this.onEnd()
  }
}
