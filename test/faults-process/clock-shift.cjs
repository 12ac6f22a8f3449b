/**
 * Loaded into a broker under test by NODE_OPTIONS=--require: its wall clock, in every thread, is off by as
 * many milliseconds as the file SLUICE_CLOCK_SHIFT says, from one call to the next. The monotonic clock
 * goes on as it is: a jump of the machine's time, as by a wrong time server.
 */
'use strict'
const { readFileSync } = require('node:fs')

const file = process.env.SLUICE_CLOCK_SHIFT
const trueNow = Date.now
const READ_EVERY_MS = 50

if (file !== undefined) {
  let shiftMs = 0
  let readAtMs = 0
  Date.now = () => {
    const nowMs = trueNow()
    if (nowMs - readAtMs >= READ_EVERY_MS) {
      readAtMs = nowMs
      shiftMs = Number(readFileSync(file, 'latin1'))
    }
    return nowMs + shiftMs
  }
}
