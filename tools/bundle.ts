/**
 * The second half of `npm run build`: what tsc wrote to dist/, joined into one CommonJS file under
 * dist/bundle/ with V8's compiled code beside it. Only a matter of speed: Node loads 290 small ES
 * modules in 230 ms, and every shard thread loads them again (figures in this file's commits).
 * bin/sluice.js prefers the bundle unless dist/ is newer.
 *
 *   sluice.cjs  thread.cjs  jobs/*.cjs  load-child.cjs  pacer.cjs   what Node is told to run: one line each
 *   load.cjs                             runs a module of all.cjs; tools/bundle-load.cjs
 *   all.cjs     all.cjs.cache            every module, each run when it is first asked for
 *
 * The stubs lie so that threadEntry('./thread'), ('./jobs/…') and the load generator's find them beside
 * the file that asks. The cache is a copy of what V8 compiled while a broker started and stopped once; another
 * Node than the one that built refuses it and compiles for itself.
 *
 * Packages with native parts or large ones that few commands need stay outside.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { packageRoot } from './package-root.ts'

const OUTSIDE = [
  '@bokuweb/zstd-wasm',
  '@node-rs/crc32',
  '@platformatic/kafka',
  'esbuild',
  'fast-crc32c',
  'hdr-histogram-js',
  'kafkajs',
  'koffi',
  'lz4-napi',
  'piscina',
  'snappy',
]
/** Of the start and stop that fill the code cache. */
const BROKER_RUN_MS_MAX = 60_000
const LOADER = join(packageRoot, 'tools/bundle-load.cjs')

/** Bundles the files with `extension` below `root` into the folder `target`, which is replaced. */
export async function bundle(root: string, extension: 'js' | 'ts', target: string): Promise<void> {
  const entries = entriesOf(root, extension)
  rmSync(target, { recursive: true, force: true })
  await build({
    stdin: {
      contents: [...entries]
        .map(([name, path]) => `exports['${name}'] = () => require('${path}')`)
        .join('\n'),
      resolveDir: root,
    },
    outfile: join(target, 'all.cjs'),
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    external: OUTSIDE,
    // Compiled code that comes from a cache cannot ask Node's loader; require reads ES modules as well.
    supported: { 'dynamic-import': false },
    define: { 'import.meta.url': 'bundleUrl' },
    // The function that load.cjs calls, so that V8 keeps the text it was given and no copy of it.
    banner: {
      js:
        '(function (exports, require, module, __filename, __dirname) {\n' +
        "const bundleUrl = require('node:url').pathToFileURL(__filename).href",
    },
    footer: { js: '})' },
    // Comments and blanks of a text that every thread keeps; names stay, for stacks that can be read.
    minifyWhitespace: true,
    sourcemap: 'linked',
    logLevel: 'warning',
  })
  copyFileSync(LOADER, join(target, 'load.cjs'))
  for (const name of entries.keys()) writeStub(target, name)
}

/** Runs the broker of a bundle once, from start to clean stop, and keeps what V8 compiled. */
export async function cacheCode(target: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-build-'))
  const pairs = ['listeners=PLAINTEXT://127.0.0.1:0', `log.dirs=${folder}`, 'sluice.shards=2']
  const args = ['serve', ...pairs.flatMap((pair) => ['--override', pair])]
  const child = spawn(process.execPath, [join(target, 'load.cjs'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: BROKER_RUN_MS_MAX,
  })
  const exited = once(child, 'exit')
  let said = ''
  let stopping = false
  child.stdout.on('data', (chunk) => {
    said += chunk
    if (stopping || !said.includes('Kafka Server started')) return
    // Once: a second signal ends a broker that is stopping, which leaves no cache.
    stopping = true
    child.kill('SIGTERM')
  })
  const [code, signal] = await exited
  rmSync(folder, { recursive: true, force: true })
  if (code !== 0) throw new Error(`the bundled broker ended with ${code ?? signal}:\n${said}`)
}

/** Entry → its module. */
function entriesOf(root: string, extension: 'js' | 'ts'): Map<string, string> {
  const jobs = readdirSync(join(root, 'workers/jobs'))
    .filter((file) => file.endsWith(`.${extension}`) && !file.endsWith('.d.ts'))
    .map((file) => `jobs/${file.slice(0, -extension.length - 1)}`)
  return new Map([
    ['sluice', `./tools/sluice.${extension}`],
    ['thread', `./net/thread.${extension}`],
    ['load-child', `./bench/load/load-child.${extension}`],
    ['pacer', `./bench/load/pacer.${extension}`],
    ...jobs.map((name) => [name, `./workers/${name}.${extension}`] as const),
  ])
}

function writeStub(target: string, name: string): void {
  const path = join(target, `${name}.cjs`)
  const load = `${'../'.repeat(name.split('/').length - 1) || './'}load.cjs`
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `module.exports = require('${load}').load('${name}')\n`)
}

if (realpathSync(process.argv[1] ?? '.') === fileURLToPath(import.meta.url)) {
  const dist = join(packageRoot, 'dist')
  await bundle(dist, 'js', join(dist, 'bundle'))
  await cacheCode(join(dist, 'bundle'))
}
