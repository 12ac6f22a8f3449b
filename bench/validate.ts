/**
 * What validation of a produced batch costs, header against every record, by size and codec.
 * Decides the default of `sluice.records.validation`. Run: npx tsx bench/validate.ts
 */
import { Bench } from 'tinybench'
import { type BatchRules, newAdmission } from '../engine/record/admission.ts'
import { TimestampType } from '../engine/record/batch.ts'
import { buildBatch } from '../engine/record/build.ts'
import { Codec } from '../engine/record/compression.ts'
import { admitBatch } from '../engine/record/validate.ts'
import { sampleRecords } from '../test/support/batches.ts'
import { machine, medianNs } from './machine.ts'

const NOW = 1_700_000_100_000
const HEADER: BatchRules = {
  topicPartition: 'bench-0',
  maxMessageBytes: 2 ** 21,
  isCompacted: false,
  timestampType: TimestampType.createTime,
  timestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
  timestampAfterMaxMs: 3_600_000,
  codec: null,
  recordsValidation: 'header',
}
const FULL: BatchRules = { ...HEADER, recordsValidation: 'full' }

interface Shape {
  /** Uncompressed size of the records. */
  readonly bytes: number
  readonly valueBytes: number
}

export const SHAPES: readonly Shape[] = [
  { bytes: 16_384, valueBytes: 100 },
  { bytes: 65_536, valueBytes: 100 },
  { bytes: 1_048_000, valueBytes: 100 },
  { bytes: 16_384, valueBytes: 1000 },
  { bytes: 1_048_000, valueBytes: 1000 },
]

/** Prints one row per shape and codec; `timeMs` is the time given to each cell. */
export async function benchValidate(
  timeMs: number,
  shapes: readonly Shape[],
  print: (line: string) => void,
): Promise<void> {
  print(machine())
  print('plain bytes | records | codec | batch bytes | header us | full us | full per record ns')
  for (const { bytes, valueBytes } of shapes) {
    const records = sampleRecords(Math.floor(bytes / (valueBytes + 17)), valueBytes)
    for (const [name, codec] of Object.entries(Codec)) {
      const batch = buildBatch({ records, codec })
      const admission = newAdmission()
      const bench = new Bench({ time: timeMs, warmupTime: timeMs / 4 })
      for (const rules of [HEADER, FULL])
        bench.add(rules.recordsValidation, () => {
          admitBatch(batch, 0, batch.length, rules, 11, NOW, admission)
        })
      await bench.run()
      if (admission.errorCode !== 0) throw new Error(`${name}: ${admission.message}`)
      const [header, full] = bench.tasks.map(medianNs) as [number, number]
      const perRecord = (full - header) / records.length
      const costs = [(header / 1e3).toFixed(2), (full / 1e3).toFixed(1), perRecord.toFixed(0)]
      print([bytes, records.length, name, batch.length, ...costs].join(' | '))
    }
  }
}

if (process.argv[1] === import.meta.filename)
  await benchValidate(400, SHAPES, (line) => console.log(line))
