/**
 * Runs a module of the bundle with the code that V8 compiled at build time (tools/bundle.ts puts this file
 * beside it). CommonJS, as ES modules take no compiled code in Node 20.
 *
 * A broker's shard threads are begun before anything else: one takes 25 ms until it runs its first line.
 *
 * `node load.cjs WORDS…` does what `sluice WORDS…` does, and at its end writes what V8 compiled until
 * then to the caches it began with. V8 takes in all of a text and its cache before anything runs, so there
 * are three of them, by who runs: a wrong guess costs time alone.
 */
const fs = require('node:fs')
const { createRequire } = require('node:module')
const { availableParallelism } = require('node:os')
const { basename, join } = require('node:path')
const vm = require('node:vm')
const { isMainThread, parentPort, Worker, workerData } = require('node:worker_threads')

const BROKER_WORDS = /^(serve|quickstart|kafka-server-start(\.sh)?)$/
/** What these ask for is no broker in this process. */
const OTHER_WORDS = /^(--check|-d|--?daemon|-h|--help|-V|--version)$/
/** Where the pool (net/shard-threads.ts) finds them; it starts what is missing and ends what is too many. */
const BEGUN = Symbol.for('sluice.begunThreads')
const BEGUN_MAX = 16
const isBuilding = require.main === module || workerData?.keepsCode === true

let script = null
let entries = null

/** The exports of the entry's module, which runs now. */
exports.load = (name) => {
  if (entries === null) {
    if (name === 'sluice' && isMainThread && isBroker()) beginThreads()
    const file = join(__dirname, codeFor(name))
    script = compile(file)
    const bundle = { exports: {} }
    script.runInThisContext()(bundle.exports, createRequire(file), bundle, file, __dirname)
    entries = bundle.exports
  }
  return entries[name]()
}

function isBroker() {
  const [, calledAs = '', word = ''] = process.argv
  return [basename(calledAs), word].some((one) => BROKER_WORDS.test(one))
}

/** As bundle.ts distributes the entries. */
function codeFor(name) {
  if (name === 'sluice') return isBroker() ? 'code-broker.cjs' : 'code-commands.cjs'
  return name === 'thread' || name.startsWith('jobs/') ? 'code-thread.cjs' : 'code-commands.cjs'
}

/** They keep nobody from ending until the pool takes them. */
function beginThreads() {
  const words = process.argv.slice(2)
  if (words.some((word) => OTHER_WORDS.test(word))) return
  const begun = []
  for (let shard = 1; shard < Math.min(shardsExpected(words), BEGUN_MAX); shard++) {
    const thread = new Worker(join(__dirname, 'thread.cjs'), {
      name: `shard-${shard}`,
      workerData: { kind: 'sluice-shard', keepsCode: isBuilding && shard === 1 },
      execArgv: [],
    })
    thread.unref()
    begun.push(thread)
  }
  globalThis[BEGUN] = begun
}

/** As configured, as far as a glance can tell. */
function shardsExpected(words) {
  const files = words.filter((word) => word.endsWith('.properties'))
  const texts = [...files.map((path) => readIfThere(path) ?? ''), ...words]
  const set = process.env.KAFKA_SLUICE_SHARDS
  const isPlain = /sluice\.native\.calls\s*[=:]?\s*false/.test(texts.join('\n'))
  const said = /.*sluice\.shards\s*[=:]?\s*(\d+)/s.exec(texts.join('\n'))?.[1] ?? set
  const unset = isPlain ? Math.ceil(availableParallelism() / 2) : availableParallelism()
  return said === undefined ? unset : Number(said)
}

/** V8 takes the cache only if it is its own version's and for a source of this length. */
function compile(file) {
  // One byte per character: esbuild escapes what is not ASCII, but for comments. The text is one
  // function, see bundle.ts: joined to anything here it would be kept twice in every thread.
  const bytes = fs.readFileSync(file)
  const text = bytes.latin1Slice()
  return new vm.Script(text, { filename: file, cachedData: readIfThere(`${file}.cache`, bytes) })
}

/** Into `room` if that is enough: new memory costs more than to read what goes there. */
function readIfThere(path, room = Buffer.alloc(0)) {
  let fd = -1
  try {
    fd = fs.openSync(path)
    const { size } = fs.fstatSync(fd)
    const bytes = size <= room.length ? room.subarray(0, size) : Buffer.allocUnsafeSlow(size)
    return fs.readSync(fd, bytes, 0, size, 0) === size ? bytes : undefined
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  } finally {
    if (fd >= 0) fs.closeSync(fd)
  }
}

function keepCode(name) {
  const cache = join(__dirname, `${codeFor(name)}.cache`)
  fs.writeFileSync(`${cache}.new`, script.createCachedData())
  fs.renameSync(`${cache}.new`, cache)
}

if (isBuilding && isMainThread) {
  process.once('exit', () => keepCode('sluice'))
  exports.load('sluice')
} else if (isBuilding) {
  // The last order to a thread of the pool (workers/messages.ts).
  parentPort.on('message', ({ kind, stage }) => {
    if (kind === 'stop' && stage === 'end') keepCode('thread')
  })
}
