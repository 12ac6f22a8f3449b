/**
 * What leaves one connection, in order: small replies in one write per turn, large ones as a list
 * of pieces (bytes and file ranges) streamed through one chunk at a time. A chunk is refilled when
 * the socket has taken it, so a slow reader pins one chunk and its leases, and nothing else.
 *
 * Where native calls are there, a small reply goes to the kernel by send(2), past Node's stream, as
 * long as nothing waits in it. Cached ranges go from the page cache to the socket without a copy where that can be had
 * (native-send.ts). What the kernel does not take at once is bridged by one ordinary write of
 * limits.replyBridgeBytes: it ends when there is room again. Elsewhere cached ranges are read into the
 * chunk (about a microsecond per 4 KiB). Ranges that may be on the device only are read through the
 * pool, limits.coldReadsMax at a time per shard, save for what turns out to be in the page cache
 * (native-read.ts).
 */
import type { Socket } from 'node:net'
import { assert } from '../engine/base/assert.ts'
import { limits } from '../engine/base/limits.ts'
import type { DirectSend } from './native-send.ts'
import type { RecordRange, ReplyBody, ReplyOutput } from './reply.ts'
import { socketFd } from './socket-handle.ts'

type Piece = Buffer | RecordRange

/** Chunks and cold-read permits, shared by the connections of a shard. */
export class OutboxPool {
  readonly direct: DirectSend | null
  private readonly idle: Buffer[] = []
  private coldReads = 0
  private readonly coldWaiting: (() => void)[] = []

  constructor(direct: DirectSend | null = null) {
    this.direct = direct
  }

  take(): Buffer {
    return this.idle.pop() ?? Buffer.allocUnsafeSlow(limits.replyChunkBytes)
  }

  give(chunk: Buffer): void {
    if (this.idle.length < limits.replyChunksIdleMax) this.idle.push(chunk)
  }

  /** Runs a cold read once a permit is free; at most one waits per connection. */
  async coldRead(read: () => Promise<number>): Promise<number> {
    if (this.coldReads >= limits.coldReadsMax)
      await new Promise<void>((resolve) => this.coldWaiting.push(resolve))
    this.coldReads++
    try {
      return await read()
    } finally {
      this.coldReads--
      this.coldWaiting.shift()?.()
    }
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
  /** The kernel holds short segments back until they are pushed. */
  private corked = false
  /** Found to be in memory by this pump. */
  private inMemory: RecordRange | null = null
  /** Writes handed to the socket and not yet taken whole. */
  private writesPending = 0
  /** -1: nothing is sent directly. */
  private readonly fd: number

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
    this.fd = p.pool.direct === null ? -1 : socketFd(p.socket)
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
      const sent = this.sendNow(bytes)
      if (sent < bytes.length) {
        this.write(sent === 0 ? bytes : bytes.subarray(sent))
        // Not taken at once: the socket refers to the writer's memory until it is.
        if (this.socket.writableLength > 0) output.writer.take()
      }
      body?.release()
      return
    }
    const sent = this.sendRanges(output, bytes)
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

  /**
   * Hands the kernel all of `output` that it takes at once, before any list is made of it; returns the
   * bytes taken, one turn's share at most.
   */
  private sendRanges({ holes }: ReplyOutput, bytes: Buffer): number {
    const { direct } = this.pool
    const [first] = holes
    if (direct === null || first === undefined || !this.ownsDescriptor()) return 0
    if (!this.isDirect(first.range, 0)) return 0
    this.cork(direct)
    let taken = 0
    let from = 0
    for (let i = 0; i <= holes.length; i++) {
      const hole = holes[i]
      const to = hole?.at ?? bytes.length
      if (to > from) {
        const sent = Math.max(0, direct.bytes(this.fd, bytes, from, to))
        taken += sent
        if (sent < to - from) break
        from = to
      }
      if (hole === undefined || taken >= limits.connectionReplyBytesMax) break
      const { range } = hole
      if (!this.isDirect(range, 0)) break
      const sent = Math.max(
        0,
        direct.file(this.fd, range.file?.fd ?? -1, range.position, range.length),
      )
      taken += sent
      if (sent < range.length) break
    }
    direct.push(this.fd)
    this.inMemory = null
    return taken
  }

