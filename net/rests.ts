/** What a thread does between turns before it sleeps: waits awake for one client, gives way to several. */
import { availableParallelism } from 'node:os'
import type { BrokerConfig } from '../engine/base/config.ts'
import { GiveWay } from './give-way.ts'
import { giveWayNative } from './native-yield.ts'
import { Spin } from './spin.ts'
import type { TurnRest } from './turn.ts'

const MICROS_PER_MS = 1_000

const nowMs = (): number => performance.now()

/** `memory`: spinMemory() of the process. */
export function restsOf(config: BrokerConfig, memory: SharedArrayBuffer): readonly TurnRest[] {
  return [
    new Spin({
      memory,
      // A client on the only processor could not send anything meanwhile.
      spinMs: availableParallelism() > 1 ? config.sluiceSpinUs / MICROS_PER_MS : 0,
      nowMs,
      afterPoll: setImmediate,
    }),
    new GiveWay({ giveWay: giveWayNative(config), nowMs, afterPoll: setImmediate }),
  ]
}
