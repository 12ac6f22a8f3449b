/**
 * Where each leader epoch of a partition began (leader-epoch-checkpoint;
 * org.apache.kafka.storage.internals.epoch.LeaderEpochFileCache): entries `epoch startOffset` in the
 * form of checkpoint-text.ts. Epochs and start offsets both rise. An epoch ends where the next one
 * begins, the last one at the end of the log. Answers OffsetForLeaderEpoch and finds divergence.
 *
 * State in memory; the owner writes the file after a change (`dirty`). Derived from the log: recovery
 * rebuilds it from the batches.
 */

import { assert } from '../base/assert.ts'
import { readFileAgreed } from './agreed-read.ts'
import { formatCheckpointText, parseCheckpointText, parseCount } from './checkpoint-text.ts'
import { CorruptFile } from './corrupt-file.ts'
import type { Disk } from './disk.ts'

export const LEADER_EPOCH_FILE = 'leader-epoch-checkpoint'

/** No epoch, and no offset of one. */
export const NO_EPOCH = -1
export const NO_EPOCH_OFFSET = -1

export interface EpochEntry {
  readonly epoch: number
  /** First offset written in this epoch. */
  readonly startOffset: number
}

export class LeaderEpochs {
  /** Ascending. */
  private entries: EpochEntry[]
  /** Changed since `markWritten`. */
  dirty = false

  constructor(entries: readonly EpochEntry[] = []) {
    this.entries = [...entries]
  }

  /** The file of a partition folder; absent = empty. Throws CorruptFile: rebuild it then. */
  static async load(disk: Disk, partitionFolder: string): Promise<LeaderEpochs> {
    const path = `${partitionFolder}/${LEADER_EPOCH_FILE}`
    const content = await readFileAgreed(disk, path)
    return new LeaderEpochs(content === null ? [] : parseLeaderEpochs(content, path))
  }

  /** Writes the file if something changed since the last time. */
  async store(disk: Disk, partitionFolder: string): Promise<void> {
    if (!this.dirty) return
    this.dirty = false
    await disk.writeFileAtomic(`${partitionFolder}/${LEADER_EPOCH_FILE}`, this.format())
  }

  format(): string {
    return formatCheckpointText(
      this.entries.map(({ epoch, startOffset }) => `${epoch} ${startOffset}`),
    )
  }

  all(): readonly EpochEntry[] {
    return this.entries
  }

  /** -1 when nothing was assigned. */
  latestEpoch(): number {
    return this.entries.at(-1)?.epoch ?? NO_EPOCH
  }

  /**
   * `epoch` begins at `startOffset`. Known and unchanged: nothing. Entries that would no longer rise
   * are dropped, as after an unclean election.
   */
  assign(epoch: number, startOffset: number): void {
    assert(epoch >= 0 && startOffset >= 0, `epoch ${epoch} at ${startOffset}`)
    const last = this.entries.at(-1)
    if (last !== undefined && last.epoch === epoch && startOffset >= last.startOffset) return
    while (this.entries.length > 0) {
      const entry = this.entries.at(-1)!
      if (entry.epoch < epoch && entry.startOffset < startOffset) break
      this.entries.pop()
    }
    this.entries.push({ epoch, startOffset })
    this.dirty = true
  }

  /** The epoch that wrote `offset`; -1 when it is below the first entry. */
  epochAt(offset: number): number {
    const { entries } = this
    for (let i = entries.length - 1; i >= 0; i--)
      if (entries[i]!.startOffset <= offset) return entries[i]!.epoch
    return NO_EPOCH
  }

  /**
   * The largest epoch at or below `requestedEpoch` and where it ended (exclusive); {-1, -1} when the
   * request is above all known epochs or undefined. A request below all epochs gives itself and the
   * first start offset.
   */
  endOffsetFor(requestedEpoch: number, logEndOffset: number): { epoch: number; endOffset: number } {
    const { entries } = this
    const latest = this.latestEpoch()
    if (requestedEpoch === NO_EPOCH || requestedEpoch > latest)
      return { epoch: NO_EPOCH, endOffset: NO_EPOCH_OFFSET }
    if (requestedEpoch === latest) return { epoch: latest, endOffset: logEndOffset }
    const next = entries.findIndex(({ epoch }) => epoch > requestedEpoch)
    const endOffset = entries[next]!.startOffset
    return { epoch: next === 0 ? requestedEpoch : entries[next - 1]!.epoch, endOffset }
  }

  /** The log now ends at `endOffset`: epochs that began there or later are forgotten. */
  truncateFromEnd(endOffset: number): void {
    while (this.entries.length > 0 && this.entries.at(-1)!.startOffset >= endOffset) {
      this.entries.pop()
      this.dirty = true
    }
  }

  /** The log now starts at `startOffset`: earlier epochs go, the one that holds it begins there. */
  truncateFromStart(startOffset: number): void {
    const first = this.entries.findIndex((entry) => entry.startOffset > startOffset)
    const holding = first === -1 ? this.entries.length - 1 : first - 1
    if (holding < 0) return
    const { epoch, startOffset: known } = this.entries[holding]!
    if (holding === 0 && known === startOffset) return
    this.entries = [{ epoch, startOffset }, ...this.entries.slice(holding + 1)]
    this.dirty = true
  }

  /** Forgets everything. */
  clear(): void {
    this.dirty ||= this.entries.length > 0
    this.entries = []
  }
}

/** Throws CorruptFile. */
export function parseLeaderEpochs(content: Buffer, path: string): EpochEntry[] {
  const entries: EpochEntry[] = []
  for (const fields of parseCheckpointText(content, path)) {
    if (fields.length !== 2) throw new CorruptFile(path, `an entry has ${fields.length} fields`)
    const entry = { epoch: parseCount(fields[0], path), startOffset: parseCount(fields[1], path) }
    const last = entries.at(-1)
    if (last !== undefined && (entry.epoch <= last.epoch || entry.startOffset <= last.startOffset))
      throw new CorruptFile(path, `epoch ${entry.epoch} at ${entry.startOffset} does not rise`)
    entries.push(entry)
  }
  return entries
}
