/**
 * Bytes from sockets become frames, as views wherever possible.
 *
 * One arena of shared memory per shard (limits.receiveArenaBytes):
 *
 *   | scratch: every socket of the shard reads here | copies: small reads of this turn, in a row |
 *
 * A socket's next read goes where Node was told after its previous one, so all sockets share one
 * scratch region and what a read leaves there must be done with before the next read. Therefore:
 *   - whole frames of a small read are copied behind the turn's earlier ones (a memory copy of some
 *     hundred bytes) and stay valid until the end-of-turn flush: one disk write for all of them;
 *   - whole frames of a large read are worked in place and storage is flushed right after them;
 *   - the tail of an unfinished frame up to limits.spillBytesMax waits in a copy of its own size;
 *   - a larger unfinished frame gets a slab of exact size; the rest is read directly into it.
 *
 * Invariants: memory for a frame is reserved before it is read (N1); a length is judged before
 * anything is allocated for it; frames come out whole, in order, each once. Without the handle
 * trick (socket-handle.ts) the same code is fed with the chunks of 'data' events.
 */
import { broken } from '../engine/base/assert.ts'
import { readInt32, writeInt32 } from '../engine/base/big-endian.ts'
import { limits } from '../engine/base/limits.ts'
import { checkFrameLength, FRAME_LENGTH_BYTES } from './framing.ts'

/** Memory reserved for one large frame; `bytes` is exactly as long as asked for. */
export interface Slab {
  readonly bytes: Buffer
  /** Others wait for memory that its release would give them. */
  readonly wanted: boolean
  release(): void
}

/** Where slabs come from: bounded shared memory of the shard (workers/slab.ts). */
export interface SlabSource {
  /** A slab, or null when there is no memory or it is the turn of others. */
  acquireNow(bytes: number): Slab | null
  /** Then: `onReady` is called with one later, unless the wait is ended before. */
  whenFree(bytes: number, onReady: (slab: Slab) => void): { end(): void }
}

/**
 * What a frame's bytes live in. 'turn': valid until storage is flushed at the end of the turn at
 * the latest, copy to keep. 'own': valid as long as referenced. Otherwise a slab, which whoever
 * takes the frame releases once its bytes are written.
 */
export type FrameMemory = 'turn' | 'own' | Slab

export interface FrameSink {
  /** One whole frame without its length field. False: take no more now; `resume` goes on. */
  onFrame(buffer: Buffer, start: number, end: number, memory: FrameMemory): boolean
}

/**
 * The shard's shared receive memory. `flushStorage` makes every view handed out so far unneeded.
 */
export class ReceiveArena {
  readonly scratch: Buffer
  readonly copies: Buffer
  private copiesUsed = 0
  private readonly flushStorage: () => void

  constructor(flushStorage: () => void) {
    const memory = new SharedArrayBuffer(limits.receiveArenaBytes)
    this.scratch = Buffer.from(memory, 0, limits.receiveScratchBytes)
    this.copies = Buffer.from(memory, limits.receiveScratchBytes)
    this.flushStorage = flushStorage
  }

  /** Copies bytes behind the turn's earlier ones; returns where they start in `copies`. */
  copy(source: Buffer, start: number, end: number): number {
    const length = end - start
    if (length > this.copies.length) broken(`copy of ${length} bytes into ${this.copies.length}`)
    if (this.copiesUsed + length > this.copies.length) this.flush()
    const at = this.copiesUsed
    source.copy(this.copies, at, start, end)
    this.copiesUsed += length
    return at
  }

  /** Views up to `end` are in use although a flush came in between: later copies go behind them. */
  keepUntil(end: number): void {
    this.copiesUsed = Math.max(this.copiesUsed, end)
  }

  /** Ends every view into the arena: staged records are written out, then the copies start over. */
  flush(): void {
    this.flushStorage()
    this.copiesUsed = 0
  }

  /** Storage was flushed by the end of the turn itself. */
  turnFlushed(): void {
    this.copiesUsed = 0
  }
}

/** The receiving side of one connection. */
export class Receiver {
  private readonly arena: ReceiveArena
  private readonly slabs: SlabSource
  private readonly frameBytesMax: number
  private readonly sink: FrameSink
  /** Bytes of a length field cut in two: how many came, and their value so far. */
  private lengthBytes = 0
  private lengthValue = 0
  /** An unfinished frame: where it gathers, its length and how much is there. */
  private partial: Buffer | null = null
  private partialSlab: Slab | null = null
  private partialHave = 0
  /** Bytes received but not worked: the sink said stop, or a slab is awaited. */
  private stash: Buffer | null = null
  private slabWait: { end(): void } | null = null
  private stopped = false
  private closed = false
  /** Called when a slab arrived: the owner calls `resume` and reads the socket again. */
  private readonly onResume: () => void

