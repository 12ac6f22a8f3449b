/**
 * How commands fail: one sentence what, one why, one what to do next, on stderr, and an exit code
 * that scripts can tell apart. Kafka's own names for commands keep Kafka's 0 and 1.
 */

export const ExitCode = {
  done: 0,
  failed: 1,
  usage: 2,
  cannotConnect: 3,
  notAuthorised: 4,
  partlyFailed: 5,
  notHealthy: 6,
} as const

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode]

/** A failure a person can act on; anything else that reaches the top is a bug and prints as one. */
export class CommandFailure extends Error {
  override name = 'CommandFailure'
  readonly exitCode: ExitCode
  readonly why: string | null
  readonly next: string | null

  constructor(
    exitCode: ExitCode,
    what: string,
    why: string | null = null,
    next: string | null = null,
  ) {
    super(what)
    this.exitCode = exitCode
    this.why = why
    this.next = next
  }
}

/** The three sentences on their lines, without colour codes. */
export function describeFailure(failure: CommandFailure): string {
  const lines = [`error: ${failure.message}`]
  if (failure.why !== null) lines.push(`  why:  ${failure.why}`)
  if (failure.next !== null) lines.push(`  next: ${failure.next}`)
  else if (failure.exitCode === ExitCode.usage) lines.push('  next: see its --help for the flags')
  return lines.join('\n')
}
