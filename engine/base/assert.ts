/**
 * Asserts that stay on in production. A failed one is our own broken invariant: it throws
 * InvariantError, which nothing below the thread's entry may catch; the process then ends after a
 * last log line, since a wrong log is worse than a stopped one.
 */

export class InvariantError extends Error {
  override name = 'InvariantError'
}

/** Throws InvariantError unless `condition` holds; put the values involved into `message`. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message)
}

/**
 * The same for what runs per request or more often: `if (!holds) broken(…)` builds its message only
 * when it is needed, which `assert` cannot (20 to 50 ns and some garbage for one with numbers in it).
 */
export function broken(message: string): never {
  throw new InvariantError(message)
}

/**
 * Runs `step`, which serves everyone and knows no error of its own: what it throws is a broken
 * invariant, also where a caller answers for one client only and would lay it on that one.
 */
export function unfailing(step: () => void): void {
  try {
    step()
  } catch (error) {
    if (error instanceof InvariantError) throw error
    if (!(error instanceof Error)) throw new InvariantError(String(error))
    const raised = new InvariantError(error.message, { cause: error })
    // The last line tells where it began.
    if (error.stack !== undefined) raised.stack = error.stack
    throw raised
  }
}

/** For code that cannot be reached; `what` says which case arrived there. */
export function unreachable(what: string): never {
  throw new InvariantError(`unreachable: ${what}`)
}
