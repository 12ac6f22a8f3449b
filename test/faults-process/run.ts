/**
 * Faults of the process and its machine, each against a broker of its own with clients at work: no
 * descriptors left, a small heap, a wall clock that jumps, a process that stands still.
 *
 *   node --import tsx test/faults-process/run.ts [--only name,…] [--compiled]
 *
 * What mostly waits runs beside the rest. Ends with one line, `N passed, N failed, N skipped`.
 */
import { parseArgs } from 'node:util'
import { LaneChecks } from '../stress/lane-checks.ts'
import { clockJumps } from './clock-jumps.ts'
import { openFiles } from './open-files.ts'
import { pausedBroker } from './paused.ts'
import { smallHeap } from './small-heap.ts'

const { values: flags } = parseArgs({
  options: { only: { type: 'string' }, compiled: { type: 'boolean', default: false } },
})

type Fault = readonly [name: string, run: (compiled: boolean) => Promise<string>]

/** In two rows, worked side by side. */
const rows: readonly (readonly Fault[])[] = [
  [['a paused process', pausedBroker]],
  [
    ['no descriptors left', openFiles],
    ['a wall clock that jumps', clockJumps],
    ['a heap of 128 MB', smallHeap],
  ],
]

const wanted = flags.only?.split(',')
const checks = new LaneChecks()
await Promise.all(
  rows.map(async (row) => {
    for (const [name, run] of row) {
      if (wanted !== undefined && !wanted.some((each) => name.includes(each))) continue
      await checks.check(name, () => run(flags.compiled))
    }
  }),
)
process.exit(checks.end())
