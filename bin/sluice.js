#!/usr/bin/env node
// The binary: the bundle when there is one, else what tsc wrote, else the sources through tsx.
import { statSync } from 'node:fs'

const at = (path) => new URL(`../${path}`, import.meta.url)
const changed = (path) => statSync(at(path), { throwIfNoEntry: false })?.mtimeMs ?? 0

const compiled = changed('dist/tools/sluice.js')
// tsc alone leaves an older bundle behind.
if (compiled > 0 && changed('dist/bundle/sluice.js') >= compiled)
  await import('../dist/bundle/sluice.js')
else if (compiled > 0) await import('../dist/tools/sluice.js')
else {
  try {
    const { register } = await import('tsx/esm/api')
    register()
  } catch {
    process.stderr.write('error: sluice is not built\n  next: npm ci && npm run build\n')
    process.exit(1)
  }
  process.stderr.write('sluice is not built, so its sources run, and start slower: npm run build\n')
  await import('../tools/sluice.ts')
}
