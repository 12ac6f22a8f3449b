/** docs/: generated parts are up to date, links lead somewhere. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { notesIn } from '../../tools/docs/differences.ts'
import { fillPage } from '../../tools/docs/page.ts'
import { generatePages, readPage } from '../../tools/docs.ts'
import { packageRoot } from '../../tools/package-root.ts'
import { links, pageText } from '../support/page-snippets.ts'

const pages = readdirSync(join(packageRoot, 'docs')).filter((name) => name.endsWith('.md'))

describe('generated parts', () => {
  it('are what `npm run docs` writes', async () => {
    for (const [name, page] of await generatePages())
      expect(readPage(name) === page, `docs/${name} is out of date: run npm run docs`).toBe(true)
  })

  it('replace what stands between their marks, and nothing else', () => {
    const page = 'a\n<!-- generated: x -->\nold\n<!-- end of x -->\nb\n'
    const filled = 'a\n<!-- generated: x -->\n\nnew\n\n<!-- end of x -->\nb\n'
    expect(fillPage(page, new Map([['x', 'new\n']]))).toBe(filled)
    expect(fillPage(filled, new Map([['x', 'new']]))).toBe(filled)
    expect(() => fillPage(page, new Map())).toThrow('nothing generates x')
    expect(() => fillPage(page.replace('end of', 'no end of'), new Map([['x', '']]))).toThrow(
      'end of x',
    )
  })

  it('take a note of a difference to the end of its paragraph', () => {
    const source = '/**\n * A.\n *\n * differs from Kafka: one,\n * two.\n *\n * Three.\n */\n'
    expect(notesIn(source)).toEqual(['one, two.'])
    expect(notesIn("/**\n * Differs from Kafka's: one.\n */\n")).toEqual(['one.'])
    expect(notesIn('/**\n * differs from Kafka: see other.ts.\n */\n')).toEqual([])
  })
})

describe('links', () => {
  it.each(pages)('of %s lead to a page, and to a part it has', (name) => {
    for (const link of links(name)) {
      const [file = '', part] = link.split('#')
      const page = file === '' ? name : file
      expect(existsSync(join(packageRoot, 'docs', page)), link).toBe(true)
      if (part === undefined) continue
      const titles = [...pageText(page).matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
        title
          .toLowerCase()
          .replace(/[^\w -]/g, '')
          .replaceAll(' ', '-'),
      )
      expect(titles, link).toContain(part)
    }
  })
})
