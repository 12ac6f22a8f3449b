/**
 * The sending end of a lane: a ring, and behind it a first-in-first-out backlog for when the ring
 * is full. Messages leave in the order they were posted, always: once something is held back,
 * everything after it is too.
 *
 * Bound: limits.ringBacklogMax messages and limits.ringBacklogBytesMax payload bytes for requests.
 * Replies and releases are never refused: there is at most one reply per request of the other side
 * and one release per reply, which are bounded themselves (limits.pendingRequestsMax,
 * remoteLeasesMax).
 */
import { broken } from '../engine/base/assert.ts'
import { limits } from '../engine/base/limits.ts'
import type { Descriptor, RingWriter } from './ring.ts'

interface Held {
  readonly descriptor: Descriptor
  /** Our own copy. */
  readonly payload: Buffer | null
}

/** What is never refused: a reply per pending request, and its cancellation or releases. */
const HELD_ALWAYS_MAX = 4 * limits.pendingRequestsMax

/** What happens around an outlet that its exchange must know. */
export interface OutletEvents {
  /** Something is in the ring that the other shard was not told of yet. */
  onPosted(): void
  /** The first message since then that can wait until there is another reason to tell. */
  onQuiet(): void
  /** True: senders should pause; false: go on. */
  onPressure(pressed: boolean): void
}

export class Outlet {
  /** Posted since the other shard's bell was last rung. */
  unannounced = false
  /** Posted quietly since then. */
  quiet = 0
  private readonly writer: RingWriter
  private readonly events: OutletEvents
  private held: Held[] = []
  /** Those of `held` that are gone already. */
  private heldStart = 0
  private heldBytes = 0
  private pressed = false

  constructor(writer: RingWriter, events: OutletEvents) {
    this.writer = writer
    this.events = events
  }

  get backlog(): number {
    return this.held.length - this.heldStart
  }

  /** Posts a request; false: the backlog is full, nothing happened. `payload` is copied. */
  offer(d: Descriptor, payload: Buffer | null): boolean {
    if (this.backlog === 0 && this.writer.push(d, payload)) {
      this.posted()
      return true
    }
    const bytes = payload === null ? 0 : payload.length
    if (
      this.backlog >= limits.ringBacklogMax ||
      this.heldBytes + bytes > limits.ringBacklogBytesMax
    )
      return false
    this.hold(d, payload)
    return true
  }

  /** Posts what cannot be refused: replies and releases. */
  post(d: Descriptor, payload: Buffer | null): void {
    if (this.backlog === 0 && this.writer.push(d, payload)) this.posted()
    else this.hold(d, payload)
  }

  /**
   * Posts a release, for which alone the other shard need not be woken: it finds it with whatever
   * comes next. After limits.quietReleasesMax of them, or limits.quietReleaseMs, it is told.
   */
  postQuietly(d: Descriptor): void {
    if (this.backlog > 0 || !this.writer.push(d, null)) {
      this.hold(d, null)
      return
    }
    if (this.unannounced) return
    this.quiet++
    if (this.quiet >= limits.quietReleasesMax) this.posted()
    else if (this.quiet === 1) this.events.onQuiet()
  }

  /** The other shard is being told of all that was posted. */
  announced(): void {
    this.unannounced = false
    this.quiet = 0
  }

  /** Moves what was held back into the ring as far as it fits. */
  pump(): void {
    if (this.backlog === 0) return
    this.moveHeld()
    if (this.backlog === 0) this.press(false)
  }

  /**
   * Before a rest, and after it was announced: asks the reader to wake us when it gives room back.
   * True: there is room already, do not rest. Asking must come before looking, and again before
   * each rest, since the reader forgets the wish once it gave back anything.
   */
  roomAfterAsking(): boolean {
    if (this.backlog === 0) return false
    this.writer.askForRoom()
    this.writer.look()
    const { payload } = this.held[this.heldStart]!
    return this.writer.hasRoom(payload === null ? 0 : payload.length)
  }

  private moveHeld(): void {
    while (this.heldStart < this.held.length) {
      const { descriptor, payload } = this.held[this.heldStart]!
      if (!this.writer.push(descriptor, payload)) return
      this.heldStart++
      if (payload !== null) this.heldBytes -= payload.length
      this.posted()
    }
    this.held = []
    this.heldStart = 0
    if (this.heldBytes !== 0) broken(`${this.heldBytes} bytes held by an empty backlog`)
  }

  private hold(d: Descriptor, payload: Buffer | null): void {
    if (this.backlog >= HELD_ALWAYS_MAX)
      broken(`${this.backlog} messages held back for a full ring`)
    this.held.push({
      descriptor: d.copy(),
      payload: payload === null ? null : Buffer.from(payload),
    })
    if (payload !== null) this.heldBytes += payload.length
    if (
      this.backlog * 2 >= limits.ringBacklogMax ||
      this.heldBytes * 2 >= limits.ringBacklogBytesMax
    )
      this.press(true)
    // The shard may be resting while its sockets are served: it must hear of room all the same.
    if (this.backlog === 1 && this.roomAfterAsking()) this.pump()
  }

  private press(pressed: boolean): void {
    if (this.pressed === pressed) return
    this.pressed = pressed
    this.events.onPressure(pressed)
  }

  private posted(): void {
    if (this.unannounced) return
    this.unannounced = true
    this.events.onPosted()
  }
}
