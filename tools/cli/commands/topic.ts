/** `sluice topic create|list|describe|delete|alter`, and topic-records.ts. */
import type { Command } from 'commander'
import { ErrorCode, errorName } from '../../../engine/base/errors.ts'
import type { Client } from '../../../net/client/client.ts'
import { RequestFailed } from '../../../net/client/client-errors.ts'
import type { OwnCommand } from '../commands.ts'
import { ConfigSource } from '../config-admin.ts'
import {
  addConnectFlags,
  type ConnectFlags,
  keyValues,
  wholeNumber,
  withClient,
} from '../connect-options.ts'
import { CommandFailure, ExitCode } from '../failure.ts'
import type { CommandIo } from '../io.ts'
import { errorWords } from '../kafka/java-errors.ts'
import type { Row } from '../render.ts'
import {
  createPartitions,
  createTopic,
  deleteTopic,
  describeTopics,
  listTopics,
  type TopicDescription,
} from '../topic-admin.ts'
import { addRecordCommands } from './topic-records.ts'

interface CreateFlags extends ConnectFlags {
  readonly partitions: string
  readonly replicationFactor: string
  readonly config: string[]
}

export const topicCommand: OwnCommand = {
  register(program: Command, io: CommandIo): Command {
    const topic = program.command('topic').description('create, list, describe, delete topics')
    addConnectFlags(topic.command('create <name>').description('create a topic'))
      .option('-p, --partitions <n>', 'number of partitions, -1 for the broker default', '-1')
      .option('-r, --replication-factor <n>', 'copies, -1 for the broker default', '-1')
      .option('-c, --config <key=value>', 'topic option, repeatable', collect, [])
      .action((name: string, flags: CreateFlags) => create(name, flags, io))
    addConnectFlags(topic.command('list').description('list topics'))
      .option('--internal', "with the broker's own topics")
      .action((flags: ConnectFlags & { internal?: boolean }) => list(flags, io))
    addConnectFlags(
      topic.command('describe <name...>').description('show topics and partitions'),
    ).action((names: string[], flags: ConnectFlags) => describe(names, flags, io))
    addConnectFlags(
      topic.command('delete <name...>').description('delete topics and their records'),
    )
      .option('--if-exists', 'no failure when a topic is absent')
      .action((names: string[], flags: ConnectFlags & { ifExists?: boolean }) =>
        remove(names, flags, io),
      )
    addConnectFlags(topic.command('alter <name>').description('add partitions to a topic'))
      .requiredOption('-p, --partitions <n>', 'new total number of partitions')
      .action((name: string, flags: ConnectFlags & { partitions: string }) =>
        alter(name, flags, io),
      )
    addRecordCommands(topic, io)
    return topic
  },
}

async function create(name: string, flags: CreateFlags, io: CommandIo): Promise<void> {
  const configs = keyValues('--config', flags.config)
  const partitions = wholeNumber('--partitions', flags.partitions, -1)
  const replicationFactor = wholeNumber('--replication-factor', flags.replicationFactor, -1)
  await withClient(flags, io, async (client, renderer) => {
    await refusable(`topic '${name}' was not created`, () =>
      createTopic(client, { name, partitions, replicationFactor, configs }),
    )
    io.stderr.write(`created topic ${name}\n`)
    renderer.outcome({ name, created: true })
  })
}

async function list(flags: ConnectFlags & { internal?: boolean }, io: CommandIo): Promise<void> {
  await withClient(flags, io, async (client, renderer) => {
    const topics = await listTopics(client)
    const rows: Row[] = topics
      .filter(({ isInternal }) => flags.internal === true || !isInternal)
      .map(({ name, topicId, partitions, isInternal }) => ({
        name,
        topicId,
        partitions: partitions.length,
        replicas: partitions[0]?.replicaNodes.length ?? 0,
        internal: isInternal,
      }))
    renderer.table(
      [
        { key: 'name' },
        { key: 'topicId', head: 'ID' },
        { key: 'partitions' },
        { key: 'replicas' },
        { key: 'internal' },
      ],
      rows,
    )
  })
}

