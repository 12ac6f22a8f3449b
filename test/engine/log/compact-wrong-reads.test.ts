/** One wrong bit in one read of a pass of compaction: what it makes takes the place of the original for good. */
import { expect, it } from 'vitest'
import type { Log } from '../../../engine/log/log.ts'
import { batchAttributes, batchRecordCount, isControl } from '../../../engine/record/batch.ts'
import { buildBatch } from '../../../engine/record/build.ts'
import { buildEndTransactionMarker } from '../../../engine/record/control.ts'
import { readRecords } from '../../../engine/record/iterate.ts'
import { closeActive, compact, NotDone } from '../../support/compact-rig.ts'
import { CLIENT, NOW_MS, openLog, put, readAll, TestClock } from '../../support/log-rig.ts'
import { SimulatedDisk } from '../../support/simulated-disk.ts'

const OPTIONS = { cleanupPolicy: { delete: false, compact: true } }
const READ_BYTES = /\.(log|txnindex)$/
/** The longest read of a pass is a whole segment. */
const BYTES_MAX = 400
/** Of the transaction index: all of it counts. */
const ENTRY_BYTES = 34

function write(log: Log, keys: string, producerId = -1): void {
  const records = [...keys].map((key) => ({
    key: Buffer.from(key),
    value: Buffer.from(`${log.logEndOffset}`),
    timestamp: NOW_MS,
  }))
  const more = { producerId, producerEpoch: 0, baseSequence: 0, isTransactional: true }
  put(log, buildBatch({ records, ...(producerId < 0 ? {} : more) }))
}

function end(log: Log, producerId: number, type: 'commit' | 'abort'): void {
  const fields = { producerId, producerEpoch: 0, coordinatorEpoch: 0, timestamp: NOW_MS }
  log.append(buildEndTransactionMarker({ type, ...fields }), { ...CLIENT, kind: 'coordinator' })
  log.writeStaged()
  log.onHighWatermark(log.logEndOffset)
}

/** Two segments that a pass left with gaps, and two that none has seen, with one aborted transaction. */
async function dirtyLog(): Promise<{ disk: SimulatedDisk; log: Log }> {
  const disk = new SimulatedDisk()
  const log = await openLog(disk, OPTIONS, { clock: new TestClock() })
  for (const keys of ['ab', 'a', 'cd', 'c', 'e']) write(log, keys)
  await closeActive(log)
  write(log, 'f')
  await closeActive(log)
  await compact(log, disk)
  write(log, 'g', 7)
  write(log, 'bd', 8)
  end(log, 7, 'abort')
  await closeActive(log)
  write(log, 'h')
  end(log, 8, 'commit')
  await closeActive(log)
  // As after a start: nothing of what is read is in memory.
  await log.close('clean')
  return { disk, log: await openLog(disk, OPTIONS, { clock: new TestClock() }) }
}

async function content(log: Log): Promise<string[]> {
  const lines: string[] = []
  for (const { bytes, baseOffset, lastOffset } of await readAll(log)) {
    if (batchRecordCount(bytes, 0) === 0) lines.push(`${lastOffset}-`)
    else if (isControl(batchAttributes(bytes, 0))) lines.push(`${baseOffset}!`)
    else
      for (const { offset, key, value } of readRecords(bytes))
        lines.push(`${offset}:${key}=${value}`)
  }
  return [...lines, JSON.stringify(log.abortedTransactions(0, log.logEndOffset))]
}

const isSame = (a: readonly string[], b: readonly string[]): boolean => a.join() === b.join()

it('leaves the log as it was or makes of it what is due', async () => {
  const honest = await dirtyLog()
  const before = await content(honest.log)
  let reads = 0
  honest.disk.onCall = (operation, path) => {
    if (operation === 'read' && READ_BYTES.test(path)) reads++
  }
  await compact(honest.log, honest.disk)
  honest.disk.onCall = null
  const due = await content(honest.log)
  expect(due).not.toEqual(before)
  let done = 0
  const bad: string[] = []
  for (let at = 1; at <= reads; at++)
    for (let byte = 0; byte < BYTES_MAX; byte += byte < ENTRY_BYTES ? 1 : 9) {
      const { disk, log } = await dirtyLog()
      const fault = { kind: 'read-flip', byte } as const
      disk.inject({ at, operation: 'read', path: READ_BYTES, fault })
      const isDone = await compact(log, disk).then(
        () => true,
        (error: unknown) => {
          if (!(error instanceof NotDone)) bad.push(`read ${at}, byte ${byte}: ${error}`)
          return false
        },
      )
      disk.clearFaults()
      const found = await content(log).catch((error: unknown) => [String(error)])
      if (isDone) done++
      if (!isSame(found, before) && !isSame(found, due))
        bad.push(`read ${at}, byte ${byte}: ${found}`)
    }
  expect(bad).toEqual([])
  expect(done).toBeGreaterThan(0)
})
