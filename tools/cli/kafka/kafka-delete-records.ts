/**
 * kafka-delete-records by its own flags (org.apache.kafka.tools.DeleteRecordsCommand, 4.2): output and
 * exit codes as recorded in test/golden/cli/kafka-delete-records.txt.
 *
 * A partition that does not exist is told at once and holds up no other; Kafka's tool asks for it a
 * minute long and then gives up on all.
 */
import type { CommandIo } from '../io.ts'
import { deleteRecords, type PartitionOf, partitionKey } from '../offsets-admin.ts'
import { withAdminClient } from './admin-client.ts'
import { type Flags, type FlagTable, requireFlag, runTool } from './flags.ts'
import { javaError } from './java-errors.ts'
import { checkVersion, jsonProblem, parseJsonInput, readJsonInput } from './json-input.ts'

const FLAGS: FlagTable = {
  'bootstrap-server': 'value',
  'offset-json-file': 'value',
  'command-config': 'value',
}
const ABOUT =
  'This tool helps to delete records of the given partitions down to the specified offset.'
const EXAMPLE = '{"partitions":[{"topic":"foo","partition":1,"offset":1}],"version":1}'

interface Deletion extends PartitionOf {
  /** New first offset; -1: all up to the high watermark. */
  readonly offset: number
}

export function kafkaDeleteRecords(args: readonly string[], io: CommandIo): Promise<number> {
  return runTool(args, io, { about: ABOUT, flags: FLAGS }, (flags) => run(flags, io))
}

async function run(flags: Flags, io: CommandIo): Promise<number> {
  requireFlag(flags, 'bootstrap-server')
  const deletions = readDeletions(requireFlag(flags, 'offset-json-file'), io)
  return withAdminClient(flags, io, async (client) => {
    io.stdout.write('Executing records delete operation\n')
    const deleted = await deleteRecords(client, deletions)
    io.stdout.write('Records delete operation completed:\n')
    for (const { errorCode, lowWatermark, ...partition } of deleted) {
      const result =
        errorCode === 0 ? `low_watermark: ${lowWatermark}` : `error: ${javaError(errorCode)}`
      io.stdout.write(`partition: ${partitionKey(partition)}\t${result}\n`)
    }
    return 0
  })
}

function readDeletions(file: string, io: CommandIo): Deletion[] {
  const input = readJsonInput(file, EXAMPLE, io)
  const whole = parseJsonInput(input, 'The input string is not a valid JSON')
  checkVersion(input, whole)
  const partitions = whole.optional('partitions')
  if (partitions === null) throw jsonProblem(input, 'Missing partitions field')
  const deletions = partitions.array().map((one) => ({
    topic: one.field('topic').string(),
    partition: one.field('partition').int(),
    offset: one.field('offset').long(),
  }))
  const names = deletions.map(partitionKey)
  const again = new Set(names.filter((name, at) => names.indexOf(name) !== at))
  if (again.size > 0)
    throw jsonProblem(
      input,
      `Offset json file contains duplicate topic partitions: ${[...again].join(',')}`,
    )
  return deletions
}
