/**
 * A load as a process of its own: takes plans from its parent, one after the other, tells how far it is
 * and sends back figures. It stays between plans, so that its compiled code is warm. See
 * load-process.ts.
 */
import type { LoadAnswer, LoadOrder } from './load-process.ts'
import { type RunningLoad, startLoad } from './load-run.ts'

const PROGRESS_MS = 250

let running: RunningLoad | null = null

process.on('message', (order: LoadOrder) => {
  if (order.kind === 'stop') return running?.window.stop()
  const load = startLoad(order.plan)
  running = load
  const timer = setInterval(() => {
    answer({ kind: 'progress', progress: load.window.progress() })
  }, PROGRESS_MS)
  load.figures
    .then(
      (figures) => answer({ kind: 'figures', figures }),
      (error: unknown) =>
        answer({ kind: 'failed', problem: error instanceof Error ? error.message : String(error) }),
    )
    .finally(() => clearInterval(timer))
})

// Ctrl-C reaches the whole group: the parent decides what ends.
process.on('SIGINT', () => {})

// A parent that is gone wants no more figures.
process.on('disconnect', () => process.exit(0))

function answer(message: LoadAnswer): void {
  process.send?.(message)
}
