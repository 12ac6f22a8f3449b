/** The crash suites, in the order they run. */
import { FAULT_PLAN, newFaultCounts, runFaults } from './faults.ts'
import { newCounts, POWER_CUT_PLAN, runPowerCuts } from './power-cut.ts'
import type { Suite } from './suite.ts'

const powerCut: Suite = {
  name: 'power-cut',
  title: 'power cuts on a simulated disk (T2)',
  unit: 'crash states',
  target: 250_000,
  workloads: 400,
  seconds: 480,
  start: () => {
    const counts = newCounts()
    return {
      workload: (seed, only) =>
        runPowerCuts({ ...POWER_CUT_PLAN, seed, ...(only === undefined ? {} : { only }) }, counts),
      count: () => counts.states + counts.folders,
      report: () =>
        `${counts.states} of whole brokers, ${counts.depthTwo} of these in the start after another, ` +
        `${counts.folders} of single folders; ${counts.recoveries} recoveries done, checked and repeated`,
      figures: () => ({
        'of them whole brokers': counts.states,
        'of these in the start after another cut': counts.depthTwo,
        'recoveries done, checked and repeated': counts.recoveries,
      }),
    }
  },
}

const faults: Suite = {
  name: 'faults',
  title: 'disk faults on a simulated disk (T3)',
  unit: 'fault points',
  target: 20_000,
  workloads: 130,
  seconds: 90,
  start: () => {
    const counts = newFaultCounts()
    return {
      workload: (seed, only) =>
        runFaults({ ...FAULT_PLAN, seed, ...(only === undefined ? {} : { only }) }, counts),
      count: () => counts.points,
      report: () =>
        Object.entries(counts.bySort)
          .map(([name, points]) => `${name} ${points}`)
          .join(', '),
      figures: () => ({}),
    }
  },
}

export const suites: readonly Suite[] = [faults, powerCut]
