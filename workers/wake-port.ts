/**
 * Signals by empty messages on message ports, one port per other shard: the plain way, used where
 * Atomics.waitAsync is missing or not wanted.
 */
import type { MessagePort } from 'node:worker_threads'
import { assert } from '../engine/base/assert.ts'
import type { WakeSignal } from './wake.ts'

export class PortSignal implements WakeSignal {
  onSignal: () => void = () => {}
  private readonly ports: readonly (MessagePort | null)[]

  /** `ports[k]` leads to shard k; the shard's own place is null. */
  constructor(ports: readonly (MessagePort | null)[]) {
    this.ports = ports
    for (const port of ports) {
      port?.on('message', () => this.onSignal())
      port?.unref()
    }
  }

  send(shard: number): void {
    const port = this.ports[shard]
    assert(port !== undefined && port !== null, `no port to shard ${shard}`)
    port.postMessage(null)
  }

  /** A signal waits in the port's queue however early it was sent. */
  await(): boolean {
    return true
  }

  close(): void {
    for (const port of this.ports) port?.close()
  }
}
