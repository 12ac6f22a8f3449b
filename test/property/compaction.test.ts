/**
 * Compaction against a model: whatever was appended, compacted in whatever pieces, a reader ends up with
 * the same values, and what is left is exactly the newest record of each key at its old offset.
 */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Log } from '../../engine/log/log.ts'
import {
  batchAttributes,
  batchProducerId,
  batchRecordCount,
  isControl,
} from '../../engine/record/batch.ts'
import { buildBatch } from '../../engine/record/build.ts'
import { buildEndTransactionMarker } from '../../engine/record/control.ts'
import { readRecords } from '../../engine/record/iterate.ts'
import { closeActive, compact } from '../support/compact-rig.ts'
import {
  CLIENT,
  NOW_MS,
  openLog,
  problemsOf,
  put,
  readAll,
  recover,
  TestClock,
} from '../support/log-rig.ts'
import { SimulatedDisk } from '../support/simulated-disk.ts'

const RETENTION_MS = 1_000
const COMPACTED = {
  cleanupPolicy: { delete: false, compact: true },
  deleteRetentionMs: RETENTION_MS,
} as const

type Step =
  | {
      readonly do: 'append'
      readonly keys: readonly number[]
      readonly tombstones: readonly boolean[]
      readonly codec: 0 | 1
      /** 0 = none. */
      readonly producer: number
    }
  | { readonly do: 'end'; readonly producer: number; readonly type: 'commit' | 'abort' }
  | { readonly do: 'compact'; readonly mapBytes: number; readonly later: number }
  | { readonly do: 'roll' | 'restart' | 'crash' }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      keys: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 5 }),
      tombstones: fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
      codec: fc.constantFrom(0 as const, 1 as const),
      producer: fc.integer({ min: 0, max: 3 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('end' as const),
      producer: fc.integer({ min: 1, max: 3 }),
      type: fc.constantFrom('commit' as const, 'abort' as const),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('compact' as const),
      mapBytes: fc.constantFrom(64, 160, 1_000_000),
      later: fc.constantFrom(0, RETENTION_MS / 2, RETENTION_MS + 1),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom('roll' as const, 'roll' as const, 'restart' as const, 'crash' as const),
    }),
  },
)

interface Written {
  readonly key: string
  readonly value: string | null
  readonly timestamp: number
}

class Model {
  /** Data of no or of committed transactions, by offset. */
  readonly records = new Map<number, Written>()
  /** Data of open transactions. */
  readonly open = new Map<number, Map<number, Written>>()
  readonly sequences = new Map<number, number>()

  /** Key → newest value with its offset; a tombstone takes the key out. */
  state(): Map<string, string> {
    const state = new Map<string, string>()
    for (const [offset, { key, value }] of [...this.records].sort((a, b) => a[0] - b[0]))
      if (value === null) state.delete(key)
      else state.set(key, `${value}@${offset}`)
    return state
  }
}

/** What a reader of committed records finds, checked against what was written. */
async function readBack(log: Log, model: Model): Promise<Map<number, Written>> {
  const aborted = log.abortedTransactions(0, log.logEndOffset)
  const found = new Map<number, Written>()
  for (const { bytes, baseOffset } of await readAll(log)) {
    if (isControl(batchAttributes(bytes, 0)) || batchRecordCount(bytes, 0) === 0) continue
    const producerId = batchProducerId(bytes, 0)
    const isAborted = aborted.some(
      (each) =>
        each.producerId === producerId &&
        each.firstOffset <= baseOffset &&
        baseOffset < each.lastOffset,
    )
    if (isAborted || [...(model.open.get(producerId)?.keys() ?? [])].includes(baseOffset)) continue
    for (const { key, value, offset, timestamp } of readRecords(bytes)) {
      const record = { key: String(key), value: value === null ? null : String(value), timestamp }
      expect(record).toEqual(model.records.get(offset))
      found.set(offset, record)
    }
  }
  return found
}

function stateOf(records: ReadonlyMap<number, Written>): Map<string, string> {
  const model = new Model()
  for (const [offset, record] of records) model.records.set(offset, record)
  return model.state()
}

class Run {
  readonly disk = new SimulatedDisk()
  readonly model = new Model()
  private readonly clock = new TestClock()
  private log!: Log
  private value = 0

  async start(): Promise<this> {
    this.log = await this.open()
    return this
  }

