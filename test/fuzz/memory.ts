/** Memory and processor time of this process, for bounds that hold on a busy machine too. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

const MIB = 1024 * 1024

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Resident bytes when nothing is left to collect. */
export function residentBytes(): number {
  collectGarbage()
  collectGarbage()
  return process.memoryUsage.rss()
}

/**
 * As residentBytes, behind what native code gives back: the memory of a buffer that an add-on made is freed
 * in a turn of its own, after the collection that found it (Node's SetImmediate for finalizers).
 */
export async function settledBytes(): Promise<number> {
  for (let turn = 0; turn < 3; turn++) {
    collectGarbage()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return residentBytes()
}

export function inMib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`
}

/**
 * Milliseconds that a call held its thread: the shorter of wall and processor time, since a thread that is
 * not running holds nobody up by its own doing.
 */
export function busyMs(work: () => void): number {
  const startedMs = performance.now()
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return Math.min(performance.now() - startedMs, (user + system) / 1_000)
}
