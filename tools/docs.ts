/**
 * `npm run docs`: writes the generated parts of docs/ anew. With --check it changes nothing and ends
 * with 1 when a page is not what would be written.
 */
import { readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { commandsPage } from './docs/commands.ts'
import { configurePage } from './docs/configure.ts'
import { differencesPage } from './docs/differences.ts'
import { fillPage, type Generated } from './docs/page.ts'
import { reliabilityPage } from './docs/reliability.ts'
import { packageRoot } from './package-root.ts'

const FOLDER = join(packageRoot, 'docs')

/** Every page as it should be, by file name. */
export async function generatePages(): Promise<ReadonlyMap<string, string>> {
  const generated: Generated = new Map([
    ...configurePage(),
    ...(await commandsPage()),
    ...differencesPage(),
    ...reliabilityPage(),
  ])
  const pages = new Map<string, string>()
  for (const name of readdirSync(FOLDER).sort())
    if (name.endsWith('.md')) pages.set(name, fillPage(readPage(name), generated))
  return pages
}

export function readPage(name: string): string {
  return readFileSync(join(FOLDER, name), 'utf8')
}

async function run(check: boolean): Promise<void> {
  const stale: string[] = []
  for (const [name, page] of await generatePages()) {
    if (page === readPage(name)) continue
    stale.push(name)
    if (!check) writeFileSync(join(FOLDER, name), page)
  }
  const what = stale.length === 0 ? 'docs/ is up to date' : `docs/: ${stale.join(', ')}`
  process.stdout.write(`${what}${check && stale.length > 0 ? ' out of date: npm run docs' : ''}\n`)
  if (check && stale.length > 0) process.exitCode = 1
}

if (realpathSync(process.argv[1] ?? '.') === fileURLToPath(import.meta.url))
  void run(process.argv.includes('--check'))
