/**
 * Medians with their spread, and tables of them. A figure is never shown without how far its runs lay
 * apart: on shared virtual machines the spread is half of the message.
 */

export interface Spread {
  readonly median: number
  readonly least: number
  readonly most: number
  readonly runs: number
}

/** Of the values that are numbers; NaN throughout when none is. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b)
  const { length } = sorted
  if (length === 0) return { median: Number.NaN, least: Number.NaN, most: Number.NaN, runs: 0 }
  const upper = sorted[length >> 1]!
  const median = length % 2 === 1 ? upper : (sorted[(length >> 1) - 1]! + upper) / 2
  return { median, least: sorted[0]!, most: sorted[length - 1]!, runs: length }
}

/** `median (least–most)`, or the median alone when there was one run. */
export function showSpread(spread: Spread): string {
  if (spread.runs === 0) return '-'
  if (spread.runs === 1) return showNumber(spread.median)
  return `${showNumber(spread.median)} (${showNumber(spread.least)}–${showNumber(spread.most)})`
}

/** Three significant digits, thousands with a comma; '-' for no figure. */
export function showNumber(value: number): string {
  if (!Number.isFinite(value)) return '-'
  if (value === 0) return '0'
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.max(Math.abs(value), 1e-3))))
  return value.toLocaleString('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  })
}

/** Columns of equal width, the first one left, the others right; `|` between, as Markdown reads. */
export function showTable(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows
  const widths = head.map((_, column) =>
    Math.max(3, ...rows.map((row) => (row[column] ?? '').length)),
  )
  const line = (row: readonly string[]): string =>
    `| ${widths
      .map((width, column) => {
        const text = row[column] ?? ''
        return column === 0 ? text.padEnd(width) : text.padStart(width)
      })
      .join(' | ')} |`
  const rule = `| ${widths
    .map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
    .join(' | ')} |`
  return [line(head), rule, ...body.map(line)].join('\n')
}
