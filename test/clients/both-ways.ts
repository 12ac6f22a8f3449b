/**
 * Every tool both ways: the same command lines by Kafka's own tools and by ours, against a real
 * Kafka 4.2 and against the broker under test. What Java's tool says to a Kafka is the specification;
 * the other three must say the same, exit codes too (tool-scripts.ts has the lines and what differs).
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startChild } from '../support/child-processes.ts'
import { runCli } from '../support/cli.ts'
import type { KafkaToolName } from '../support/kafka-jars.ts'
import { startKafka } from '../support/kafka-process.ts'
import { type KafkaToolRunner, startToolRunner } from '../support/kafka-tool-server.ts'
import { type Check, check, type Lane, type Scenario, Skip } from './scenario.ts'
import { maskRun, type ToolRun } from './tool-output.ts'
import { LIVE_GROUPS, type Line, type ToolScript, toolScripts } from './tool-scripts.ts'

const LIMIT_MS = 240_000
const LIVE_LIMIT_MS = 30_000
/** Told about: it makes the lane slow. */
const SLOW_MS = 3_000
const UNTIL_LIMIT_MS = 5_000

/** Kafka and its tools are started for the first script and stay for the others. */
interface Stage {
  readonly kafka: string
  readonly java: KafkaToolRunner
}

/** What a new Kafka has and our broker has not: eligible leader replicas, and the option behind. */
const AS_OURS: readonly [KafkaToolName, ...string[]][] = [
  ['kafka-features', 'disable', '--feature', 'eligible.leader.replicas.version'],
  ['kafka-configs', '--alter', '--broker-defaults', '--delete-config', 'min.insync.replicas'],
]

let runner: KafkaToolRunner | null = null
let stage: Promise<Stage> | null = null

async function stageOf(lane: Lane): Promise<Stage> {
  const jars = await lane.jars()
  const java = runner ?? startToolRunner(jars)
  if (typeof java === 'string') throw new Skip(java)
  runner = java
  stage ??= (async () => {
    const { address } = await startKafka(jars, {}, join(lane.folder, 'both-ways-kafka'))
    for (const [tool, ...words] of AS_OURS)
      await java.run(tool, ['--bootstrap-server', address, ...words])
    return { kafka: address, java }
  })()
  return stage
}

/** One of the four: who asks, whom, and what its names begin with. */
interface Way {
  readonly name: string
  readonly address: string
  readonly prefix: string
  run(words: readonly string[], input: string): Promise<ToolRun>
}

function ways(ours: string, { kafka, java }: Stage, folder: string, script: number): Way[] {
  const javaRun = (words: readonly string[], input: string): Promise<ToolRun> =>
    java.run(words[0] as KafkaToolName, words.slice(1), input)
  const ourRun = (words: readonly string[], input: string): Promise<ToolRun> =>
    runCli(words, { cwd: folder, input })
  return [
    { name: "Java's tool, Kafka", address: kafka, prefix: `jk${script}`, run: javaRun },
    { name: 'our tool, Kafka', address: kafka, prefix: `ok${script}`, run: ourRun },
    { name: "Java's tool, our broker", address: ours, prefix: `jo${script}`, run: javaRun },
    { name: 'our tool, our broker', address: ours, prefix: `oo${script}`, run: ourRun },
  ]
}

async function runScript(lane: Lane, script: ToolScript): Promise<string> {
  const folder = join(lane.folder, `both-ways-${script.name.replace(/\W+/g, '-')}`)
  mkdirSync(folder, { recursive: true })
  const at = toolScripts.indexOf(script)
  const stage = await stageOf(lane)
  // Lists of groups tell all there are: those of other checks must not be among them.
  const ours = script.live === true ? (await lane.startBroker()).address : lane.address
  const four = ways(ours, stage, folder, at)
  if (script.live === true) await startLiveGroups(lane, four)
  const told: string[][][] = []
  for (const way of four) told.push(await runLines(script.lines, way, folder))
  const differences = script.lines.flatMap((line, index) =>
    compare(
      line,
      four,
      told.map((texts) => texts[index] ?? []),
    ),
  )
  check(differences.length === 0, () => differences.slice(0, REPORTED_MAX).join('\n'))
  return `${script.lines.length} command lines, 4 ways`
}

const REPORTED_MAX = 40

