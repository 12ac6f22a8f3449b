/**
 * Signals to a broker beyond the first SIGTERM or Ctrl-C, which io.ts has: the second one, which does
 * not wait for the clean stop, and SIGHUP. That one asks for the configuration to be read again, unless
 * it came because the terminal the broker runs in was closed: then it is a wish to stop.
 */
import { closeSync, openSync } from 'node:fs'

/**
 * A signal so soon after the first is the same wish come twice: npm passes on a Ctrl-C that has come
 * to its child already.
 */
const SAME_WISH_MS = 1_000

const NUMBERS = { SIGINT: 2, SIGTERM: 15 } as const
export type StopSignal = keyof typeof NUMBERS

/** As a shell reports a process that a signal ended. */
export function exitCodeOf(signal: StopSignal): number {
  return 128 + NUMBERS[signal]
}

export interface ServeSignals {
  /** Resolves at a stop signal that comes a while after the first one. */
  readonly insisted: Promise<StopSignal>
  /** Resolves when the terminal has gone. */
  readonly abandoned: Promise<'SIGHUP'>
  /** Stops listening. */
  close(): void
}

export interface SignalPorts {
  /** Called at every SIGHUP but that of a terminal that has gone. */
  hangup(): void
  readonly terminalGone?: () => boolean
  readonly monotonicMs?: () => number
  readonly source?: Pick<NodeJS.EventEmitter, 'on' | 'off'>
}

/** Listens from the call on. */
export function serveSignals(ports: SignalPorts): ServeSignals {
  const monotonicMs = ports.monotonicMs ?? (() => performance.now())
  const source = ports.source ?? process
  const gone = ports.terminalGone ?? terminalWatch()
  let firstMs: number | null = null
  const insisted = settled<StopSignal>()
  const abandoned = settled<'SIGHUP'>()
  const heard = (signal: NodeJS.Signals): void => {
    firstMs ??= monotonicMs()
    if (monotonicMs() - firstMs >= SAME_WISH_MS) insisted.settle(signal as StopSignal)
  }
  const hungUp = (): void => {
    if (gone()) abandoned.settle('SIGHUP')
    else ports.hangup()
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) source.on(signal, heard)
  source.on('SIGHUP', hungUp)
  return {
    insisted: insisted.promise,
    abandoned: abandoned.promise,
    close() {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) source.off(signal, heard)
      source.off('SIGHUP', hungUp)
    },
  }
}

function settled<T>(): { readonly promise: Promise<T>; settle(value: T): void } {
  let settle: (value: T) => void = () => {}
  const promise = new Promise<T>((resolve) => {
    settle = resolve
  })
  return { promise, settle }
}

/** Whether the terminal of the start, if there was one, can no longer be opened. */
function terminalWatch(): () => boolean {
  const terminal = '/dev/tty'
  if (!canOpen(terminal)) return () => false
  return () => !canOpen(terminal)
}

function canOpen(path: string): boolean {
  try {
    closeSync(openSync(path, 'r'))
    return true
  } catch {
    // ENXIO or EIO: there is none, or it was closed.
    return false
  }
}
