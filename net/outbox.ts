/**
 * What leaves one connection, in order: small replies in one write per turn, large ones as a list
 * of pieces (bytes and file ranges) streamed through one chunk at a time. A chunk is refilled when
 * the socket has taken it, so a slow reader pins one chunk and its leases, and nothing else.
 *
 * Where native calls are there, what the kernel takes at once goes past Node's stream, cached ranges
 * without a copy (direct-sender.ts). What it does not take is bridged by one ordinary write of
 * limits.replyBridgeBytes: it ends when there is room again. Elsewhere cached ranges are read into the
 * chunk (about a microsecond per 4 KiB). Ranges that may be on the device only are read through the
 * pool, limits.coldReadsMax at a time per shard, save for what turns out to be in the page cache
 * (native-read.ts).
 */
import type { Socket } from 'node:net'
import { assert } from '../engine/base/assert.ts'
import { Lanes } from '../engine/base/lanes.ts'
import { limits } from '../engine/base/limits.ts'
import { DirectSender } from './direct-sender.ts'
import type { DirectSend } from './native-send.ts'
import type { RecordRange, ReplyBody, ReplyOutput } from './reply.ts'

type Piece = Buffer | RecordRange

/** Chunks and lanes for cold reads, shared by the connections of a shard. */
export class OutboxPool {
  readonly direct: DirectSend | null
  private readonly idle: Buffer[] = []
  /** At most one waits per connection. */
  readonly coldReads = new Lanes(limits.coldReadsMax)

  constructor(direct: DirectSend | null = null) {
    this.direct = direct
  }

  take(): Buffer {
    return this.idle.pop() ?? Buffer.allocUnsafeSlow(limits.replyChunkBytes)
  }

  give(chunk: Buffer): void {
    if (this.idle.length < limits.replyChunksIdleMax) this.idle.push(chunk)
  }
}

export class Outbox {
  private readonly socket: Socket
  private readonly pool: OutboxPool
  /** The outbox may take more, or reading may go on; called outside of `send`. */
  private readonly onProgress: () => void
  private readonly onFailure: (reason: string) => void
  private pieces: Piece[] = []
  private body: ReplyBody | null = null
  private pieceAt = 0
  private pieceDone = 0
  private piecesBytes = 0
  private chunk: Buffer | null = null
  private reading = false
  private closed = false
  /** Writes handed to the socket and not yet taken whole. */
  private writesPending = 0
  private readonly sender: DirectSender

  constructor(p: {
    socket: Socket
    pool: OutboxPool
    onProgress: () => void
    onFailure: (reason: string) => void
  }) {
    this.socket = p.socket
    this.pool = p.pool
    this.onProgress = p.onProgress
    this.onFailure = p.onFailure
    this.sender = new DirectSender(p.socket, p.pool.direct)
  }

  /** A large reply is under way: nothing may be sent until it is through. */
  get streaming(): boolean {
    return this.pieces.length > 0
  }

  /** Bytes accepted here and not yet taken by the kernel. */
  get backlogBytes(): number {
    return this.socket.writableLength + this.piecesBytes
  }

  /** The peer owes us progress: bytes lie in the socket. */
  get waitsForPeer(): boolean {
    return this.writesPending > 0 && this.socket.writableLength > 0
  }

  /** Sends everything in `output`; takes over `body`, whose ranges fill its holes. */
  send(output: ReplyOutput, body: ReplyBody | null): void {
    assert(!this.streaming, 'a reply is still streaming')
    const bytes = output.writer.bytes()
    if (output.holes.length === 0 && bytes.length <= limits.replyChunkBytes) {
      const sent = this.sender.bytes(bytes)
      if (sent < bytes.length) {
        this.write(sent === 0 ? bytes : bytes.subarray(sent))
        // Not taken at once: the socket refers to the writer's memory until it is.
        if (this.socket.writableLength > 0) output.writer.take()
      }
      body?.release()
      return
    }
    const sent = this.sender.answer(output, bytes)
    if (sent === bytes.length + output.holeBytes) {
      body?.release()
      return
    }
    this.list(output)
    this.body = body
    this.skip(sent)
    this.pump()
  }

  /** Makes a list of what is in `output`. */
  private list({ writer, holes, holeBytes }: ReplyOutput): void {
    const own = writer.take()
    let from = 0
    for (const { at, range } of holes) {
      if (at > from) this.pieces.push(own.subarray(from, at))
      this.pieces.push(range)
      from = at
    }
    if (from < own.length) this.pieces.push(own.subarray(from))
    this.piecesBytes = own.length + holeBytes
  }

  private skip(bytes: number): void {
    this.piecesBytes -= bytes
    for (let left = bytes; left > 0; ) {
      const { length } = this.pieces[this.pieceAt]!
      this.advance(Math.min(left, length), length)
      left -= length
    }
  }

  /** The connection is gone: gives back what can be given back now, the rest when its read ends. */
  close(): void {
    this.closed = true
    this.sender.close()
    if (!this.reading) this.finish()
  }

  /** Streams for as long as the socket takes chunks at once, one turn's share at most. */
  pump(): void {
    this.pumpChunks(limits.connectionReplyBytesMax - this.pumpDirect())
  }

  /** Hands pieces to the kernel itself for as long as it takes them; returns the bytes taken. */
  private pumpDirect(): number {
    const { sender } = this
    if (this.chunk !== null || this.reading || !sender.ready || !this.directAhead()) return 0
    sender.begin()
    let taken = 0
    while (this.streaming) {
      // The few bytes behind a range leave with it: alone they would take a turn and wake the peer again.
      if (taken >= limits.connectionReplyBytesMax && !Buffer.isBuffer(this.pieces[this.pieceAt]))
        break
      const bytes = this.sendPiece()
      if (bytes === 0) break
      taken += bytes
    }
    sender.end()
    return taken
  }

