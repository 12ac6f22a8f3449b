/**
 * `sluice serve --check`: reads and tries everything a start would, changes nothing, and says what
 * would run. Exit codes: 0 it would start; 1 the configuration is good, but this machine would not
 * let it start now (a folder, a port); 2 the configuration has mistakes.
 */
import { type BrokerConfig, brokerOptions } from '../../engine/base/config.ts'
import { isSensitive } from '../../engine/base/config-option.ts'
import { advertisedAddress, hostPort, reachabilityWarning } from '../../net/advertised-address.ts'
import {
  closeListeningSocket,
  ListenError,
  type ListeningSocket,
  openListeningSocket,
} from '../../net/listener.ts'
import type { LoadedConfig } from '../../net/server-properties.ts'
import { shardCount } from '../../net/shard-threads.ts'
import { loadConfig, type ServeRequest } from './broker-config.ts'
import { checkDataFolders } from './data-folder-check.ts'
import { ExitCode } from './failure.ts'
import type { CommandIo } from './io.ts'

/** What there is to say, told together: `problems` stop a start, `warnings` do not. */
interface Findings {
  readonly lines: string[]
  readonly warnings: string[]
  readonly problems: string[]
}

export async function serveCheck(request: ServeRequest, io: CommandIo): Promise<number> {
  const loaded = await loadConfig(request, io)
  const findings: Findings = { lines: [], warnings: [...loaded.warnings], problems: [] }
  const mistaken = loaded.errors.length > 0
  if (mistaken) findings.problems.push(...loaded.errors)
  else await examine(loaded, findings)
  for (const line of findings.lines) io.stdout.write(`${line}\n`)
  for (const warning of findings.warnings) io.stderr.write(`warning: ${warning}\n`)
  for (const problem of findings.problems) io.stderr.write(`error: ${problem}\n`)
  if (mistaken) {
    const { length } = loaded.errors
    io.stderr.write(
      `the configuration has ${length === 1 ? 'a mistake' : `${length} mistakes`}\n` +
        '  next: correct it in the properties file, the environment or --override\n',
    )
    return ExitCode.usage
  }
  const good = findings.problems.length === 0
  io.stderr.write(
    good ? 'the configuration is good\n' : 'the configuration is good, but it cannot start now\n',
  )
  return good ? ExitCode.done : ExitCode.failed
}

async function examine(loaded: LoadedConfig, findings: Findings): Promise<void> {
  const { config } = loaded
  const folders = await checkDataFolders(config)
  const { lines } = findings
  const cluster = folders.clusterId ?? config.sluiceClusterId
  lines.push(
    `broker     node.id ${config.nodeId}, ` +
      (cluster === null ? 'a new cluster with an id of its own' : `cluster ${cluster}`),
  )
  lines.push(`threads    ${shardCount(config)}`)
  for (const { path, state } of folders.found) lines.push(`data       ${path}: ${state}`)
  findings.problems.push(...folders.problems)
  findings.warnings.push(...folders.warnings)
  await checkListeners(config, findings)
  for (const [name, text] of config.settings)
    lines.push(`option     ${name}=${shown(loaded, name, text)}`)
}

/** Secrets stay what they are in the file: a reference, or hidden. */
function shown(loaded: LoadedConfig, name: string, text: string): string {
  const option = brokerOptions.get(name)
  const written = loaded.written.get(name)
  if (written !== undefined) return written
  return option !== undefined && isSensitive(option) ? '[hidden]' : text
}

/** All ports are opened together, since two of them may be in each other's way, and closed again. */
async function checkListeners(config: BrokerConfig, findings: Findings): Promise<void> {
  const opened: ListeningSocket[] = []
  for (const listener of config.clientListeners) {
    const { name, host, port } = listener
    try {
      const socket = await openListeningSocket(
        { name, host, port },
        { shards: 1, backlog: 1, sendBufferBytes: -1, receiveBufferBytes: -1 },
      )
      opened.push(socket)
    } catch (error) {
      if (!(error instanceof ListenError)) throw error
      findings.problems.push(error.message)
    }
    const told = await advertisedAddress(listener, port)
    const where = told.port === 0 ? `${told.host}, on the port it gets` : hostPort(told)
    const at = port === 0 ? `${host} on any free port` : `${hostPort({ host, port })}`
    findings.lines.push(`listener   ${name}://${at}, advertised as ${where}`)
    const warning = reachabilityWarning(listener, told)
    if (warning !== null) findings.warnings.push(warning)
  }
  for (const socket of opened) closeListeningSocket(socket)
}
