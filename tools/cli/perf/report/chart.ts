/**
 * Line charts as SVG text: scales, ticks, a legend, nothing else. The same drawing stands in the report
 * (where the page's style colours it) and alone as a picture (with a style of its own).
 */

export type Scale = 'linear' | 'log'

export interface Axis {
  readonly label: string
  readonly scale: Scale
  /** Ticks with their texts; made from the values when absent. */
  readonly ticks?: readonly (readonly [value: number, text: string])[]
}

export interface Series {
  readonly name: string
  readonly points: readonly (readonly [x: number, y: number])[]
  /** Which colour; series of one result share it. */
  readonly color: number
  /** Which line: 0 is full, others are dashed in their own way. */
  readonly dash: number
}

export interface Chart {
  readonly title: string
  readonly x: Axis
  readonly y: Axis
  readonly series: readonly Series[]
}

const WIDTH = 760
const HEIGHT = 340
const LEFT = 64
const RIGHT = 16
const TOP = 34
const LEGEND_LINE = 18
const BOTTOM = 44
const TICKS_WANTED = 6
const DASHES = ['', '7 4', '2 3', '10 3 2 3']
const COLORS = ['#0b6fb8', '#d1580b', '#1f8a4c', '#8a3fa0', '#b8860b', '#c2255c']
/** Legend entries per line. */
const LEGEND_COLUMNS = 2

/** A chart whose values are all finite, or null when there is nothing to draw. */
export function drawChart(chart: Chart, standalone = false): string | null {
  const drawn = chart.series
    .map((series) => ({ ...series, points: series.points.filter((point) => usable(chart, point)) }))
    .filter(({ points }) => points.length > 0)
  if (drawn.length === 0) return null
  const legendLines = Math.ceil(drawn.length / LEGEND_COLUMNS)
  const height = HEIGHT + legendLines * LEGEND_LINE
  const xs = drawn.flatMap(({ points }) => points.map(([x]) => x))
  const ys = drawn.flatMap(({ points }) => points.map(([, y]) => y))
  const x = new Placement(chart.x, xs, LEFT, WIDTH - RIGHT)
  const y = new Placement(chart.y, ys, HEIGHT - BOTTOM, TOP)
  const lines = drawn.map(({ points, color, dash }) => {
    const path = points.map(([px, py]) => `${x.at(px).toFixed(1)},${y.at(py).toFixed(1)}`)
    const style = `stroke="${colorOf(color)}" stroke-dasharray="${DASHES[dash % DASHES.length]}"`
    // One point alone is a dot.
    if (path.length === 1) {
      const [cx, cy] = path[0]!.split(',')
      return `<circle cx="${cx}" cy="${cy}" r="3" fill="${colorOf(color)}"/>`
    }
    return `<polyline fill="none" stroke-width="1.8" ${style} points="${path.join(' ')}"/>`
  })
  const background = standalone ? `<rect width="${WIDTH}" height="${height}" fill="#fff"/>` : ''
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" ` +
    `aria-label="${escapeText(chart.title)}" font-family="system-ui,sans-serif" font-size="12"` +
    `${standalone ? ' fill="#333"' : ' fill="currentColor"'}>${background}` +
    `<text x="${LEFT}" y="18" font-size="14" font-weight="600">${escapeText(chart.title)}</text>` +
    `${gridOf(x, y, chart)}${lines.join('')}${legendOf(drawn)}</svg>`
  )
}

function usable({ x, y }: Chart, [px, py]: readonly [number, number]): boolean {
  const fits = (value: number, { scale }: Axis): boolean =>
    Number.isFinite(value) && (scale === 'linear' || value > 0)
  return fits(px, x) && fits(py, y)
}

/** Where values of an axis lie between two pixels. */
class Placement {
  readonly ticks: readonly (readonly [value: number, text: string])[]
  private readonly scale: Scale
  private readonly low: number
  private readonly high: number
  private readonly from: number
  private readonly to: number

