/** One load of any kind in this thread: what runs in each load process, and in tests directly. */
import { runConnectLoad } from './connect-load.ts'
import type { LoadFigures, LoadPlan } from './load-plan.ts'
import { LoadWindow } from './load-window.ts'
import { runOpenLoop } from './open-loop.ts'
import { runClosedLoop } from './raw-client.ts'

/** A load that runs: how far it is, and a way to end it early with what was seen. */
export interface RunningLoad {
  readonly figures: Promise<LoadFigures>
  readonly window: LoadWindow
}

export function startLoad(plan: LoadPlan): RunningLoad {
  const closed = plan.api === 'produce' || plan.api === 'fetch'
  const window = new LoadWindow(plan, closed ? plan.latencies : true)
  const figures =
    plan.api === 'paced'
      ? runOpenLoop(plan, window)
      : plan.api === 'connect'
        ? runConnectLoad(plan, window)
        : runClosedLoop(plan, window)
  return { figures, window }
}

/** Rejects when nothing could be measured, or the load ended before its time. */
export async function runLoad(plan: LoadPlan): Promise<LoadFigures> {
  const figures = await startLoad(plan).figures
  if (figures.problem !== null) throw new Error(figures.problem)
  return figures
}
