/**
 * How a source file becomes the entry of a thread: the compiled file beside us in dist/, or, in
 * development, the .ts itself through tsx (a development dependency, looked up only then). A thread
 * does not inherit tsx's hooks and `--import tsx` does nothing off the main thread, so the thread
 * registers them itself before its entry is loaded.
 */
import { createRequire } from 'node:module'
import { extname } from 'node:path'
import { pathToFileURL } from 'node:url'

export interface ThreadEntry {
  readonly url: URL
  readonly execArgv: readonly string[]
}

/** `path` without extension, relative to the file whose import.meta.url is `from`. */
export function threadEntry(path: string, from: string): ThreadEntry {
  const extension = extname(from)
  if (extension !== '.ts') return { url: new URL(path + extension, from), execArgv: [] }
  // Its CommonJS twin, which require finds, looks for files that are not there.
  const required = createRequire(import.meta.url).resolve('tsx/esm/api')
  const tsx = new URL('index.mjs', pathToFileURL(required)).href
  const hooks = `data:text/javascript,import { register } from '${tsx}'; register()`
  return { url: new URL(`${path}.ts`, from), execArgv: ['--import', hooks] }
}
