/**
 * Waking shards. Each shard has one word in shared memory, 64 bytes from the next:
 *
 *   AWAKE     it will look at its rings again before it rests; nobody need do anything
 *   RESTING   it rests; whoever changes the word to AWAKE must send it a signal
 *
 * A sender: (1) stores the tail of a ring, (2) `ring`: RESTING → AWAKE by compare-and-exchange,
 * and a signal if that succeeded. The shard: (3) drains, (4) stores RESTING, (5) looks at every
 * ring once more and, if it finds something, goes back to (3); else it rests until the signal. No
 * wake-up is lost: if (5) does not see the tail of (1), then (4) came before (1), so (2) finds
 * RESTING. The order (4) before (5) is what the promise hangs on.
 *
 * Two ways to signal, each in its own file: wake-atomics.ts (Atomics.waitAsync) and wake-port.ts
 * (a message port, the plain fallback). Neither keeps a thread alive; a shard's sockets, or the
 * port to its parent, do.
 */

const AWAKE = 0
const RESTING = 1
/** One cache line per shard, in int32 words. */
const STRIDE = 16

export interface WakeSignal {
  /** Makes the shard's `onSignal` be called soon, in its own thread. */
  send(shard: number): void
  /** False: the word is not RESTING any more; look again. True: `onSignal` is called once it isn't. */
  await(): boolean
  /** Late or doubled calls are harmless. */
  onSignal: () => void
  close(): void
}

export function newWakeWords(shards: number): SharedArrayBuffer {
  return new SharedArrayBuffer(shards * STRIDE * 4)
}

/** A shard's word as seen by a signal. */
export function wakeWordIndex(shard: number): number {
  return shard * STRIDE
}

export const RESTING_WORD = RESTING

export class Doorbell {
  readonly shard: number
  private readonly words: Int32Array
  private readonly signal: WakeSignal
  /** Signals sent: every one costs the other thread a turn. */
  signalsSent = 0

  constructor(words: SharedArrayBuffer, shard: number, signal: WakeSignal) {
    this.words = new Int32Array(words)
    this.shard = shard
    this.signal = signal
  }

  /** After something was left for `shard`: wakes it if it rests. */
  ring(shard: number): void {
    if (!this.takeRest(shard)) return
    this.signalsSent++
    this.signal.send(shard)
  }

  /** Ends the shard's rest; true for the one caller who did and who owes the signal. */
  takeRest(shard: number): boolean {
    return Atomics.compareExchange(this.words, shard * STRIDE, RESTING, AWAKE) === RESTING
  }

  /** Step (4). */
  announceRest(): void {
    Atomics.store(this.words, this.shard * STRIDE, RESTING)
  }

  /** Step (5) found something. A sender may have been quicker; its signal then finds us awake. */
  stayAwake(): void {
    Atomics.compareExchange(this.words, this.shard * STRIDE, RESTING, AWAKE)
  }

  /** Rests; false: a sender came in between, drain again. */
  rest(): boolean {
    return this.signal.await()
  }
}
