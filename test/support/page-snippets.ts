/** Code blocks of a page of docs/, so that tests run what readers copy. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../tools/package-root.ts'

/** The block behind `<!-- test: NAME -->`. Throws when there is none. */
export function snippet(page: string, name: string): string {
  const mark = name.replace(/[^a-z-]/g, '')
  const pattern = new RegExp(`^<!-- test: ${mark} -->\n\`\`\`\\w+\n([\\s\\S]*?)^\`\`\`$`, 'm')
  const found = pattern.exec(pageText(page))
  if (found === null) throw new Error(`${page} has no snippet ${name}`)
  return found[1] ?? ''
}

/** Shell blocks marked as to be run, as lists of their command lines. */
export function shellBlocks(page: string): string[][] {
  return [...pageText(page).matchAll(/^```sh run\n([\s\S]*?)^```$/gm)].map(([, body = '']) =>
    body.trim().split('\n'),
  )
}

/** Links to pages and parts of pages, as they are written. */
export function links(page: string): string[] {
  return [...pageText(page).matchAll(/\]\((?!https?:)([^)]+)\)/g)].map(([, target = '']) => target)
}

export function pageText(page: string): string {
  return readFileSync(join(packageRoot, 'docs', page), 'utf8')
}
