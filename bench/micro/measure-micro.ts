/**
 * Micro-benchmarks against what they were. Times differ from machine to machine and minute to minute,
 * so a task is held against a yardstick of plain arithmetic and copies measured in turns with it; the
 * median of such ratios is what baseline.json keeps, one list per major version of Node: their compilers
 * differ by more than the bound in single tasks.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Bench } from 'tinybench'
import { type MicroTask, sink, task } from './micro-task.ts'
import { recordTasks } from './record-tasks.ts'
import { schemaTasks } from './schema-tasks.ts'
import { shardTasks } from './shard-tasks.ts'

export const BASELINE_FILE = join(import.meta.dirname, '../baseline.json')
const YARDSTICK = 'yardstick'
const YARDSTICK_WORDS = 4_096

export interface Baseline {
  readonly machine: string
  /** Task → its time in yardsticks, and how far that went up in the noise of repeated runs. */
  readonly tasks: Readonly<Record<string, { readonly ratio: number; readonly noise: number }>>
}

export interface MicroFigure {
  readonly name: string
  /** Of the best pass. */
  readonly nanoseconds: number
  /** In yardsticks, median of the passes. */
  readonly ratio: number
}

export interface MicroOptions {
  readonly passes: number
  /** Of one task in one pass. */
  readonly taskMs: number
  readonly disk: boolean
}

/** Every task beside its own yardsticks. */
export async function measureMicro(
  options: MicroOptions,
  wanted: (name: string) => boolean = () => true,
): Promise<MicroFigure[]> {
  const shard = await shardTasks()
  try {
    const tasks = [
      ...recordTasks(),
      ...schemaTasks(),
      ...shard.tasks.filter(({ disk }) => options.disk || disk !== true),
    ]
    const figures: MicroFigure[] = []
    for (const measured of tasks.filter(({ name }) => wanted(name)))
      figures.push(await figureOf(measured, options))
    return figures
  } finally {
    await shard.close()
  }
}

/** Short passes of task and yardstick in turns: the machine is the same for both of a pair. */
async function figureOf(measured: MicroTask, options: MicroOptions): Promise<MicroFigure> {
  const unit = yardstick()
  const pairs: { nanoseconds: number; ratio: number }[] = []
  for (let pass = 0; pass < options.passes; pass++) {
    const [unitNs = Number.NaN, nanoseconds = Number.NaN] = await onePass([unit, measured], options)
    pairs.push({ nanoseconds, ratio: nanoseconds / unitNs })
  }
  pairs.sort((one, other) => one.ratio - other.ratio)
  const nanoseconds = Math.min(...pairs.map((pair) => pair.nanoseconds))
  return { name: measured.name, nanoseconds, ratio: pairs[pairs.length >> 1]!.ratio }
}

export interface Slower {
  readonly name: string
  readonly what: string
}

/** Tasks that take longer than their baseline and its noise allow; empty: all is well. */
export function slower(figures: readonly MicroFigure[], baseline: Baseline): Slower[] {
  return figures.flatMap(({ name, ratio }) => {
    const known = baseline.tasks[name]
    if (known === undefined) return [{ name, what: `${name} is not in baseline.json` }]
    const bound = known.ratio * boundOf(known.noise)
    if (ratio <= bound) return []
    const [now, before, most] = [ratio, known.ratio, bound].map((value) => value.toPrecision(3))
    return [{ name, what: `${name}: ${now} yardsticks, ${before} before, at most ${most}` }]
  })
}

/**
 * Another processor shifts the ratios of native code and plain JavaScript by half; what fails here has
 * doubled.
 */
const BOUND_LEAST = 2
const NOISE_MARGIN = 1.5

export function boundOf(noise: number): number {
  return Math.max(BOUND_LEAST, noise * NOISE_MARGIN)
}

const NODE_MAJOR = process.versions.node.split('.')[0]!

/** Of this major version of Node; null when none was taken with it. */
export function readBaseline(): Baseline | null {
  return readBaselines()[NODE_MAJOR] ?? null
}

/** In place of what was there for this major version of Node; the others stay. */
export function writeBaseline(baseline: Baseline): void {
  const baselines = { ...readBaselines(), [NODE_MAJOR]: baseline }
  writeFileSync(BASELINE_FILE, `${JSON.stringify(baselines, null, 2)}\n`)
}

function readBaselines(): Readonly<Record<string, Baseline>> {
  return JSON.parse(readFileSync(BASELINE_FILE, 'utf8'))
}

/** Median step per call in nanoseconds, in the order of the tasks. */
async function onePass(tasks: readonly MicroTask[], { taskMs }: MicroOptions): Promise<number[]> {
  const bench = new Bench({
    time: taskMs,
    warmupTime: taskMs / 4,
    warmupIterations: 5,
    iterations: 5,
  })
  for (const { name, run } of tasks) bench.add(name, run)
  await bench.run()
  return bench.tasks.map(({ name, result }, at) => {
    if (!('latency' in result)) throw new Error(`${name} could not be measured: ${result.state}`)
    return (result.latency.p50 * 1e6) / tasks[at]!.calls
  })
}

/** Arithmetic on numbers and a copy in memory: what everything here is made of. */
function yardstick(): MicroTask {
  const words = new Float64Array(YARDSTICK_WORDS)
  const copy = Buffer.alloc(YARDSTICK_WORDS * 8)
  return task(YARDSTICK, 4, (call) => {
    for (let at = 0; at < YARDSTICK_WORDS; at++) words[at] = Math.imul(at, call + 31) ^ (at >>> 3)
    copy.set(new Uint8Array(words.buffer))
    return (sink[0] ?? 0) + copy[call]!
  })
}
