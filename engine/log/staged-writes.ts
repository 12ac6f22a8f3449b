/**
 * The batches of one turn, waiting to be written: views of the receivers' memory, grouped by segment
 * (more than one only when the turn rolled), written with one positional gather write per segment.
 *
 * Nothing is copied: joining small batches first gains less than a tenth at 172 bytes and loses above
 * (measured, best of 15: 113 against 123 ns a batch). Everything is reused from turn to turn.
 */
import { writeFullySync } from './disk.ts'
import type { Segment } from './segment.ts'

interface Group {
  segment: Segment | null
  pieces: Buffer[]
  bytes: number
  /** Log end once this group is written. */
  endOffset: number
}

const NONE: Buffer[] = []

export class StagedWrites {
  private readonly groups: Group[] = []
  private count = 0

  get empty(): boolean {
    return this.count === 0
  }

  /** The batch follows the previous one in the segment; `endOffset` is the offset behind it. */
  add(segment: Segment, batch: Buffer, endOffset: number): void {
    let group = this.count === 0 ? undefined : this.groups[this.count - 1]
    if (group === undefined || group.segment !== segment) group = this.startGroup(segment, batch)
    else group.pieces.push(batch)
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
        writeFullySync(segment.opened().log, group.pieces, segment.size)
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
      group.pieces = NONE
      group.bytes = 0
    }
    this.count = 0
  }

  /** Most turns have one batch: a new list of one costs less than to empty and refill the old one. */
  private startGroup(segment: Segment, batch: Buffer): Group {
    let group = this.groups[this.count]
    if (group === undefined) {
      group = { segment: null, pieces: NONE, bytes: 0, endOffset: 0 }
      this.groups.push(group)
    }
    group.segment = segment
    group.pieces = [batch]
    this.count++
    return group
  }
}
