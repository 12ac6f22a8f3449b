/** Flags that every command which talks to a broker has, and the client they give. */
import { type Command, Option } from 'commander'
import { Client } from '../../net/client/client.ts'
import { CommandFailure, ExitCode } from './failure.ts'
import type { CommandIo } from './io.ts'
import { addFormatFlags, type FormatFlags, type Renderer, rendererFor } from './render.ts'

export const DEFAULT_BROKERS = '127.0.0.1:9092'

export interface ConnectFlags extends FormatFlags {
  readonly brokers: string
  readonly timeout: string
}

export function addConnectFlags(command: Command): Command {
  command
    .option('-b, --brokers <list>', 'addresses to start from, host:port[,…]', DEFAULT_BROKERS)
    .addOption(new Option('--bootstrap-server <list>', 'the same as --brokers').hideHelp())
    .on('option:bootstrap-server', (list: string) => command.setOptionValue('brokers', list))
    .option('--timeout <ms>', 'longest wait for a connection or an answer', '30000')
  return addFormatFlags(command)
}

/** Runs with a client and a renderer, and closes the client whatever happens. */
export async function withClient<T>(
  flags: ConnectFlags,
  io: CommandIo,
  run: (client: Client, renderer: Renderer) => Promise<T>,
): Promise<T> {
  const renderer = rendererFor(flags, io)
  const client = openClient(flags.brokers, wholeNumber('--timeout', flags.timeout, 1))
  try {
    return await run(client, renderer)
  } finally {
    await client.close()
  }
}

export function openClient(bootstrap: string, timeoutMs: number): Client {
  try {
    return new Client({ bootstrap, timeoutMs })
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new CommandFailure(
      ExitCode.usage,
      error.message,
      null,
      'name one or more brokers, as --brokers 127.0.0.1:9092,127.0.0.1:9093',
    )
  }
}

/** A flag's value as a whole number of at least `min`. */
export function wholeNumber(flag: string, text: string, min: number): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= min) return value
  throw new CommandFailure(
    ExitCode.usage,
    `${flag} ${text}: not a whole number of at least ${min}`,
    null,
    `write ${flag} followed by a number, as ${flag} ${Math.max(min, 1)}`,
  )
}

/** `key=value` pairs of a repeatable flag. */
export function keyValues(flag: string, pairs: readonly string[]): Map<string, string> {
  const map = new Map<string, string>()
  for (const pair of pairs) {
    const at = pair.indexOf('=')
    if (at <= 0) throw new CommandFailure(ExitCode.usage, `${flag} ${pair}: write it as key=value`)
    map.set(pair.slice(0, at), pair.slice(at + 1))
  }
  return map
}
