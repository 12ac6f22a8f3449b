import { describe, expect, it } from 'vitest'
import { ErrorCode } from '../../../engine/base/errors.ts'
import { readPartitionMetadata } from '../../../engine/log/partition-metadata.ts'
import { buildEndTransactionMarker } from '../../../engine/record/control.ts'
import {
  CLIENT,
  LOG_DIR,
  labelled,
  openLog,
  problemsOf,
  put,
  readAll,
  splitBatches,
  TOPIC_ID,
} from '../../support/log-rig.ts'
import { settled } from '../../support/simulated-broker.ts'
import { SimulatedDisk } from '../../support/simulated-disk.ts'
import type { Operation } from '../../support/simulated-faults.ts'

const SYNCS: ReadonlySet<Operation> = new Set(['sync', 'syncDir'])

describe('a log', () => {
  it('numbers batches, patches offset and epoch in place, and shows them once written', async () => {
    const log = await openLog(new SimulatedDisk())
    const first = labelled('a', 3)
    const second = labelled('b', 2)
    expect(log.append(first, { ...CLIENT, leaderEpoch: 4 })).toMatchObject({
      errorCode: 0,
      baseOffset: 0,
      lastOffset: 2,
      duplicate: false,
    })
    log.append(second, { ...CLIENT, leaderEpoch: 4 })
    expect([log.logEndOffset, log.stagedEndOffset]).toEqual([0, 5])
    log.writeStaged()
    expect([log.logEndOffset, log.stagedEndOffset]).toEqual([5, 5])
    const batches = await readAll(log)
    expect(batches.map(({ baseOffset, leaderEpoch }) => [baseOffset, leaderEpoch])).toEqual([
      [0, 4],
      [3, 4],
    ])
    expect(batches[1]!.bytes.equals(second)).toBe(true)
  })

  it('reads the same batches after a clean stop and start, from memory and from disk', async () => {
    const disk = new SimulatedDisk()
    let log = await openLog(disk)
    for (let i = 0; i < 60; i++) put(log, labelled(`value ${i}`, 1 + (i % 4)))
    const before = await readAll(log)
    expect(log.segmentBaseOffsets().length).toBeGreaterThan(3)
    await log.close('clean')
    expect(await problemsOf(disk)).toEqual([])
    log = await openLog(disk)
    for (const how of ['read', 'readAsync'] as const)
      for (const maxBytes of [1, 150, 1_000, 1_000_000])
        expect(await readAll(log, 0, maxBytes, how)).toEqual(before)
    expect(disk.openPaths.length).toBeGreaterThan(0)
    await log.close('clean')
    expect(disk.openPaths).toEqual([])
  })

  it('writes all batches of a turn with one call per segment', async () => {
    const disk = new SimulatedDisk()
    const log = await openLog(disk, { segmentBytes: 1_000_000 })
    let writes = 0
    disk.onCall = (operation) => {
      if (operation === 'write') writes++
    }
    for (let i = 0; i < 50; i++) log.append(labelled(`value ${i}`), CLIENT)
    log.writeStaged()
    expect(writes).toBe(1)
    expect((await readAll(log)).length).toBe(50)
  })

  it('keeps a batch whole and refuses one that is larger than a segment', async () => {
    const log = await openLog(new SimulatedDisk(), { segmentBytes: 200 })
    const result = log.append(labelled('x'.repeat(300)), CLIENT)
    expect(result.errorCode).toBe(ErrorCode.RECORD_LIST_TOO_LARGE)
    expect(log.stagedEndOffset).toBe(0)
  })

  it('accepts batches with gaps and without records', async () => {
    const disk = new SimulatedDisk()
    const log = await openLog(disk)
    put(log, labelled('full', 2))
    put(log, labelled('gap', 2, { lastOffsetDelta: 9 }))
    put(log, labelled('', 0, { lastOffsetDelta: 4 }))
    expect(log.logEndOffset).toBe(17)
    expect((await readAll(log)).map(({ lastOffset }) => lastOffset)).toEqual([1, 11, 16])
    await log.close('clean')
    expect(await problemsOf(disk)).toEqual([])
  })

  it('answers a duplicate of an idempotent producer with the original offsets', async () => {
    const log = await openLog(new SimulatedDisk())
    const producer = { producerId: 9, producerEpoch: 0 }
    const batch = () => labelled('p', 3, { ...producer, baseSequence: 0 })
    log.append(batch(), CLIENT)
    const again = log.append(batch(), CLIENT)
    expect(again).toMatchObject({ errorCode: 0, duplicate: true, baseOffset: 0, lastOffset: 2 })
    expect(log.stagedEndOffset).toBe(3)
    const gap = log.append(labelled('p', 1, { ...producer, baseSequence: 7 }), CLIENT)
    expect(gap.errorCode).toBe(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
    log.writeStaged()
    expect(log.logEndOffset).toBe(3)
  })

  it('wants sequence 0 first on an empty partition', async () => {
    const log = await openLog(new SimulatedDisk())
    const late = labelled('p', 1, { producerId: 9, producerEpoch: 0, baseSequence: 5 })
    expect(log.append(late, CLIENT).errorCode).toBe(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
  })

  it('remembers producers over a restart', async () => {
    const disk = new SimulatedDisk()
    let log = await openLog(disk)
    const batch = (sequence: number) =>
      labelled('p', 1, { producerId: 9, producerEpoch: 0, baseSequence: sequence })
    for (let i = 0; i < 30; i++) put(log, batch(i))
    await log.close('clean')
    log = await openLog(disk)
    expect(log.append(batch(29), CLIENT)).toMatchObject({ duplicate: true, baseOffset: 29 })
    expect(log.append(batch(30), CLIENT)).toMatchObject({ duplicate: false, baseOffset: 30 })
  })

  it('knows open and aborted transactions', async () => {
    const disk = new SimulatedDisk()
    const log = await openLog(disk)
    const producer = { producerId: 9, producerEpoch: 0, isTransactional: true }
    put(log, labelled('plain'))
    put(log, labelled('t', 2, { ...producer, baseSequence: 0 }))
    expect(log.firstUnstableOffset()).toBe(1)
    const marker = buildEndTransactionMarker({
      type: 'abort',
      producerId: 9,
      producerEpoch: 0,
      coordinatorEpoch: 1,
      timestamp: 5,
    })
    log.append(marker, { ...CLIENT, kind: 'coordinator' })
    log.writeStaged()
    expect(log.firstUnstableOffset()).toBe(1)
    log.onHighWatermark(log.logEndOffset)
    expect(log.firstUnstableOffset()).toBeNull()
    expect(log.abortedTransactions(0, 4)).toMatchObject([{ producerId: 9, firstOffset: 1 }])
    expect(log.abortedTransactions(4, 9)).toEqual([])
    await log.close('clean')
    expect(await problemsOf(disk)).toEqual([])
    expect(disk.snapshot().get(`${LOG_DIR}/00000000000000000000.txnindex`)!.length).toBe(34)
  })

  it('refuses a marker of an older coordinator', async () => {
    const log = await openLog(new SimulatedDisk())
    const marker = (coordinatorEpoch: number) =>
      buildEndTransactionMarker({
        type: 'commit',
        producerId: 9,
        producerEpoch: 3,
        coordinatorEpoch,
        timestamp: 5,
      })
    const origin = { ...CLIENT, kind: 'coordinator' } as const
    expect(log.append(marker(5), origin).errorCode).toBe(0)
    expect(log.append(marker(4), origin).errorCode).toBe(ErrorCode.TRANSACTION_COORDINATOR_FENCED)
  })

  it('keeps leader epochs and where they end', async () => {
    const disk = new SimulatedDisk()
    let log = await openLog(disk)
    put(log, labelled('a', 2), 1)
    put(log, labelled('b', 2), 3)
    put(log, labelled('c', 2), 3)
    log.assignLeaderEpoch(5)
    expect(log.endOffsetForEpoch(1)).toEqual({ epoch: 1, endOffset: 2 })
    expect(log.endOffsetForEpoch(2)).toEqual({ epoch: 1, endOffset: 2 })
    expect(log.endOffsetForEpoch(3)).toEqual({ epoch: 3, endOffset: 6 })
    expect(log.endOffsetForEpoch(5)).toEqual({ epoch: 5, endOffset: 6 })
    expect(log.endOffsetForEpoch(6)).toEqual({ epoch: -1, endOffset: -1 })
    await log.close('clean')
    log = await openLog(disk)
    expect([log.leaderEpochAt(1), log.leaderEpochAt(2), log.leaderEpochAt(5)]).toEqual([1, 3, 3])
  })

  it('makes no folder before it is needed when opened lazily', async () => {
    const disk = new SimulatedDisk()
    const log = await openLog(disk, {}, { newFolder: 'later' })
    expect(disk.snapshot().size).toBe(0)
    expect(log.hasFolder).toBe(false)
    expect(log.read(0, 100, 0, true).length).toBe(0)
    expect(log.sizeBytes).toBe(0)
    await Promise.all([log.createFolder(), log.createFolder()])
    put(log, labelled('first'))
    expect((await readAll(log)).length).toBe(1)
    await log.close('clean')
    expect([...disk.snapshot().keys()]).toContain(`${LOG_DIR}/partition.metadata`)
  })

  it('syncs nothing of a folder made ahead before the first append asks for it', async () => {
    const disk = new SimulatedDisk()
    const syncs: string[] = []
    disk.onCall = (operation, path) => {
      if (operation === 'sync' || operation === 'syncDir') syncs.push(path)
    }
    const log = await openLog(disk, {}, { newFolder: 'made' })
    expect([log.hasFolder, log.takesAppends]).toEqual([true, false])
    expect(syncs).toEqual([])
    await log.createFolder()
    expect(log.takesAppends).toBe(true)
    expect(syncs).toEqual([`${LOG_DIR}/partition.metadata`, LOG_DIR, '/data'])
    put(log, labelled('first'))
    await log.createFolder()
    expect(syncs.length).toBe(3)
    await log.close('clean')
  })

  it('opens whatever a power loss left of a folder made ahead', async () => {
    for (let seed = 0; seed < 200; seed++) {
      const disk = SimulatedDisk.holding({ '/data/meta.properties': '' }, { seed })
      const log = await openLog(disk, {}, { newFolder: 'made' })
      const after = disk.crash(seed)
      await log.close('abandon')
      const again = await openLog(after, {}, { newFolder: 'made' })
      await again.createFolder()
      put(again, labelled('first'))
      await again.sync()
      const last = after.crash(seed)
      await again.close('abandon')
      expect((await readAll(await openLog(last))).length).toBe(1)
    }
  })

  it('makes durable what a process made that died before the first append', async () => {
    const disk = SimulatedDisk.holding({ '/data/meta.properties': '' })
    await (await openLog(disk, {}, { newFolder: 'made' })).close('abandon')
    const log = await openLog(disk, {}, { newFolder: 'made' })
    expect(log.takesAppends).toBe(false)
    await log.createFolder()
    put(log, labelled('first'))
    await log.sync()
    for (const after of disk.crashStates(1))
      expect(await readPartitionMetadata(after, LOG_DIR)).toBe(TOPIC_ID)
    await log.close('abandon')
  })

  it.each([/metadata$/, /orders-0$/])(
    'syncs nothing again when a sync of %s failed',
    async (path) => {
      const disk = SimulatedDisk.holding({ '/data/meta.properties': '' })
      const log = await openLog(disk, {}, { newFolder: 'made' })
      disk.inject({ at: 1, path, fault: { kind: 'sync-failure', mode: 'kept' }, operations: SYNCS })
      await expect(log.createFolder()).rejects.toThrow(/EIO/)
      await settled()
      await expect(log.createFolder()).rejects.toThrow(/EIO/)
      expect(disk.retriedSyncs).toEqual([])
      await log.close('abandon')
    },
  )

  it('writes the identity again when a full disk left only its name', async () => {
    const disk = SimulatedDisk.holding({ '/data/meta.properties': '' })
    const full = { kind: 'error', code: 'ENOSPC' } as const
    disk.inject({ at: 1, operation: 'write', path: /metadata$/, fault: full })
    const log = await openLog(disk)
    expect(log.hasFolder).toBe(false)
    await log.createFolder()
    expect(await readPartitionMetadata(disk, LOG_DIR)).toBe(TOPIC_ID)
    await log.close('abandon')
  })

  it('opens a folder in which writing the identity was cut short twice', async () => {
    const disk = new SimulatedDisk()
    await (await openLog(disk)).close('clean')
    await disk.unlink(`${LOG_DIR}/partition.metadata`)
    const left = await disk.open(`${LOG_DIR}/partition.metadata.tmp`, 'create-new')
    await left.close()
    const log = await openLog(disk)
    expect(await readPartitionMetadata(disk, LOG_DIR)).toBe(TOPIC_ID)
    expect((await disk.list(LOG_DIR)).filter((name) => name.endsWith('.tmp'))).toEqual([])
    await log.close('abandon')
  })

  it("refuses a folder of another topic's id", async () => {
    const disk = new SimulatedDisk()
    await (await openLog(disk)).close('clean')
    await expect(openLog(disk, {}, { topicId: 'BBBBBBBBBBBBBBBBBBBBBA' })).rejects.toThrow(
      /belongs to topic id/,
    )
  })

  it('renames its folder when the topic is deleted, and waits for readers', async () => {
    const disk = new SimulatedDisk()
    const log = await openLog(disk)
    put(log, labelled('gone'))
    const slice = log.read(0, 100, 1, true)
    const deleting = log.delete()
    await new Promise<void>((resolve) => setImmediate(resolve))
    const names = [...disk.snapshot().keys()].filter((name) => name.endsWith('-delete/'))
    expect(names).toHaveLength(1)
    const bytes = Buffer.alloc(slice.length)
    slice.file!.readSync(bytes, slice.position)
    expect(splitBatches(bytes)).toHaveLength(1)
    slice.lease.release()
    const path = await deleting
    expect(disk.openPaths).toEqual([])
    await disk.removeDir(path!)
    expect([...disk.snapshot().keys()]).toEqual(['/data/'])
  })
})
