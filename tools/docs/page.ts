/**
 * Pages of docs/ whose parts are generated: what stands between two marks is replaced, all around it
 * is written by hand.
 *
 *   <!-- generated: NAME -->
 *   ...
 *   <!-- end of NAME -->
 */

export type Generated = ReadonlyMap<string, string>

/** The page with its generated parts anew; throws for a mark that nothing fills or nothing ends. */
export function fillPage(text: string, generated: Generated): string {
  let page = text
  for (const [, name = ''] of text.matchAll(/^<!-- generated: (\S+) -->$/gm)) {
    const body = generated.get(name)
    if (body === undefined) throw new Error(`nothing generates ${name}`)
    const begin = `<!-- generated: ${name} -->\n`
    const end = `<!-- end of ${name} -->`
    const from = page.indexOf(begin) + begin.length
    const to = page.indexOf(end, from)
    if (to < 0) throw new Error(`there is no line ${end}`)
    page = `${page.slice(0, from)}\n${body.trim()}\n\n${page.slice(to)}`
  }
  return page
}

/** A table of Markdown; bars in cells are escaped. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

export function code(text: string): string {
  return text === '' ? '' : `\`${text}\``
}
