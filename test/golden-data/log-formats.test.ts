import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  CheckpointFile,
  formatOffsetCheckpoint,
  parseOffsetCheckpoint,
} from '../../engine/log/checkpoints.ts'
import { formatCleanShutdown, parseCleanShutdown } from '../../engine/log/clean-shutdown.ts'
import { listDataFolder } from '../../engine/log/data-folder.ts'
import { LeaderEpochs, parseLeaderEpochs } from '../../engine/log/leader-epochs.ts'
import { formatMetaProperties, parseMetaProperties } from '../../engine/log/meta-properties.ts'
import { NodeDisk } from '../../engine/log/node-disk.ts'
import { OffsetIndex } from '../../engine/log/offset-index.ts'
import {
  formatPartitionMetadata,
  parsePartitionMetadata,
} from '../../engine/log/partition-metadata.ts'
import {
  decodeProducerSnapshot,
  encodeProducerSnapshot,
  type ProducerSnapshotEntry,
} from '../../engine/log/producer-snapshot.ts'
import { type EndedTransaction, ProducerStateManager } from '../../engine/log/producer-state.ts'
import { TimeIndex } from '../../engine/log/time-index.ts'
import { TransactionIndex } from '../../engine/log/transaction-index.ts'
import { batchLastOffset, batchLeaderEpoch, batchSizeInBytes } from '../../engine/record/batch.ts'
import { SimulatedDisk } from '../support/simulated-disk.ts'

const DATA = new URL('../golden/logs/data/', import.meta.url).pathname
const DUMP = new URL('../golden/logs/dump/', import.meta.url).pathname
const INDEX_BYTES = 10 * 1024 * 1024

const partitions = readdirSync(DATA).filter(
  (name) => statSync(DATA + name).isDirectory() && name !== '__cluster_metadata-0',
)

/** Every file with the suffix, as `partition/name`. */
function filesWith(suffix: string): string[] {
  return partitions.flatMap((partition) =>
    readdirSync(DATA + partition)
      .filter((name) => name.endsWith(suffix))
      .map((name) => `${partition}/${name}`),
  )
}

const baseOffsetOf = (file: string) => Number(/(\d{20})\./.exec(file)![1])

/** The lines of Kafka's dump that describe an entry. */
function dumpOf(file: string, first: string): string[] {
  return readFileSync(`${DUMP}${file}.dump.txt`, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith(first))
    .map((line) => line.trim())
}

async function onDisk(file: string): Promise<{ disk: SimulatedDisk; path: string; bytes: Buffer }> {
  const bytes = readFileSync(DATA + file)
  return { disk: SimulatedDisk.holding({ '/file': bytes }), path: '/file', bytes }
}

/** Position behind the last batch of the segment, and the offset behind it. */
function endOf(file: string): { logEndOffset: number; logBytes: number } {
  const log = readFileSync(`${DATA}${file.replace(/\.\w+$/, '.log')}`)
  let logEndOffset = baseOffsetOf(file)
  for (let at = 0; at < log.length; at += batchSizeInBytes(log, at))
    logEndOffset = batchLastOffset(log, at) + 1
  return { logEndOffset, logBytes: log.length }
}

/** All batches of a partition in order. */
function* batchesOf(partition: string): Generator<{ log: Buffer; at: number }> {
  for (const name of readdirSync(DATA + partition).sort()) {
    if (!name.endsWith('.log')) continue
    const log = readFileSync(`${DATA}${partition}/${name}`)
    for (let at = 0; at < log.length; at += batchSizeInBytes(log, at)) yield { log, at }
  }
}

