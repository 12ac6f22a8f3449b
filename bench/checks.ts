/**
 * What the asserts that stay on in production cost: the broker as it is against the same sources with
 * every assert() and broken() taken out, in alternated rounds of produce cells.
 *
 * Run: npm run bench -- checks [flags of the broker benches]
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Plugin } from 'esbuild'
import { bundle, cacheCode } from '../tools/bundle.ts'
import { packageRoot } from '../tools/package-root.ts'
import { loadJson } from './bench-options.ts'
import { runBrokerBench } from './broker-bench.ts'
import { type Cell, produceCells } from './cells.ts'
import { PRODUCE_DEFAULTS } from './produce.ts'
import { showSpread, spreadOf } from './spread.ts'

const COST_MAX = 1.03
const CELLS = ['produce-64k-4', 'one-record-10x10']

/** esbuild drops calls of what has no side effect, and conditions that were there for nothing else. */
const withoutAsserts: Plugin = {
  name: 'without asserts',
  setup(build) {
    build.onLoad({ filter: /engine[/]base[/]assert\.ts$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8')
      const emptied = source.replace(
        /^export function (assert|broken)\([\s\S]*?^\}$/gm,
        '/* @__NO_SIDE_EFFECTS__ */\nexport function $1() {}',
      )
      return { contents: emptied, loader: 'ts' }
    })
  },
}

/** Builds both below dist/; path of each. */
async function builds(folder: string): Promise<{ checked: string; unchecked: string }> {
  const made = async (name: string, plugins: Plugin[]): Promise<string> => {
    const target = join(folder, name)
    await bundle(packageRoot, 'ts', target, { minifySyntax: true, plugins })
    await cacheCode(target)
    return join(target, 'sluice.cjs')
  }
  const checked = await made('checked', [])
  const unchecked = await made('unchecked', [withoutAsserts])
  const [all, rest] = [checked, unchecked].map(
    (path) => readFileSync(path.replace(/sluice\.cjs$/, 'code-broker.cjs'), 'utf8').length,
  )
  if (all === rest) throw new Error('nothing was taken out')
  return { checked, unchecked }
}

/** CPU of the checked broker per byte or request over that of the unchecked, round by round. */
function ratiosOf(json: string, cell: Cell): number[] {
  const costs = (peer: string): number[] =>
    loadJson(json)
      .cells.filter((each) => each.cell === cell.name && each.peer === peer)
      .map(({ figures }) => figures?.cpuMicrosecondsPerRequest ?? Number.NaN)
  const unchecked = costs('unchecked')
  return costs('checked').map((cost, round) => cost / (unchecked[round] ?? Number.NaN))
}

async function run(args: readonly string[]): Promise<number> {
  const folder = mkdtempSync(join(packageRoot, 'dist/checks-'))
  const json = join(folder, 'result.json')
  const cells = produceCells.filter(({ name }) => CELLS.includes(name))
  try {
    const { checked, unchecked } = await builds(folder)
    const peers = `checked=${checked},unchecked=${unchecked}`
    const all = ['--peers', peers, '--json', json, ...args]
    const code = await runBrokerBench(all, cells, PRODUCE_DEFAULTS, (line) => console.log(line))
    if (code !== 0 || args.includes('--help')) return code
    const spreads = cells.map((cell) => ({ cell, spread: spreadOf(ratiosOf(json, cell)) }))
    for (const { cell, spread } of spreads)
      console.log(`${cell.title}: CPU with asserts ${showSpread(spread)} of that without`)
    return spreads.every(({ spread }) => spread.median <= COST_MAX) ? 0 : 1
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

if (process.argv[1] === import.meta.filename) process.exitCode = await run(process.argv.slice(2))
