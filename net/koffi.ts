/**
 * koffi, by its compiled part alone. The package finds out in 15 ms of file reads and modules which of
 * its builds belongs here; a start waits for that, so the build for this processor and glibc is asked for
 * by name, and the package only where it is not found or does not load.
 */
import { createRequire } from 'node:module'

type Koffi = typeof import('koffi')

/** Whether koffi works here. Loads it, which is as quick as to look for it. */
export function isKoffiInstalled(): boolean {
  try {
    loadKoffi()
    return true
  } catch {
    return false
  }
}

/** Throws where koffi is not installed or has no build for this platform. */
export function loadKoffi(): Koffi {
  const require = createRequire(import.meta.url)
  return compiledPart(require) ?? (require('koffi') as Koffi)
}

/** Null: ask the package. */
export function compiledPart(require: NodeJS.Require): Koffi | null {
  const platform = `${process.platform}_${process.arch}`
  const path = `@koromix/koffi-${process.platform}-${process.arch}/${platform}/koffi.node`
  try {
    return require(path) as Koffi
  } catch {
    // Another C library, or another layout of the package.
    return null
  }
}
