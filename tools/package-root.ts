/**
 * Where this package is, and how its binary is started again: the same for sources, compiled files
 * and the bundle, which lie at different depths.
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** The folder of our package.json. */
export const packageRoot = findRoot(fileURLToPath(import.meta.url))

function findRoot(file: string): string {
  const folder = dirname(file)
  if (folder === file) throw new Error(`no package.json above ${import.meta.url}`)
  return existsSync(join(folder, 'package.json')) ? folder : findRoot(folder)
}

/** Arguments for node that start `sluice` from the same files as this process. */
export function sluiceProgram(): string[] {
  const own = fileURLToPath(import.meta.url)
  if (own.endsWith('.cjs')) return [join(dirname(own), 'sluice.cjs')]
  if (!own.endsWith('.ts')) return [join(packageRoot, 'bin/sluice.js')]
  const tsx = createRequire(import.meta.url).resolve('tsx')
  return ['--import', pathToFileURL(tsx).href, join(packageRoot, 'tools/sluice.ts')]
}
