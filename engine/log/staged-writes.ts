/**
 * The batches of one turn, waiting to be written: views of the receivers' memory, grouped by segment
 * (more than one only when the turn rolled), written with one positional gather write per segment.
 *
 * Small batches are copied side by side first: a gathered piece costs more than copying 1 KiB
 * (bench/append.ts). Everything is reused from turn to turn.
 */
import { type DiskFile, writeFullySync } from './disk.ts'
import type { Segment } from './segment.ts'

/** Up to this size a batch is copied into the joined piece; measured, see bench/append.ts. */
const COPIED_BYTES_MAX = 1024
const JOIN_BYTES = 64 * 1024

interface Group {
  segment: Segment | null
  readonly pieces: Buffer[]
  bytes: number
  /** Log end once this group is written. */
  endOffset: number
}

/** Where small batches of one turn are put side by side; shared by the logs of a thread. */
const join = { bytes: Buffer.alloc(0), used: 0 }

export class StagedWrites {
  private readonly groups: Group[] = []
  private count = 0

  get empty(): boolean {
    return this.count === 0
  }

  /** The batch follows the previous one in the segment; `endOffset` is the offset behind it. */
  add(segment: Segment, batch: Buffer, endOffset: number): void {
    let group = this.count === 0 ? undefined : this.groups[this.count - 1]
    if (group === undefined || group.segment !== segment) group = this.startGroup(segment)
    group.pieces.push(batch)
    group.bytes += batch.length
    group.endOffset = endOffset
  }

  /**
   * Writes all groups in order; `written` hears of each one that is in the file. Throws DiskError: the
   * failed group and those behind it are dropped, and on a full disk their file ends where it did.
   */
  write(written: (segment: Segment, endOffset: number) => void): void {
    try {
      for (let i = 0; i < this.count; i++) {
        const group = this.groups[i]!
        const segment = group.segment!
        writeGroup(segment.opened().log, group, segment.size)
        segment.size += group.bytes
        segment.unsynced = true
        written(segment, group.endOffset)
      }
    } finally {
      this.clear()
    }
  }

  private clear(): void {
    for (let i = 0; i < this.count; i++) {
      const group = this.groups[i]!
      group.segment = null
      group.pieces.length = 0
      group.bytes = 0
    }
    this.count = 0
  }

  private startGroup(segment: Segment): Group {
    let group = this.groups[this.count]
    if (group === undefined) {
      group = { segment: null, pieces: [], bytes: 0, endOffset: 0 }
      this.groups.push(group)
    }
    group.segment = segment
    this.count++
    return group
  }
}

function writeGroup(file: DiskFile, group: Group, position: number): void {
  if (group.pieces.length > 1) joinSmall(group.pieces)
  writeFullySync(file, group.pieces, position)
}

/** Replaces runs of small pieces by one piece each, as far as the join buffer reaches. */
function joinSmall(pieces: Buffer[]): void {
  if (join.bytes.length === 0) join.bytes = Buffer.allocUnsafeSlow(JOIN_BYTES)
  join.used = 0
  let kept = 0
  let runStart = -1
  for (let i = 0; i < pieces.length; i++) {
    const piece = pieces[i]!
    const fits = piece.length <= COPIED_BYTES_MAX && join.used + piece.length <= JOIN_BYTES
    if (!fits) {
      if (runStart >= 0) pieces[kept++] = join.bytes.subarray(runStart, join.used)
      runStart = -1
      pieces[kept++] = piece
      continue
    }
    if (runStart < 0) runStart = join.used
    join.used += piece.copy(join.bytes, join.used)
  }
  if (runStart >= 0) pieces[kept++] = join.bytes.subarray(runStart, join.used)
  pieces.length = kept
}
