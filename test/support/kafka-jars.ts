/**
 * Kafka 4.2's own jars: its command-line tools and its broker, the reference for ours. Taken from
 * KAFKA_LIBS, /opt/kafka/libs, or a cache folder that Maven fills once (no part of the repository).
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { type CommandOptions, type CommandResult, runCommand } from './child-processes.ts'

export const KAFKA_VERSION = '4.2.0'
const FETCH_LIMIT_MS = 300_000

/** Tests keep what they download here, outside the repository. */
export function cacheFolder(): string {
  const base = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  const folder = join(base, 'sluice-test')
  mkdirSync(folder, { recursive: true })
  return folder
}

/** Main classes of the tools, as Kafka's bin/*.sh name them. */
export const kafkaTools = {
  'kafka-topics': 'org.apache.kafka.tools.TopicCommand',
  'kafka-console-producer': 'org.apache.kafka.tools.ConsoleProducer',
  'kafka-console-consumer': 'org.apache.kafka.tools.consumer.ConsoleConsumer',
  'kafka-producer-perf-test': 'org.apache.kafka.tools.ProducerPerformance',
  'kafka-consumer-perf-test': 'org.apache.kafka.tools.ConsumerPerformance',
  'kafka-get-offsets': 'org.apache.kafka.tools.GetOffsetShell',
  'kafka-consumer-groups': 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand',
  'kafka-broker-api-versions': 'org.apache.kafka.tools.BrokerApiVersionsCommand',
  'kafka-configs': 'kafka.admin.ConfigCommand',
  'kafka-log-dirs': 'org.apache.kafka.tools.LogDirsCommand',
  'kafka-transactions': 'org.apache.kafka.tools.TransactionsCommand',
  'kafka-delete-records': 'org.apache.kafka.tools.DeleteRecordsCommand',
  'kafka-features': 'org.apache.kafka.tools.FeatureCommand',
  'kafka-metadata-quorum': 'org.apache.kafka.tools.MetadataQuorumCommand',
  'kafka-leader-election': 'org.apache.kafka.tools.LeaderElectionCommand',
  'kafka-reassign-partitions': 'org.apache.kafka.tools.reassign.ReassignPartitionsCommand',
  'kafka-cluster': 'org.apache.kafka.tools.ClusterTool',
  'kafka-client-metrics': 'org.apache.kafka.tools.ClientMetricsCommand',
  'kafka-groups': 'org.apache.kafka.tools.GroupsCommand',
  'kafka-verifiable-producer': 'org.apache.kafka.tools.VerifiableProducer',
  'kafka-verifiable-consumer': 'org.apache.kafka.tools.VerifiableConsumer',
  'kafka-e2e-latency': 'org.apache.kafka.tools.EndToEndLatency',
  'kafka-dump-log': 'kafka.tools.DumpLogSegments',
  'kafka-storage': 'kafka.tools.StorageTool',
} as const

export type KafkaToolName = keyof typeof kafkaTools

export interface KafkaJars {
  readonly folder: string
  run(tool: KafkaToolName, args: string[], options: CommandOptions): Promise<CommandResult>
}

/** The jars, fetched when they must be; a string says why there are none. */
export async function findKafkaJars(): Promise<KafkaJars | string> {
  const java = await runCommand('java', ['-version'], { limitMs: 30_000 })
  if (java.code !== 0) return 'no java on this machine'
  const given = process.env['KAFKA_LIBS']
  const cached = join(cacheFolder(), `kafka-${KAFKA_VERSION}`)
  for (const folder of [...(given === undefined ? [] : [given]), '/opt/kafka/libs', cached])
    if (holdsKafka(folder)) return jarsIn(folder)
  const problem = await fetchJars(cached)
  return problem ?? jarsIn(cached)
}

function holdsKafka(folder: string): boolean {
  return (
    existsSync(join(folder, `kafka_2.13-${KAFKA_VERSION}.jar`)) &&
    existsSync(join(folder, `kafka-tools-${KAFKA_VERSION}.jar`))
  )
}

function jarsIn(folder: string): KafkaJars {
  return {
    folder,
    run: (tool, args, options) =>
      runCommand('java', [...shortJvm, '-cp', join(folder, '*'), kafkaTools[tool], ...args], {
        ...options,
        env: { ...options.env },
      }),
  }
}

/** A tool lives for a second or two: little heap, one collector thread, no second compiler. */
const shortJvm = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']

async function fetchJars(target: string): Promise<string | null> {
  const folder = `${target}.${process.pid}`
  mkdirSync(folder, { recursive: true })
  const artifact = (id: string): string =>
    `<dependency><groupId>org.apache.kafka</groupId><artifactId>${id}</artifactId>` +
    `<version>${KAFKA_VERSION}</version></dependency>`
  writeFileSync(
    join(folder, 'pom.xml'),
    '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>' +
      '<groupId>sluice</groupId><artifactId>kafka-jars</artifactId><version>1</version>' +
      `<dependencies>${artifact('kafka_2.13')}${artifact('kafka-tools')}</dependencies></project>`,
  )
  const result = await runCommand(
    'mvn',
    ['-B', '-q', 'dependency:copy-dependencies', '-DincludeScope=runtime', '-DoutputDirectory=.'],
    { limitMs: FETCH_LIMIT_MS, cwd: folder },
  )
  if (result.code !== 0 || !holdsKafka(folder)) {
    rmSync(folder, { recursive: true, force: true })
    const said = `${result.stdout}${result.stderr}`.trim().split('\n')[0] ?? ''
    return `Maven could not fetch Kafka ${KAFKA_VERSION}: ${said.slice(0, 200)}`
  }
  rmSync(target, { recursive: true, force: true })
  renameSync(folder, target)
  console.log(`fetched ${readdirSync(target).length} jars of Kafka ${KAFKA_VERSION} to ${target}`)
  return null
}
