/**
 * A shard without an engine: logs are arrays of byte strings, appended at flush; every read answers
 * with a lease that is counted. What it was asked is kept for the test to look at.
 */
import { ErrorCode } from '../../engine/base/errors.ts'
import type {
  AppendDone,
  AppendOptions,
  ReadHandle,
  ReadRequest,
  ReadResult,
  ShardCalls,
  ShardPort,
} from '../../engine/shard-port.ts'

interface Staged {
  readonly key: number
  readonly records: Buffer
  readonly done: AppendDone
}

interface Parked {
  readonly request: ReadRequest
  readonly done: (results: readonly ReadResult[]) => void
  ended: boolean
}

export class FakeShardPort implements ShardPort {
  /** Batches by key. */
  readonly logs = new Map<number, Buffer[]>()
  readonly appendOptions: AppendOptions[] = []
  readonly reads: ReadRequest[] = []
  readonly calls: ShardCalls
  /** Results with data handed out and not released. */
  leased = 0
  flushes = 0
  /** Bytes of one read result are reported to be in this descriptor. */
  fd = -1
  /** True: appended bytes are answered and forgotten, for benches. */
  forgetful = false
  /** False: flush writes nothing, so appends are not answered. */
  writes = true
  /** Keys that refuse appends, with what to say. */
  readonly refused = new Map<number, Parameters<AppendDone>>()
  private staged: Staged[] = []
  private parked: Parked[] = []

  constructor(calls: Partial<ShardCalls> = {}) {
    const missing = (): never => {
      throw new Error('not a call of this test')
    }
    this.calls = {
      listOffsets: missing,
      endOffsetsForEpoch: missing,
      deleteRecords: missing,
      coordinate: missing,
      control: missing,
      allocateProducerIds: missing,
      checkpoints: missing,
      describeFolders: missing,
      describeVolumes: missing,
      moveReplicas: missing,
      describeProducers: missing,
      failFolder: missing,
      reportFolder: missing,
      ...calls,
    }
  }

  get parkedReads(): number {
    return this.parked.length
  }

  append(key: number, records: Buffer, options: AppendOptions, done: AppendDone): void {
    if (!this.forgetful) this.appendOptions.push(options)
    const refusal = this.refused.get(key)
    if (refusal !== undefined) done(...refusal)
    else this.staged.push({ key, records, done })
  }

  flush(): void {
    this.flushes++
    if (!this.writes) return
    const staged = this.staged
    this.staged = []
    for (const { key, records, done } of staged) {
      if (this.forgetful) {
        done(0, 0, -1, 0, null)
        continue
      }
      const log = this.logs.get(key) ?? []
      this.logs.set(key, log)
      log.push(Buffer.from(records))
      done(0, log.length - 1, -1, 0, null)
    }
    if (staged.length > 0) this.wake()
  }

  read(request: ReadRequest, done: (results: readonly ReadResult[]) => void): ReadHandle {
    this.reads.push(request)
    const parked: Parked = { request, done, ended: false }
    const handle: ReadHandle = {
      expire: () => this.end(parked, true),
      cancel: () => this.end(parked, false),
    }
    if (request.deadlineMs === 0 || this.satisfied(request)) {
      parked.ended = true
      done(this.resultsOf(request))
    } else this.parked.push(parked)
    return handle
  }

  /** What time does to parked reads. */
  expireAll(): void {
    for (const parked of [...this.parked]) this.end(parked, true)
  }

  private wake(): void {
    for (const parked of [...this.parked])
      if (this.satisfied(parked.request)) this.end(parked, true)
  }

  private end(parked: Parked, answer: boolean): void {
    if (parked.ended) return
    parked.ended = true
    this.parked = this.parked.filter((other) => other !== parked)
    if (answer) parked.done(this.resultsOf(parked.request))
  }

  private satisfied(request: ReadRequest): boolean {
    let bytes = 0
    for (const { key, fetchOffset } of request.partitions) {
      const log = this.logs.get(key) ?? []
      if (fetchOffset > log.length) return true
      for (const batch of log.slice(fetchOffset)) bytes += batch.length
    }
    return bytes >= request.minBytes
  }

  private resultsOf(request: ReadRequest): ReadResult[] {
    return request.partitions.map(({ key, fetchOffset }) => {
      const log = this.logs.get(key) ?? []
      const batches = log.slice(fetchOffset)
      const bytes = Buffer.concat(batches)
      const errorCode = fetchOffset > log.length ? ErrorCode.OFFSET_OUT_OF_RANGE : ErrorCode.NONE
      return this.result(errorCode, log.length, bytes, batches[0]?.length ?? 0)
    })
  }

  private result(
    errorCode: ErrorCode,
    end: number,
    bytes: Buffer,
    firstBatchBytes: number,
  ): ReadResult {
    let held = bytes.length > 0
    if (held) this.leased++
    return {
      errorCode,
      highWatermark: end,
      lastStableOffset: end,
      logStartOffset: 0,
      divergingEpoch: null,
      abortedTransactions: end % 2 === 0 ? null : [{ producerId: 7, firstOffset: 0 }],
      leaderEpoch: 3,
      file:
        bytes.length === 0
          ? null
          : {
              fd: this.fd,
              path: 'fake',
              readSync: (into, position) => bytes.copy(into, 0, position),
              readCached: () => -1,
              read: (into, position) => Promise.resolve(bytes.copy(into, 0, position)),
            },
      position: 0,
      length: bytes.length,
      firstBatchBytes,
      cached: true,
      zerosBehind: bytes.length > 0 ? 3 : 0,
      release: () => {
        if (held) this.leased--
        held = false
      },
    }
  }
}
