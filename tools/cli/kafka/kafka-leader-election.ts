/**
 * kafka-leader-election by its own flags (org.apache.kafka.tools.LeaderElectionCommand, 4.2): output
 * and exit codes as recorded in test/golden/cli/kafka-leader-election.txt, without the Java stack
 * behind a failure.
 */
import { ErrorCode } from '../../../engine/base/errors.ts'
import {
  ElectLeadersRequest,
  ElectLeadersResponse,
} from '../../../engine/protocol/43-elect-leaders.ts'
import type { Client } from '../../../net/client/client.ts'
import { RequestFailed } from '../../../net/client/client-errors.ts'
import type { CommandIo } from '../io.ts'
import { byTopic, type PartitionOf, partitionKey, sortedPartitions } from '../offsets-admin.ts'
import { withAdminClient } from './admin-client.ts'
import { type Flags, type FlagTable, KafkaToolExit, KafkaToolUsage, runTool } from './flags.ts'
import { errorWords, javaError } from './java-errors.ts'
import { jsonProblem, parseJsonInput, readJsonInput } from './json-input.ts'

const FLAGS: FlagTable = {
  'bootstrap-server': 'value',
  'admin.config': 'value',
  'command-config': 'value',
  'path-to-json-file': 'value',
  topic: 'value',
  partition: 'value',
  'all-topic-partitions': 'flag',
  'election-type': 'value',
}
const ABOUT =
  'This tool attempts to elect a new leader for a set of topic partitions. The type of elections ' +
  'supported are preferred replicas and unclean replicas.'
const EXAMPLE = '{"partitions":[{"topic":"foo","partition":1}]}'
const TIMEOUT_MS = 30_000
const ELECTION_TYPES: readonly string[] = ['PREFERRED', 'UNCLEAN']
const ONE_OF = ['topic', 'all-topic-partitions', 'path-to-json-file'] as const

export function kafkaLeaderElection(args: readonly string[], io: CommandIo): Promise<number> {
  return runTool(args, io, { about: ABOUT, flags: FLAGS }, (flags) => run(flags, io))
}

async function run(flags: Flags, io: CommandIo): Promise<number> {
  const { type, partition } = checkFlags(flags)
  const topic = flags.value('topic')
  const file = flags.value('path-to-json-file')
  let partitions: PartitionOf[] | null = null
  if (topic !== undefined) partitions = [{ topic, partition }]
  else if (file !== undefined) partitions = readPartitions(file, io)
  if (flags.has('admin.config'))
    io.stdout.write(
      'Option --admin.config has been deprecated and will be removed in a future version. ' +
        'Use --command-config instead.\n',
    )
  const config = flags.has('admin.config') ? 'admin.config' : 'command-config'
  return withAdminClient(flags, io, (client) => elect(client, type, partitions, io), config)
}

function checkFlags(flags: Flags): { type: number; partition: number } {
  const missing = ['bootstrap-server', 'election-type'].filter((name) => !flags.has(name))
  if (missing.length > 0)
    throw new KafkaToolUsage(`Missing required option(s): ${missing.join(', ')}`)
  const given = flags.value('election-type') ?? ''
  const type = ELECTION_TYPES.indexOf(given.toUpperCase())
  if (type < 0)
    throw new KafkaToolExit(
      `Cannot parse argument '${given}' of option election-type\n` +
        '  next: write --election-type preferred, or --election-type unclean',
    )
  const partition = flags.value('partition')
  if (partition !== undefined && !/^[+-]?\d{1,10}$/.test(partition))
    throw new KafkaToolExit(
      `Cannot parse argument '${partition}' of option partition\n` +
        '  next: write a whole number, as --partition 0',
    )
  if (flags.has('admin.config') && flags.has('command-config'))
    throw new KafkaToolExit(
      'Options --admin.config and --command-config cannot be used together\n' +
        '  next: keep --command-config',
    )
  if (ONE_OF.filter((name) => flags.has(name)).length !== 1)
    throw new KafkaToolUsage(
      `One and only one of the following options is required: ${ONE_OF.join(', ')}`,
    )
  if (flags.has('topic') && partition === undefined)
    throw new KafkaToolUsage('Missing required option(s): partition')
  if (!flags.has('topic') && partition !== undefined)
    throw new KafkaToolUsage('Option partition is only allowed if topic is used')
  return { type, partition: Number(partition ?? 0) }
}

function readPartitions(file: string, io: CommandIo): PartitionOf[] {
  const input = readJsonInput(file, EXAMPLE, io)
  const whole = parseJsonInput(input, 'Replica election data is empty')
  const list = whole.optional('partitions')
  if (list === null) throw jsonProblem(input, 'Replica election data is missing "partitions" field')
  const partitions = list.array().map((one) => ({
    topic: one.field('topic').string(),
    partition: one.field('partition').int(),
  }))
  const names = partitions.map(partitionKey)
  const again = new Set(names.filter((name, at) => names.indexOf(name) !== at))
  if (again.size > 0)
    throw jsonProblem(
      input,
      `Replica election data contains duplicate partitions: [${[...again].join(', ')}]`,
    )
  return partitions
}

async function elect(
  client: Client,
  type: number,
  partitions: readonly PartitionOf[] | null,
  io: CommandIo,
): Promise<number> {
  const asked =
    partitions === null
      ? null
      : byTopic(partitions).map((topic) => ({
          topic: topic.name,
          partitions: topic.partitions.map(({ partition }) => partition),
        }))
  const answer = await client.sendToController(ElectLeadersRequest, ElectLeadersResponse, {
    electionType: type,
    topicPartitions: asked,
    timeoutMs: TIMEOUT_MS,
  })
  if (answer.errorCode !== 0)
    throw new RequestFailed(answer.errorCode, errorWords(answer.errorCode))
  const results = sortedPartitions(
    answer.replicaElectionResults.flatMap(({ topic, partitionResult }) =>
      partitionResult.map((result) => ({ ...result, topic, partition: result.partitionId })),
    ),
  )
  const named = (code: number): string =>
    results
      .filter(({ errorCode }) => errorCode === code)
      .map(partitionKey)
      .join(', ')
  const [elected, kept] = [named(ErrorCode.NONE), named(ErrorCode.ELECTION_NOT_NEEDED)]
  const typeName = ELECTION_TYPES[type]
  if (elected !== '')
    io.stdout.write(
      `Successfully completed leader election (${typeName}) for partitions ${elected}\n`,
    )
  if (kept !== '') io.stdout.write(`Valid replica already elected for partitions ${kept}\n`)
  const failed = results.filter(
    ({ errorCode }) => errorCode !== 0 && errorCode !== ErrorCode.ELECTION_NOT_NEEDED,
  )
  for (const result of failed)
    io.stdout.write(
      `Error completing leader election (${typeName}) for partition: ${partitionKey(result)}: ` +
        `${javaError(result.errorCode, result.errorMessage)}\n`,
    )
  if (failed.length === 0) return 0
  throw new KafkaToolExit(`${failed.length} replica(s) could not be elected`)
}
