/**
 * Loaded into a broker under test by NODE_OPTIONS=--require: in each of its threads a timer that tells how
 * long the event loop was held. Appends a line of JSON to the file SLUICE_PROBE names, whenever a gap is
 * the longest of its thread so far:
 *
 *   thread   Node's thread id
 *   gapMs    from one tick to the next, less the tick itself
 *   ownMs    of that, what the thread itself ran (schedstat), not what it waited for a processor or a
 *            disk that others keep busy
 *
 * Whenever the file with `.collect` behind its name is touched, each thread collects its garbage, and writes
 * the resident size of its young generation, which V8 lets grow with the load to 32 MiB, to the file with
 * `.young.` and its id behind it: what else is resident then is what it keeps.
 */
'use strict'
const { openSync, readSync, renameSync, statSync, writeFileSync, writeSync } = require('node:fs')
const { getHeapSpaceStatistics, setFlagsFromString } = require('node:v8')
const { runInNewContext } = require('node:vm')
const { threadId } = require('node:worker_threads')

const TICK_MS = 20
const COLLECT_EVERY_MS = 250
/** Start-up compiles and loads; what counts comes after. */
const SETTLE_MS = 1500
const file = process.env.SLUICE_PROBE

/** Opened at once: later there may be no descriptor left. */
function opened(path, flags) {
  try {
    return openSync(path, flags)
  } catch {
    return -1
  }
}

/** Milliseconds this thread ran so far; the clock where the kernel does not tell. */
function ranMs(schedstat, buffer) {
  if (schedstat < 0) return performance.now()
  const length = readSync(schedstat, buffer, 0, buffer.length, 0)
  return Number(buffer.latin1Slice(0, length).split(' ')[0]) / 1e6
}

function youngBytes() {
  return getHeapSpaceStatistics()
    .filter((space) => space.space_name.startsWith('new_'))
    .reduce((sum, space) => sum + space.physical_space_size, 0)
}

if (file !== undefined) {
  const startedMs = performance.now()
  const schedstat = opened('/proc/thread-self/schedstat', 'r')
  const output = openSync(file, 'a')
  const buffer = Buffer.alloc(128)
  let lastMs = startedMs
  let lastRanMs = ranMs(schedstat, buffer)
  let longestMs = 0
  const timer = setInterval(() => {
    const nowMs = performance.now()
    const nowRanMs = ranMs(schedstat, buffer)
    const gapMs = nowMs - lastMs - TICK_MS
    const ownMs = Math.min(Math.max(0, gapMs), nowRanMs - lastRanMs)
    lastMs = nowMs
    lastRanMs = nowRanMs
    if (ownMs <= longestMs || nowMs - startedMs < SETTLE_MS) return
    longestMs = ownMs
    const atMs = Date.now()
    writeSync(output, `${JSON.stringify({ thread: threadId, gapMs, ownMs, atMs })}\n`)
  }, TICK_MS)
  timer.unref()

  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc')
  let collectedFor = 0
  const collector = setInterval(() => {
    const touchedMs = statSync(`${file}.collect`, { throwIfNoEntry: false })?.mtimeMs ?? 0
    if (touchedMs === collectedFor) return
    collectedFor = touchedMs
    collect()
    collect()
    writeFileSync(`${file}.young.${threadId}.new`, String(youngBytes()))
    renameSync(`${file}.young.${threadId}.new`, `${file}.young.${threadId}`)
    // What the collection took is not what clients wait for.
    lastMs = performance.now()
  }, COLLECT_EVERY_MS)
  collector.unref()
}
