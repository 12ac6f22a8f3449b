/**
 * The broker's log lines on stdout, from any thread, in the layout of Kafka's own (tools wait for
 * its phrases):   [2026-11-22 23:28:00,123] INFO message (sluice.shard-1)
 * or as one JSON object a line. Written at once, so that the last line before an end is there.
 */
import { writeSync } from 'node:fs'
import type { BrokerConfig } from '../engine/base/config.ts'
import type { Logger } from '../engine/base/logger.ts'

const STDOUT = 1
/** A full pipe is waited for this long per try, and at most so often; then the line is dropped. */
const RETRY_MS = 5
const RETRIES_MAX = 200

export interface LogStyle {
  readonly format: 'text' | 'json'
  /** May change while lines are written. */
  level: 'info' | 'warn' | 'error'
}

/** sluice.log.format and sluice.log.level, whose rules let nothing else through. */
export function logStyle(config: BrokerConfig): LogStyle {
  return {
    format: config.sluiceLogFormat as LogStyle['format'],
    level: config.sluiceLogLevel as LogStyle['level'],
  }
}

const RANKS = { info: 0, warn: 1, error: 2 } as const

/** `source` names the part of the broker that speaks, as `sluice` or `sluice.shard-1`. */
export function consoleLogger(style: LogStyle, source: string): Logger {
  const say = (level: keyof typeof RANKS) => (message: string) => {
    if (RANKS[level] < RANKS[style.level]) return
    writeLine(style.format === 'json' ? json(level, message, source) : text(level, message, source))
  }
  return { info: say('info'), warn: say('warn'), error: say('error') }
}

function text(level: string, message: string, source: string): string {
  const at = new Date()
  const two = (value: number) => String(value).padStart(2, '0')
  const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
  const millis = String(at.getMilliseconds()).padStart(3, '0')
  return `[${date} ${time},${millis}] ${level.toUpperCase()} ${message} (${source})\n`
}

function json(level: string, message: string, source: string): string {
  return `${JSON.stringify({ time: new Date().toISOString(), level, source, message })}\n`
}

function writeLine(line: string): void {
  const bytes = Buffer.from(line)
  let at = 0
  for (let tries = 0; at < bytes.length && tries < RETRIES_MAX; tries++) {
    try {
      at += writeSync(STDOUT, bytes, at)
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : ''
      // A closed pipe has no reader; a full one is worth a short wait.
      if (code !== 'EAGAIN') return
      Atomics.wait(PAUSE, 0, 0, RETRY_MS)
    }
  }
}

const PAUSE = new Int32Array(new SharedArrayBuffer(4))