  constructor(p: {
    arena: ReceiveArena
    slabs: SlabSource
    frameBytesMax: number
    sink: FrameSink
    onResume: () => void
  }) {
    this.arena = p.arena
    this.slabs = p.slabs
    this.frameBytesMax = Math.min(p.frameBytesMax, limits.slabBytesMax)
    this.sink = p.sink
    this.onResume = p.onResume
  }

  /** A frame or its length field has begun and is not complete. */
  get midFrame(): boolean {
    return this.partial !== null || this.lengthBytes > 0 || this.slabWait !== null
  }

  /** It waits for memory for a frame that was announced. */
  get awaitsSlab(): boolean {
    return this.slabWait !== null
  }

  /** Bytes that have come of an unfinished frame in a slab; -1: there is none. */
  get slabFrameBytes(): number {
    return this.partialSlab === null ? -1 : this.partialHave
  }

  /** Others wait for memory that an unfinished frame holds. */
  get slabWanted(): boolean {
    return this.partialSlab?.wanted === true
  }

  /** The socket should be read: nothing is held back. */
  get wantsBytes(): boolean {
    return !this.stopped && this.slabWait === null && this.stash === null
  }

  /** Where the next read goes: the rest of a slab, or the shard's scratch. */
  nextBuffer(): Buffer {
    if (this.partialSlab !== null) return this.partialSlab.bytes.subarray(this.partialHave)
    return this.arena.scratch
  }

  /** `bytes` came into `into`, a buffer of `nextBuffer`. Throws FrameRefused. */
  received(bytes: number, into: Buffer): void {
    if (into === this.arena.scratch) {
      this.take(into, 0, bytes, true)
      return
    }
    if (this.closed) return
    this.partialHave += bytes
    this.finishPartial()
  }

  /** A chunk that stays as it is while referenced ('data' events). Throws FrameRefused. */
  receivedChunk(chunk: Buffer): void {
    this.take(chunk, 0, chunk.length, false)
  }

  /** The sink takes frames again, or a slab came: works what was held back. Throws FrameRefused. */
  resume(): void {
    this.stopped = false
    if (this.slabWait !== null || this.closed) return
    const stash = this.stash
    if (stash === null) return
    this.stash = null
    const from = this.fillPartial(stash, 0, stash.length)
    this.cut(stash, from, stash.length, 'own')
  }

  /**
   * Every byte that left the socket and no frame, as it came, for the connection to go on elsewhere;
   * null while a slab is awaited. Copies; `close` is due.
   */
  leftover(): Buffer[] | null {
    if (this.slabWait !== null) return null
    const bytes: Buffer[] = []
    if (this.lengthBytes > 0 || this.partial !== null) {
      const length = Buffer.alloc(FRAME_LENGTH_BYTES)
      writeInt32(
        length,
        0,
        this.partial?.length ?? this.lengthValue << (8 * (FRAME_LENGTH_BYTES - this.lengthBytes)),
      )
      bytes.push(this.partial === null ? length.subarray(0, this.lengthBytes) : length)
    }
    if (this.partial !== null) bytes.push(Buffer.from(this.partial.subarray(0, this.partialHave)))
    if (this.stash !== null) bytes.push(this.stash)
    return bytes
  }

  /** Gives back what it holds; nothing comes out any more. */
  close(): void {
    this.closed = true
    this.stash = null
    this.partial = null
    this.partialSlab?.release()
    this.partialSlab = null
    this.slabWait?.end()
    this.slabWait = null
  }

  private take(buffer: Buffer, start: number, end: number, volatile: boolean): void {
    if (this.closed) return
    let from = start
    if (this.wantsBytes && this.lengthBytes > 0) from = this.gatherLength(buffer, from, end)
    if (this.wantsBytes) from = this.fillPartial(buffer, from, end)
    if (from === end || this.closed) return
    if (!this.wantsBytes) {
      this.keep(buffer, from, end, 'turn')
      return
    }
    if (!volatile) {
      this.cut(buffer, from, end, 'turn')
      return
    }
    const whole = wholeFramesEnd(buffer, from, end)
    if (whole > from && whole - from <= limits.receiveCopyBytesMax) {
      this.cutCopied(buffer, from, whole)
      from = whole
    }
    this.cutInPlace(buffer, from, end, whole > from)
  }

  /** Small whole frames: moved behind the turn's earlier ones, so that storage is written once. */
  private cutCopied(buffer: Buffer, start: number, end: number): void {
    const at = this.arena.copy(buffer, start, end)
    const copyEnd = at + end - start
    try {
      this.cut(this.arena.copies, at, copyEnd, 'turn')
    } finally {
      this.arena.keepUntil(copyEnd)
    }
  }

