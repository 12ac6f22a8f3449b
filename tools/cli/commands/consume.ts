/** `sluice consume TOPIC`: prints records as they come, alone or as a member of a group. */
import type { Command } from 'commander'
import type { Client } from '../../../net/client/client.ts'
import { RequestFailed } from '../../../net/client/client-errors.ts'
import type { FetchedRecord } from '../../../net/client/client-fetcher.ts'
import type { OwnCommand } from '../commands.ts'
import { addConnectFlags, type ConnectFlags, wholeNumber, withClient } from '../connect-options.ts'
import { type ConsumeOptions, consume } from '../consume-loop.ts'
import { CommandFailure, ExitCode } from '../failure.ts'
import type { CommandIo } from '../io.ts'
import { recordToRow } from '../record-json.ts'
import type { Renderer } from '../render.ts'

interface ConsumeFlags extends ConnectFlags {
  readonly fromBeginning?: boolean
  readonly group?: string
  readonly partition?: string
  readonly offset?: string
  readonly maxMessages?: string
  readonly exit?: boolean
  readonly printKey?: boolean
  readonly committed?: boolean
}

const NOTHING = Buffer.alloc(0)
const TAB = Buffer.from('\t')
const LINE_END = Buffer.from('\n')

export const consumeCommand: OwnCommand = {
  register(program: Command, io: CommandIo): Command {
    return addConnectFlags(program.command('consume <topic>').description('print records'))
      .option('--from-beginning', 'start at the first record, not behind the last')
      .option('-g, --group <id>', 'read as a member of this group and commit what was printed')
      .option('-p, --partition <n>', 'this partition only')
      .option('-o, --offset <offset>', 'start, end or a number; with --partition')
      .option('-n, --max-messages <n>', 'stop after so many records')
      .option('-e, --exit', 'stop at the end of the log instead of waiting for more')
      .option('-k, --print-key', 'in text form, the key and a tab before the value')
      .option('--committed', 'leave out records of open and aborted transactions')
      .action((topic: string, flags: ConsumeFlags) => run(topic, flags, io))
  },
}

async function run(topic: string, flags: ConsumeFlags, io: CommandIo): Promise<void> {
  const options = optionsOf(topic, flags)
  await withClient({ ...flags }, io, async (client: Client, renderer: Renderer) => {
    try {
      await consume(client, options, io, (records) => {
        if (!renderer.forPeople) renderer.streamed(records.map(recordToRow))
        else renderer.raw(asText(records, flags.printKey === true))
      })
    } catch (error) {
      if (!(error instanceof RequestFailed)) throw error
      throw new CommandFailure(
        ExitCode.failed,
        `reading '${topic}' failed`,
        error.message,
        'see `sluice topic list` for the topics and `sluice topic offsets` for what they hold',
      )
    }
  })
}

function optionsOf(topic: string, flags: ConsumeFlags): ConsumeOptions {
  if (flags.offset !== undefined && flags.partition === undefined)
    throw new CommandFailure(ExitCode.usage, '--offset goes with --partition')
  if (flags.offset !== undefined && flags.fromBeginning === true)
    throw new CommandFailure(ExitCode.usage, '--offset and --from-beginning contradict each other')
  if (flags.group !== undefined && flags.partition !== undefined)
    throw new CommandFailure(
      ExitCode.usage,
      'a group chooses its partitions: leave out --partition',
    )
  return {
    topics: [topic],
    groupId: flags.group ?? null,
    partition:
      flags.partition === undefined ? null : wholeNumber('--partition', flags.partition, 0),
    start: startOf(flags),
    maxMessages:
      flags.maxMessages === undefined
        ? Number.POSITIVE_INFINITY
        : wholeNumber('--max-messages', flags.maxMessages, 1),
    idleTimeoutMs: null,
    stopAtEnd: flags.exit === true,
    isolation: flags.committed === true ? 1 : 0,
    mustExist: true,
  }
}

function startOf(flags: ConsumeFlags): number | 'earliest' | 'latest' {
  if (flags.offset === 'start' || flags.fromBeginning === true) return 'earliest'
  if (flags.offset === undefined || flags.offset === 'end') return 'latest'
  return wholeNumber('--offset', flags.offset, 0)
}

/** Contents a line each, byte for byte; null is an empty one. */
function asText(records: readonly FetchedRecord[], printKey: boolean): Buffer {
  const pieces = records.flatMap(({ key, value }) => [
    ...(printKey ? [key ?? NOTHING, TAB] : []),
    value ?? NOTHING,
    LINE_END,
  ])
  return Buffer.concat(pieces)
}
