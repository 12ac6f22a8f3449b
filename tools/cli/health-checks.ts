/**
 * What a machine and its folders must offer a broker, measured: `sluice check`. Each check tells what is
 * asked for, what is there, and what to do when that is not enough.
 *
 *   open files     a file or three per segment and a socket per client
 *   sync           fdatasync of 4 KiB, as group flush waits for it
 *   free space     of each data folder's file system
 *   CRC, codecs    which implementation runs; the plain ones work, slower
 */
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  openSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { crc32cImplementation } from '../../engine/base/crc32c.ts'
import { codecAvailability } from '../../engine/record/compression.ts'

export type CheckStatus = 'ok' | 'warn' | 'fail'

export interface CheckResult {
  readonly check: string
  readonly required: string
  readonly current: string
  readonly status: CheckStatus
  /** What to do; null when all is well. */
  readonly advice: string | null
}

const OPEN_FILES_WARN = 65_536
const OPEN_FILES_FAIL = 4_096
const SYNCS = 50
const SYNC_BYTES = 4_096
const SYNC_WARN_MS = 20
const SYNC_FAIL_MS = 500
const FREE_FAIL_BYTES = 1 << 30
const FREE_WARN_PART = 0.1

export function checkOpenFiles(
  limits: string | null = readIfThere('/proc/self/limits'),
): CheckResult {
  const match = /^Max open files\s+(\d+|unlimited)/m.exec(limits ?? '')
  const soft =
    match?.[1] === 'unlimited' ? Number.POSITIVE_INFINITY : Number(match?.[1] ?? Number.NaN)
  const required = `${OPEN_FILES_WARN} or more`
  if (Number.isNaN(soft))
    return {
      check: 'open files',
      required,
      current: 'not known on this system',
      status: 'warn',
      advice: 'look at `ulimit -n` by hand',
    }
  const status = soft < OPEN_FILES_FAIL ? 'fail' : soft < OPEN_FILES_WARN ? 'warn' : 'ok'
  return {
    check: 'open files',
    required,
    current: `${soft}`,
    status,
    advice: status === 'ok' ? null : `raise it: ulimit -n 100000, or LimitNOFILE in the service`,
  }
}

/** `folder` need not exist yet: its nearest parent that does is measured. */
export function checkSync(folder: string): CheckResult {
  const check = `sync in ${folder}`
  const required = `99 of 100 under ${SYNC_WARN_MS} ms`
  const path = join(existingParent(folder), `.sluice-check-${process.pid}`)
  const times: number[] = []
  try {
    const fd = openSync(path, 'w')
    try {
      const bytes = Buffer.alloc(SYNC_BYTES, 7)
      for (let at = 0; at < SYNCS; at++) {
        const startedMs = performance.now()
        writeSync(fd, bytes, 0, SYNC_BYTES, at * SYNC_BYTES)
        fdatasyncSync(fd)
        times.push(performance.now() - startedMs)
      }
    } finally {
      closeSync(fd)
      rmSync(path, { force: true })
    }
  } catch (error) {
    return {
      check,
      required,
      current: (error as Error).message,
      status: 'fail',
      advice: 'give this user a folder it can write to',
    }
  }
  times.sort((a, b) => a - b)
  const median = times[times.length >> 1] ?? 0
  const high = times[Math.floor(times.length * 0.99)] ?? 0
  const status = high > SYNC_FAIL_MS ? 'fail' : high > SYNC_WARN_MS ? 'warn' : 'ok'
  return {
    check,
    required,
    current: `p50 ${median.toFixed(2)} ms, p99 ${high.toFixed(2)} ms`,
    status,
    advice: status === 'ok' ? null : 'use a faster disk, or sluice.flush.mode=async',
  }
}

export function checkFreeSpace(
  folder: string,
  space: { readonly bsize: number; readonly bavail: number; readonly blocks: number } = statfsSync(
    existingParent(folder),
  ),
): CheckResult {
  const free = space.bavail * space.bsize
  const total = space.blocks * space.bsize
  const low = free < total * FREE_WARN_PART
  const status = free < FREE_FAIL_BYTES ? 'fail' : low ? 'warn' : 'ok'
  return {
    check: `free space in ${folder}`,
    required: '10 % and 1 GiB',
    current: `${gibibytes(free)} of ${gibibytes(total)}`,
    status,
    advice: status === 'ok' ? null : 'free some, or set log.retention.bytes',
  }
}

export async function checkLibraries(): Promise<CheckResult[]> {
  const crc = crc32cImplementation()
  const codecs = Object.entries(codecAvailability())
  const missing = codecs
    .filter(([, implementation]) => implementation === null)
    .map(([name]) => name)
  return [
    {
      check: 'CRC-32C',
      required: 'native or prebuilt',
      current: crc,
      status: crc === 'table' ? 'warn' : 'ok',
      advice:
        crc === 'table' ? 'reinstall with optional packages: npm ci --include=optional' : null,
    },
    {
      check: 'codecs',
      required: codecs.map(([name]) => name).join(', '),
      current: missing.length === 0 ? 'all' : `without ${missing.join(', ')}`,
      status: missing.length === 0 ? 'ok' : 'warn',
      advice: missing.length === 0 ? null : 'reinstall: npm ci',
    },
  ]
}

function existingParent(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : existingParent(dirname(folder))
}

function readIfThere(path: string): string | null {
  return existsSync(path) ? readFileSync(path, 'utf8') : null
}

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`
}