describe('files that Kafka 4.2 wrote', () => {
  it('are all there', () => {
    expect(partitions.length).toBe(43)
    expect(filesWith('.index').length).toBeGreaterThan(70)
    expect(filesWith('.txnindex').length).toBeGreaterThan(10)
    expect(filesWith('.snapshot').length).toBeGreaterThan(70)
  })

  it.each(filesWith('.index'))('%s reads as dumped and re-encodes', async (file) => {
    const { disk, path, bytes } = await onDisk(file)
    const index = await OffsetIndex.open(disk, path, baseOffsetOf(file), INDEX_BYTES)
    const lines = Array.from({ length: index.count }, (_, i) => {
      const { offset, position } = index.entry(i)
      return `offset: ${offset} position: ${position}`
    })
    expect(lines).toEqual(dumpOf(file, 'offset:'))
    const { logEndOffset, logBytes } = endOf(file)
    expect(index.sanityCheck(logEndOffset, logBytes)).toBe(null)
    const copy = await OffsetIndex.open(disk, '/copy', baseOffsetOf(file), INDEX_BYTES)
    for (let i = 0; i < index.count; i++) {
      const { offset, position } = index.entry(i)
      copy.append(offset, position)
    }
    await copy.flush()
    expect(disk.snapshot().get('/copy')).toEqual(bytes)
  })

  it.each(filesWith('.timeindex'))('%s reads as dumped and re-encodes', async (file) => {
    const { disk, path, bytes } = await onDisk(file)
    const index = await TimeIndex.open(disk, path, baseOffsetOf(file), INDEX_BYTES)
    const lines = Array.from({ length: index.count }, (_, i) => {
      const { timestamp, offset } = index.entry(i)
      return `timestamp: ${timestamp} offset: ${offset}`
    })
    expect(lines).toEqual(dumpOf(file, 'timestamp:'))
    expect(index.sanityCheck(endOf(file).logEndOffset)).toBe(null)
    const copy = await TimeIndex.open(disk, '/copy', baseOffsetOf(file), INDEX_BYTES)
    for (let i = 0; i < index.count; i++) {
      const { timestamp, offset } = index.entry(i)
      copy.maybeAppend(timestamp, offset)
    }
    await copy.flush()
    expect(disk.snapshot().get('/copy')).toEqual(bytes)
  })

  it.each(filesWith('.txnindex'))('%s reads as dumped and re-encodes', async (file) => {
    const { disk, path, bytes } = await onDisk(file)
    const index = await TransactionIndex.open(disk, path, baseOffsetOf(file))
    const entries = Array.from({ length: index.count }, (_, i) => index.entry(i))
    const lines = entries.map(
      (entry) =>
        `version: 0 producerId: ${entry.producerId} firstOffset: ${entry.firstOffset} ` +
        `lastOffset: ${entry.lastOffset} lastStableOffset: ${entry.lastStableOffset}`,
    )
    expect(lines).toEqual(dumpOf(file, 'version:'))
    expect(index.sanityCheck(endOf(file).logEndOffset)).toBe(null)
    const copy = await TransactionIndex.open(disk, '/copy', baseOffsetOf(file))
    for (const entry of entries) copy.append(entry)
    await copy.flush()
    expect(disk.snapshot().get('/copy')).toEqual(bytes)
  })

  it.each(filesWith('.snapshot'))('%s reads as dumped and re-encodes', (file) => {
    const bytes = readFileSync(DATA + file)
    const entries = decodeProducerSnapshot(bytes, file)
    expect(entries.map(dumpLine)).toEqual(dumpOf(file, 'producerId:'))
    expect(encodeProducerSnapshot(entries)).toEqual(bytes)
    const state = new ProducerStateManager(Number.POSITIVE_INFINITY)
    state.load(entries, 0)
    expect(encodeProducerSnapshot(state.snapshot())).toEqual(bytes)
  })

  it.each(partitions)('%s: epochs and topic id read and re-encode', (partition) => {
    const epochFile = `${DATA}${partition}/leader-epoch-checkpoint`
    if (existsSync(epochFile)) {
      const bytes = readFileSync(epochFile)
      const epochs = new LeaderEpochs(parseLeaderEpochs(bytes, epochFile))
      expect(epochs.format()).toBe(bytes.toString())
    }
    const metadata = readFileSync(`${DATA}${partition}/partition.metadata`)
    const topicId = parsePartitionMetadata(metadata, partition)
    expect(formatPartitionMetadata(topicId)).toBe(metadata.toString())
  })

  it('checkpoints, meta.properties and the clean marker read and re-encode', () => {
    for (const name of Object.values(CheckpointFile)) {
      const bytes = readFileSync(DATA + name)
      expect(formatOffsetCheckpoint(parseOffsetCheckpoint(bytes, name))).toBe(bytes.toString())
    }
    const meta = readFileSync(`${DATA}meta.properties`)
    const properties = parseMetaProperties(meta, 'meta.properties')
    expect(properties).toEqual({
      version: 1,
      clusterId: 'Kq2wJ8cDTmqv1Yt0gLDNfg',
      nodeId: 1,
      directoryId: 'xezkuQF-0J2rCO--Q31aaQ',
    })
    const written = Date.parse('Sun, 22 Nov 2026 19:54:23 GMT')
    expect(formatMetaProperties(properties, written)).toBe(meta.toString())
    const marker = readFileSync(`${DATA}.kafka_cleanshutdown`)
    expect(parseCleanShutdown(marker)).toBe(1128)
    expect(formatCleanShutdown(1128)).toBe(marker.toString())
  })

  it('lie in folders whose names are understood', async () => {
    const { folders, unknown } = await listDataFolder(new NodeDisk(), DATA.replace(/\/$/, ''))
    expect(folders.map(({ name }) => name)).toEqual([...partitions].sort())
    expect(
      folders.every(({ kind, name, topic, partition }) => {
        return kind === 'partition' && name === `${topic}-${partition}`
      }),
    ).toBe(true)
    expect(unknown).toEqual([])
  })
})

