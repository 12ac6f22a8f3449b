/**
 * Data folders that failed, as one disk knows them: no call that makes, renames, removes or syncs names in
 * them begins any more, whoever makes it (S5). Who has a step of several calls under way when the folder
 * fails learns of it at the next one. Writes to open files are their owners' to stop: a log's are, in the
 * same turn.
 */
import { DiskError } from './disk.ts'

export class RefusedFolders {
  /** At most all of log.dirs. */
  private readonly folders = new Set<string>()

  add(folder: string): void {
    this.folders.add(folder)
  }

  /** Throws DiskError EIO when `path` is in a folder that failed. */
  check(operation: string, path: string): void {
    for (const folder of this.folders)
      if (liesIn(folder, path)) throw new DiskError('EIO', path, `its folder failed: ${operation}`)
  }
}

/** Whether a path is the folder or lies in it. */
export function liesIn(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`)
}
