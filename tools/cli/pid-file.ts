/**
 * The file with the process id of a broker in the background (`-daemon`): written by whoever starts
 * it, removed by the broker when it ends by itself. A file whose process is gone, or is none of ours,
 * counts for nothing.
 */
import { readFileSync, rmSync } from 'node:fs'
import type { CommandIo } from './io.ts'

/** Tells a broker where its file is. */
export const PID_FILE_VARIABLE = 'SLUICE_PID_FILE'

/** The broker of this file if it is alive; null otherwise. */
export function livePid(path: string): number | null {
  const pid = pidIn(path)
  return pid !== null && isBroker(pid) ? pid : null
}

/** Removes the file if it is this process's. */
export function removePidFile(io: CommandIo): void {
  const path = io.env[PID_FILE_VARIABLE]
  if (path !== undefined && path !== '' && pidIn(path) === process.pid)
    rmSync(path, { force: true })
}

function pidIn(path: string): number | null {
  try {
    const pid = Number(readFileSync(path, 'utf8').trim())
    return Number.isSafeInteger(pid) && pid > 0 ? pid : null
  } catch {
    // No such file: nobody is there.
    return null
  }
}

/** Process ids come again: where the system shows command lines, ours has our name in it. */
function isBroker(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false
  }
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('sluice')
  } catch {
    // A system without /proc: alive is all that is known.
    return true
  }
}
