/**
 * Giving the processor to whoever waits for it, by sched_yield(2) through koffi. Node has nothing like it,
 * and nothing takes its place: where native calls are off or missing a thread without work sleeps.
 */
import type { BrokerConfig } from '../engine/base/config.ts'
import { nativeCalls } from './native-calls.ts'

const schedYield = nativeCalls<() => void>((libc) => libc.func('sched_yield', 'int', []))

/** Null where it cannot be had, or is not wanted. */
export function giveWayNative(config: Pick<BrokerConfig, 'sluiceGiveWay'>): (() => void) | null {
  return config.sluiceGiveWay ? schedYield() : null
}

/** For the line that says which alternatives run. */
export function giveWayWord(config: Parameters<typeof giveWayNative>[0]): string {
  return giveWayNative(config) === null ? 'sleep' : 'give way, then sleep'
}
