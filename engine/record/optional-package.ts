/** Loading of native packages that may be missing on a platform: looked for once, at first use. */
import { createRequire } from 'node:module'

/** A function that gives the package, or null when it cannot be loaded here; the answer is kept. */
export function optionalPackage<Package>(name: string): () => Package | null {
  let loaded: Package | null | undefined
  return () => {
    if (loaded === undefined) loaded = load<Package>(name)
    return loaded
  }
}

function load<Package>(name: string): Package | null {
  try {
    return createRequire(import.meta.url)(name) as Package
  } catch {
    // Not shipped for this platform: the codec is reported as unavailable.
    return null
  }
}