  /**
   * Past Node's stream, whose bookkeeping costs more than the call itself; returns the bytes taken. An
   * error shows in the ordinary write of the rest.
   */
  private sendNow(bytes: Buffer): number {
    const { direct } = this.pool
    if (direct === null || !this.ownsDescriptor()) return 0
    this.uncork()
    return Math.max(0, direct.bytes(this.fd, bytes, 0, bytes.length))
  }

  /** For as long as answers hold ranges of files: one push ends each of them. */
  private cork(direct: DirectSend): void {
    if (this.corked) return
    this.corked = true
    direct.cork(this.fd, true)
  }

  /** Before bytes that no push follows. */
  private uncork(): void {
    if (!this.corked) return
    this.corked = false
    if (!this.closed && !this.socket.destroyed) this.pool.direct?.cork(this.fd, false)
  }

  /** The descriptor is ours to send to: the socket is open and nothing waits in it. */
  private ownsDescriptor(): boolean {
    const { socket } = this
    return this.fd >= 0 && !this.closed && !socket.destroyed && socket.writableLength === 0
  }

  /** The connection is gone: gives back what can be given back now, the rest when its read ends. */
  close(): void {
    this.closed = true
    if (!this.reading) this.finish()
  }

  /** Streams for as long as the socket takes chunks at once, one turn's share at most. */
  pump(): void {
    const share = limits.connectionReplyBytesMax - this.pumpDirect()
    this.pumpChunks(share)
    this.inMemory = null
  }

  /**
   * Hands pieces to the kernel itself for as long as it takes them; returns the bytes taken. Only with
   * an open socket that has nothing queued: the descriptor is ours then, and order holds.
   */
  private pumpDirect(): number {
    const { direct } = this.pool
    if (direct === null || this.chunk !== null || this.reading) return 0
    if (!this.ownsDescriptor() || !this.directAhead()) return 0
    this.cork(direct)
    let taken = 0
    while (this.streaming) {
      // The few bytes behind a range leave with it: alone they would take a turn and wake the peer again.
      if (taken >= limits.connectionReplyBytesMax && !Buffer.isBuffer(this.pieces[this.pieceAt]))
        break
      const bytes = this.sendPiece(direct)
      if (bytes <= 0) break
      taken += bytes
    }
    direct.push(this.fd)
    return taken
  }

  /** The next range may go without a copy, and is long enough for that to pay. */
  private directAhead(): boolean {
    const { pieces, pieceAt } = this
    const piece = pieces[pieceAt]
    const range = Buffer.isBuffer(piece) ? pieces[pieceAt + 1] : piece
    if (this.fd < 0 || range === undefined || Buffer.isBuffer(range)) return false
    return this.isDirect(range, Buffer.isBuffer(piece) ? 0 : this.pieceDone)
  }

  /** Old data may be in the page cache all the same: asked once per pump, since it may leave it. */
  private isDirect(range: RecordRange, done: number): boolean {
    const { file, cached, position, length } = range
    const { direct } = this.pool
    if (direct === null || file === null || file.fd < 0) return false
    if (length < limits.replyDirectBytesMin) return false
    if (cached || this.inMemory === range) return true
    if (!direct.inMemory(file.fd, position + done, length - done)) return false
    this.inMemory = range
    return true
  }

  private sendPiece(direct: DirectSend): number {
    const piece = this.pieces[this.pieceAt]
    if (piece === undefined) return 0
    const left = piece.length - this.pieceDone
    let bytes: number
    if (Buffer.isBuffer(piece)) bytes = direct.bytes(this.fd, piece, this.pieceDone, piece.length)
    else if (!this.isDirect(piece, this.pieceDone)) return 0
    else bytes = direct.file(this.fd, piece.file?.fd ?? -1, piece.position + this.pieceDone, left)
    if (bytes <= 0) return 0
    this.piecesBytes -= bytes
    this.advance(bytes, left)
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
    this.uncork()
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
    this.pool
      .coldRead(() =>
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
