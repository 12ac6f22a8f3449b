/**
 * Child processes of a test run. All of them are known by pid, so that none outlives the run: not
 * when a check runs out of time, not when the run itself is interrupted. Nothing is ever ended by
 * name.
 */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'

/** Text kept of each stream of a child: its last part, enough to explain a failure. */
const KEPT_CHARACTERS_MAX = 4 * 1024 * 1024

const alive = new Set<ChildProcess>()
let watchingExit = false

function endAllNow(): void {
  for (const child of alive) child.kill('SIGKILL')
}

/** Starts a child that is killed, at the latest, when this process ends. */
export function startChild(command: string, args: string[], options: SpawnOptions): ChildProcess {
  if (!watchingExit) {
    watchingExit = true
    process.on('exit', endAllNow)
    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
      ['SIGHUP', 129],
    ] as const)
      process.once(signal, () => process.exit(code))
  }
  const child = spawn(command, args, options)
  alive.add(child)
  const forget = (): boolean => alive.delete(child)
  child.once('exit', forget)
  child.once('error', forget)
  return child
}

export interface CommandResult {
  /** -1 when a signal or the time limit ended it. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  readonly timedOut: boolean
}

export interface CommandOptions {
  readonly limitMs: number
  /** Text written to its standard input. */
  readonly input?: string
  /** A file given as its standard input. */
  readonly inputFile?: string
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
  /** Called with each piece of standard output, which is then not collected. */
  readonly onOutput?: (piece: Buffer) => void
}

/** The last part of what a stream says. */
export function collect(stream: Readable | null): () => string {
  let text = ''
  stream?.setEncoding('utf8')
  stream?.on('data', (piece: string) => {
    text += piece
    if (text.length > 2 * KEPT_CHARACTERS_MAX) text = text.slice(-KEPT_CHARACTERS_MAX)
  })
  return () => text
}

/** Whether it was running, and now is not: ends a child by its pid and waits until it is gone. */
export async function endChild(
  child: ChildProcess,
  signal: NodeJS.Signals,
  limitMs = 30_000,
): Promise<boolean> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return false
  const gone = once(child, 'exit')
  child.kill(signal)
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMs)
  await gone
  clearTimeout(timer)
  return true
}

/** Runs a command to its end, or to its time limit; never rejects for what the command did. */
export async function runCommand(
  command: string,
  args: string[],
  options: CommandOptions,
): Promise<CommandResult> {
  const hasInput = options.input !== undefined || options.inputFile !== undefined
  const child = startChild(command, args, {
    stdio: [hasInput ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  })
  let stdout = (): string => ''
  if (options.onOutput === undefined) stdout = collect(child.stdout)
  else child.stdout?.on('data', options.onOutput)
  const stderr = collect(child.stderr)
  feed(child, options)
  let timedOut = false
  const timer = setTimeout(() => {
    timedOut = true
    child.kill('SIGKILL')
  }, options.limitMs)
  const { code, problem } = await ended(child)
  clearTimeout(timer)
  return { code, stdout: stdout(), stderr: problem ?? stderr(), timedOut }
}

function feed(child: ChildProcess, options: CommandOptions): void {
  const stdin = child.stdin
  if (stdin === null) return
  // A child that ends early closes its input; its exit code tells the story.
  stdin.on('error', () => stdin.destroy())
  if (options.inputFile !== undefined) createReadStream(options.inputFile).pipe(stdin)
  else stdin.end(options.input)
}

function ended(child: ChildProcess): Promise<{ code: number; problem: string | null }> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: -1, problem: error.message }))
    child.once('close', (code) => resolve({ code: code ?? -1, problem: null }))
  })
}

/** A short account of a failed command for an error message. */
export function describeResult(command: string, result: CommandResult): string {
  const how = result.timedOut ? 'ran out of time' : `ended with ${result.code}`
  // Kafka's jars come without a logging back end, and say so each time.
  const said = `${result.stderr}\n${result.stdout}`.replace(/^SLF4J: .*\n?/gm, '').trim()
  return `${command} ${how}: ${said.slice(-1500)}`
}
