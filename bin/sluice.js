#!/usr/bin/env node
// The installed binary: compiled code when there is some, else the sources through tsx.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const compiled = new URL('../dist/tools/sluice.js', import.meta.url)
if (existsSync(fileURLToPath(compiled))) await import(compiled.href)
else {
  const { register } = await import('tsx/esm/api')
  register()
  await import('../tools/sluice.ts')
}
