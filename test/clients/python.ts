/**
 * Python clients: kafka-python, and confluent-kafka with its own librdkafka, installed by pip into a
 * virtual environment in the cache folder. Each script prints a JSON line per check.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describeResult, runCommand } from '../support/child-processes.ts'
import { cacheFolder } from '../support/kafka-jars.ts'
import { realLines } from './real-lines.ts'
import { type Check, check, type Scenario, Skip } from './scenario.ts'

const INSTALL_LIMIT_MS = 180_000
const SCRIPT_LIMIT_MS = 240_000
/** Enough for the largest check of either script. */
const LINES = 50_000

interface Result {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
}

/** The environment's interpreter with the requirement importable; throws Skip when it cannot be had. */
export async function pythonWith(requirement: string, module: string): Promise<string> {
  const environment = join(cacheFolder(), 'python')
  const python = join(environment, 'bin/python')
  const run = (command: string, ...args: string[]) =>
    runCommand(command, args, { limitMs: INSTALL_LIMIT_MS })
  if (!existsSync(python)) {
    const made = await run('python3', '-m', 'venv', environment)
    if (made.code !== 0) throw new Skip(describeResult('python3 -m venv', made).slice(0, 300))
  }
  if ((await run(python, '-c', `import ${module}`)).code === 0) return python
  const installed = await run(python, '-m', 'pip', 'install', '--quiet', requirement)
  if (installed.code !== 0) {
    const said = describeResult(`pip install ${requirement}`, installed)
    throw new Skip(said.slice(0, 300))
  }
  return python
}

function scriptCheck(name: string, requirement: string, module: string, script: string): Check {
  return {
    name,
    limitMs: INSTALL_LIMIT_MS + SCRIPT_LIMIT_MS,
    async run(lane) {
      const python = await pythonWith(requirement, module)
      const path = fileURLToPath(new URL(script, import.meta.url))
      const lines = await realLines(lane.folder, LINES)
      const result = await runCommand(python, [path, lane.address, lines], {
        limitMs: SCRIPT_LIMIT_MS,
      })
      check(result.code === 0, () => describeResult(script, result))
      const results = result.stdout
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as Result)
      const failures = results.filter(({ ok }) => !ok)
      const told = failures.map((failure) => `${failure.name}: ${failure.detail}`).join('\n')
      check(failures.length === 0 && results.length > 0, () => told || 'it printed no result')
      return results.map((each) => `\n      ${each.name}: ${each.detail}`).join('')
    },
  }
}

export const pythonScenario: Scenario = {
  name: 'python',
  checks: [
    scriptCheck(
      'kafka-python',
      'kafka-python[crc32c,lz4,snappy,zstd]',
      'kafka, lz4, snappy, zstandard',
      'kafka_python_client.py',
    ),
    scriptCheck('confluent-kafka', 'confluent-kafka', 'confluent_kafka', 'confluent_client.py'),
    scriptCheck(
      'confluent-kafka, group.protocol=consumer',
      'confluent-kafka',
      'confluent_kafka',
      'confluent_consumer_protocol.py',
    ),
  ],
}
