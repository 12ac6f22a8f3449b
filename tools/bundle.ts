/**
 * The second half of `npm run build`: what tsc wrote to dist/, joined into three CommonJS files under
 * dist/bundle/ with V8's compiled code beside each. Only a matter of speed: Node loads 290 small ES
 * modules in 230 ms, and every shard thread loads them again (figures in docs/performance.md, Start).
 * bin/sluice.js prefers the bundle unless dist/ is newer.
 *
 *   sluice.cjs  thread.cjs  jobs/*.cjs  load-child.cjs  pacer.cjs   what Node is told to run: one line each
 *   load.cjs             runs a module of one of the following; tools/bundle-load.cjs
 *   code-commands.cjs    every module of the command line, each run when it is first asked for
 *   code-broker.cjs      of commands only those that run a broker: its main thread takes all of it in
 *   code-thread.cjs      what its other threads run
 *   *.cache              what V8 compiled of each while a broker started and stopped, and was asked by commands
 *
 * The stubs lie so that threadEntry('./thread'), ('./jobs/…') and the load generator's find them beside
 * the file that asks. Another Node than the one that built refuses the caches and compiles for itself.
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
import { type BuildOptions, build, type Plugin } from 'esbuild'
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
/** Of each process that fills a code cache. */
const RUN_MS_MAX = 60_000
/** What people and scripts run most, and wait for; each adds its code to the cache. */
const COMMANDS = [
  ['kafka-topics', '--create', '--topic', 'orders'],
  ['topic', 'list'],
  ['topic', 'describe', 'orders'],
  ['group', 'list'],
  ['kafka-topics', '--list'],
  ['kafka-topics', '--describe'],
  ['kafka-configs', '--describe', '--entity-type', 'topics', '--entity-name', 'orders'],
  ['kafka-consumer-groups', '--list'],
  ['kafka-consumer-groups', '--describe', '--all-groups'],
  ['kafka-get-offsets'],
  ['kafka-log-dirs', '--describe'],
] as const
const LOADER = join(packageRoot, 'tools/bundle-load.cjs')
const COMMAND_LISTS = /tools[\\/]cli[\\/](commands|kafka-tools)\.[jt]s$/
const BROKER_COMMANDS = /\/(serve|quickstart|kafka-server-start)\.[jt]s$/

/**
 * Bundles the files with `extension` below `root` into the folder `target`, which is replaced. `more`
 * is for a bundle that differs from what users run, as a bench wants it.
 */
export async function bundle(
  root: string,
  extension: 'js' | 'ts',
  target: string,
  more: Pick<BuildOptions, 'minifySyntax' | 'plugins'> = {},
): Promise<void> {
  rmSync(target, { recursive: true, force: true })
  for (const [code, entries] of Object.entries(entriesOf(root, extension))) {
    const plugins = [...(more.plugins ?? []), ...(code === 'broker' ? [brokerCommandsOnly] : [])]
    await joinModules(root, entries, join(target, `code-${code}.cjs`), { ...more, plugins })
    for (const name of entries.keys()) writeStub(target, name)
  }
  copyFileSync(LOADER, join(target, 'load.cjs'))
}

/** Joins the modules into one file. */
async function joinModules(
  root: string,
  entries: ReadonlyMap<string, string>,
  outfile: string,
  more: BuildOptions,
): Promise<void> {
  await build({
    stdin: {
      contents: [...entries]
        .map(([name, path]) => `exports['${name}'] = () => require('${path}')`)
        .join('\n'),
      resolveDir: root,
    },
    outfile,
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
    ...more,
  })
}

/** Runs the broker of a bundle once, from start to clean stop, and commands in between; keeps what V8 compiled. */
export async function cacheCode(target: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-build-'))
  const pairs = ['listeners=PLAINTEXT://127.0.0.1:0', `log.dirs=${folder}`, 'sluice.shards=2']
  const broker = run(target, ['serve', ...pairs.flatMap((pair) => ['--override', pair])])
  const stopped = broker.ended()
  const started = new Promise<string>((resolve) => {
    broker.child.stdout.on('data', () => {
      const address = /advertised as (\S+)[\s\S]*Kafka Server started/.exec(broker.said())?.[1]
      if (address !== undefined) resolve(address)
    })
  })
  const address = await Promise.race([started, stopped.then(() => '')])
  try {
    for (const words of COMMANDS)
      await run(target, [...words, '--bootstrap-server', address]).ended()
  } finally {
    // Once: a second signal ends a broker that is stopping, which leaves no cache.
    broker.child.kill('SIGTERM')
    await stopped
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A process of the bundle that keeps its code. `ended` rejects unless it ends well. */
function run(target: string, words: readonly string[]) {
  const child = spawn(process.execPath, [join(target, 'load.cjs'), ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: RUN_MS_MAX,
  })
  const exited = once(child, 'exit')
  let said = ''
  child.stdout.on('data', (chunk) => {
    said += chunk
  })
  return {
    child,
    said: () => said,
    async ended(): Promise<void> {
      const [code, signal] = await exited
      if (code !== 0)
        throw new Error(`sluice ${words.join(' ')} ended with ${code ?? signal}:\n${said}`)
    },
  }
}

/** Leaves the other commands of the two lists outside, where nobody looks for them. */
const brokerCommandsOnly: Plugin = {
  name: 'broker commands only',
  setup(into) {
    into.onResolve({ filter: /\.[jt]s$/ }, ({ kind, importer, path }) => {
      if (kind !== 'dynamic-import' || !COMMAND_LISTS.test(importer)) return null
      return BROKER_COMMANDS.test(path) ? null : { path, external: true }
    })
  },
}

/** By the file they go to, see bundle-load.cjs: entry → its module. */
function entriesOf(root: string, extension: 'js' | 'ts'): Record<string, Map<string, string>> {
  const jobs = readdirSync(join(root, 'workers/jobs'))
    .filter((file) => file.endsWith(`.${extension}`) && !file.endsWith('.d.ts'))
    .map((file) => `jobs/${file.slice(0, -extension.length - 1)}`)
  const sluice = ['sluice', `./tools/sluice.${extension}`] as const
  return {
    commands: new Map([
      sluice,
      ['load-child', `./bench/load/load-child.${extension}`],
      ['pacer', `./bench/load/pacer.${extension}`],
    ]),
    broker: new Map([sluice]),
    thread: new Map([
      ['thread', `./net/thread.${extension}`],
      ...jobs.map((name) => [name, `./workers/${name}.${extension}`] as const),
    ]),
  }
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
