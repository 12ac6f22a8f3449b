/**
 * Loaded into a broker under test by NODE_OPTIONS=--require: in each of its threads a timer that tells how
 * long the event loop was held. Appends a line of JSON to the file SLUICE_PROBE names, whenever a gap is
 * the longest of its thread so far:
 *
 *   thread   Node's thread id
 *   gapMs    from one tick to the next, less the tick itself
 *   ownMs    the same without the time the thread was ready and another one ran (schedstat): what
 *            the loop was held by its own doing, whatever else the machine did
 */
'use strict'
const { openSync, readSync, writeSync } = require('node:fs')
const { threadId } = require('node:worker_threads')

const TICK_MS = 20
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

/** Milliseconds this thread waited for a processor so far; 0 where the kernel does not tell. */
function waitedMs(schedstat, buffer) {
  if (schedstat < 0) return 0
  const length = readSync(schedstat, buffer, 0, buffer.length, 0)
  return Number(buffer.latin1Slice(0, length).split(' ')[1]) / 1e6
}

if (file !== undefined) {
  const startedMs = performance.now()
  const schedstat = opened('/proc/thread-self/schedstat', 'r')
  const output = openSync(file, 'a')
  const buffer = Buffer.alloc(128)
  let lastMs = startedMs
  let lastWaitedMs = waitedMs(schedstat, buffer)
  let longestMs = 0
  const timer = setInterval(() => {
    const nowMs = performance.now()
    const nowWaitedMs = waitedMs(schedstat, buffer)
    const gapMs = nowMs - lastMs - TICK_MS
    const ownMs = Math.max(0, gapMs - (nowWaitedMs - lastWaitedMs))
    lastMs = nowMs
    lastWaitedMs = nowWaitedMs
    if (ownMs <= longestMs || nowMs - startedMs < SETTLE_MS) return
    longestMs = ownMs
    const atMs = Date.now()
    writeSync(output, `${JSON.stringify({ thread: threadId, gapMs, ownMs, atMs })}\n`)
  }, TICK_MS)
  timer.unref()
}
