/**
 * A consumer that waits in Fetch at the end of one partition and tells when it has which batch: the
 * receiving end of end-to-end latencies.
 */
import type { Socket } from 'node:net'
import {
  batchAttributes,
  batchBaseOffset,
  batchLastOffset,
  batchSizeInBytes,
  isControl,
} from '../../engine/record/batch.ts'
import type { Address } from '../../net/client/address.ts'
import { AnswerReader } from './answer-reader.ts'
import { openSocket } from './client-socket.ts'
import {
  answerRecordsRange,
  fetchRequest,
  type Isolation,
  patchCorrelationId,
  patchFetchOffset,
} from './frames.ts'

const MAX_BYTES = 16 * 1024 * 1024
const WAIT_MS = 500
const BATCH_HEADER_BYTES = 61

export interface ParkedReaderOptions {
  readonly address: Address
  readonly topic: string
  readonly partition: number
  /** First offset to read. */
  readonly offset: number
  readonly isolation: Isolation
  /** A whole batch has arrived; the offset is what it would be without transactions' markers. */
  onBatch(baseOffset: number, size: number): void
  onFailure(error: Error): void
}

export class ParkedReader {
  private readonly options: ParkedReaderOptions
  private readonly request: ReturnType<typeof fetchRequest>
  private readonly reader: AnswerReader
  private socket: Socket | null = null
  private offset: number
  private nextId = 1
  private closed = false
  /** Offsets that markers have taken. */
  private markers = 0

  private constructor(options: ParkedReaderOptions) {
    const { topic, partition, offset, isolation } = options
    this.options = options
    this.offset = offset
    const limits = { maxBytes: MAX_BYTES, maxWaitMs: WAIT_MS }
    this.request = fetchRequest({ topic, partition, isolation, ...limits })
    this.reader = new AnswerReader(
      this.request.answer,
      {
        onAnswer: () => this.fetch(),
        onFailure: (error) => options.onFailure(error),
        onFrame: (frame) => this.read(frame),
      },
      true,
    )
  }

  /** Resolves when the first Fetch is on its way. */
  static async open(options: ParkedReaderOptions): Promise<ParkedReader> {
    const reader = new ParkedReader(options)
    reader.socket = await openSocket(options.address, {
      onBytes: (buffer, bytes) => reader.reader.receive(buffer, bytes),
      onLost: (why) => {
        if (!reader.closed) options.onFailure(new Error(`lost a connection: ${why}`))
      },
    })
    reader.fetch()
    return reader
  }

  close(): void {
    this.closed = true
    this.socket?.destroy()
  }

  private fetch(): void {
    if (this.closed) return
    const { frame, fetchOffsetAt } = this.request
    patchCorrelationId(frame, 0, this.nextId)
    this.nextId = (this.nextId + 1) & 0x7fff_ffff
    patchFetchOffset(frame, fetchOffsetAt, this.offset)
    // One request at a time: nobody is sending the frame any more.
    this.socket?.write(frame)
  }

  /** Whole batches; what max bytes cut off comes again. */
  private read(frame: Buffer): void {
    const [start, end] = answerRecordsRange(this.request.answer, frame)
    for (let at = start; end - at >= BATCH_HEADER_BYTES; ) {
      const size = batchSizeInBytes(frame, at)
      if (size > end - at) break
      const lastOffset = batchLastOffset(frame, at)
      if (lastOffset >= this.offset) {
        const baseOffset = batchBaseOffset(frame, at)
        if (isControl(batchAttributes(frame, at))) this.markers += lastOffset + 1 - baseOffset
        else this.options.onBatch(baseOffset - this.markers, size)
        this.offset = lastOffset + 1
      }
      at += size
    }
  }
}
