/**
 * Runs a module of the bundle in all.cjs with the code that V8 compiled at build time (tools/bundle.ts
 * puts this file beside it). CommonJS, as ES modules take no compiled code in Node 20.
 *
 * `node load.cjs WORDS…` does what `sluice WORDS…` does, and at its end writes what V8 compiled until
 * then to the cache it began with: what brokers run is in one, what the other commands run in another, since
 * V8 takes in all of a cache before anything runs. A wrong guess costs time alone.
 */
const { readFileSync, renameSync, writeFileSync } = require('node:fs')
const { createRequire } = require('node:module')
const { basename, join } = require('node:path')
const vm = require('node:vm')

const FILE = join(__dirname, 'all.cjs')

const BROKER_WORDS = /^(serve|quickstart|kafka-server-start(\.sh)?)$/

let script = null
let entries = null

/** The exports of the entry's module, which runs now. */
exports.load = (name) => {
  if (entries === null) {
    script = compile(cacheFor(name))
    const bundle = { exports: {} }
    script.runInThisContext()(bundle.exports, createRequire(FILE), bundle, FILE, __dirname)
    entries = bundle.exports
  }
  return entries[name]()
}

function cacheFor(name) {
  const [, calledAs = '', word = ''] = process.argv
  const isBroker = name !== 'sluice' || [basename(calledAs), word].some((one) => BROKER_WORDS.test(one))
  return `${FILE}.${isBroker ? 'broker' : 'command'}-cache`
}

/** V8 takes the cache only if it is its own version's and for a source of this length. */
function compile(cache) {
  // One byte per character: esbuild escapes what is not ASCII, but for comments. The text is one
  // function, see bundle.ts: joined to anything here it would be kept twice in every thread.
  return new vm.Script(readFileSync(FILE, 'latin1'), {
    filename: FILE,
    cachedData: readIfThere(cache),
  })
}

function readIfThere(path) {
  try {
    return readFileSync(path)
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}

if (require.main === module) {
  const cache = cacheFor('sluice')
  process.once('exit', () => {
    writeFileSync(`${cache}.new`, script.createCachedData())
    renameSync(`${cache}.new`, cache)
  })
  exports.load('sluice')
}