async function describe(
  names: readonly string[],
  flags: ConnectFlags,
  io: CommandIo,
): Promise<void> {
  await withClient(flags, io, async (client, renderer) => {
    const { topics } = await client.metadata(names)
    for (const topic of topics)
      if (topic.errorCode !== 0) throw unknownTopic(topic.name ?? '', topic.errorCode)
    const descriptions = await describeTopics(client, topics)
    if (!renderer.forPeople) {
      renderer.table([], descriptions.map(asRow))
      return
    }
    for (const topic of descriptions) {
      renderer.item(
        [{ key: 'name' }, { key: 'topicId', head: 'ID' }, { key: 'internal' }, { key: 'configs' }],
        { ...asRow(topic), configs: ownConfigs(topic).map((pair) => pair.join('=')) },
      )
      renderer.table(
        [
          { key: 'partition' },
          { key: 'leader' },
          { key: 'epoch' },
          { key: 'replicas' },
          { key: 'isr' },
        ],
        partitionRows(topic),
      )
    }
  })
}

function asRow(topic: TopicDescription): Row {
  return {
    name: topic.name,
    topicId: topic.topicId,
    internal: topic.internal,
    configs: Object.fromEntries(ownConfigs(topic)),
    partitions: partitionRows(topic),
  }
}

/** Options set for this very topic. */
function ownConfigs(topic: TopicDescription): [name: string, value: string][] {
  return topic.configs
    .filter(({ source }) => source === ConfigSource.topic)
    .map(({ name, value }) => [name, value])
}

function partitionRows(topic: TopicDescription): Row[] {
  return topic.partitions.map((partition) => ({
    partition: partition.partitionIndex,
    leader: partition.leaderId,
    epoch: partition.leaderEpoch,
    replicas: partition.replicaNodes,
    isr: partition.isrNodes,
  }))
}

/** Deletes as many as can be; the exit code tells whether that was all, some or none. */
async function remove(
  names: readonly string[],
  flags: ConnectFlags & { ifExists?: boolean },
  io: CommandIo,
): Promise<void> {
  await withClient(flags, io, async (client, renderer) => {
    const rows: Row[] = []
    const failures: CommandFailure[] = []
    for (const name of names) {
      const failure = await removeOne(client, name, flags.ifExists === true)
      if (failure === null) io.stderr.write(`deleted topic ${name}\n`)
      else failures.push(failure)
      rows.push({ name, deleted: failure === null })
    }
    renderer.outcome(rows)
    const [first, ...others] = failures
    if (first === undefined) return
    if (names.length === 1) throw first
    throw new CommandFailure(
      failures.length < names.length ? ExitCode.partlyFailed : ExitCode.failed,
      `${failures.length} of ${names.length} topics were not deleted`,
      [first, ...others].map(({ message }) => message).join('; '),
      first.next,
    )
  })
}

/** Null: the topic is gone. */
async function removeOne(
  client: Client,
  name: string,
  mayBeAbsent: boolean,
): Promise<CommandFailure | null> {
  try {
    await deleteTopic(client, name)
    return null
  } catch (error) {
    if (!(error instanceof RequestFailed)) throw error
    if (error.code !== ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
      return new CommandFailure(ExitCode.failed, `topic '${name}' was not deleted`, error.message)
    return mayBeAbsent ? null : unknownTopic(name, error.code)
  }
}

async function alter(
  name: string,
  flags: ConnectFlags & { partitions: string },
  io: CommandIo,
): Promise<void> {
  const count = wholeNumber('--partitions', flags.partitions, 1)
  await withClient(flags, io, async (client, renderer) => {
    await refusable(`topic '${name}' was not changed`, () => createPartitions(client, name, count))
    io.stderr.write(`topic ${name} has ${count} partitions\n`)
    renderer.outcome({ name, partitions: count })
  })
}

async function refusable(what: string, run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch (error) {
    if (!(error instanceof RequestFailed)) throw error
    throw new CommandFailure(
      ExitCode.failed,
      what,
      errorWords(error.code, error.told),
      'see `sluice topic list` for the topics there are',
    )
  }
}

function unknownTopic(name: string, code: number): CommandFailure {
  return code === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    ? new CommandFailure(
        ExitCode.failed,
        `there is no topic '${name}'`,
        null,
        'see `sluice topic list` for the names, or create it with `sluice topic create`',
      )
    : new CommandFailure(ExitCode.failed, `topic '${name}': ${errorName(code)}`)
}

function collect(value: string, previous: string[]): string[] {
  return [...previous, value]
}
