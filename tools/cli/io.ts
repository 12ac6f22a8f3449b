/** What a command may touch of the outside: its output, its input, the working directory. */
import type { Readable, Writable } from 'node:stream'

export interface CommandIo {
  /** Data only. */
  readonly stdout: Writable
  /** Everything else: progress, warnings, errors. */
  readonly stderr: Writable
  readonly stdin: Readable
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
}

export function processIo(): CommandIo {
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: process.stdin,
    env: process.env,
    cwd: process.cwd(),
  }
}

/** Resolves at the first SIGINT or SIGTERM; the handlers stay, so that a second one does not kill. */
export function interrupted(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve(signal))
  })
}
