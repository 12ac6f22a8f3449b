/**
 * The names of a segment's files: the base offset as 20 decimal digits, then the suffix
 * (org.apache.kafka.storage.internals.log.LogFileUtils).
 *
 *   N.log N.index N.timeindex N.txnindex   a segment; the last one only after an abort
 *   M.snapshot                             producer state before offset M
 *   *.deleted                              waits for its unlink
 *   *.cleaned *.swap                       compaction under way, see recovery
 *   *.tmp                                  a small file or an index being replaced
 */

const DIGITS = 20

export const SegmentSuffix = {
  log: '.log',
  offsetIndex: '.index',
  timeIndex: '.timeindex',
  transactionIndex: '.txnindex',
} as const

export const DELETED_SUFFIX = '.deleted'
export const CLEANED_SUFFIX = '.cleaned'
export const SWAP_SUFFIX = '.swap'
export const TEMPORARY_SUFFIX = '.tmp'

/** All suffixes a segment may have, the log last: without its log the rest is dropped at start. */
export const SEGMENT_SUFFIXES = [
  SegmentSuffix.offsetIndex,
  SegmentSuffix.timeIndex,
  SegmentSuffix.transactionIndex,
  SegmentSuffix.log,
] as const

export function segmentFileName(baseOffset: number, suffix: string): string {
  return `${String(baseOffset).padStart(DIGITS, '0')}${suffix}`
}

export interface SegmentFileName {
  readonly offset: number
  /** As `.log`, `.snapshot`; of a marked file what stands before the mark. */
  readonly suffix: string
  /** `.deleted`, `.cleaned`, `.swap`, or nothing. */
  readonly mark: string
}

/** null when the name is not that of a segment's file or snapshot. */
export function parseSegmentFileName(name: string): SegmentFileName | null {
  const match =
    /^(\d{20})(\.log|\.index|\.timeindex|\.txnindex|\.snapshot)(\.deleted|\.cleaned|\.swap)?$/.exec(
      name,
    )
  if (match === null) return null
  const offset = Number(match[1])
  if (!Number.isSafeInteger(offset)) return null
  return { offset, suffix: match[2]!, mark: match[3] ?? '' }
}
