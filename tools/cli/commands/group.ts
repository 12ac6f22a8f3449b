/** `sluice group list|describe|delete|reset-offsets|delete-offsets`. */
import type { Command } from 'commander'
import type { Client } from '../../../net/client/client.ts'
import type { OwnCommand } from '../commands.ts'
import { addConnectFlags, type ConnectFlags, wholeNumber, withClient } from '../connect-options.ts'
import { CommandFailure, ExitCode } from '../failure.ts'
import type { ResetTo } from '../group-reset.ts'
import type { CommandIo } from '../io.ts'
import type { Renderer, Row } from '../render.ts'

interface ResetFlags extends ConnectFlags {
  readonly topic: string[]
  readonly to: string
  readonly dryRun?: boolean
}

export const groupCommand: OwnCommand = {
  register(program: Command, io: CommandIo): Command {
    const group = program.command('group').description('consumer groups and their positions')
    const add = (words: string, about: string): Command =>
      addConnectFlags(group.command(words).description(about))
    add('list', 'list consumer groups').action((flags: ConnectFlags) => withClient(flags, io, list))
    add('describe <name>', 'positions and lag').action((name: string, flags: ConnectFlags) =>
      withGroup(name, flags, io, describe),
    )
    add('delete <name>', 'delete a group without members').action(
      (name: string, flags: ConnectFlags) =>
        withGroup(name, flags, io, (client, renderer) => remove(client, renderer, name, io)),
    )
    add('reset-offsets <name>', 'move the positions of a group without members')
      .requiredOption('--to <where>', 'earliest, latest, current, an offset, +n, -n or a time')
      .option('-t, --topic <topic[:0,1]>', 'only this topic, repeatable', collect, [])
      .option('--dry-run', 'tell what would be, change nothing')
      .action((name: string, flags: ResetFlags) => {
        const to = parseWhere(flags.to)
        return withTopics(flags.topic, () =>
          withGroup(name, flags, io, (client, renderer) =>
            reset(client, renderer, name, to, flags),
          ),
        )
      })
    add('delete-offsets <name>', 'forget positions of topics')
      .requiredOption('-t, --topic <topic[:0,1]>', 'of this topic, repeatable', collect)
      .action((name: string, flags: ConnectFlags & { topic: string[] }) =>
        withTopics(flags.topic, () =>
          withGroup(name, flags, io, (client, renderer) =>
            removeOffsets(client, renderer, name, flags.topic),
          ),
        ),
      )
    return group
  },
}

type Act = (client: Client, renderer: Renderer, name: string) => Promise<void>

/** What the broker or a plan refuses becomes a failure that names the group. */
async function withGroup(
  name: string,
  flags: ConnectFlags,
  io: CommandIo,
  act: Act,
): Promise<void> {
  const { RequestFailed } = await import('../../../net/client/client-errors.ts')
  const { ResetRefused } = await import('../group-reset.ts')
  try {
    await withClient(flags, io, (client, renderer) => act(client, renderer, name))
  } catch (error) {
    if (!(error instanceof RequestFailed || error instanceof ResetRefused)) throw error
    throw failure(name, error.message)
  }
}

function failure(name: string, why: string): CommandFailure {
  return new CommandFailure(
    ExitCode.failed,
    `group '${name}': the request failed`,
    why,
    'see `sluice group list` for the groups and `sluice topic list` for the topics there are',
  )
}

async function list(client: Client, renderer: Renderer): Promise<void> {
  const { listConsumerGroups } = await import('../group-admin.ts')
  const rows = (await listConsumerGroups(client)).map(
    ({ groupId, groupType, groupState }): Row => ({
      group: groupId,
      type: groupType.toLowerCase(),
      state: groupState,
    }),
  )
  renderer.table(
    ['group', 'type', 'state'].map((key) => ({ key })),
    rows,
  )
}

async function describe(client: Client, renderer: Renderer, name: string): Promise<void> {
  const { committedOffsets, describeGroup } = await import('../group-admin.ts')
  const { listOffsets, OffsetTime, partitionKey, sortedPartitions } = await import(
    '../offsets-admin.ts'
  )
  const group = await describeGroup(client, name)
  const committed = new Map(
    (await committedOffsets(client, name)).map((entry) => [partitionKey(entry), entry]),
  )
  const owners = new Map(
    group.members.flatMap((member) =>
      member.assignment.map((of) => [partitionKey(of), { of, member }] as const),
    ),
  )
  const all = new Map([
    ...[...committed].map(([key, { topic, partition }]) => [key, { topic, partition }] as const),
    ...[...owners].map(([key, { of }]) => [key, of] as const),
  ])
  const partitions = sortedPartitions(all.values())
  const ends = await listOffsets(client, partitions, OffsetTime.latest)
  const rows = partitions.map(({ topic, partition }): Row => {
    const key = partitionKey({ topic, partition })
    const [position, end, owner] = [committed.get(key), ends.get(key), owners.get(key)?.member]
    const endOffset = end?.errorCode === 0 ? end.offset : null
    return {
      topic,
      partition,
      offset: position?.offset ?? null,
      end: endOffset,
      lag: position === undefined || endOffset === null ? null : endOffset - position.offset,
      member: owner?.memberId ?? null,
      host: owner?.host ?? null,
      clientId: owner?.clientId ?? null,
      leaderEpoch: position === undefined || position.leaderEpoch < 0 ? null : position.leaderEpoch,
    }
  })
  const head = { group: name, type: group.type, state: group.state, members: group.members.length }
  if (!renderer.forPeople) {
    renderer.item([], { ...head, partitions: rows })
    return
  }
  renderer.item(
    Object.keys(head).map((key) => ({ key })),
    head,
  )
  renderer.table(
    [
      ...['topic', 'partition', 'offset', 'end', 'lag', 'member', 'host'].map((key) => ({ key })),
      { key: 'clientId', head: 'CLIENT-ID', wide: true },
      { key: 'leaderEpoch', head: 'EPOCH', wide: true },
    ],
    rows,
  )
}

