/** Loading of native packages that may be missing on a platform: looked for once, at first use. */
import { createRequire } from 'node:module'

export interface OptionalPackage<Package> {
  /** The package, or null when it cannot be loaded here; the answer is kept. */
  (): Package | null
  /** Whether it is there to be loaded: a look at its files, and nothing runs. */
  isInstalled(): boolean
}

export function optionalPackage<Package>(
  name: string,
  load: (require: NodeJS.Require) => Package = (require) => require(name) as Package,
): OptionalPackage<Package> {
  let loaded: Package | null | undefined
  const require = createRequire(import.meta.url)
  const get = (): Package | null => {
    if (loaded === undefined) loaded = orNull(() => load(require))
    return loaded
  }
  return Object.assign(get, {
    isInstalled: () => orNull(() => require.resolve(name)) !== null,
  })
}

function orNull<Result>(call: () => Result): Result | null {
  try {
    return call()
  } catch {
    // Not shipped for this platform: the codec is reported as unavailable.
    return null
  }
}