  constructor(axis: Axis, values: readonly number[], from: number, to: number) {
    this.scale = axis.scale
    this.from = from
    this.to = to
    const least = values.reduce((low, value) => Math.min(low, value), Number.POSITIVE_INFINITY)
    const most = values.reduce((high, value) => Math.max(high, value), Number.NEGATIVE_INFINITY)
    const ticks = axis.ticks ?? ticksOf(axis.scale, least, most)
    const log = axis.scale === 'log'
    const first = ticks[0]?.[0] ?? least
    const last = ticks.at(-1)?.[0] ?? most
    this.low = log ? Math.min(least, first) : Math.min(0, least)
    this.high = Math.max(most, axis.ticks === undefined ? last : most)
    if (this.high === this.low) this.high = this.low + 1
    this.ticks = ticks.filter(([value]) => value >= this.low && value <= this.high)
  }

  at(value: number): number {
    const of = this.scale === 'log' ? Math.log : (plain: number) => plain
    const share = (of(value) - of(this.low)) / (of(this.high) - of(this.low))
    return this.from + share * (this.to - this.from)
  }
}

/** Round numbers: 1, 2 or 5 times a power of ten; on a log scale powers of ten and what helps. */
function ticksOf(scale: Scale, least: number, most: number): [number, string][] {
  const values: number[] = []
  if (scale === 'log') {
    const low = Math.floor(Math.log10(least))
    const high = Math.ceil(Math.log10(most))
    const steps = high - low > 2 ? [1] : [1, 2, 5]
    for (let power = low; power <= high; power++)
      for (const step of steps) values.push(step * 10 ** power)
    const from = values.findLastIndex((value) => value <= least)
    const end = values.findIndex((value) => value >= most)
    return values.slice(Math.max(0, from), end < 0 ? undefined : end + 1).map(withText)
  }
  const rough = (most - Math.min(0, least)) / TICKS_WANTED || 1
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power
  for (let at = 0; values.length === 0 || values.at(-1)! < most; at++) values.push(at * step)
  return values.map(withText)
}

function withText(value: number): [number, string] {
  if (value >= 1e6) return [value, `${Number((value / 1e6).toPrecision(3))} M`]
  if (value >= 1e4) return [value, `${Number((value / 1e3).toPrecision(3))} k`]
  return [value, String(Number(value.toPrecision(3)))]
}

function gridOf(x: Placement, y: Placement, chart: Chart): string {
  const bottom = HEIGHT - BOTTOM
  const line = (x1: number, y1: number, x2: number, y2: number): string =>
    `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" ` +
    'stroke="currentColor" stroke-opacity="0.15"/>'
  const vertical = x.ticks.map(([value, text]) => {
    const at = x.at(value)
    return `${line(at, TOP, at, bottom)}<text x="${at.toFixed(1)}" y="${bottom + 16}" text-anchor="middle">${text}</text>`
  })
  const horizontal = y.ticks.map(([value, text]) => {
    const at = y.at(value)
    return `${line(LEFT, at, WIDTH - RIGHT, at)}<text x="${LEFT - 6}" y="${(at + 4).toFixed(1)}" text-anchor="end">${text}</text>`
  })
  const middle = (LEFT + WIDTH - RIGHT) / 2
  const half = (TOP + bottom) / 2
  return (
    vertical.join('') +
    horizontal.join('') +
    `<text x="${middle}" y="${bottom + 34}" text-anchor="middle">${escapeText(chart.x.label)}</text>` +
    `<text x="14" y="${half}" text-anchor="middle" transform="rotate(-90 14 ${half})">${escapeText(chart.y.label)}</text>`
  )
}

function legendOf(series: readonly Series[]): string {
  const column = (WIDTH - LEFT - RIGHT) / LEGEND_COLUMNS
  return series
    .map(({ name, color, dash }, at) => {
      const x = LEFT + (at % LEGEND_COLUMNS) * column
      const y = HEIGHT + Math.floor(at / LEGEND_COLUMNS) * LEGEND_LINE + 8
      const dashes = DASHES[dash % DASHES.length]
      return (
        `<line x1="${x}" y1="${y}" x2="${x + 24}" y2="${y}" stroke-width="2.4" ` +
        `stroke="${colorOf(color)}" stroke-dasharray="${dashes}"/>` +
        `<text x="${x + 30}" y="${y + 4}">${escapeText(shortened(name))}</text>`
      )
    })
    .join('')
}

const NAME_CHARACTERS_MAX = 46

function shortened(name: string): string {
  return name.length > NAME_CHARACTERS_MAX ? `${name.slice(0, NAME_CHARACTERS_MAX - 1)}…` : name
}

function colorOf(color: number): string {
  return COLORS[color % COLORS.length]!
}

export function escapeText(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
