/**
 * T2: power cuts of a whole broker. A workload runs on a simulated disk; at sampled calls to the disk the
 * power goes, with sampled legal outcomes of what was not synced (among them always: nothing of it, and
 * all of it, as when only the process dies). Each outcome is started again and judged (judge.ts). Some
 * starts lose power themselves, at a sampled call, and what that leaves is judged too (depth 2). The
 * workload then goes on from one of its own crash states, for some generations.
 */

import { silentLogger } from '../../engine/base/logger.ts'
import type { Disk } from '../../engine/log/disk.ts'
import { TestClock } from '../support/log-rig.ts'
import { type SeededRandom, seededRandom } from '../support/seeded-random.ts'
import { settled } from '../support/simulated-broker.ts'
import { SimulatedDisk } from '../support/simulated-disk.ts'
import { drawKept, type Unit } from '../support/simulated-tree.ts'
import { Driver } from './driver.ts'
import { type FolderState, judgeFolder, takeFolders } from './folder-cuts.ts'
import { type CrashState, type JudgeParts, judge, restart } from './judge.ts'
import { RecoveryMemo } from './recovery-memo.ts'
import { drawOperations, drawShape, type Shape } from './shape.ts'
import type { Failure } from './suite.ts'
import { type Knowledge, World } from './world.ts'

export interface PowerCutPlan {
  readonly seed: number
  /** Operations in each generation. */
  readonly operations: number
  readonly generations: number
  /** Crash points per generation, about. */
  readonly points: number
  /** Outcomes per point; all of them when there are no more. */
  readonly outcomes: number
  /** Further outcomes per point and partition folder. */
  readonly folderOutcomes: number
  /** Share of the outcomes whose start loses power too. */
  readonly depthTwo: number
  /** Operations that are run, by index over all generations; absent: all. Of a shrunk failure. */
  readonly only?: ReadonlySet<number>
  /** What the broker under test runs on; recovery always has the honest disk. For planted bugs. */
  readonly wrap?: (disk: SimulatedDisk) => Disk
}

export interface PowerCutCounts {
  workloads: number
  states: number
  /** Of them after a second power cut, in the start after the first. */
  depthTwo: number
  /** Outcomes for one partition folder, distinct. */
  folders: number
  /** Partition folders recovered, checked and recovered again; and such contents met again. */
  recoveries: number
  repeats: number
}

export const POWER_CUT_PLAN = {
  operations: 40,
  generations: 2,
  points: 12,
  outcomes: 6,
  folderOutcomes: 64,
  depthTwo: 0.06,
} as const

export function newCounts(): PowerCutCounts {
  return { workloads: 0, states: 0, depthTwo: 0, folders: 0, recoveries: 0, repeats: 0 }
}

/** null when all states of the workload were in order. */
export async function runPowerCuts(
  plan: PowerCutPlan,
  counts: PowerCutCounts,
): Promise<Failure | null> {
  const run = new PowerCutRun(plan, counts)
  const limit = Error.stackTraceLimit
  // Errors of the disk are made by the thousand; a failure is told by its seed.
  Error.stackTraceLimit = 0
  try {
    const message = await run.run()
    counts.workloads++
    counts.recoveries += run.memo.recoveries
    counts.repeats += run.memo.repeats
    return message === null ? null : { message, operations: run.ran }
  } finally {
    Error.stackTraceLimit = limit
  }
}

class PowerCutRun {
  readonly memo = new RecoveryMemo()
  /** Indexes of the operations that ran. */
  readonly ran: number[] = []
  private readonly plan: PowerCutPlan
  private readonly counts: PowerCutCounts
  private readonly shape: Shape
  private readonly random: SeededRandom
  private readonly world = new World()
  private readonly clock = new TestClock()
  private states: CrashState[] = []
  private folders: FolderState[] = []

  constructor(plan: PowerCutPlan, counts: PowerCutCounts) {
    this.plan = plan
    this.counts = counts
    this.shape = drawShape(plan.seed)
    this.random = seededRandom(plan.seed)
  }

  async run(): Promise<string | null> {
    const { plan, shape, world, clock } = this
    const disk = SimulatedDisk.holding({}, { seed: plan.seed })
    for (const folder of shape.folders) await disk.makeDir(folder)
    await disk.syncDir('/')
    let current = disk
    const driver = (on: SimulatedDisk, generation: number): Driver =>
      new Driver({
        disk: plan.wrap?.(on) ?? on,
        clock,
        logger: silentLogger,
        shape,
        world,
        seed: plan.seed * 31 + generation * 1_000,
        producerBase: 1_000 * (generation + 1),
      })
    for (let generation = 0; generation < plan.generations; generation++) {
      const problem = await this.generation(current, driver(current, generation), generation)
      if (problem !== null) return problem
      for (const state of this.states) {
        const found = await this.judgeOne(state)
        if (found !== null) return `generation ${generation}, ${state.call}: ${found}`
      }
      this.states = []
      for (const state of this.folders) {
        const { problem, isNew } = await judgeFolder(state, this.memo)
        if (isNew) this.counts.folders++
        if (problem !== null) return `generation ${generation}, ${state.call}: ${problem}`
      }
      this.folders = []
      if (this.following === null) return null
      current = this.following.disk
      world.powerLost(this.following.known)
    }
    return null
  }