  /**
   * Frames that lie in scratch, where the next read of any socket lands: storage is flushed now.
   */
  private cutInPlace(buffer: Buffer, start: number, end: number, anyWhole: boolean): void {
    if (this.closed || start === end) return
    if (!this.wantsBytes) {
      this.keep(buffer, start, end, 'turn')
      return
    }
    try {
      this.cut(buffer, start, end, 'turn')
    } finally {
      if (anyWhole) this.arena.flush()
    }
  }

  /** Adds bytes to an unfinished frame; returns the first position not used. */
  private fillPartial(buffer: Buffer, start: number, end: number): number {
    const partial = this.partial
    if (partial === null) return start
    const length = Math.min(partial.length - this.partialHave, end - start)
    buffer.copy(partial, this.partialHave, start, start + length)
    this.partialHave += length
    this.finishPartial()
    return start + length
  }

  private finishPartial(): void {
    const partial = this.partial
    if (partial === null || this.partialHave < partial.length) return
    const slab = this.partialSlab
    this.partial = null
    this.partialSlab = null
    this.partialHave = 0
    if (!this.sink.onFrame(partial, 0, partial.length, slab ?? 'own')) this.stopped = true
  }

  /** Cuts frames out of a stretch of bytes until it ends, the sink stops or a slab is awaited. */
  private cut(buffer: Buffer, start: number, end: number, memory: 'turn' | 'own'): void {
    let at = start
    while (at < end && !this.closed) {
      if (!this.wantsBytes) {
        this.keep(buffer, at, end, memory)
        return
      }
      if (end - at >= FRAME_LENGTH_BYTES) {
        const length = readInt32(buffer, at)
        checkFrameLength(length, this.frameBytesMax)
        const frameEnd = at + FRAME_LENGTH_BYTES + length
        if (frameEnd <= end) {
          if (!this.sink.onFrame(buffer, at + FRAME_LENGTH_BYTES, frameEnd, memory))
            this.stopped = true
          at = frameEnd
          continue
        }
        at += FRAME_LENGTH_BYTES
        this.beginPartial(length)
      } else {
        at = this.gatherLength(buffer, at, end)
      }
      at = this.fillPartial(buffer, at, end)
    }
  }

  /** A length field that lies across two reads, byte by byte. */
  private gatherLength(buffer: Buffer, start: number, end: number): number {
    let at = start
    while (at < end && this.lengthBytes < FRAME_LENGTH_BYTES) {
      this.lengthValue = (this.lengthValue << 8) | (buffer[at] ?? 0)
      this.lengthBytes++
      at++
    }
    if (this.lengthBytes === FRAME_LENGTH_BYTES) {
      const length = this.lengthValue
      this.lengthBytes = 0
      this.lengthValue = 0
      checkFrameLength(length, this.frameBytesMax)
      this.beginPartial(length)
    }
    return at
  }

  private beginPartial(length: number): void {
    this.partialHave = 0
    if (length <= limits.spillBytesMax) {
      this.partial = Buffer.allocUnsafeSlow(length)
      return
    }
    const slab = this.slabs.acquireNow(length)
    // Until there is one reading rests.
    if (slab === null) this.slabWait = this.slabs.whenFree(length, (late) => this.slabArrived(late))
    else this.adoptSlab(slab, length)
  }

  private adoptSlab(slab: Slab, length: number): void {
    if (slab.bytes.length !== length) broken(`slab of ${slab.bytes.length} bytes for ${length}`)
    this.partial = slab.bytes
    this.partialSlab = slab
  }

  private slabArrived(slab: Slab): void {
    this.slabWait = null
    this.adoptSlab(slab, slab.bytes.length)
    this.onResume()
  }

  /** Holds back bytes that already left the socket: at most one read per connection. */
  private keep(buffer: Buffer, start: number, end: number, memory: 'turn' | 'own'): void {
    if (start === end) return
    const rest = buffer.subarray(start, end)
    if (this.stash !== null) this.stash = Buffer.concat([this.stash, rest])
    else this.stash = memory === 'own' ? rest : Buffer.from(rest)
  }
}

/** End of the last whole frame in a stretch; wrong lengths are left for the cutter to refuse. */
function wholeFramesEnd(buffer: Buffer, start: number, end: number): number {
  let at = start
  while (end - at >= FRAME_LENGTH_BYTES) {
    const length = readInt32(buffer, at)
    if (length < 0 || at + FRAME_LENGTH_BYTES + length > end) break
    at += FRAME_LENGTH_BYTES + length
  }
  return at
}
