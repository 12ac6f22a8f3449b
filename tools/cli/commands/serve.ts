/** `sluice serve [server.properties] [--override key=value]… [-daemon]`. */
import type { Command } from 'commander'
import type { OwnCommand } from '../commands.ts'
import { CommandFailure, ExitCode } from '../failure.ts'
import type { CommandIo } from '../io.ts'

interface ServeFlags {
  readonly override: string[]
  readonly daemon?: boolean
  readonly logFormat: string
  readonly check?: boolean
}

export const serveCommand: OwnCommand = {
  register(program: Command, io: CommandIo, exit: (code: number) => void): Command {
    return program
      .command('serve [server.properties]')
      .description('run a broker until Ctrl-C')
      .option('--override <key=value>', 'set an option, repeatable', collect, [])
      .option('-d, --daemon', 'run in the background; log and pid file in ./logs')
      .option('--log-format <format>', 'text or json', 'text')
      .option('--check', 'check the configuration and exit')
      .action(async (file: string | undefined, flags: ServeFlags) => {
        exit(await serve(file ?? null, flags, io))
      })
  },
}

async function serve(file: string | null, flags: ServeFlags, io: CommandIo): Promise<number> {
  const { logFormat } = flags
  if (logFormat !== 'text' && logFormat !== 'json')
    throw new CommandFailure(ExitCode.usage, `--log-format ${logFormat}: use text or json`)
  const request = { file, overrides: flags.override, logFormat } as const
  // The broker's own code is loaded for this command only: the others start quicker without.
  const { brokerConfig, serveBroker, serveDaemon } = await import('../serve-broker.ts')
  if (flags.check !== true && flags.daemon !== true) return serveBroker(request, io)
  await brokerConfig(request, io)
  if (flags.check === true) {
    io.stderr.write('the configuration is good\n')
    return ExitCode.done
  }
  const overrides = flags.override.flatMap((pair) => ['--override', pair])
  const args = ['serve', ...(file === null ? [] : [file]), ...overrides, '--log-format', logFormat]
  return serveDaemon(args, io)
}

function collect(value: string, previous: string[]): string[] {
  return [...previous, value]
}
