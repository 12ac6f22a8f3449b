/** `sluice serve [server.properties] [--override key=value]… [--check] [-daemon]`. */
import type { Command } from 'commander'
import type { OwnCommand } from '../commands.ts'
import type { CommandIo } from '../io.ts'

interface ServeFlags {
  readonly override: string[]
  readonly daemon?: boolean
  readonly logFormat?: string
  readonly logLevel?: string
  readonly check?: boolean
}

export const serveCommand: OwnCommand = {
  register(program: Command, io: CommandIo, exit: (code: number) => void): Command {
    return program
      .command('serve [server.properties]')
      .description('run a broker until Ctrl-C')
      .option('--override <key=value>', 'set an option, repeatable', collect, [])
      .option('-d, --daemon', 'run in the background; log and pid file in ./logs')
      .option('--log-format <format>', 'text or json; the same as sluice.log.format')
      .option('--log-level <level>', 'info, warn or error; the same as sluice.log.level')
      .option('--check', 'check configuration, folders and ports, say what would run, and exit')
      .action(async (file: string | undefined, flags: ServeFlags) => {
        exit(await serve(file ?? null, flags, io))
      })
  },
}

async function serve(file: string | null, flags: ServeFlags, io: CommandIo): Promise<number> {
  const overrides = [...flags.override]
  if (flags.logFormat !== undefined) overrides.push(`sluice.log.format=${flags.logFormat}`)
  if (flags.logLevel !== undefined) overrides.push(`sluice.log.level=${flags.logLevel}`)
  const request = { file, overrides }
  // The broker's own code is loaded for this command only: the others start quicker without.
  const { brokerConfig, serveBroker, serveCheck, serveDaemon } = await import('../serve-broker.ts')
  if (flags.check === true) return serveCheck(request, io)
  if (flags.daemon !== true) return serveBroker(request, io)
  await brokerConfig(request, io)
  const again = overrides.flatMap((pair) => ['--override', pair])
  return serveDaemon(['serve', ...(file === null ? [] : [file]), ...again], io)
}

function collect(value: string, previous: string[]): string[] {
  return [...previous, value]
}
