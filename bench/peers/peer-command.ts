/** Whether the programs that a peer consists of are on this machine. */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Why not, as a line for a skip; null when all are there. */
export function hasCommand(...names: readonly string[]): string | null {
  const missing = names.filter(
    (name) =>
      !(process.env['PATH'] ?? '').split(delimiter).some((folder) => runs(join(folder, name))),
  )
  return missing.length === 0 ? null : `no ${missing.join(' and no ')} on this machine`
}

function runs(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    // Not in this folder.
    return false
  }
}