  async take(each: Step): Promise<void> {
    if (each.do === 'append') this.append(each)
    else if (each.do === 'end') this.endTransaction(each.producer, each.type)
    else if (each.do === 'roll') await closeActive(this.log)
    else if (each.do === 'compact') await this.compact(each.mapBytes, each.later)
    else {
      const recoveryPoint = this.log.recoveryPoint
      await this.log.close('clean')
      // After a crash the checkpoint may be as old as it likes, and all is scanned.
      if (each.do === 'crash')
        await recover(this.disk, { recoveryPoint: recoveryPoint >> 1, gapsAllowed: true })
      const { cleanedEndOffset } = this.log.compaction
      this.log = await this.open()
      this.log.compaction.cleanedEndOffset = cleanedEndOffset
    }
  }

  /** Ends what is open, compacts all, and looks at what is left. */
  async finish(): Promise<void> {
    for (const producer of [...this.model.open.keys()]) this.endTransaction(producer, 'commit')
    await closeActive(this.log)
    const end = this.log.logEndOffset
    // The second takes the tombstones' horizon as past, and needs something dirty.
    for (const later of [0, RETENTION_MS + 1]) {
      this.append({ do: 'append', keys: [99], tombstones: [false], codec: 0, producer: 0 })
      await closeActive(this.log)
      await this.compact(1_000_000, later)
    }
    const left = await readBack(this.log, this.model)
    const newest = new Map<string, number>()
    for (const [offset, { key }] of this.model.records)
      newest.set(key, Math.max(offset, newest.get(key) ?? -1))
    for (const [offset, { key, value }] of left) {
      expect(newest.get(key), key).toBe(offset)
      expect(value, `${key} is gone for good`).not.toBeNull()
    }
    const alive = [...newest.values()].filter((at) => this.model.records.get(at)?.value !== null)
    expect([...left.keys()].sort((a, b) => a - b)).toEqual(alive.sort((a, b) => a - b))
    expect(this.log.logEndOffset).toBeGreaterThanOrEqual(end)
    await this.log.close('clean')
    expect(await problemsOf(this.disk, { gapsAllowed: true, producers: false })).toEqual([])
    expect(this.disk.openPaths).toEqual([])
  }

  private open(): Promise<Log> {
    return openLog(this.disk, COMPACTED, { clock: this.clock })
  }

  private append({ keys, tombstones, codec, producer }: Step & { do: 'append' }): void {
    const { model } = this
    const records = keys.map((key, index) => ({
      key: Buffer.from(`key-${key}`),
      value: tombstones[index] === true ? null : Buffer.from(`${this.value++}`),
      timestamp: NOW_MS + this.value,
    }))
    const baseSequence = model.sequences.get(producer) ?? 0
    const more =
      producer === 0
        ? null
        : { producerId: producer, producerEpoch: 0, baseSequence, isTransactional: true }
    if (producer !== 0) model.sequences.set(producer, baseSequence + records.length)
    const baseOffset = put(this.log, buildBatch({ records, codec, ...more }))
    const into =
      producer === 0
        ? model.records
        : (model.open.get(producer) ?? model.open.set(producer, new Map()).get(producer)!)
    for (const [index, { key, value, timestamp }] of records.entries())
      into.set(baseOffset + index, {
        key: String(key),
        value: value === null ? null : String(value),
        timestamp,
      })
  }

  private endTransaction(producer: number, type: 'commit' | 'abort'): void {
    const written = this.model.open.get(producer)
    if (written === undefined) return
    const fields = { producerId: producer, producerEpoch: 0, coordinatorEpoch: 0 }
    const marker = buildEndTransactionMarker({ type, ...fields, timestamp: NOW_MS })
    this.log.append(marker, { ...CLIENT, kind: 'coordinator' })
    this.log.writeStaged()
    this.log.onHighWatermark(this.log.logEndOffset)
    this.model.open.delete(producer)
    if (type === 'commit')
      for (const [offset, record] of written) this.model.records.set(offset, record)
  }

  private async compact(mapBytes: number, later: number): Promise<void> {
    await this.log.sync()
    this.clock.pass(later)
    const { logEndOffset } = this.log
    await compact(this.log, this.disk, { mapBytes, nowMs: this.clock.wallMs() })
    expect(this.log.logEndOffset).toBe(logEndOffset)
    const committed = stateOf(await readBack(this.log, this.model))
    expect([...committed].sort()).toEqual([...this.model.state()].sort())
  }
}

it('leaves the newest value of each key at its offset, whatever was written', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 120 }), async (steps) => {
      const run = await new Run().start()
      for (const each of steps) await run.take(each)
      await run.finish()
    }),
    { numRuns: 100 },
  )
}, 600_000)
