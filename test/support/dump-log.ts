/**
 * Reads what `kafka-dump-log --print-data-log --deep-iteration` printed (test/golden/logs/dump) as
 * batches and records. Keys and values stay text; a value may span lines.
 */

export interface DumpedRecord {
  offset: number
  timestamp: number
  keySize: number
  valueSize: number
  sequence: number
  headerKeys: string
  /** Everything behind the header keys: ` key: k payload: v`. */
  rest: string
}

export interface DumpedBatch {
  /** Every `name: value` pair of the batch line. */
  fields: Map<string, string>
  records: DumpedRecord[]
}

const RECORD = new RegExp(
  '^\\| offset: (\\d+) (?:CreateTime|LogAppendTime): (-?\\d+) keySize: (-?\\d+) ' +
    'valueSize: (-?\\d+) sequence: (-?\\d+) headerKeys: \\[(.*?)\\](.*)$',
  's',
)

export function parseDump(text: string): DumpedBatch[] {
  const batches: DumpedBatch[] = []
  for (const entry of text.trimEnd().split(/\n(?=\| offset: |baseOffset: )/)) {
    const batch = batches.at(-1)
    if (entry.startsWith('baseOffset: ')) {
      const pairs = [...entry.matchAll(/(\w+): (\S+)/g)]
      batches.push({ fields: new Map(pairs.map((pair) => [pair[1]!, pair[2]!])), records: [] })
    } else if (entry.startsWith('| offset: ')) {
      const match = RECORD.exec(entry)
      if (match === null || batch === undefined) throw new Error(`not understood: ${entry}`)
      const [offset, timestamp, keySize, valueSize, sequence] = match.slice(1, 6).map(Number)
      batch.records.push({
        offset: offset!,
        timestamp: timestamp!,
        keySize: keySize!,
        valueSize: valueSize!,
        sequence: sequence!,
        headerKeys: match[6]!,
        rest: match[7]!,
      })
    }
  }
  return batches
}
