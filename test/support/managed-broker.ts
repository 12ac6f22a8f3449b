/** A broker as a process of its own that a test starts, kills and starts again on the same folder. */
import { createServer } from 'node:net'

export interface ManagedBroker {
  /** host:port that clients connect to; the same after every start. */
  readonly address: string
  /** The log.dirs folder. */
  readonly dataFolder: string
  /** All it printed since its first start, its last part when that is long. */
  output(): string
  /** Clean stop by SIGTERM; rejects when the process did not end with 0 by itself (Java: 143). */
  stop(): Promise<void>
  /** kill -9. */
  kill(): Promise<void>
  /** Starts again on the same folder and port; resolves when it accepts clients. */
  start(): Promise<void>
  /** It is not needed any more: stops what still runs, and removes its folder. */
  discard(): Promise<void>
}

/** A port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' ? (address?.port ?? 0) : 0))
    })
  })
}
