/** What a command may touch of the outside: its output, its input, the working directory, signals. */
import type { Readable, Writable } from 'node:stream'

export interface CommandIo {
  /** Data only. */
  readonly stdout: Writable
  /** Everything else: progress, warnings, errors. */
  readonly stderr: Writable
  readonly stdin: Readable
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** Resolves when nobody reads stdout any more, as in `sluice … | head`. */
  readonly outputClosed: Promise<void>
  /**
   * Resolves at the first SIGINT or SIGTERM. From the first call on a signal does not kill the process:
   * whoever asks has promised to end. npm passes on a Ctrl-C that has come to its child already, so
   * a second signal must not kill either.
   */
  interrupted(): Promise<NodeJS.Signals>
}

export function processIo(): CommandIo {
  let interruption: Promise<NodeJS.Signals> | null = null
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    // Opened when it is asked for: few commands read it.
    get stdin() {
      return process.stdin
    },
    env: process.env,
    cwd: process.cwd(),
    outputClosed: closedPipe(process.stdout),
    interrupted() {
      interruption ??= new Promise((resolve) => {
        for (const signal of ['SIGINT', 'SIGTERM'] as const)
          process.on(signal, () => resolve(signal))
      })
      return interruption
    },
  }
}

/** A closed pipe ends a command quietly; any other trouble with stdout is told. */
function closedPipe(stdout: Writable): Promise<void> {
  return new Promise((resolve) => {
    stdout.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') return resolve()
      process.stderr.write(`error: cannot write to standard output\n  why:  ${error.message}\n`)
      process.exit(1)
    })
  })
}