  /** The next range may go without a copy. */
  private directAhead(): boolean {
    const { pieces, pieceAt } = this
    const piece = pieces[pieceAt]
    const range = Buffer.isBuffer(piece) ? pieces[pieceAt + 1] : piece
    if (range === undefined || Buffer.isBuffer(range)) return false
    return this.sender.takes(range, Buffer.isBuffer(piece) ? 0 : this.pieceDone)
  }

  private sendPiece(): number {
    const { sender, pieceDone } = this
    const piece = this.pieces[this.pieceAt]
    if (piece === undefined) return 0
    const bytes = Buffer.isBuffer(piece)
      ? sender.part(piece, pieceDone, piece.length)
      : sender.range(piece, pieceDone)
    if (bytes === 0) return 0
    this.piecesBytes -= bytes
    this.advance(bytes, piece.length - pieceDone)
    if (this.pieceAt === this.pieces.length) this.finish()
    return bytes
  }

  private pumpChunks(most: number): void {
    let share = most
    while (this.streaming && this.chunk === null && !this.reading && !this.closed) {
      if (share <= 0) {
        this.onProgress()
        return
      }
      const chunk = this.pool.take()
      const filled = this.fill(chunk)
      if (this.closed) return
      if (filled === 0) {
        if (!this.reading) this.pool.give(chunk)
        return
      }
      this.sendChunk(chunk, filled)
      share -= filled
    }
  }

  private sendChunk(chunk: Buffer, filled: number): void {
    this.piecesBytes -= filled
    this.write(chunk.subarray(0, filled))
    if (this.socket.writableLength === 0) this.pool.give(chunk)
    else this.chunk = chunk
    if (this.pieceAt === this.pieces.length) this.finish()
  }

  private finish(): void {
    const { body } = this
    this.pieces = []
    this.body = null
    this.pieceAt = 0
    this.pieceDone = 0
    this.piecesBytes = 0
    body?.release()
  }

  private write(bytes: Buffer): void {
    this.sender.uncork()
    this.writesPending++
    this.socket.write(bytes, this.written)
  }

  private readonly written = (): void => {
    this.writesPending--
    if (this.writesPending > 0 || this.closed) return
    if (this.chunk !== null) {
      this.pool.give(this.chunk)
      this.chunk = null
    }
    this.onProgress()
  }

  /** Copies and reads pieces into a chunk; stops before a cold range, or starts reading it. */
  private fill(chunk: Buffer): number {
    let filled = 0
    const most = this.directAhead() ? limits.replyBridgeBytes : chunk.length
    while (filled < most) {
      const piece = this.pieces[this.pieceAt]
      if (piece === undefined) break
      const left = piece.length - this.pieceDone
      const take = Math.min(left, most - filled)
      if (Buffer.isBuffer(piece)) {
        piece.copy(chunk, filled, this.pieceDone, this.pieceDone + take)
        this.advance(take, left)
        filled += take
        continue
      }
      const into = chunk.subarray(filled, filled + take)
      const bytes = piece.cached ? this.readCached(piece, into) : this.readIfCached(piece, into)
      if (bytes <= 0) {
        if (!piece.cached && filled === 0) this.startColdRead(chunk, piece, take)
        break
      }
      this.advance(bytes, left)
      filled += bytes
    }
    return filled
  }

  private advance(bytes: number, left: number): void {
    if (bytes < left) {
      this.pieceDone += bytes
      return
    }
    this.pieceAt++
    this.pieceDone = 0
  }

  private readCached(range: RecordRange, into: Buffer): number {
    try {
      const bytes = range.file?.readSync(into, range.position + this.pieceDone) ?? 0
      if (bytes <= 0) this.fail(range, 'the file is shorter than its index says')
      return bytes
    } catch (error) {
      this.fail(range, error instanceof Error ? error.message : String(error))
      return 0
    }
  }

  /** Old data may be in the page cache all the same. */
  private readIfCached({ file, position }: RecordRange, into: Buffer): number {
    return file?.readCached(into, position + this.pieceDone) ?? -1
  }

  private startColdRead(chunk: Buffer, range: RecordRange, take: number): void {
    const { file } = range
    assert(file !== null, 'a cold range has a file')
    this.reading = true
    const into = chunk.subarray(0, take)
    this.pool.coldReads
      .run(() =>
        this.closed ? Promise.resolve(0) : file.read(into, range.position + this.pieceDone),
      )
      .then(
        (bytes) => this.coldReadDone(chunk, range, bytes, null),
        (error: unknown) =>
          this.coldReadDone(
            chunk,
            range,
            0,
            error instanceof Error ? error.message : String(error),
          ),
      )
  }

  private coldReadDone(
    chunk: Buffer,
    range: RecordRange,
    bytes: number,
    problem: string | null,
  ): void {
    this.reading = false
    if (this.closed) {
      this.pool.give(chunk)
      this.finish()
      return
    }
    if (bytes <= 0) {
      this.pool.give(chunk)
      this.fail(range, problem ?? 'the file is shorter than its index says')
      return
    }
    this.advance(bytes, range.length - this.pieceDone)
    this.sendChunk(chunk, bytes)
    this.onProgress()
  }

  /** The frame's length is already out, so the connection cannot go on. */
  private fail(range: RecordRange, problem: string): void {
    this.onFailure(
      `records at ${range.file?.path ?? 'a closed file'}:${range.position + this.pieceDone} ` +
        `could not be read: ${problem}`,
    )
  }
}
