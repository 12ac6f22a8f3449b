/**
 * How many files and connections this process may have open at once. Node raises its soft limit to the
 * hard one at its start; the kernel gives out the lowest free number, so that a connection's descriptor
 * tells about how many are in use. Without the last ones to spare segments could not be opened, and the
 * runtime would close new connections without a word.
 */
import { readFileSync } from 'node:fs'
import { limits } from '../engine/base/limits.ts'

/** RLIMIT_NOFILE; Infinity: none, or not to be known here. */
export function openFilesMax(): number {
  try {
    const text = readFileSync('/proc/self/limits', 'latin1')
    return openFilesIn(text)
  } catch {
    // Not Linux.
    return Number.POSITIVE_INFINITY
  }
}

/** The soft limit in the text of /proc/PID/limits. */
export function openFilesIn(text: string): number {
  const told = /^Max open files\s+(\d+)/m.exec(text)?.[1]
  return told === undefined ? Number.POSITIVE_INFINITY : Number(told)
}

/** A connection with this descriptor or a higher one is refused. */
export function connectionDescriptorEnd(max: number): number {
  return max - Math.min(limits.descriptorReserve, Math.floor(max / 4))
}
