/**
 * What a service manager hears while a broker runs: systemd by sd_notify(3), and whoever started us
 * with a channel (`-daemon`, serve-daemon.ts) by one message.
 *
 *   starting   EXTEND_TIMEOUT_USEC now and then, so that a long recovery is not taken for a hang
 *   ready      READY=1; from then on WATCHDOG=1 twice per WATCHDOG_USEC, if the unit asks for it
 *   reloading  RELOADING=1, then READY=1 again (Type=notify-reload)
 *   stopping   STOPPING=1, EXTEND_TIMEOUT_USEC again
 */
import type { Logger } from '../../engine/base/logger.ts'
import { type NotifySocket, openNotifySocket } from '../../net/notify-socket.ts'

const EXTEND_MS = 60_000
const EXTEND_EVERY_MS = 15_000
/** To a parent with a channel, once it serves. */
export const SERVING_MESSAGE = 'serving'

export interface ServiceManagerPorts {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly logger: Logger
  /** Opened from `env` unless given; null: nobody to tell. */
  readonly socket?: NotifySocket | null
}

export class ServiceManager {
  private readonly env: ServiceManagerPorts['env']
  private readonly logger: Logger
  private readonly socket: NotifySocket | null
  private timer: NodeJS.Timeout | null = null
  private told = false

  constructor(ports: ServiceManagerPorts) {
    this.env = ports.env
    this.logger = ports.logger
    const socket = ports.socket === undefined ? openNotifySocket(ports.env) : ports.socket
    if (typeof socket === 'string') this.logger.warn(socket)
    this.socket = typeof socket === 'string' ? null : socket
  }

  starting(): void {
    this.repeat(EXTEND_EVERY_MS, extension())
  }

  ready(status: string): void {
    this.tell(`READY=1\nSTATUS=${status}`)
    const watchdogMs = this.watchdogMs()
    if (watchdogMs > 0) this.repeat(watchdogMs / 2, 'WATCHDOG=1')
    else this.stopRepeating()
    if (process.connected) process.send?.(SERVING_MESSAGE)
  }

  /** With CLOCK_MONOTONIC, which systemd compares with its own and hrtime reads. */
  reloading(monotonicNs: bigint = process.hrtime.bigint()): void {
    this.tell(`RELOADING=1\nMONOTONIC_USEC=${monotonicNs / 1000n}`)
  }

  reloaded(): void {
    this.tell('READY=1')
  }

  stopping(): void {
    this.tell('STOPPING=1\nSTATUS=stopping')
    this.repeat(EXTEND_EVERY_MS, extension())
  }

  /** No further message; the process may end. */
  close(): void {
    this.stopRepeating()
  }

  /** 0 unless the unit has a WatchdogSec, and means this process. */
  private watchdogMs(): number {
    const { WATCHDOG_USEC, WATCHDOG_PID } = this.env
    if (WATCHDOG_PID !== undefined && Number(WATCHDOG_PID) !== process.pid) return 0
    const ms = Number(WATCHDOG_USEC ?? 0) / 1000
    return Number.isFinite(ms) && ms > 0 ? ms : 0
  }

  private repeat(everyMs: number, state: string): void {
    this.stopRepeating()
    if (this.socket === null) return
    this.tell(state)
    this.timer = setInterval(() => this.tell(state), everyMs)
    this.timer.unref()
  }

  private stopRepeating(): void {
    if (this.timer !== null) clearInterval(this.timer)
    this.timer = null
  }

  /** Trouble is told once: the manager's log has the rest. */
  private tell(state: string): void {
    void this.socket?.send(state).then((problem) => {
      if (problem === null || this.told) return
      this.told = true
      this.logger.warn(`the service manager does not hear this broker: ${problem}`)
    })
  }
}

function extension(): string {
  return `EXTEND_TIMEOUT_USEC=${EXTEND_MS * 1000}`
}
