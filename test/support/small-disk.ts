/** A small file system of its own, to be filled; only where this machine lets tests mount one. */
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'

/** Mounts one of `size` (as `24m`) at `folder`, which the caller unmounts; false where nobody may. */
export function mountSmallDisk(folder: string, size: string): boolean {
  try {
    mkdirSync(folder, { recursive: true })
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'sluice-test', folder], {
      stdio: 'ignore',
    })
    return true
  } catch {
    return false
  }
}

export function unmount(folder: string): void {
  execFileSync('umount', [folder])
}
