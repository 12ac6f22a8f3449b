/** `sluice produce TOPIC`: a record per line of standard input. */
import type { Command } from 'commander'
import { codecByName } from '../../../engine/record/compression.ts'
import { RequestFailed } from '../../../net/client/client-errors.ts'
import { ClientProducer, type OutgoingRecord } from '../../../net/client/client-producer.ts'
import type { OwnCommand } from '../commands.ts'
import { addConnectFlags, type ConnectFlags, wholeNumber, withClient } from '../connect-options.ts'
import { CommandFailure, ExitCode } from '../failure.ts'
import { inputLines } from '../input-lines.ts'
import type { CommandIo } from '../io.ts'
import { recordFromJson } from '../record-json.ts'

interface ProduceFlags extends ConnectFlags {
  readonly input: string
  readonly keySeparator?: string
  readonly partition?: string
  readonly acks: string
  readonly codec: string
}

export const produceCommand: OwnCommand = {
  register(program: Command, io: CommandIo): Command {
    return addConnectFlags(
      program.command('produce <topic>').description('write a record per line of standard input'),
    )
      .option(
        '--input <form>',
        'lines, or jsonl as `sluice consume --format jsonl` prints',
        'lines',
      )
      .option('-k, --key-separator <text>', 'text between key and value of a line')
      .option('-p, --partition <n>', 'write to this partition only')
      .option('--acks <acks>', 'all, 1 or 0', 'all')
      .option('-z, --codec <name>', 'none, gzip, snappy, lz4 or zstd', 'none')
      .action((topic: string, flags: ProduceFlags) => produce(topic, flags, io))
  },
}

async function produce(topic: string, flags: ProduceFlags, io: CommandIo): Promise<void> {
  const parse = lineParser(flags)
  const acks = ({ all: -1, '-1': -1, '1': 1, '0': 0 } as const)[flags.acks]
  if (acks === undefined)
    throw new CommandFailure(ExitCode.usage, `--acks ${flags.acks}: use all, 1 or 0`)
  const codec = codecByName(flags.codec)
  if (codec === null)
    throw new CommandFailure(
      ExitCode.usage,
      `--codec ${flags.codec} is not known`,
      null,
      'use none, gzip, snappy, lz4 or zstd',
    )
  await withClient(flags, io, async (client, renderer) => {
    const producer = new ClientProducer(client, topic, { acks, codec })
    let count = 0
    try {
      await producer.start()
      for await (const line of inputLines(io.stdin, 'lf')) await producer.send(parse(line, ++count))
      await producer.flush()
    } catch (error) {
      if (!(error instanceof RequestFailed)) throw error
      throw new CommandFailure(
        ExitCode.failed,
        `writing to '${topic}' failed`,
        error.message,
        'see `sluice topic describe` for its partitions and leaders, or create it with `sluice topic create`',
      )
    }
    io.stderr.write(`wrote ${count} records to ${topic}\n`)
    renderer.outcome({ topic, records: count })
  })
}

type LineParser = (line: Buffer, lineNumber: number) => OutgoingRecord

function lineParser(flags: ProduceFlags): LineParser {
  const partition =
    flags.partition === undefined
      ? {}
      : { partition: wholeNumber('--partition', flags.partition, 0) }
  if (flags.input === 'jsonl' && flags.keySeparator !== undefined)
    throw new CommandFailure(
      ExitCode.usage,
      '--key-separator goes with --input lines',
      'a record of jsonl has its key as a field',
      'leave out one of the two',
    )
  if (flags.input === 'jsonl')
    return (line, lineNumber) => ({ ...recordFromJson(line.toString(), lineNumber), ...partition })
  if (flags.input !== 'lines')
    throw new CommandFailure(ExitCode.usage, `--input ${flags.input}: use lines or jsonl`)
  const separator = flags.keySeparator
  if (separator === '')
    throw new CommandFailure(ExitCode.usage, '--key-separator must not be empty')
  return (line, lineNumber) => {
    if (separator === undefined) return { key: null, value: line, ...partition }
    const at = line.indexOf(separator)
    if (at < 0)
      throw new CommandFailure(
        ExitCode.failed,
        `line ${lineNumber} has no key separator '${separator}'`,
        null,
        'mend the input, or leave out --key-separator to write lines without keys',
      )
    const behind = line.subarray(at + Buffer.byteLength(separator))
    return { key: line.subarray(0, at), value: behind, ...partition }
  }
}
