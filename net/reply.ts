/**
 * A reply on its way: bodies are kept as values and encoded when their turn to be sent has come,
 * all of a turn behind one another into one buffer of the shard.
 *
 * Record bytes of a fetch are not values but ranges of files. Small ones are read straight into
 * that buffer; large or uncached ones leave a hole, and the outbox streams them in between
 * (outbox.ts).
 */
import { broken } from '../engine/base/assert.ts'
import { limits } from '../engine/base/limits.ts'
import { Writer } from '../engine/schema/writer.ts'
import type { ReadResult } from '../engine/shard-port.ts'

/** A range of a segment file that belongs into a reply. */
export type RecordRange = Pick<
  ReadResult,
  'file' | 'position' | 'length' | 'cached' | 'zerosBehind'
>

export interface ReplyBody {
  /** Record bytes it will ask `records` for, so that they can be read inline or not. */
  readonly recordBytes: number
  /** Some of them are not in the page cache for certain. */
  readonly uncached: boolean
  /** Writes the body behind the header; called at most once, on the connection's thread. */
  encode(output: ReplyOutput): void
  /** Its bytes were taken by the socket, or never will be. Called exactly once. */
  release(): void
}

/**
 * What a handler is given to answer one request of the hot path; exactly one of the two ends it.
 */
export interface Reply {
  /** False once the connection is gone; the request still ends by `send` or `nothing`. */
  readonly alive: boolean
  send(body: ReplyBody): void
  /** The client is over a quota: its connection is not read for this long; call before `send`. */
  throttle(forMs: number): void
  /** No reply is due (acks=0). */
  nothing(): void
  /** No reply, and the connection is closed with a log line that gives the reason. */
  hangUp(reason: string): void
  /** Runs if the connection dies first: a parked request shall stop waiting. */
  onAbandon(run: () => void): void
}

export interface Hole {
  /** Bytes of the writer before it. */
  readonly at: number
  readonly range: RecordRange
}

const LENGTH_BYTES = 4

/** Encodes replies of one shard; one instance, used by one connection at a time. */
export class ReplyOutput {
  readonly writer = new Writer(limits.replyInlineBytesMax)
  readonly holes: Hole[] = []
  readonly inlineBytesMax: number
  /** Bytes of all holes. */
  holeBytes = 0
  private inline = true

  /** Record bytes of one reply up to `inlineBytesMax` are read into the turn's write. */
  constructor(inlineBytesMax: number = limits.replyInlineBytesMax) {
    this.inlineBytesMax = inlineBytesMax
  }

  reset(): void {
    this.writer.reset()
    this.holeBytes = 0
    // To set a length is a call into the runtime, also where it changes nothing.
    if (this.holes.length > 0) this.holes.length = 0
  }

  /** Appends one whole frame. When a body throws, the output is unusable until `reset`. */
  frame(correlationId: number, taggedHeader: boolean, body: ReplyBody): void {
    const { writer } = this
    const holeBytesBefore = this.holeBytes
    this.inline = !body.uncached && body.recordBytes <= this.inlineBytesMax
    const lengthAt = writer.reserve(LENGTH_BYTES)
    writer.int32(correlationId)
    if (taggedHeader) writer.unsignedVarint(0)
    body.encode(this)
    const length = writer.size - lengthAt - LENGTH_BYTES + this.holeBytes - holeBytesBefore
    writer.patchInt32(lengthAt, length)
  }

  /** The bytes of a record range come here; their length prefix has been written. */
  records(range: RecordRange): void {
    if (range.length === 0) return
    const { writer } = this
    if (!this.inline) {
      this.holes.push({ at: writer.size, range })
      this.holeBytes += range.length
      return
    }
    const at = writer.reserve(range.length)
    readFully(range, writer.bytes().subarray(at))
  }
}

/** Fills `into` from the start of a range; throws when the file ends before. */
function readFully(range: RecordRange, into: Buffer): void {
  const { file } = range
  if (file === null) broken(`a range of ${range.length} bytes has a file`)
  let done = 0
  while (done < into.length) {
    const bytes = file.readSync(into.subarray(done), range.position + done)
    if (bytes <= 0)
      throw new Error(
        `${file.path} ended ${into.length - done} bytes before the range at ${range.position}`,
      )
    done += bytes
  }
}
