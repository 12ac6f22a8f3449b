/**
 * Workload files: what `sluice perf` is told, as JSON, under a name. Ours lie in bench/workloads; any
 * other is given by its path. Each key is an option of the command the file is for; `command`, and a
 * `title` for reports, stand beside them.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { packageRoot } from '../../package-root.ts'
import { CommandFailure, ExitCode } from '../failure.ts'
import {
  checkValue,
  LOAD_COMMANDS,
  type LoadCommand,
  type LoadOptions,
  rowOf,
  unknownKey,
} from './load-options.ts'

const FOLDER = join(packageRoot, 'bench/workloads')

export function workloadNames(): string[] {
  if (!existsSync(FOLDER)) return []
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length))
    .sort()
}

/** Throws CommandFailure that names the file, the key and what is wrong with it. */
export function readWorkload(
  name: string,
  command: LoadCommand,
  cwd: string,
): Partial<LoadOptions> {
  const path = workloadNames().includes(name) ? join(FOLDER, `${name}.json`) : resolve(cwd, name)
  const content = parse(path, name)
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    throw mistake(path, 'it is not an object: { "command": "produce", … }')
  const { command: meant, ...options } = content as Record<string, unknown>
  if (!LOAD_COMMANDS.some((known) => known === meant))
    throw mistake(path, `"command" is one of ${LOAD_COMMANDS.join(', ')}`)
  if (meant !== command)
    throw new CommandFailure(
      ExitCode.usage,
      `${path} is a workload for perf ${String(meant)}, not for perf ${command}`,
      null,
      `sluice perf ${String(meant)} --workload ${name}`,
    )
  return Object.fromEntries(
    Object.entries(options).map(([key, value]) => [key, checked(path, command, key, value)]),
  )
}

function checked(path: string, command: LoadCommand, key: string, value: unknown) {
  const row = rowOf(key)
  if (row === undefined) throw mistake(path, `there is no option "${key}"${unknownKey(key)}`)
  if (!row.commands.includes(command))
    throw mistake(path, `"${key}" is no option of perf ${command}`)
  try {
    return checkValue(row, value)
  } catch (error) {
    throw mistake(path, `"${key}" ${(error as Error).message}`)
  }
}

function parse(path: string, name: string): unknown {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const known = workloadNames()
    throw new CommandFailure(
      ExitCode.usage,
      `there is no workload '${name}'`,
      (error as Error).message,
      `use one of ${known.join(', ')}, or the path of a file`,
    )
  }
  try {
    return JSON.parse(text)
  } catch (error) {
    const { message } = error as Error
    const at = /position (\d+)/.exec(message)?.[1]
    const line = at === undefined ? '' : ` in line ${text.slice(0, Number(at)).split('\n').length}`
    throw mistake(path, `it is not JSON${line}: ${message}`)
  }
}

function mistake(path: string, why: string): CommandFailure {
  return new CommandFailure(
    ExitCode.usage,
    `the workload file ${path} has a mistake`,
    why,
    'mend it; `sluice perf COMMAND --help` lists the options, in files without dashes: inFlight',
  )
}
