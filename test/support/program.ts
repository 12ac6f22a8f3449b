/**
 * How tests start `sluice` as a process. Under vitest the sources are joined into a bundle once a run
 * (this file's `setup`, named in vitest.config.ts), as `npm run build` does it for users: a process
 * then starts in a tenth of the time that a loader of TypeScript needs for 300 modules and as many
 * again in each of its threads. Outside vitest the sources run as they are.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { bundle, cacheCode } from '../../tools/bundle.ts'
import { packageRoot, sluiceProgram } from '../../tools/package-root.ts'

const VARIABLE = 'SLUICE_TEST_BUNDLE'

/** Arguments for node that start `sluice`; more words may follow. */
export function testProgram(): string[] {
  const folder = process.env[VARIABLE]
  return folder === undefined ? sluiceProgram() : [join(folder, 'sluice.cjs')]
}

/** Vitest calls this once before the files of a project, and what it returns behind them. */
export async function setup(): Promise<() => void> {
  // Inside the package, so that the packages that stay outside of the bundle are found.
  const parent = join(packageRoot, 'dist')
  mkdirSync(parent, { recursive: true })
  const folder = mkdtempSync(join(parent, 'test-'))
  await bundle(packageRoot, 'ts', folder)
  await cacheCode(folder)
  process.env[VARIABLE] = folder
  return () => rmSync(folder, { recursive: true, force: true })
}
