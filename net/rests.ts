/** What a thread does between turns before it sleeps: waits awake for one client, gives way to several. */
import { availableParallelism } from 'node:os'
import type { BrokerConfig } from '../engine/base/config.ts'
import { GiveWay } from './give-way.ts'
import { giveWayNative } from './native-yield.ts'
import { Spin } from './spin.ts'
import type { TurnRest } from './turn.ts'

const MICROS_PER_MS = 1_000

const nowMs = (): number => performance.now()

/** Room for the words that all threads of the process share. */
export function restsMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT)
}

/** `memory`: restsMemory() of the process. */
export function restsOf(config: BrokerConfig, memory: SharedArrayBuffer): readonly TurnRest[] {
  return [
    new Spin({
      busy: new Int32Array(memory, 0, 1),
      // A client on the only processor could not send anything meanwhile.
      spinMs: availableParallelism() > 1 ? config.sluiceSpinUs / MICROS_PER_MS : 0,
      nowMs,
      afterPoll: setImmediate,
    }),
    new GiveWay({
      trials: new Int32Array(memory, Int32Array.BYTES_PER_ELEMENT, 1),
      giveWay: giveWayNative(config),
      nowMs,
      afterPoll: setImmediate,
    }),
  ]
}
