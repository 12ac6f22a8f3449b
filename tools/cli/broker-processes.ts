/**
 * The brokers of ours that this user runs on this machine, by their command lines: node with our
 * program and `serve` or `kafka-server-start` behind it, or `sluice serve` itself. A loader that
 * started such a process (npx, tsx) has the same words and passes signals on, so of a parent and its
 * child only the child counts.
 *
 * Without /proc only the pid file of `-daemon` is known.
 */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { loadConfig } from './broker-config.ts'
import type { CommandIo } from './io.ts'
import { livePid } from './pid-file.ts'

export interface BrokerProcess {
  readonly pid: number
  /** Null: not found out. */
  readonly nodeId: number | null
}

const OURS = /^sluice(\.(js|cjs|mjs|ts))?$/
const START = /^kafka-server-start(\.sh)?$/
const PROC = '/proc'

export async function brokerProcesses(io: CommandIo): Promise<BrokerProcess[]> {
  const processes = running()
  if (processes === null) {
    const pid = livePid(resolve(io.cwd, io.env['LOG_DIR'] ?? 'logs', 'sluice.pid'))
    return pid === null ? [] : [{ pid, nodeId: null }]
  }
  const brokers = processes.filter(
    ({ words }) => startOf(words) !== null && !words.includes('--check'),
  )
  const parents = new Set(brokers.map(({ parent }) => parent))
  const leaves = brokers.filter(({ pid }) => pid !== process.pid && !parents.has(pid))
  return Promise.all(
    leaves.map(async (found) => ({ pid: found.pid, nodeId: await nodeOf(found, io) })),
  )
}

interface Running {
  readonly pid: number
  readonly parent: number
  readonly words: readonly string[]
}

/** Where the words of a start command begin; null when it is none. */
export function startOf(words: readonly string[]): number | null {
  for (const [at, word] of words.entries()) {
    const name = basename(word)
    if (START.test(name)) return at + 1
    if (OURS.test(name)) {
      const verb = words[at + 1] ?? ''
      return verb === 'serve' || START.test(verb) ? at + 2 : null
    }
    // Our program is an interpreter's word, not an argument of anything else.
    if (at === 0 && !/^(node|sluice|npm|npx|tsx|sh|bash)/.test(name)) return null
  }
  return null
}

function running(): Running[] | null {
  let names: string[]
  try {
    names = readdirSync(PROC)
  } catch {
    // A system without /proc.
    return null
  }
  const user = process.getuid?.()
  const found: Running[] = []
  for (const name of names) {
    if (!/^\d+$/.test(name)) continue
    try {
      if (statSync(`${PROC}/${name}`).uid !== user) continue
      const words = readFileSync(`${PROC}/${name}/cmdline`, 'utf8').split('\0').filter(Boolean)
      // The name in brackets may hold anything; the state and the parent come behind it.
      const stat = readFileSync(`${PROC}/${name}/stat`, 'utf8')
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
      found.push({ pid: Number(name), parent, words })
    } catch {
      // It ended while it was looked at.
    }
  }
  return found
}

/** From the properties file and overrides of its command line, as the broker reads them. */
async function nodeOf({ pid, words }: Running, io: CommandIo): Promise<number | null> {
  const rest = words.slice(startOf(words) ?? words.length)
  const overrides = rest.flatMap((word, at) =>
    word === '--override' && rest[at + 1] !== undefined ? [rest[at + 1] as string] : [],
  )
  const named = rest.findIndex((word) => /^(-c|--config)$/.test(word))
  const file =
    named >= 0
      ? (rest[named + 1] ?? null)
      : (rest.find((word, at) => !word.startsWith('-') && rest[at - 1] !== '--override') ?? null)
  try {
    const cwd = readlinkSync(`${PROC}/${pid}/cwd`)
    const loaded = await loadConfig({ file, overrides }, { ...io, cwd, env: {} })
    return loaded.errors.length === 0 ? loaded.config.nodeId : null
  } catch {
    // Its folder cannot be read: which node it is stays unknown.
    return null
  }
}
