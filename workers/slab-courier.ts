/**
 * Makes the slabs of one shard known to another, so that a descriptor can name one by its id. The
 * memory itself crosses once, by a message port; the announcement is posted before the descriptor
 * is written, so a reader that meets an id it does not know finds the announcement in its port's
 * queue and takes it from there at once.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { assert } from '../engine/base/assert.ts'

/** Both directions between two shards: announces our slabs, looks up theirs. */
export interface SlabCourier {
  announce(id: number, memory: SharedArrayBuffer): void
  /** The block is gone for good; nothing that names it is under way. */
  withdraw(id: number): void
  /** Memory of the other shard's slab. */
  lookUp(id: number): SharedArrayBuffer
  close(): void
}

/** memory null = withdrawn. */
interface Announcement {
  readonly id: number
  readonly memory: SharedArrayBuffer | null
}

export class PortCourier implements SlabCourier {
  private readonly port: MessagePort
  private readonly known = new Map<number, SharedArrayBuffer>()

  constructor(port: MessagePort) {
    this.port = port
    port.on('message', (announcement: Announcement) => this.note(announcement))
    port.unref()
  }

  announce(id: number, memory: SharedArrayBuffer): void {
    this.port.postMessage({ id, memory } satisfies Announcement)
  }

  withdraw(id: number): void {
    this.port.postMessage({ id, memory: null } satisfies Announcement)
  }

  lookUp(id: number): SharedArrayBuffer {
    let memory = this.known.get(id)
    while (memory === undefined) {
      const received: { message: Announcement } | undefined = receiveMessageOnPort(this.port)
      assert(received !== undefined, `slab ${id} was never announced`)
      this.note(received.message)
      memory = this.known.get(id)
    }
    return memory
  }

  close(): void {
    this.port.close()
  }

  private note(announcement: Announcement): void {
    if (announcement.memory === null) this.known.delete(announcement.id)
    else this.known.set(announcement.id, announcement.memory)
  }
}
