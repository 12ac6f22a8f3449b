/**
 * Kafka's metadata log, `__cluster_metadata-0`, as a stopped broker left it (KIP-500, KIP-630;
 * org.apache.kafka.raft): the newest snapshot, then the segments from its end on.
 *
 *   <end offset, 20 digits>-<epoch, 10 digits>.checkpoint   state below the end offset, as batches
 *   <base offset, 20 digits>.log                            batches of the log
 *
 * Control batches carry nothing of the state. Records between BeginTransactionRecord and
 * EndTransactionRecord count only with the latter (KIP-868). A single voter's log has no uncommitted
 * end: what is there whole counts. Memory holds one batch and what the state keeps of it.
 *
 * Throws MetadataUnreadable with what is wrong where.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { MalformedRequest } from '../../engine/base/errors.ts'
import {
  batchAttributes,
  batchBaseOffset,
  batchLastOffset,
  batchLeaderEpoch,
  isControl,
  storedBatchProblem,
} from '../../engine/record/batch.ts'
import { readRecords } from '../../engine/record/iterate.ts'
import { decoderFor } from '../../engine/schema/codec.ts'
import { Reader } from '../../engine/schema/reader.ts'
import { BatchFile, DumpFailed } from '../cli/dump/batch-file.ts'
import { metadataRecords } from '../cli/dump/metadata-schemas.ts'

export const FRAME_VERSION = 1

const BEGIN_TRANSACTION = 23
const END_TRANSACTION = 24
const ABORT_TRANSACTION = 25
/** Of one batch after decompression; Kafka's own bound for metadata batches is 8 MiB. */
const BATCH_BYTES_MAX = 64 << 20

export class MetadataUnreadable extends Error {
  override name = 'MetadataUnreadable'
}

/** One record of the log; `fields` as the schema of its type in metadata-schemas.ts names them. */
export interface MetadataRecord {
  readonly type: number
  readonly version: number
  readonly fields: unknown
}

/** Where the log ends, for whoever appends to it. */
export interface MetadataEnd {
  readonly endOffset: number
  /** Of the last batch. */
  readonly epoch: number
  /** The segment appended to. */
  readonly segmentPath: string
  /** End of its last whole batch. */
  readonly segmentBytes: number
  /** Bytes behind that: a write that was never completed. */
  readonly tornBytes: number
}

/** Reads `folder` from the newest snapshot on, in order, and says where it ends. */
export function readMetadataLog(
  folder: string,
  onRecord: (record: MetadataRecord) => void,
): MetadataEnd {
  const names = listOf(folder)
  const snapshot = names.filter((name) => /^\d{20}-\d{10}\.checkpoint$/.test(name)).at(-1)
  const transaction = new RecordTransaction(onRecord)
  let fromOffset = 0
  let epoch = 0
  if (snapshot !== undefined) {
    fromOffset = Number(snapshot.slice(0, 20))
    epoch = Number(snapshot.slice(21, 31))
    const { torn } = readBatches(join(folder, snapshot), (batch) => readBatch(batch, transaction))
    if (torn > 0) throw new MetadataUnreadable(`${join(folder, snapshot)} is cut off`)
  }
  const segments = names.filter((name) => /^\d{20}\.log$/.test(name))
  const last = segments.at(-1)
  if (last === undefined) throw new MetadataUnreadable(`${folder} has no segment`)
  let endOffset = fromOffset
  let end = { bytes: 0, torn: 0 }
  for (const name of segments) {
    const path = join(folder, name)
    end = readBatches(path, (batch) => {
      const lastOffset = batchLastOffset(batch, 0)
      if (lastOffset < fromOffset) return
      const baseOffset = batchBaseOffset(batch, 0)
      if (baseOffset !== endOffset)
        throw new MetadataUnreadable(`${path}: offset ${baseOffset} follows ${endOffset - 1}`)
      readBatch(batch, transaction)
      endOffset = lastOffset + 1
      epoch = batchLeaderEpoch(batch, 0)
    })
    if (end.torn > 0 && name !== last) throw new MetadataUnreadable(`${path} is cut off`)
  }
  transaction.end()
  return {
    endOffset,
    epoch,
    segmentPath: join(folder, last),
    segmentBytes: end.bytes,
    tornBytes: end.torn,
  }
}

function listOf(folder: string): string[] {
  try {
    return readdirSync(folder).sort()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new MetadataUnreadable(`there is no ${folder}`)
  }
}

/** Walks the whole batches of a file, each checked; damage before its end is an error. */
function readBatches(
  path: string,
  onBatch: (batch: Buffer) => void,
): { readonly bytes: number; readonly torn: number } {
  const file = new BatchFile(path)
  let end = 0
  try {
    for (const { position, bytes } of file.batches()) {
      const problem = storedBatchProblem(bytes, 0, bytes.length)
      if (problem !== null) throw new MetadataUnreadable(`${path} at byte ${position}: ${problem}`)
      onBatch(bytes)
      end = position + bytes.length
    }
    return { bytes: end, torn: file.bytes - end }
  } catch (error) {
    if (error instanceof DumpFailed) throw new MetadataUnreadable(error.message)
    throw error
  } finally {
    file.close()
  }
}

function readBatch(batch: Buffer, transaction: RecordTransaction): void {
  if (isControl(batchAttributes(batch, 0))) return
  for (const { value, offset } of readRecords(batch, 0, BATCH_BYTES_MAX)) {
    if (value === null) throw new MetadataUnreadable(`the record at offset ${offset} has no value`)
    transaction.add(decodeRecord(value, offset))
  }
}

function decodeRecord(value: Buffer, offset: number): MetadataRecord {
  const reader = new Reader(value)
  const frame = reader.unsignedVarint()
  const type = reader.unsignedVarint()
  const version = reader.unsignedVarint()
  const schema = metadataRecords.get(type)?.[1]
  if (frame !== FRAME_VERSION || schema === undefined || version > schema.maxVersion)
    throw new MetadataUnreadable(
      `the record at offset ${offset} has type ${type} in version ${version}, which is newer than ` +
        'Kafka 4.2',
    )
  try {
    return { type, version, fields: decoderFor(schema, version)(reader) }
  } catch (error) {
    if (!(error instanceof MalformedRequest)) throw error
    throw new MetadataUnreadable(`the record at offset ${offset}: ${error.message}`)
  }
}

/** Holds records back until their transaction ends. */
class RecordTransaction {
  private readonly onRecord: (record: MetadataRecord) => void
  private held: MetadataRecord[] | null = null

  constructor(onRecord: (record: MetadataRecord) => void) {
    this.onRecord = onRecord
  }

  add(record: MetadataRecord): void {
    switch (record.type) {
      case BEGIN_TRANSACTION:
        this.held = []
        return
      case END_TRANSACTION:
        for (const held of this.held ?? []) this.onRecord(held)
        this.held = null
        return
      case ABORT_TRANSACTION:
        this.held = null
        return
      default:
        if (this.held === null) this.onRecord(record)
        else this.held.push(record)
    }
  }

  /** A transaction that never ended: the controller that leads next aborts it. */
  end(): void {
    this.held = null
  }
}
