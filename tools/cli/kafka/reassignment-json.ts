/**
 * The JSON of kafka-reassign-partitions (org.apache.kafka.tools.reassign, 4.2): which replicas
 * partitions are to have and in which folders, and which topics to plan for.
 */
import type { CommandIo } from '../io.ts'
import { type PartitionOf, partitionKey, sortedPartitions } from '../offsets-admin.ts'
import {
  checkVersion,
  type JsonInput,
  type JsonValue,
  jsonProblem,
  parseJsonInput,
  readJsonInput,
} from './json-input.ts'
import type { ReplicaMove } from './log-dirs.ts'

const VERSION = 1
/** Of a replica whose folder does not matter. */
export const ANY_LOG_DIR = 'any'
const EXAMPLE =
  '{"version":1,"partitions":[{"topic":"foo","partition":1,"replicas":[1,2,3],' +
  '"log_dirs":["any","any","any"]}]}'
const TOPICS_EXAMPLE = '{"version":1,"topics":[{"topic":"foo"},{"topic":"foo1"}]}'

export interface Assignment extends PartitionOf {
  readonly replicas: readonly number[]
}

export interface Reassignment {
  readonly input: JsonInput
  readonly partitions: readonly Assignment[]
  /** Replicas that are to lie in a folder of their own. */
  readonly moves: readonly ReplicaMove[]
}

export function readReassignment(file: string, io: CommandIo): Reassignment {
  const input = readJsonInput(file, EXAMPLE, io)
  const whole = parseJsonInput(input, 'The reassignment file is not valid JSON')
  checkVersion(input, whole)
  const entries = (whole.optional('partitions')?.array() ?? []).map((one) => readEntry(input, one))
  return {
    input,
    partitions: entries.map(({ assignment }) => assignment),
    moves: entries.flatMap(({ moves }) => moves),
  }
}

function readEntry(
  input: JsonInput,
  one: JsonValue,
): { assignment: Assignment; moves: ReplicaMove[] } {
  const topic = one.field('topic').string()
  const partition = one.field('partition').int()
  const replicas = one
    .field('replicas')
    .array()
    .map((id) => id.int())
  const paths =
    one
      .optional('log_dirs')
      ?.array()
      .map((path) => path.string()) ?? replicas.map(() => ANY_LOG_DIR)
  if (paths.length !== replicas.length)
    throw jsonProblem(
      input,
      `Size of replicas list [${replicas.join(', ')}] is different from size of log dirs list ` +
        `[${paths.join(', ')}] for partition ${topic}-${partition}`,
    )
  const moves = replicas
    .map((broker, at) => ({ topic, partition, broker, path: paths[at] ?? ANY_LOG_DIR }))
    .filter(({ path }) => path !== ANY_LOG_DIR)
  return { assignment: { topic, partition, replicas }, moves }
}

/** What only --execute asks of a file: that it names something, and nothing twice. */
export function checkExecutable({ input, partitions }: Reassignment): void {
  if (partitions.length === 0)
    throw jsonProblem(input, 'Partition reassignment list cannot be empty')
  if (partitions.some(({ replicas }) => replicas.length === 0))
    throw jsonProblem(input, 'Partition replica list cannot be empty')
  const again = repeated(partitions.map(partitionKey))
  if (again.length > 0)
    throw jsonProblem(
      input,
      `Partition reassignment contains duplicate topic partitions: ${again.join(',')}`,
    )
  const lists = partitions
    .map((one) => [partitionKey(one), repeated(one.replicas)] as const)
    .filter(([, ids]) => ids.length > 0)
    .map(([name, ids]) => `${name} contains multiple entries for ${ids.join(',')}`)
  if (lists.length > 0)
    throw jsonProblem(
      input,
      `Partition replica lists may not contain duplicate entries: ${lists.join('. ')}`,
    )
}

/** Topics of a --topics-to-move-json-file. */
export function readTopics(file: string, io: CommandIo): string[] {
  const input = readJsonInput(file, TOPICS_EXAMPLE, io)
  const whole = parseJsonInput(input, 'The input string is not a valid JSON')
  checkVersion(input, whole)
  const topics = (whole.optional('topics')?.array() ?? []).map((one) => one.field('topic').string())
  const again = repeated(topics)
  if (again.length > 0)
    throw jsonProblem(
      input,
      `List of topics to reassign contains duplicate entries: [${again.join(', ')}]`,
    )
  return topics
}

/** As such a file is written; `pathOf` names a replica's folder. */
export function formatReassignment(
  partitions: readonly Assignment[],
  pathOf: (partition: PartitionOf, broker: number) => string,
): string {
  return JSON.stringify({
    version: VERSION,
    partitions: sortedPartitions(partitions).map(({ topic, partition, replicas }) => ({
      topic,
      partition,
      replicas,
      log_dirs: replicas.map((broker) => pathOf({ topic, partition }, broker)),
    })),
  })
}

export function repeated<T>(list: readonly T[]): T[] {
  return [...new Set(list.filter((one, at) => list.indexOf(one) !== at))]
}
