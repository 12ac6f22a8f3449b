/** What a check of a partition folder means for each of its segments, and for whoever runs the broker. */
import { type CheckReport, checkLog, type SegmentReport } from './check.ts'
import type { Disk } from './disk.ts'
import { parseSegmentFileName } from './segment-files.ts'

export type SegmentState =
  | 'whole'
  /** The log is intact, what is derived from it is not: the next start, or rebuild-index, mends it. */
  | 'index'
  /** Ends in bytes that were never promised: the next start cuts them off. */
  | 'torn'
  /** Bytes that were synced are damaged: restore a copy, or salvage. */
  | 'corrupt'

export interface SegmentVerdict extends SegmentReport {
  readonly state: SegmentState
  /** What is wrong, one line each. */
  readonly problems: readonly string[]
}

export interface LogVerdict {
  readonly segments: readonly SegmentVerdict[]
  /** Of files that belong to no segment. */
  readonly problems: readonly string[]
  readonly firstOffset: number
  readonly logEndOffset: number
}

export interface VerifyOptions {
  /** Everything below was synced. A clean stop synced all: then Infinity. */
  readonly recoveryPoint: number
}

/** Reads every byte of the folder's logs and changes nothing. Throws DiskError. */
export async function verifyLog(
  disk: Disk,
  dir: string,
  { recoveryPoint }: VerifyOptions,
): Promise<LogVerdict> {
  // A topic's own index interval and policy are not in its folder: gaps and sparser indexes are legal.
  const report = await checkLog(disk, dir, {
    indexIntervalBytes: 0,
    exactIndex: false,
    gapsAllowed: true,
    producers: false,
  })
  const bySegment = problemsBySegment(report)
  const segments = report.segmentReports.map((segment): SegmentVerdict => {
    const problems = bySegment.get(segment.baseOffset) ?? []
    return { ...segment, problems, state: stateOf(segment, problems, recoveryPoint) }
  })
  const problems = bySegment.get(null) ?? []
  return {
    segments,
    problems,
    firstOffset: report.firstOffset,
    logEndOffset: report.logEndOffset,
  }
}

function stateOf(
  { problem, endOffset }: SegmentReport,
  problems: readonly string[],
  recoveryPoint: number,
): SegmentState {
  if (problem !== null) return endOffset < recoveryPoint ? 'corrupt' : 'torn'
  if (problems.some((each) => /\.log: /.test(each))) return 'corrupt'
  return problems.length > 0 ? 'index' : 'whole'
}

/** null: the files of no segment, as the epoch file and snapshots. */
function problemsBySegment({
  findings,
  segmentReports,
}: CheckReport): Map<number | null, string[]> {
  const bases = new Set(segmentReports.map(({ baseOffset }) => baseOffset))
  const grouped = new Map<number | null, string[]>()
  for (const { file, problem } of findings) {
    const parsed = parseSegmentFileName(file)
    const isSegments = parsed !== null && parsed.suffix !== '.snapshot' && bases.has(parsed.offset)
    const segment = isSegments ? parsed.offset : null
    const lines = grouped.get(segment) ?? []
    lines.push(`${file}: ${problem}`)
    grouped.set(segment, lines)
  }
  return grouped
}
