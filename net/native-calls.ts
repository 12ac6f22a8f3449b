/**
 * Functions of the C library through koffi, loaded when first asked for and once per thread. Where native
 * calls are off (sluice.native.calls), koffi is not installed, or the library lacks one of the functions,
 * there are none, and whoever asks does the same the ordinary way.
 */
import { loadKoffi } from './koffi.ts'
import { nativeSocketsAvailable } from './native-sockets.ts'

type Koffi = typeof import('koffi')
type Library = ReturnType<Koffi['load']>

/** `declare` throws where a function is missing. */
export function nativeCalls<Calls>(
  declare: (libc: Library, koffi: Koffi) => Calls,
): () => Calls | null {
  let calls: Calls | null | undefined
  return () => {
    if (!nativeSocketsAvailable()) return null
    if (calls === undefined) calls = load(declare)
    return calls
  }
}

function load<Calls>(declare: (libc: Library, koffi: Koffi) => Calls): Calls | null {
  try {
    const koffi = loadKoffi()
    return declare(koffi.load(null), koffi)
  } catch {
    // Not installed, or a library without these calls.
    return null
  }
}
