/**
 * Batches of a .log or .checkpoint file one after another, wherever a reading begins
 * (org.apache.kafka.common.record.FileLogInputStream): only a batch's length is trusted. Memory holds
 * one batch at a time.
 *
 *   end of file, or fewer bytes left than a batch says     the walk ends; the rest is the caller's
 *   a length too small for any batch                       DumpFailed
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { BATCH_HEADER_BYTES, BatchField, batchSizeInBytes } from '../../../engine/record/batch.ts'

/** A file that cannot be dumped (further): told as what is wrong with it, exit code 1. */
export class DumpFailed extends Error {
  override name = 'DumpFailed'
  readonly hint: string | null
  constructor(message: string, hint: string | null = null) {
    super(message)
    this.hint = hint
  }
}

export interface FileBatch {
  readonly position: number
  readonly bytes: Buffer
}

/** Bytes up to and with the magic: what is needed to tell formats apart. */
const HEADER_TO_MAGIC_BYTES = 17
/** Smallest batch of the oldest format. */
const BATCH_BYTES_MIN = 14
const LENGTH_PREFIX_BYTES = 12

export class BatchFile {
  readonly path: string
  readonly bytes: number
  private readonly descriptor: number

  constructor(path: string) {
    this.path = path
    this.descriptor = openFile(path)
    this.bytes = fstatSync(this.descriptor).size
  }

  /** Walks batches that lie wholly in [start, start + limit). */
  *batches(start = 0, limit = Number.POSITIVE_INFINITY): Generator<FileBatch> {
    const end = Math.min(this.bytes, start + limit)
    let position = start
    while (position < end - HEADER_TO_MAGIC_BYTES) {
      const head = this.read(position, HEADER_TO_MAGIC_BYTES)
      const size = head.readInt32BE(BatchField.length)
      if (size < BATCH_BYTES_MIN)
        throw new DumpFailed(
          `${this.path}: at byte ${position} a batch says that it has ${size} bytes, which is ` +
            `less than any batch has (${BATCH_BYTES_MIN})`,
          'the file is damaged from here on, or is no log; a broker cuts it here when it starts',
        )
      if (position > end - LENGTH_PREFIX_BYTES - size) return
      const magic = head.readInt8(BatchField.magic)
      const bytes = this.read(position, batchSizeInBytes(head, 0))
      if (magic < 2 || bytes.length < BATCH_HEADER_BYTES)
        throw new DumpFailed(
          `${this.path}: at byte ${position} is a batch of format ${magic}`,
          'only format 2, that of Kafka 0.11 and later, can be dumped here',
        )
      yield { position, bytes }
      position += bytes.length
    }
  }

  close(): void {
    closeSync(this.descriptor)
  }

  private read(position: number, size: number): Buffer {
    const buffer = Buffer.alloc(size)
    let filled = 0
    while (filled < size) {
      const got = readSync(this.descriptor, buffer, filled, size - filled, position + filled)
      if (got === 0) throw new DumpFailed(`${this.path}: became shorter while it was read`)
      filled += got
    }
    return buffer
  }
}

/** Opens for reading; absence and refusals in words for people. */
export function openFile(path: string): number {
  try {
    return openSync(path, 'r')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT')
      throw new DumpFailed(
        `${path}: there is no such file`,
        'give paths of files as they lie in a partition folder of log.dirs',
      )
    throw new DumpFailed(`${path}: ${error instanceof Error ? error.message : String(error)}`)
  }
}
