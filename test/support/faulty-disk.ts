/** Disks with a bug on purpose, for tests that must notice it: calls that say they are done and are not. */
import { type Disk, type DiskFile, replaceFile } from '../../engine/log/disk.ts'

export interface SkippedCalls {
  /** fdatasync of these files does nothing. */
  readonly sync?: RegExp
  /** fsync of directories does nothing. */
  readonly syncDir?: boolean
}

/** The same disk without the skipped calls. */
export function skipping(disk: Disk, skipped: SkippedCalls): Disk {
  const lame = (file: DiskFile): DiskFile => {
    if (skipped.sync?.test(file.path) !== true) return file
    return new Proxy(file, {
      get: (target, name) =>
        name === 'sync' ? async () => {} : bound(target, Reflect.get(target, name)),
    })
  }
  const faulty: Disk = new Proxy(disk, {
    get(target, name) {
      // The disk's own would make its calls on itself.
      if (name === 'writeFileAtomic')
        return (...args: Parameters<Disk['writeFileAtomic']>) => replaceFile(faulty, ...args)
      if (name === 'open')
        return async (...args: Parameters<Disk['open']>) => lame(await target.open(...args))
      if (name === 'openSync')
        return (...args: Parameters<Disk['openSync']>) => lame(target.openSync(...args))
      if (name === 'syncDir' && skipped.syncDir === true) return async () => {}
      if (name === 'openDirSync' && skipped.syncDir === true)
        return () => ({ sync: async () => {}, closeSoon: () => {} })
      return bound(target, Reflect.get(target, name))
    },
  })
  return faulty
}

function bound(target: object, value: unknown): unknown {
  return typeof value === 'function' ? value.bind(target) : value
}
