/** The log against a model: an array of batches, with the same operations done to both. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Log } from '../../engine/log/log.ts'
import {
  CLIENT,
  labelled,
  NOW_MS,
  openLog,
  problemsOf,
  readAll,
  recover,
  splitBatches,
} from '../support/log-rig.ts'
import { SimulatedDisk } from '../support/simulated-disk.ts'

type Step =
  | { readonly do: 'append'; readonly sizes: readonly number[]; readonly timestamp: number }
  | { readonly do: 'read'; readonly at: number; readonly maxBytes: number; readonly end: number }
  | { readonly do: 'find'; readonly timestamp: number }
  | { readonly do: 'deleteRecords' | 'crash'; readonly at: number }
  | { readonly do: 'sync' | 'roll' | 'retention' | 'restart' }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      sizes: fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 5 }),
      timestamp: fc.integer({ min: 1_000, max: 2_000 }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('read' as const),
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      maxBytes: fc.integer({ min: 1, max: 3_000 }),
      end: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('find' as const),
      timestamp: fc.integer({ min: 990, max: 2_010 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('deleteRecords' as const, 'crash' as const),
      at: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'sync' as const,
        'roll' as const,
        'retention' as const,
        'restart' as const,
      ),
    }),
  },
)

interface ModelBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly timestamp: number
  readonly bytes: Buffer
}

class Model {
  batches: ModelBatch[] = []
  logStart = 0
  end = 0
  synced = 0
  private label = 0

  append(log: Log, sizes: readonly number[], timestamp: number): void {
    for (const size of sizes) {
      const label = `${this.label++}`.padEnd(size, '.')
      const records = [{ key: null, value: Buffer.from(label), timestamp }]
      const extra = { records, lastOffsetDelta: size % 3 }
      const batch = labelled('', 0, extra)
      const { errorCode, baseOffset, lastOffset } = log.append(batch, CLIENT)
      expect([errorCode, baseOffset]).toEqual([0, this.end])
      this.end = lastOffset + 1
      this.batches.push({ baseOffset, lastOffset, timestamp, bytes: Buffer.from(batch) })
    }
    log.writeStaged()
    expect(log.logEndOffset).toBe(this.end)
  }

  /** What a fetch must return. */
  read(offset: number, maxBytes: number, end: number): ModelBatch[] {
    const found: ModelBatch[] = []
    let left = maxBytes
    for (const batch of this.batches) {
      if (batch.lastOffset < offset) continue
      if (batch.lastOffset >= end || (found.length > 0 && batch.bytes.length > left)) break
      found.push(batch)
      left -= batch.bytes.length
    }
    return found
  }

  cut(end: number): void {
    this.batches = this.batches.filter(({ lastOffset }) => lastOffset < end)
    this.end = end
    this.synced = end
  }
}

async function perform(
  disk: SimulatedDisk,
  log: Log,
  model: Model,
  now: Step,
): Promise<{ disk: SimulatedDisk; log: Log }> {
  const within = (fraction: number) =>
    model.logStart + Math.floor(fraction * (model.end - model.logStart))
  const reopen = (on: SimulatedDisk) => openLog(on, {}, { logStartOffset: model.logStart })
  switch (now.do) {
    case 'append':
      model.append(log, now.sizes, now.timestamp)
      break
    case 'read': {
      const end = within(now.end)
      const slice = await log.readAsync(within(now.at), now.maxBytes, end, true)
      const wanted = model.read(within(now.at), now.maxBytes, end)
      const bytes = Buffer.alloc(slice.length)
      slice.file?.readSync(bytes, slice.position)
      if (slice.length > 0) slice.lease.release()
      // Segments may end a read early, never late.
      const found = splitBatches(bytes).map((batch) => batch.bytes)
      expect(found).toEqual(wanted.slice(0, found.length).map((batch) => batch.bytes))
      expect(found.length > 0).toBe(wanted.length > 0)
      break
    }
    case 'find': {
      const found = await log.offsetForTimestamp(now.timestamp, model.end)
      const wanted = model.batches.find(
        ({ timestamp, baseOffset }) => timestamp >= now.timestamp && baseOffset >= model.logStart,
      )
      expect(found?.offset ?? null).toBe(wanted?.baseOffset ?? null)
      break
    }
    case 'deleteRecords':
      model.logStart = within(now.at)
      log.deleteRecordsBefore(model.logStart)
      break
    case 'sync':
      await log.sync()
      model.synced = model.end
      break
    case 'roll':
      if (model.end > 0) log.rollNow()
      break
    case 'retention':
      await log.runRetention(NOW_MS)
      expect(log.logStartOffset).toBe(model.logStart)
      break
    case 'restart':
      await log.close('clean')
      model.synced = model.end
      return { disk, log: await reopen(disk) }
    case 'crash': {
      const after = disk.crash(Math.floor(now.at * 1e9))
      await log.close('abandon')
      const { logEndOffset } = await recover(after, { logStartOffset: model.logStart })
      expect(logEndOffset).toBeGreaterThanOrEqual(model.synced)
      model.cut(logEndOffset)
      expect(await problemsOf(after)).toEqual([])
      return { disk: after, log: await reopen(after) }
    }
  }
  return { disk, log }
}

it('does what an array of batches does, over rolls, deletions, restarts and crashes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
      const model = new Model()
      let disk = SimulatedDisk.holding({ '/data/meta.properties': '' })
      let log = await openLog(disk)
      for (const now of steps) {
        // What was deleted and lost after a crash stays deleted: the log start is checkpointed.
        if (now.do === 'crash' && model.logStart > model.synced) continue
        ;({ disk, log } = await perform(disk, log, model, now))
        expect([log.logStartOffset, log.logEndOffset]).toEqual([model.logStart, model.end])
      }
      const left = await readAll(log)
      const wanted = model.batches.filter(({ lastOffset }) => lastOffset >= model.logStart)
      expect(left.map(({ bytes }) => bytes)).toEqual(wanted.map(({ bytes }) => bytes))
      await log.close('clean')
      expect(disk.openPaths).toEqual([])
      expect(await problemsOf(disk)).toEqual([])
    }),
    { numRuns: 150 },
  )
}, 60_000)
