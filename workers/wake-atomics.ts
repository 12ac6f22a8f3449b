/**
 * Signals by Atomics.waitAsync: nothing is queued and nothing allocated by the sender. One waiter
 * is armed per shard at most. Known traps: a waiter does not keep the event loop alive
 * (nodejs/node#44409), and its promise settles in a task of its own, so nothing of the waking turn
 * is on the stack. bench/hop.ts has it beside the other way.
 */
import { RESTING_WORD, type WakeSignal, wakeWordIndex } from './wake.ts'

export class AtomicsSignal implements WakeSignal {
  onSignal: () => void = () => {}
  private readonly words: Int32Array
  private readonly index: number
  private armed = false
  private closed = false

  constructor(words: SharedArrayBuffer, shard: number) {
    this.words = new Int32Array(words)
    this.index = wakeWordIndex(shard)
  }

  send(shard: number): void {
    Atomics.notify(this.words, wakeWordIndex(shard))
  }

  await(): boolean {
    // A waiter left over from an earlier rest still waits for the same word.
    if (this.armed) return true
    const wait = Atomics.waitAsync(this.words, this.index, RESTING_WORD)
    if (!wait.async) return false
    this.armed = true
    wait.value.then(this.notified)
    return true
  }

  /** The armed waiter cannot be taken back: it is woken, and finds that nobody listens. */
  close(): void {
    this.closed = true
    Atomics.notify(this.words, this.index)
  }

  private readonly notified = (): void => {
    this.armed = false
    if (!this.closed) this.onSignal()
  }
}

/** True where the runtime has it (Node 20 and later all do). */
export function atomicsSignalAvailable(): boolean {
  return typeof Atomics.waitAsync === 'function'
}
