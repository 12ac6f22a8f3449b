/**
 * kafka-log-dirs by its own flags (org.apache.kafka.tools.LogDirsCommand, 4.2): output and exit codes
 * as recorded in test/golden/cli/kafka-log-dirs.txt. Partitions and folders come in their order, not
 * in that of a Java hash table.
 */
import type { CommandIo } from '../io.ts'
import { partitionKey, sortedPartitions } from '../offsets-admin.ts'
import { withAdminClient } from './admin-client.ts'
import {
  type Flags,
  type FlagTable,
  KafkaToolExit,
  KafkaToolUsage,
  requireFlag,
  runTool,
} from './flags.ts'
import { javaError } from './java-errors.ts'
import { describeLogDirs, type LogDir } from './log-dirs.ts'

const FLAGS: FlagTable = {
  'bootstrap-server': 'value',
  'command-config': 'value',
  describe: 'flag',
  'topic-list': 'value',
  'broker-list': 'value',
}
const ABOUT = 'This tool helps to query log directory usage on the specified brokers.'
const FORMAT_VERSION = 1

export function kafkaLogDirs(args: readonly string[], io: CommandIo): Promise<number> {
  return runTool(args, io, { about: ABOUT, flags: FLAGS }, (flags) => run(flags, io))
}

async function run(flags: Flags, io: CommandIo): Promise<number> {
  requireFlag(flags, 'bootstrap-server')
  if (!flags.has('describe')) throw new KafkaToolUsage('Missing required argument "[describe]"')
  const wanted = words(flags.value('broker-list')).map(brokerId)
  const topics = new Set(words(flags.value('topic-list')))
  return withAdminClient(flags, io, async (client) => {
    const { brokers } = await client.metadata([])
    const existing = brokers.map(({ nodeId }) => nodeId).sort((a, b) => a - b)
    const asked = wanted.length === 0 ? existing : [...new Set(wanted)].sort((a, b) => a - b)
    const missing = asked.filter((id) => !existing.includes(id))
    if (missing.length > 0)
      throw new KafkaToolExit(
        `ERROR: The given brokers do not exist from --broker-list: ${missing.join(',')}. ` +
          `Current existent brokers: ${existing.join(',')}`,
      )
    io.stdout.write('Querying brokers for log directories information\n')
    const described: object[] = []
    for (const broker of asked) {
      const dirs = await describeLogDirs(client, broker)
      described.push({ broker, logDirs: dirs.map((dir) => printable(dir, topics)) })
    }
    io.stdout.write(`Received log directory information from brokers ${asked.join(',')}\n`)
    io.stdout.write(`${JSON.stringify({ brokers: described, version: FORMAT_VERSION })}\n`)
    return 0
  })
}

function printable(dir: LogDir, topics: ReadonlySet<string>): object {
  const wanted = dir.replicas.filter(({ topic }) => topics.size === 0 || topics.has(topic))
  const partitions = sortedPartitions(wanted).map((replica) => ({
    partition: partitionKey(replica),
    size: replica.sizeInBytes,
    offsetLag: replica.offsetLag,
    isFuture: replica.isFuture,
  }))
  const error = dir.errorCode === 0 ? null : javaError(dir.errorCode)
  return { partitions, error, logDir: dir.path }
}

function words(text: string | undefined): string[] {
  return (text ?? '').split(',').filter((word) => word !== '')
}

function brokerId(text: string): number {
  if (/^[+-]?\d+$/.test(text)) return Number(text)
  throw new KafkaToolExit(
    `For input string: "${text}"\n  why:  broker ids are whole numbers\n` +
      '  next: write --broker-list as 0,1,2',
  )
}
