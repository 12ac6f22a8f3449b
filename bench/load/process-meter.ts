/**
 * What a process costs, read from Linux' /proc: CPU time of all its threads, resident memory, its
 * peak, and what the whole machine spent. Elsewhere every figure is NaN and prints as '-'.
 *
 *   /proc/PID/stat       … fields 14, 15: user and system ticks, 100 a second
 *   /proc/PID/status     VmRSS, VmHWM in kB; writing 5 to clear_refs starts a new peak
 *   /proc/PID/io         write_bytes: what it made the kernel write to storage, sooner or later
 *   /proc/PID/task/TID/children
 *   /proc/stat           first line: ticks of all processors by kind
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

const TICKS_PER_SECOND = 100
const KB = 1024

/** User and system time since the process began, in seconds. */
export function processCpuSeconds(pid: number): number {
  const text = readProc(`/proc/${pid}/stat`)
  if (text === null) return Number.NaN
  // The name in brackets may hold blanks; fields count from behind it.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

/** The process and all that it started, its own id first. */
export function processTree(pid: number): number[] {
  const children = threadsOf(pid).flatMap((thread) =>
    (readProc(`/proc/${pid}/task/${thread}/children`) ?? '').split(' ').filter(Boolean).map(Number),
  )
  return [pid, ...children.flatMap(processTree)]
}

/** Bytes that were or will be written to storage for it. */
export function writtenBytes(pid: number): number {
  const match = /^write_bytes: (\d+)/m.exec(readProc(`/proc/${pid}/io`) ?? '')
  return match === null ? Number.NaN : Number(match[1])
}

/** Time all processors spent on anything since the machine began, in seconds. */
export function machineCpuSeconds(): number {
  const text = readProc('/proc/stat')
  if (text === null) return Number.NaN
  const [user, nice, system, , , irq, softirq] = text
    .slice(text.indexOf(' '), text.indexOf('\n'))
    .trim()
    .split(/\s+/)
    .map(Number)
  const ticks = [user, nice, system, irq, softirq].reduce((sum: number, n) => sum + (n ?? 0), 0)
  return ticks / TICKS_PER_SECOND
}

export function residentBytes(pid: number): number {
  return statusBytes(pid, 'VmRSS')
}

/** Highest resident size since the start or the last `restartPeak`. */
export function peakResidentBytes(pid: number): number {
  return statusBytes(pid, 'VmHWM')
}

/** Best effort: without the right to, the peak stays that of the process's whole life. */
export function restartPeak(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5')
  } catch {
    // Not Linux, not our process, or gone: the figure is then an upper bound.
  }
}

function statusBytes(pid: number, field: string): number {
  const text = readProc(`/proc/${pid}/status`)
  const match = text === null ? null : new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)
  return match === null ? Number.NaN : Number(match[1]) * KB
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    // Not Linux, or gone meanwhile.
    return []
  }
}

function readProc(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}
