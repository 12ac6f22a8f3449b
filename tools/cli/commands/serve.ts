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
  // Each loads what it runs: a start is waited for.
  if (flags.check === true) return (await import('../serve-check.ts')).serveCheck(request, io)
  if (flags.daemon !== true) return (await import('../serve-broker.ts')).serveBroker(request, io)
  await (await import('../broker-config.ts')).brokerConfig(request, io)
  const { serveDaemon } = await import('../serve-daemon.ts')
  const again = overrides.flatMap((pair) => ['--override', pair])
  return serveDaemon(['serve', ...(file === null ? [] : [file]), ...again], io)
}

function collect(value: string, previous: string[]): string[] {
  return [...previous, value]
}
