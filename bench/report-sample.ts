/**
 * The sample of `sluice perf report`: the same loads on sluice and on Kafka, as anyone would run them
 * by hand, and the page and pictures of their results.
 *
 * Run: npm run bench -- report-sample [SECONDS a run]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { outputOf } from './peers/own-tool.ts'
import type { Peer } from './peers/peer.ts'
import { peerOf } from './peers/peer-list.ts'
import { PeerProcess } from './peers/peer-process.ts'

const ROOT = join(import.meta.dirname, '..')
const BINARY = join(ROOT, 'bin/sluice.js')
const PAGE = join(ROOT, 'docs/report-sample.html')
const PICTURES = join(ROOT, 'docs/pictures')
const RUN_LIMIT_MS = 200_000
const SECONDS = '4'
const RATES = '500,1000,2000,5000,10000,20000,50000'
/** Not reported: both just-in-time compilers do their work. */
const WARM_UP_SECONDS = '10'

/** Two results per peer: a sweep of rates, and one rate over time. */
async function loadPeer(peer: Peer, title: string, folder: string, seconds: string) {
  const broker = await PeerProcess.start(peer, { root: folder, cpus: null })
  const results: string[] = []
  const perf = async (what: string, ...words: string[]): Promise<void> => {
    const json = join(folder, `${peer.name}-${words[0]}.json`)
    const target = ['-b', broker.address, '--pid', `${broker.pid}`, '--json', json]
    const run = ['--title', `${title}, ${what}`, '--repeats', '1', '--seconds', seconds]
    const args = [BINARY, 'perf', ...words, ...target, ...run]
    const said = await outputOf({ command: process.execPath, args }, RUN_LIMIT_MS)
    console.log(said.trim())
    results.push(json)
  }
  const shape = ['--connections', '4', '--records-per-batch', '1', '--record-bytes', '100']
  try {
    const warmUp = ['perf', 'produce', '-b', broker.address, ...shape, '--seconds', WARM_UP_SECONDS]
    await outputOf({
      command: process.execPath,
      args: [BINARY, ...warmUp, '--warm-up', '0', '--repeats', '1'],
    })
    await perf('rising rates', 'produce', ...shape, '--rate', RATES)
    await perf('2,000/s', 'e2e', '--rate', '2000')
  } finally {
    await broker.stop()
  }
  return results
}

if (process.argv[1] === import.meta.filename) {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-sample-'))
  const options = { overrides: [], nodeOptions: [] }
  const results: string[] = []
  for (const [name, title] of [
    ['sluice', 'sluice'],
    ['kafka', 'Apache Kafka 4.2'],
  ] as const) {
    const peer = peerOf(name, options)
    const missing = await peer.missing()
    if (missing === null)
      results.push(...(await loadPeer(peer, title, folder, process.argv[2] ?? SECONDS)))
    else console.log(`SKIPPED ${name}: ${missing}`)
  }
  const args = [BINARY, 'perf', 'report', ...results, '-o', PAGE, '--pictures', PICTURES]
  console.log((await outputOf({ command: process.execPath, args })).trim())
  rmSync(folder, { recursive: true })
}