describe('state replayed from the batches that Kafka 4.2 wrote', () => {
  it.each(partitions)('%s: equals the snapshot of the clean stop', (partition) => {
    const snapshots = filesWith('.snapshot').filter((file) => file.startsWith(`${partition}/`))
    const last = snapshots.sort().at(-1)
    const state = new ProducerStateManager(Number.POSITIVE_INFINITY)
    state.onHighWatermark(Number.POSITIVE_INFINITY)
    for (const { log, at } of batchesOf(partition)) state.replay(log, at)
    const stored = last === undefined ? [] : decodeProducerSnapshot(readFileSync(DATA + last), last)
    // What compaction or DeleteRecords took away cannot be replayed, only remembered.
    const gone = /compacted|deleterecords|__/.test(partition)
    const known = new Map(state.snapshot().map((entry) => [entry.producerId, entry]))
    for (const entry of stored) if (!gone) expect(known.get(entry.producerId)).toEqual(entry)
    if (!gone) expect(known.size).toBe(stored.length)
    const open = stored.map((entry) => entry.transactionFirstOffset).filter((first) => first >= 0)
    expect(state.firstUnstableOffset()).toEqual(open.length === 0 ? null : Math.min(...open))
  })

  it.each(filesWith('.txnindex'))('%s: equals the aborts replayed', async (file) => {
    const { disk, path } = await onDisk(file)
    const index = await TransactionIndex.open(disk, path, baseOffsetOf(file))
    const stored = Array.from({ length: index.count }, (_, i) => index.entry(i))
    const state = new ProducerStateManager(Number.POSITIVE_INFINITY)
    const aborted: EndedTransaction[] = []
    const { logEndOffset } = endOf(file)
    for (const { log, at } of batchesOf(file.split('/')[0]!)) {
      const ended = state.replay(log, at)
      if (ended?.isAborted && ended.lastOffset >= baseOffsetOf(file)) aborted.push(ended)
      if (batchLastOffset(log, at) + 1 >= logEndOffset) break
    }
    // Compaction removes aborted data, so its transactions cannot be seen to begin any more.
    if (file.startsWith('compacted')) return
    expect(aborted.map(({ isAborted, ...entry }) => entry)).toEqual(stored)
  })

  it.each(partitions)('%s: epochs equal the file', (partition) => {
    const path = `${DATA}${partition}/leader-epoch-checkpoint`
    if (!existsSync(path)) return
    const stored = parseLeaderEpochs(readFileSync(path), path)
    const epochs = new LeaderEpochs()
    for (const { log, at } of batchesOf(partition)) {
      const epoch = batchLeaderEpoch(log, at)
      if (epoch > epochs.latestEpoch()) epochs.assign(epoch, Number(log.readBigInt64BE(at)))
    }
    // An epoch without a batch (a leader that wrote nothing) is known from its election alone.
    const written = new Set(epochs.all().map(({ epoch }) => epoch))
    for (const { epoch, startOffset } of stored) {
      if (!written.has(epoch) || /compacted|deleterecords|__/.test(partition)) continue
      expect(epochs.all()).toContainEqual({ epoch, startOffset })
    }
  })
})

/** One entry as kafka-dump-log prints it. */
function dumpLine(entry: ProducerSnapshotEntry): string {
  const first = entry.transactionFirstOffset
  const head =
    `producerId: ${entry.producerId} producerEpoch: ${entry.producerEpoch} ` +
    `coordinatorEpoch: ${entry.coordinatorEpoch} ` +
    `currentTxnFirstOffset: OptionalLong${first < 0 ? '.empty' : `[${first}]`} ` +
    `lastTimestamp: ${entry.timestamp}`
  if (entry.lastOffset < 0) return head
  const firstSequence = Math.max(entry.lastSequence - entry.offsetDelta, -1)
  return (
    `${head} firstSequence: ${firstSequence} lastSequence: ${entry.lastSequence} ` +
    `lastOffset: ${entry.lastOffset} offsetDelta: ${entry.offsetDelta} timestamp: ${entry.timestamp}`
  )
}
