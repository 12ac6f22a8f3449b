/** `npm run bench -- NAME [flags]`: runs a bench of this folder by its name; without one, lists them. */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A bench runs itself when started; the other files of the folder are its parts. */
const STARTS_ITSELF = 'process.argv[1] === import.meta.filename'

export function benchNames(): string[] {
  return readdirSync(import.meta.dirname)
    .filter(
      (file) => file.endsWith('.ts') && join(import.meta.dirname, file) !== import.meta.filename,
    )
    .filter((file) => readFileSync(join(import.meta.dirname, file), 'utf8').includes(STARTS_ITSELF))
    .map((file) => file.slice(0, -'.ts'.length))
}

if (process.argv[1] === import.meta.filename) {
  const [name = '', ...args] = process.argv.slice(2)
  if (benchNames().includes(name)) {
    const file = join(import.meta.dirname, `${name}.ts`)
    const ended = spawnSync(process.execPath, ['--import', 'tsx', file, ...args], {
      stdio: 'inherit',
    })
    process.exitCode = ended.status ?? 1
  } else {
    console.error(`usage: npm run bench -- NAME [flags]; NAME is one of ${benchNames().join(', ')}`)
    process.exitCode = 2
  }
}
