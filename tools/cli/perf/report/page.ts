/** The report as one HTML file that needs nothing else: summary, plots, what was run and where. */
import { rowOfLoad, showFigure } from '../load-summary.ts'
import { drawChart, escapeText } from './chart.ts'
import { type NamedResult, type Plot, plotsOf } from './plots.ts'

const FAINT = 'color-mix(in srgb,currentColor 18%,transparent)'
const STYLE = `
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;max-width:1600px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0 0 .5rem}
h2{font-size:1.15rem;margin:2rem 0 .5rem}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:13px}
th,td{padding:.25rem .7rem;text-align:right;border-bottom:1px solid ${FAINT}}
th:first-child,td:first-child{text-align:left}
figure{margin:0}
svg{width:100%;height:auto}
.wide{overflow-x:auto}
.plots{display:grid;gap:1.5rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,560px),1fr))}
.warning{border-left:4px solid #d1580b;padding:.3rem .8rem;margin:.5rem 0}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:.3rem 0 1rem}
dt{opacity:.7}
dd{margin:0;overflow-wrap:anywhere}`

const COLUMNS = [
  ['requests/s', 'requestsPerSecond'],
  ['records/s', 'recordsPerSecond'],
  ['MB/s', 'megabytesPerSecond'],
  ['p50 ms', 'p50Ms'],
  ['p99 ms', 'p99Ms'],
  ['p99.9 ms', 'p999Ms'],
  ['max ms', 'maxMs'],
  ['broker cores', 'brokerCores'],
  ['CPU s/GB', 'brokerCpuSecondsPerGb'],
  ['CPU µs/request', 'brokerCpuMicrosecondsPerRequest'],
  ['peak MB', 'brokerPeakMegabytes'],
  ['client cores', 'clientCores'],
] as const

/** Only where one of the results has any. */
const TRANSACTION_COLUMNS = [
  ['transactions/s', 'transactionsPerSecond'],
  ['commit p50 ms', 'commitP50Ms'],
  ['commit p99 ms', 'commitP99Ms'],
  ['commit max ms', 'commitMaxMs'],
] as const

export function reportPage(results: readonly NamedResult[]): string {
  const title = results.map(({ name }) => name).join(' and ')
  const plots = plotsOf(results).flatMap(({ chart }) => drawChart(chart) ?? [])
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeText(title)}</title><style>${STYLE}</style></head><body>
<h1>${escapeText(title)}</h1>
${warnings(results)}
<h2>Runs</h2><div class="wide">${runsTable(results)}</div>
<h2>Plots</h2>
<p>Of several runs the median one is shown; a curve over offered load is made of all.</p>
<div class="plots">${plots.map((plot) => `<figure>${plot}</figure>`).join('\n')}</div>
<h2>What was run</h2>${results.map(settings).join('\n')}
</body></html>
`
}

/** By file name; the plots that have anything to show. */
export function pictures(results: readonly NamedResult[]): Map<string, string> {
  return new Map(
    plotsOf(results).flatMap(({ name, chart }: Plot): [string, string][] => {
      const drawing = drawChart(chart, true)
      return drawing === null ? [] : [[`${name}.svg`, `${drawing}\n`]]
    }),
  )
}

function warnings(results: readonly NamedResult[]): string {
  const texts = results.flatMap(({ name, result }) => [
    ...(result.problem === null ? [] : [`${name} ended early: ${result.problem}`]),
    ...result.runs.flatMap((run) =>
      run.loads.flatMap(({ role, limit }) =>
        limit === null
          ? []
          : [`${name}, run ${run.repeat}, ${role}: the generator was the limit: ${limit}`],
      ),
    ),
  ])
  return texts.map((text) => `<p class="warning">${escapeText(text)}</p>`).join('\n')
}

function runsTable(results: readonly NamedResult[]): string {
  const loads = results.flatMap(({ result }) => result.runs.flatMap((run) => run.loads))
  const transactional = loads.some(({ figures }) => (figures.transactions ?? null) !== null)
  const columns = [...COLUMNS, ...(transactional ? TRANSACTION_COLUMNS : [])]
  const head = ['result', ...columns.map(([title]) => title)]
  const rows = results.flatMap(({ name, result }) =>
    result.runs.flatMap((run) =>
      run.loads.map((load) => {
        const row = rowOfLoad(run, load)
        const offered = run.offered === null ? '' : `, ${showFigure(run.offered)} records/s offered`
        const cells = columns.map(([, key]) => {
          const value = row[key]
          return typeof value === 'number' ? showFigure(value) : '-'
        })
        return [`${name}, ${load.role}${offered}, run ${run.repeat}`, ...cells]
      }),
    ),
  )
  const cell = (kind: string) => (text: string) => `<${kind}>${escapeText(text)}</${kind}>`
  const line = (cells: string[], kind: string): string =>
    `<tr>${cells.map(cell(kind)).join('')}</tr>`
  return `<table><thead>${line(head, 'th')}</thead><tbody>${rows.map((row) => line(row, 'td')).join('')}</tbody></table>`
}

function settings({ name, result }: NamedResult): string {
  const { machine, options, version, command, brokers } = result
  const facts: [string, string][] = [
    ['command', `sluice perf ${command}, version ${version}`],
    ['brokers', brokers],
    ['machine', `${machine.processor}, ${machine.threads} threads, ${machine.memoryGib} GiB`],
    ['system', `${machine.platform}, Node ${machine.node}, load average ${machine.loadAverage}`],
    ['time', machine.time],
    [
      'options',
      Object.entries(options)
        .filter(([key, value]) => key !== 'title' && value !== '' && value !== false)
        .map(([key, value]) => `${key} ${Array.isArray(value) ? value.join(',') : String(value)}`)
        .join(' · '),
    ],
  ]
  const rows = facts.map(([what, text]) => `<dt>${what}</dt><dd>${escapeText(text)}</dd>`)
  return `<h3>${escapeText(name)}</h3><dl>${rows.join('')}</dl>`
}