/** What is wrong with a line's four answers. */
function compare(line: Line, four: readonly Way[], told: readonly string[][]): string[] {
  const [javaAtKafka = [], oursAtKafka = [], javaAtOurs = [], oursAtOurs = []] = told
  const mine = line.differs === undefined ? javaAtKafka : javaAtOurs
  const pairs: readonly (readonly [number, string[], string[]])[] = [
    [1, oursAtKafka, javaAtKafka],
    ...(line.differs === undefined ? ([[2, javaAtOurs, javaAtKafka]] as const) : []),
    [3, oursAtOurs, mine],
  ]
  return pairs.flatMap(([way, is, shouldBe]) => {
    const cut = (texts: readonly string[]): readonly string[] =>
      line.words === undefined ? texts : texts.slice(0, 1)
    const more = cut(is).filter((text) => !shouldBe.includes(text))
    const less = cut(shouldBe).filter((text) => !is.includes(text))
    if (more.length + less.length === 0) return []
    const signed = [...less.map((text) => `-${text}`), ...more.map((text) => `+${text}`)]
    return [`$ ${line.line} (${four[way]?.name})\n${signed.join('\n')}`]
  })
}

/** What each line said, masked. */
async function runLines(lines: readonly Line[], way: Way, folder: string): Promise<string[][]> {
  const named = (text: string): string =>
    text
      .replaceAll('@live-', 'live-')
      .replaceAll('@', `${way.prefix}-`)
      .replaceAll('FOLDER/', `${folder}/${way.prefix}-`)
  const texts: string[][] = []
  for (const { line, input, file, until } of lines) {
    if (file !== undefined)
      writeFileSync(join(folder, `${way.prefix}-${file.name}`), named(file.text))
    const [tool = '', ...rest] = line.split(' ').map(named)
    const args = rest.includes('ADDRESS') ? rest : ['--bootstrap-server', 'ADDRESS', ...rest]
    const words = args.map((word) => word.replace('ADDRESS', way.address))
    const started = performance.now()
    const call = [tool, ...words.filter((word) => word !== '')]
    const giveUp = started + UNTIL_LIMIT_MS
    let run = await way.run(call, named(input ?? ''))
    while (until?.test(run.stdout) === false && performance.now() < giveUp)
      run = await way.run(call, named(input ?? ''))
    const ms = Math.round(performance.now() - started)
    if (ms > SLOW_MS) console.log(`      ${ms} ms: ${way.name}: ${line}`)
    texts.push(maskRun(run, way.address, way.prefix, folder))
  }
  return texts
}

/** A member of each protocol on each broker, Java's, which reads a topic of its own meanwhile. */
async function startLiveGroups(lane: Lane, four: readonly Way[]): Promise<void> {
  const jars = await lane.jars()
  for (const way of [four[0], four[2]]) {
    if (way === undefined) continue
    const ask = (...words: string[]): Promise<ToolRun> =>
      way.run(
        [words[0] ?? '', '--bootstrap-server', way.address, ...words.slice(1)],
        'a:1\nb:2\nc:3\n',
      )
    await ask('kafka-topics', '--create', '--topic', 'live-topic', '--partitions', '2')
    const keyed = ['--property', 'parse.key=true', '--property', 'key.separator=:']
    await ask('kafka-console-producer', '--topic', 'live-topic', ...keyed)
    for (const [group, protocol] of LIVE_GROUPS) {
      startChild(
        'java',
        [
          ...['-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
          ...['-cp', join(jars.folder, '*')],
          'org.apache.kafka.tools.consumer.ConsoleConsumer',
          ...['--bootstrap-server', way.address, '--topic', 'live-topic', '--group', group],
          ...['--from-beginning', '--command-property', `group.protocol=${protocol}`],
          ...['--command-property', 'auto.commit.interval.ms=200'],
        ],
        { stdio: 'ignore' },
      )
      await settled(way, group)
    }
  }
}

/** Waits until the member has both partitions and has committed what it read. */
async function settled(way: Way, group: string): Promise<void> {
  const until = performance.now() + LIVE_LIMIT_MS
  for (;;) {
    const words = ['group', 'describe', group, '-b', way.address, '--format', 'json']
    const { code, stdout } = await runCli(words)
    const found = code === 0 ? JSON.parse(stdout) : null
    const read = found?.partitions?.reduce(
      (sum: number, one: { offset: number | null }) => sum + (one.offset ?? 0),
      0,
    )
    const owned = found?.partitions?.every((one: { member: string | null }) => one.member !== null)
    if (found?.state === 'Stable' && owned === true && read === 3) return
    check(performance.now() < until, () => `${group} at ${way.name} never settled: ${stdout}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

export const bothWaysScenario: Scenario = {
  name: 'both-ways',
  checks: toolScripts.map(
    (script): Check => ({
      name: script.name,
      limitMs: LIMIT_MS,
      run: (lane) => runScript(lane, script),
    }),
  ),
}
