/**
 * What kafka-dump-log found not to fit, told on stderr after all files, in Kafka's words and order
 * (DumpLogSegments.main and TimeIndexDumpErrors).
 */
type Pair = readonly [first: number, second: number]

export class DumpProblems {
  private readonly offsets = new Map<string, Pair[]>()
  private readonly timestamps = new Map<string, Pair[]>()
  private readonly unordered = new Map<string, Pair[]>()
  private readonly absent = new Map<string, Pair[]>()
  private readonly gaps = new Map<string, Pair[]>()
  private readonly onUnreadable: (message: string) => void

  constructor(onUnreadable: (message: string) => void) {
    this.onUnreadable = onUnreadable
  }

  wrongOffset(path: string, indexed: number, found: number): void {
    add(this.offsets, path, [indexed, found])
  }

  wrongTimestamp(path: string, indexed: number, found: number): void {
    add(this.timestamps, path, [indexed, found])
  }

  unorderedTimestamp(path: string, indexed: number, previous: number): void {
    add(this.unordered, path, [indexed, previous])
  }

  noSuchOffset(path: string, indexed: number, found: number): void {
    add(this.absent, path, [indexed, found])
  }

  gap(path: string, offset: number, next: number): void {
    add(this.gaps, path, [offset, next])
  }

  unreadable(message: string): void {
    this.onUnreadable(message)
  }

  /** Lines for stderr. Offsets and gaps come latest first, as there. */
  lines(): string[] {
    const lines: string[] = []
    for (const [path, pairs] of this.offsets)
      lines.push(
        `Mismatches in :${path}`,
        ...pairs.toReversed().map(([a, b]) => `  Index offset: ${a}, log offset: ${b}`),
      )
    for (const [path, pairs] of this.timestamps)
      lines.push(
        `Found timestamp mismatch in :${path}`,
        ...pairs.map(([a, b]) => `  Index timestamp: ${a}, log timestamp: ${b}`),
      )
    for (const [path, pairs] of this.unordered)
      lines.push(
        `Found out of order timestamp in :${path}`,
        ...pairs.map(([a, b]) => `  Index timestamp: ${a}, Previously indexed timestamp: ${b}`),
      )
    for (const pairs of this.absent.values())
      lines.push(
        'The following indexed offsets are not found in the log.',
        ...pairs.map(([a, b]) => `Indexed offset: ${a}, found log offset: ${b}`),
      )
    for (const [path, pairs] of this.gaps)
      lines.push(
        `Non-consecutive offsets in ${path}`,
        ...pairs.toReversed().map(([a, b]) => `  ${a} is followed by ${b}`),
      )
    return lines
  }
}

function add(map: Map<string, Pair[]>, path: string, pair: Pair): void {
  const known = map.get(path)
  if (known === undefined) map.set(path, [pair])
  else known.push(pair)
}
