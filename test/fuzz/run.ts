/**
 * The fuzz lane, T6 of reference/reliability.md: hostile bytes against decoders, connections and handlers in this
 * process, then against a broker of its own over sockets with clients at work beside, then floods.
 *
 *   node --import tsx test/fuzz/run.ts [--frames N] [--seconds S] [--seed X] [--only PART,…]
 *                                      [--socket-frames N] [--compiled] [--record]
 *   node --import tsx test/fuzz/run.ts --seed X --frame N      one mutated frame again
 *
 * Same seed, same frames. Parts: frames, sockets, floods. Prints what was covered per API, and ends with
 * one line, `N passed, N failed, N skipped`; fails when less than half of --frames fit into --seconds.
 * --record keeps what was counted for docs/reliability.md, when all of it was in order.
 */
import { parseArgs } from 'node:util'
import { LaneChecks } from '../stress/lane-checks.ts'
import { recordFigures } from '../support/figures.ts'
import { flood } from './floods.ts'
import type { Note } from './fuzz-target.ts'
import { InProcessFuzz } from './in-process.ts'
import { recordBombs } from './record-bombs.ts'
import { fuzzSockets } from './sockets.ts'

const { values: flags } = parseArgs({
  options: {
    frames: { type: 'string', default: '20000000' },
    seconds: { type: 'string', default: '330' },
    seed: { type: 'string' },
    frame: { type: 'string' },
    only: { type: 'string', default: 'frames,sockets,floods' },
    'socket-frames': { type: 'string', default: '100000' },
    compiled: { type: 'boolean', default: false },
    record: { type: 'boolean', default: false },
  },
})

/** Below this many frames a run is a quick look, and systematic parts are thinned out alike. */
const FULL_FRAMES = 5_000_000
const IDLE = 2_000
/** Of the time box. */
const SHARE_OF_BOMBS = 0.08
const SHARE_OF_MUTATION = 0.5
const SHARE_OF_HANDLERS = 0.08
const SHARE_OF_SOCKETS = 0.18

const seed = Number(flags.seed ?? Date.now() % 1_000_000_000)
const seconds = Number(flags.seconds)
const frames = Number(flags.frames)
const parts = flags.only.split(',')
const report = new LaneChecks()
const startedMs = performance.now()
const counts: Record<string, number | string> = {}
const note: Note = (what, count) => {
  counts[what] = count
}

async function framesPart(): Promise<void> {
  const fuzz = new InProcessFuzz({ frames, seconds, seed, note })
  if (flags.frame !== undefined) {
    await report.check('replay', () => fuzz.replay(Number(flags.frame)))
    return
  }
  const every = frames >= FULL_FRAMES ? 1 : 23
  await report.check('corpus', () => fuzz.replayCorpus())
  await report.check('splits', () => fuzz.splits(every))
  await report.check('bombs', () => fuzz.bombs(every, seconds * SHARE_OF_BOMBS))
  await report.check('record bombs', () => recordBombs())
  await report.check('handlers', () =>
    fuzz.handle(fuzz.handlerFrames(), seconds * SHARE_OF_HANDLERS),
  )
  await report.check('mutations', () =>
    fuzz.mutate(frames - fuzz.handlerFrames(), seconds * SHARE_OF_MUTATION),
  )
  for (const line of fuzz.tally.lines()) console.log(line)
  await report.check('coverage', () => fuzz.coverage())
}

console.log(`seed ${seed}`)
if (parts.includes('frames')) await framesPart()
if (parts.includes('sockets') && flags.frame === undefined)
  await report.check('sockets', () =>
    fuzzSockets({
      frames: Number(flags['socket-frames']),
      seconds: seconds * SHARE_OF_SOCKETS,
      seed,
      compiled: flags.compiled,
      note,
    }),
  )
if (parts.includes('floods') && flags.frame === undefined)
  await report.check('floods', () =>
    flood({ idle: IDLE, compiled: flags.compiled, full: frames >= FULL_FRAMES, note }),
  )
const exitCode = report.end()
if (flags.record && exitCode === 0) record()
process.exit(exitCode)

function record(): void {
  const build = flags.compiled ? 'npm run build && ' : ''
  const options = process.argv.slice(2).filter((each) => each !== '--record')
  if (flags.seed === undefined) options.push('--seed', String(seed))
  recordFigures('hostile bytes and peers (T6)', {
    command: `${build}npx tsx test/fuzz/run.ts ${options.join(' ')}`,
    seconds: (performance.now() - startedMs) / 1000,
    counts: { ...counts, found: 0 },
  })
}
