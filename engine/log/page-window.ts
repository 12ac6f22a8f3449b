/**
 * The part of the page cache that a shard's logs fill with what is appended, held to a budget
 * (sluice.page.cache.policy=bounded). Left alone it grows until memory is full: into memory that a virtual
 * machine may have to be given page by page, and with all that waits to be written until a sync.
 *
 *   newest ──► behind the head: nothing │ begun to be written │ over the budget: dropped
 *
 * Counted in pieces of pieceBytes, over all logs in the order of their writing; of each segment the piece
 * that is being filled is not counted. Once a reader is near the oldest piece of its log that is left, what
 * lies before it there is kept, as long as all together are not more than the budget once more. One call to
 * the system at a time, none in this thread; all is advice (DiskFile.advise): a log waits for none of it.
 */
import type { Clock } from '../base/clock.ts'
import { limits } from '../base/limits.ts'
import type { PageCacheAdvice } from './disk.ts'
import type { LogState } from './log-state.ts'
import type { Segment } from './segment.ts'

/** Share of the budget behind the newest bytes from which on bytes are written to the device. */
const UNWRITTEN_SHARE = 1 / 4
/** Pieces of a budget, at most: what a reader looks through. */
const PIECES = 64

interface Piece {
  readonly log: LogState
  readonly segment: Segment
  readonly position: number
  readonly bytes: number
  /** Monotonic time at which a reader on its way here was last seen. */
  readMs: number
}

export class PageWindow {
  /** Bytes of a piece: how often the system is called. */
  readonly pieceBytes: number
  private readonly clock: Clock
  private readonly budgetBytes: number
  /** The oldest first; `unwritten` is newer than `written`. */
  private readonly unwritten: Piece[] = []
  private readonly written: Piece[] = []
  private unwrittenBytes = 0
  private writtenBytes = 0
  private working: Promise<void> = Promise.resolve()
  private isWorking = false

  constructor(
    clock: Clock,
    budgetBytes: number,
    pieceBytesMin: number = limits.pageWindowPieceBytes,
  ) {
    this.clock = clock
    this.budgetBytes = budgetBytes
    this.pieceBytes = Math.max(pieceBytesMin, Math.ceil(budgetBytes / PIECES))
  }

  /** Bytes that it knows to be in the page cache. */
  get bytes(): number {
    return this.unwrittenBytes + this.writtenBytes
  }

  /** `segment` has a piece more, or was left: what it got since the last call counts from now on. */
  add(log: LogState, segment: Segment): void {
    const position = segment.windowEnd
    const bytes = segment.size - position
    if (bytes <= 0) return
    segment.windowEnd = segment.size
    this.unwritten.push({ log, segment, position, bytes, readMs: Number.NEGATIVE_INFINITY })
    this.unwrittenBytes += bytes
    if (this.isWorking) return
    this.isWorking = true
    this.working = this.work()
  }

  /** A read of the log begins at `position`: if that is near, what follows is wanted soon. */
  onRead(log: LogState, segment: Segment, position: number): void {
    const byte = segment.startByte + position
    let isNear = false
    for (const pieces of [this.written, this.unwritten])
      for (const piece of pieces) {
        const start = piece.segment.startByte + piece.position
        if (piece.log !== log || start + piece.bytes <= byte) continue
        isNear ||= start < byte + limits.pageWindowReadAheadBytes
        if (!isNear) return
        piece.readMs = this.clock.monotonicMs()
      }
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    while (this.isWorking) await this.working
  }

  private async work(): Promise<void> {
    for (;;) {
      const droppable = this.takeDroppable()
      if (droppable !== null) await this.drop(droppable)
      else if (this.writesDue()) await this.writeOldest()
      else break
    }
    this.isWorking = false
  }

  private writesDue(): boolean {
    return (
      this.unwrittenBytes > this.budgetBytes * UNWRITTEN_SHARE ||
      this.unwritten.length > limits.pageWindowPiecesMax
    )
  }

  private async writeOldest(): Promise<void> {
    const piece = this.unwritten.shift()
    if (piece === undefined) return
    this.unwrittenBytes -= piece.bytes
    this.written.push(piece)
    this.writtenBytes += piece.bytes
    await advise(piece.segment, 'write', piece.position, piece.bytes)
  }

  /** The oldest piece over the budget that no reader is near. */
  private takeDroppable(): Piece | null {
    const over = this.bytes - this.budgetBytes
    const isFull = this.written.length > limits.pageWindowPiecesMax
    if (over <= 0 && !isFull) return null
    const readSince = this.clock.monotonicMs() - limits.pageWindowReaderMs
    const mayWait = over <= this.budgetBytes && !isFull
    const at = mayWait ? this.written.findIndex(({ readMs }) => readMs < readSince) : 0
    const [piece] = at < 0 ? [] : this.written.splice(at, 1)
    if (piece === undefined) return null
    this.writtenBytes -= piece.bytes
    return piece
  }

  private async drop(piece: Piece): Promise<void> {
    const { segment } = piece
    const end = piece.position + piece.bytes
    // Again what was still being written when its turn was, but nothing that is kept for a reader.
    let from = Math.max(0, piece.position - this.budgetBytes)
    for (const kept of this.written)
      if (kept.segment === segment && kept.position < piece.position)
        from = Math.max(from, kept.position + kept.bytes)
    segment.cachedFrom = Math.max(segment.cachedFrom, end)
    await advise(segment, 'drop', from, end - from)
  }
}

/** Nothing for a segment that is gone or closed: its pages go with its file, or are few and old. */
async function advise(
  segment: Segment,
  advice: PageCacheAdvice,
  position: number,
  bytes: number,
): Promise<void> {
  if (segment.removed || segment.files === null) return
  await segment.files.log.advise(advice, position, bytes)
}