async function remove(
  client: Client,
  renderer: Renderer,
  name: string,
  io: CommandIo,
): Promise<void> {
  const { deleteGroup } = await import('../group-admin.ts')
  const { errorWords } = await import('../kafka/java-errors.ts')
  const code = await deleteGroup(client, name)
  if (code !== 0) throw failure(name, errorWords(code))
  io.stderr.write(`deleted group ${name}\n`)
  renderer.outcome({ group: name, deleted: true })
}

async function reset(
  client: Client,
  renderer: Renderer,
  name: string,
  to: ResetTo,
  flags: ResetFlags,
): Promise<void> {
  const { commitOffsets, stateOfGroup } = await import('../group-admin.ts')
  const { partitionsNamed, planReset } = await import('../group-reset.ts')
  const state = await stateOfGroup(client, name)
  if (state !== 'Empty' && state !== 'Dead')
    throw new CommandFailure(
      ExitCode.failed,
      `group '${name}': its positions were not reset`,
      `it has members, its state is ${state}`,
      'stop its consumers first',
    )
  const scope = flags.topic.length === 0 ? null : await partitionsNamed(client, flags.topic)
  const offsets = await planReset(client, name, scope, to)
  if (flags.dryRun !== true) await commitOffsets(client, name, offsets)
  renderer.table(
    ['topic', 'partition', 'offset'].map((key) => ({ key })),
    offsets.map(({ topic, partition, offset }) => ({ topic, partition, offset })),
  )
}

function parseWhere(text: string): ResetTo {
  if (text === 'earliest' || text === 'latest' || text === 'current') return { kind: text }
  if (/^[+-]\d+$/.test(text)) return { kind: 'shift', value: Number(text) }
  if (/^\d+$/.test(text)) return { kind: 'offset', value: wholeNumber('--to', text, 0) }
  const time = Date.parse(text)
  if (/^\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(time))
    return { kind: 'timestamp', value: time }
  throw new CommandFailure(
    ExitCode.usage,
    `--to ${text}: not a place in a topic`,
    null,
    'use earliest, latest, current, an offset as 100, a shift as +10 or -10, ' +
      'or a time as 2026-01-31T12:00:00Z',
  )
}

async function removeOffsets(
  client: Client,
  renderer: Renderer,
  name: string,
  topics: readonly string[],
): Promise<void> {
  const { deleteOffsets } = await import('../group-admin.ts')
  const { partitionsNamed } = await import('../group-reset.ts')
  const { errorWords } = await import('../kafka/java-errors.ts')
  const { errorCode, partitions } = await deleteOffsets(
    client,
    name,
    await partitionsNamed(client, topics),
  )
  if (errorCode !== 0) throw failure(name, errorWords(errorCode))
  renderer.table(
    ['topic', 'partition', 'deleted'].map((key) => ({ key })),
    partitions.map((result) => ({
      topic: result.topic,
      partition: result.partition,
      deleted: result.errorCode === 0,
    })),
  )
  const refused = partitions.filter((result) => result.errorCode !== 0)
  if (refused.length > 0)
    throw new CommandFailure(
      refused.length < partitions.length ? ExitCode.partlyFailed : ExitCode.failed,
      `group '${name}': ${refused.length} of ${partitions.length} positions were not deleted`,
      errorWords(refused[0]?.errorCode ?? 0),
    )
}

/** Runs when all topics are written as they can be. */
async function withTopics(words: readonly string[], run: () => Promise<void>): Promise<void> {
  const { parseTopicWords, ResetRefused } = await import('../group-reset.ts')
  try {
    parseTopicWords(words)
  } catch (error) {
    if (!(error instanceof ResetRefused)) throw error
    throw new CommandFailure(
      ExitCode.usage,
      `--topic ${words.join(' ')}: not a topic and its partitions`,
      error.message,
      'write it as orders, or as orders:0,1 for some partitions',
    )
  }
  await run()
}

function collect(value: string, previous: string[] = []): string[] {
  return [...previous, value]
}
