/**
 * What leaves a connection past Node's stream: small replies by send(2), ranges of files by sendfile(2)
 * with the bytes around them under one cork (native-send.ts). Only while the socket is open and nothing
 * waits in it: then the descriptor is ours, and order holds. An error shows in the ordinary write of
 * what was not taken.
 *
 * An answer with one range, which is what most fetches get, leaves by two calls where the bytes behind the
 * range stand in the file as well: none up to v11, and from then on the empty tags of partition, topic and
 * response, three zeros, as the next batch's base offset begins with (RecordRange.zerosBehind).
 *
 * The cork stays on from one answer with ranges to the next, each of which ends with a push; it comes
 * off before bytes that no push follows.
 */
import type { Socket } from 'node:net'
import { limits } from '../engine/base/limits.ts'
import type { DirectSend } from './native-send.ts'
import type { Hole, RecordRange, ReplyOutput } from './reply.ts'
import { socketFd } from './socket-handle.ts'

export class DirectSender {
  private readonly socket: Socket
  /** Null: nothing is sent directly. */
  private readonly direct: DirectSend | null
  private readonly fd: number
  private closed = false
  private corked = false
  /** Old data found to be in memory, until `end`. */
  private inMemory: RecordRange | null = null

  constructor(socket: Socket, direct: DirectSend | null) {
    this.socket = socket
    this.fd = direct === null ? -1 : socketFd(socket)
    this.direct = this.fd < 0 ? null : direct
  }

  /** The descriptor is ours to send to. */
  get ready(): boolean {
    const { socket, direct, closed } = this
    return direct !== null && !closed && !socket.destroyed && socket.writableLength === 0
  }

  /** Bytes taken of a small reply. */
  bytes(bytes: Buffer): number {
    const { direct } = this
    if (direct === null || !this.ready) return 0
    this.uncork()
    return Math.max(0, direct.bytes(this.fd, bytes, 0, bytes.length, false))
  }

  /**
   * Hands the kernel all of `output`, whose bytes are `bytes`, that it takes at once; returns the bytes
   * taken, about one turn's share at most.
   */
  answer({ holes }: ReplyOutput, bytes: Buffer): number {
    const [first] = holes
    if (first === undefined || !this.ready) return 0
    const behind = holes.length === 1 ? behindInFile(first, bytes) : -1
    if (!this.takes(first.range, 0, Math.max(0, behind))) return 0
    if (behind >= 0) return this.oneRange(first, bytes, behind)
    this.begin()
    let taken = 0
    let from = 0
    for (let i = 0; i <= holes.length; i++) {
      const hole = holes[i]
      const to = hole?.at ?? bytes.length
      const sent = to > from ? this.part(bytes, from, to) : 0
      taken += sent
      if (sent < to - from || hole === undefined || taken >= limits.connectionReplyBytesMax) break
      from = to
      const rangeSent = this.range(hole.range, 0)
      taken += rangeSent
      if (rangeSent < hole.range.length) break
    }
    this.end()
    return taken
  }

  /** `behind`: bytes that follow the range in the answer and in the file. */
  private oneRange({ at, range }: Hole, bytes: Buffer, behind: number): number {
    const { direct, fd } = this
    if (direct === null) return 0
    this.uncork()
    this.inMemory = null
    const sent = Math.max(0, direct.bytes(fd, bytes, 0, at, true))
    if (sent < at) return sent
    const { file, position, length } = range
    return sent + Math.max(0, direct.file(fd, file?.fd ?? -1, position, length + behind))
  }

  /**
   * The range may go without a copy, and is long enough for that to pay. Old data may be in the page
   * cache all the same: asked once until `end`, since it may leave it. `behind`: bytes of the
   * file that are wanted with it.
   */
  takes(range: RecordRange, done: number, behind = 0): boolean {
    const { file, cached, position, length } = range
    const { direct } = this
    if (direct === null || file === null || file.fd < 0) return false
    if (length < limits.replyDirectBytesMin) return false
    if (cached || this.inMemory === range) return true
    if (!direct.inMemory(file.fd, position + done, length + behind - done)) return false
    this.inMemory = range
    return true
  }

  /** Parts of an answer follow; `end` is owed. */
  begin(): void {
    if (this.corked) return
    this.corked = true
    this.direct?.cork(this.fd, true)
  }

  /** Bytes taken of a buffer from `start` to `end` (exclusive). */
  part(buffer: Buffer, start: number, end: number): number {
    return Math.max(0, this.direct?.bytes(this.fd, buffer, start, end, false) ?? 0)
  }

  /** Bytes taken of a range from `done` on; 0 when it cannot go without a copy. */
  range(range: RecordRange, done: number): number {
    if (!this.takes(range, done)) return 0
    const { file, position, length } = range
    const sent = this.direct?.file(this.fd, file?.fd ?? -1, position + done, length - done) ?? 0
    return Math.max(0, sent)
  }

  /** What was taken leaves. */
  end(): void {
    this.direct?.push(this.fd)
    this.inMemory = null
  }

  /** Before bytes that no push follows. */
  uncork(): void {
    if (!this.corked) return
    this.corked = false
    if (!this.closed && !this.socket.destroyed) this.direct?.cork(this.fd, false)
  }

  close(): void {
    this.closed = true
  }
}

/** How many bytes follow a range when the file goes on with the same ones; -1 when it may not. */
function behindInFile({ at, range }: Hole, bytes: Buffer): number {
  if (bytes.length - at > range.zerosBehind) return -1
  for (let i = at; i < bytes.length; i++) if (bytes[i] !== 0) return -1
  return bytes.length - at
}
