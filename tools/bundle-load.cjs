/**
 * Runs a module of the bundle in all.cjs with the code that V8 compiled at build time (tools/bundle.ts
 * puts this file beside it). CommonJS, as ES modules take no compiled code in Node 20.
 *
 * `node load.cjs WORDS…` does what `sluice WORDS…` does, and at its end writes what V8 compiled until
 * then to all.cjs.cache.
 */
const { readFileSync, renameSync, writeFileSync } = require('node:fs')
const { createRequire } = require('node:module')
const { join } = require('node:path')
const vm = require('node:vm')

const FILE = join(__dirname, 'all.cjs')
const CACHE = `${FILE}.cache`

let script = null
let entries = null

/** The exports of the entry's module, which runs now. */
exports.load = (name) => {
  if (entries === null) {
    script = compile()
    const bundle = { exports: {} }
    script.runInThisContext()(bundle.exports, createRequire(FILE), bundle, FILE, __dirname)
    entries = bundle.exports
  }
  return entries[name]()
}

/** V8 takes the cache only if it is its own version's and for a source of this length. */
function compile() {
  // One byte per character: esbuild escapes what is not ASCII, but for comments. The text is one
  // function, see bundle.ts: joined to anything here it would be kept twice in every thread.
  return new vm.Script(readFileSync(FILE, 'latin1'), {
    filename: FILE,
    cachedData: readIfThere(CACHE),
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
  process.once('exit', () => {
    writeFileSync(`${CACHE}.new`, script.createCachedData())
    renameSync(`${CACHE}.new`, CACHE)
  })
  exports.load('sluice')
}