  /** A crash state that the next generation goes on from. */
  private following: { readonly disk: SimulatedDisk; readonly known: Knowledge } | null = null

  private async generation(
    disk: SimulatedDisk,
    driver: Driver,
    generation: number,
  ): Promise<string | null> {
    const { plan, shape, random } = this
    const planned = drawOperations(plan.seed * 7 + generation, plan.operations, shape)
    const chance = plan.points / (plan.operations * CALLS_PER_OPERATION)
    disk.onCall = (operation, path) => {
      if (random.chance(chance)) this.take(disk, `at call ${disk.calls}, ${operation} ${path}`)
    }
    try {
      await driver.start()
      for (const [at, operation] of planned.entries()) {
        const index = generation * plan.operations + at
        if (plan.only?.has(index) === false) continue
        this.ran.push(index)
        await driver.run(operation)
        if (driver.surprises.length > 0) return `generation ${generation}: ${driver.surprises[0]}`
      }
      if (random.chance(0.5)) await driver.quiesce()
      this.take(disk, `at the end, call ${disk.calls}`)
      this.following = { disk: disk.crash(random.int(1 << 30)), known: this.world.know() }
      disk.onCall = null
      await settled()
    } catch (error) {
      return `generation ${generation}: ${error instanceof Error ? error.stack : error}`
    }
    return driver.surprises[0] ?? null
  }

  private take(disk: SimulatedDisk, call: string): void {
    const { plan, random } = this
    const units = disk.tree.units()
    const known = this.world.know()
    for (const kept of outcomesOf(units, plan.outcomes, random)) {
      const isKill = kept.every(Boolean)
      const plain = !random.chance(plan.depthTwo)
      this.states.push({ disk: disk.crashKeeping(units, kept, plain), known, isKill, call })
    }
    const draw = (own: readonly Unit[]) => outcomesOf(own, plan.folderOutcomes, random)
    if (plan.folderOutcomes > 0) this.folders.push(...takeFolders(disk, units, known, call, draw))
  }

  private async judgeOne(state: CrashState): Promise<string | null> {
    const { plan, shape, memo, counts } = this
    const parts = { shape, memo, seed: plan.seed }
    if (state.disk.options.plain !== true) {
      const again = await this.cutAgain(state, parts).catch(String)
      if (typeof again === 'string') return again
      for (const deeper of again) {
        counts.states++
        counts.depthTwo++
        const found = await judge(deeper, parts)
        if (found !== null) return `${deeper.call}: ${found}`
      }
      return null
    }
    counts.states++
    return await judge(state, parts)
  }

  /** The power goes again while the broker starts. */
  private async cutAgain(state: CrashState, parts: JudgeParts): Promise<CrashState[]> {
    const { random } = this
    const { disk, known, call } = state
    const states: CrashState[] = []
    disk.onCall = (operation, path) => {
      if (!random.chance(DEPTH_TWO_CHANCE)) return
      const units = disk.tree.units()
      const kept = drawKept(units, random)
      const where = `${call}, then in the start at call ${disk.calls}, ${operation} ${path}`
      // What nobody synced was promised against the death of the process alone.
      const isKill = state.isKill && kept.every(Boolean)
      states.push({ disk: disk.crashKeeping(units, kept, true), known, isKill, call: where })
    }
    await restart(disk, parts)
    await settled()
    disk.onCall = null
    return states
  }
}

/** For the share of calls that are crash points. */
const CALLS_PER_OPERATION = 9
const DEPTH_TWO_CHANCE = 0.02

/** Which of the units survive: every combination if there are few, else drawn ones. */
function outcomesOf(
  units: readonly Unit[],
  outcomes: number,
  random: SeededRandom,
): readonly (readonly boolean[])[] {
  if (2 ** units.length <= outcomes)
    return Array.from({ length: 2 ** units.length }, (_, mask) =>
      units.map((_unit, i) => (mask & (1 << i)) !== 0),
    )
  const drawn = Array.from({ length: outcomes - 2 }, () => drawKept(units, random))
  return [units.map(() => false), units.map(() => true), ...drawn]
}
