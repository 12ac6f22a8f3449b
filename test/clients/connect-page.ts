/**
 * The examples of docs/connect.md, run as they stand there with the broker's address in place of
 * localhost:9092. Each writes `hello from …` and must print it again. Those in JavaScript need nothing
 * but this repository; the others run where their client is to be had.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../tools/package-root.ts'
import { describeResult, runCommand } from '../support/child-processes.ts'
import { cacheFolder } from '../support/kafka-jars.ts'
import { snippet } from '../support/page-snippets.ts'
import { pythonWith } from './python.ts'
import { type Check, check, type Lane, type Scenario, Skip } from './scenario.ts'

const PAGE = 'connect.md'
const LIMIT_MS = 120_000
const FETCH_LIMIT_MS = 300_000

type Command = readonly [program: string, ...args: string[]]

/** `prepare` writes the text where its language wants it and says how it is run. */
function example(
  name: string,
  says: string,
  prepare: (text: string, folder: string, lane: Lane) => Promise<Command>,
): Check {
  return {
    name: `the example of ${name}`,
    limitMs: LIMIT_MS + FETCH_LIMIT_MS,
    async run(lane) {
      const written = snippet(PAGE, name)
      const text = written.replaceAll('localhost:9092', lane.address)
      check(text !== written, () => `the example of ${name} does not name localhost:9092`)
      const folder = mkdtempSync(join(lane.folder, 'example-'))
      const [program, ...args] = await prepare(text, folder, lane)
      const result = await runCommand(program, args, { limitMs: LIMIT_MS, cwd: folder })
      if (result.stderr.includes('ENOENT')) throw new Skip(`${program} is not installed`)
      check(result.code === 0, () => describeResult(program, result))
      const said = result.stdout.split('\n').includes(says)
      check(said, () => `it did not print ${says}: ${result.stdout.slice(-500)}`)
      return 'one record there and back'
    },
  }
}

function script(extension: string, program: string) {
  return async (text: string, folder: string): Promise<Command> => {
    const path = join(folder, `example.${extension}`)
    writeFileSync(path, text)
    return [program, path]
  }
}

/** In a folder below node_modules' own, so that imports find the packages. */
async function module(text: string, _folder: string, lane: Lane): Promise<Command> {
  const folder = join(packageRoot, 'node_modules/.cache/sluice-docs')
  mkdirSync(folder, { recursive: true })
  const own = mkdtempSync(join(folder, 'example-'))
  lane.defer(() => rmSync(own, { recursive: true }))
  const path = join(own, 'example.mjs')
  writeFileSync(path, text)
  return [process.execPath, path]
}

async function java(text: string, folder: string, lane: Lane): Promise<Command> {
  const jars = await lane.jars()
  const path = join(folder, 'Orders.java')
  writeFileSync(path, text)
  return ['java', '-cp', join(jars.folder, '*'), path]
}

async function go(text: string, folder: string): Promise<Command> {
  writeFileSync(join(folder, 'main.go'), text)
  const env = { GOMODCACHE: join(cacheFolder(), 'go') }
  for (const args of [
    ['mod', 'init', 'example'],
    ['mod', 'tidy'],
  ]) {
    const result = await runCommand('go', args, { limitMs: FETCH_LIMIT_MS, cwd: folder, env })
    if (result.code !== 0)
      throw new Skip(describeResult(`go ${args.join(' ')}`, result).slice(0, 300))
  }
  return ['env', `GOMODCACHE=${env.GOMODCACHE}`, 'go', 'run', '.']
}

function python(requirement: string, module: string) {
  return async (text: string, folder: string): Promise<Command> => {
    const [, path = ''] = await script('py', 'python')(text, folder)
    return [await pythonWith(requirement, module), path]
  }
}

/** The examples that need npm's packages only. */
export const connectPageScenario: Scenario = {
  name: 'connect-page',
  checks: [
    example('kafkajs', 'hello from kafkajs', module),
    example('platformatic', 'hello from platformatic', module),
  ],
}

export const connectPageOtherScenario: Scenario = {
  name: 'connect-page-languages',
  checks: [
    example('kcat', 'hello from kcat', script('sh', 'sh')),
    example('java', 'hello from java', java),
    example(
      'confluent-kafka',
      'hello from confluent-kafka',
      python('confluent-kafka', 'confluent_kafka'),
    ),
    example('kafka-python', 'hello from kafka-python', python('kafka-python', 'kafka')),
    example('franz-go', 'hello from go', go),
  ],
}
