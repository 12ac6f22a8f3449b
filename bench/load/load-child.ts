/**
 * The raw client as a process of its own: takes plans from its parent, one after the other, and sends
 * back figures. It stays between plans, so that its compiled code is warm. See load-process.ts.
 */

import type { LoadAnswer } from './load-process.ts'
import { type LoadPlan, runLoad } from './raw-client.ts'

process.on('message', (plan: LoadPlan) => {
  runLoad(plan).then(
    (figures) => answer({ figures, problem: null }),
    (error: unknown) =>
      answer({ figures: null, problem: error instanceof Error ? error.message : String(error) }),
  )
})

// A parent that is gone wants no more figures.
process.on('disconnect', () => process.exit(0))

function answer(message: LoadAnswer): void {
  process.send?.(message)
}
