/** `sluice topic offsets` and `sluice topic delete-records`: what a topic's partitions hold. */
import type { Command } from 'commander'
import type { Client } from '../../../net/client/client.ts'
import { addConnectFlags, type ConnectFlags, wholeNumber, withClient } from '../connect-options.ts'
import { CommandFailure, ExitCode } from '../failure.ts'
import type { CommandIo } from '../io.ts'
import type { PartitionOf } from '../offsets-admin.ts'
import type { Renderer, Row } from '../render.ts'

interface DeleteFlags extends ConnectFlags {
  readonly before: string
}

/** Adds both verbs to the noun `topic`. */
export function addRecordCommands(topic: Command, io: CommandIo): void {
  addConnectFlags(
    topic.command('offsets <topic[:0,1]...>').description('first offset, end and count'),
  ).action((words: string[], flags: ConnectFlags) =>
    withClient(flags, io, async (client, renderer) =>
      offsets(client, renderer, await partitionsOf(client, words)),
    ),
  )
  addConnectFlags(
    topic
      .command('delete-records <topic[:0,1]...>')
      .description('delete the oldest records of partitions'),
  )
    .requiredOption('--before <offset>', "the first offset to keep; 'end' deletes all there is")
    .action((words: string[], flags: DeleteFlags) => {
      const before = flags.before === 'end' ? END : wholeNumber('--before', flags.before, 0)
      return withClient(flags, io, async (client, renderer) =>
        deleteBefore(client, renderer, await partitionsOf(client, words), before),
      )
    })
}

const END = -1

async function partitionsOf(client: Client, words: readonly string[]): Promise<PartitionOf[]> {
  const { parseTopicWords, partitionsNamed, ResetRefused } = await import('../group-reset.ts')
  const { sortedPartitions } = await import('../offsets-admin.ts')
  let code: ExitCode = ExitCode.usage
  try {
    parseTopicWords(words)
    code = ExitCode.failed
    return sortedPartitions(await partitionsNamed(client, words))
  } catch (error) {
    if (!(error instanceof ResetRefused)) throw error
    throw new CommandFailure(
      code,
      `${words.join(' ')}: not all of these are partitions`,
      error.message,
      'see `sluice topic list` for the topics; write partitions as orders:0,1',
    )
  }
}

async function offsets(
  client: Client,
  renderer: Renderer,
  partitions: readonly PartitionOf[],
): Promise<void> {
  const { listOffsets, OffsetTime, partitionKey } = await import('../offsets-admin.ts')
  const { topics } = await client.metadata([...new Set(partitions.map(({ topic }) => topic))])
  const [starts, ends] = await Promise.all([
    listOffsets(client, partitions, OffsetTime.earliest, topics),
    listOffsets(client, partitions, OffsetTime.latest, topics),
  ])
  const rows = partitions.map(({ topic, partition }): Row => {
    const key = partitionKey({ topic, partition })
    const [start, end] = [starts.get(key), ends.get(key)]
    const known = start?.errorCode === 0 && end?.errorCode === 0
    return {
      topic,
      partition,
      start: known ? start.offset : null,
      end: known ? end.offset : null,
      offsets: known ? end.offset - start.offset : null,
      leaderEpoch: end?.leaderEpoch ?? null,
    }
  })
  renderer.table(
    [
      ...['topic', 'partition', 'start', 'end', 'offsets'].map((key) => ({ key })),
      { key: 'leaderEpoch', head: 'EPOCH', wide: true },
    ],
    rows,
  )
}

async function deleteBefore(
  client: Client,
  renderer: Renderer,
  partitions: readonly PartitionOf[],
  before: number,
): Promise<void> {
  const { deleteRecords } = await import('../offsets-admin.ts')
  const { errorWords } = await import('../kafka/java-errors.ts')
  const results = await deleteRecords(
    client,
    partitions.map((partition) => ({ ...partition, offset: before })),
  )
  renderer.table(
    ['topic', 'partition', 'start', 'problem'].map((key) => ({ key })),
    results.map(({ topic, partition, errorCode, lowWatermark }) => ({
      topic,
      partition,
      start: errorCode === 0 ? lowWatermark : null,
      problem: errorCode === 0 ? null : errorWords(errorCode),
    })),
  )
  const refused = results.filter(({ errorCode }) => errorCode !== 0)
  if (refused.length > 0)
    throw new CommandFailure(
      refused.length < results.length ? ExitCode.partlyFailed : ExitCode.failed,
      `${refused.length} of ${results.length} partitions keep their records`,
      errorWords(refused[0]?.errorCode ?? 0),
      'see `sluice topic offsets` for the offsets there are',
    )
}
