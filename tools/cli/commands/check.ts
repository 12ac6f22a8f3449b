/**
 * `sluice check [server.properties]`: is this machine fit for a broker; with -b also whether the brokers
 * of a running cluster can be reached at the addresses they advertise. Exit code 6 when something fails.
 */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { OwnCommand } from '../commands.ts'
import { wholeNumber } from '../connect-options.ts'
import { ExitCode } from '../failure.ts'
import type { CheckResult } from '../health-checks.ts'
import type { CommandIo } from '../io.ts'
import { addFormatFlags, type FormatFlags, rendererFor } from '../render.ts'

interface CheckFlags extends FormatFlags {
  readonly override: string[]
  readonly brokers?: string
  readonly timeout: string
}

const COLUMNS = ['status', 'check', 'required', 'current', 'advice'].map((key) => ({ key }))

export const checkCommand: OwnCommand = {
  register(program: Command, io: CommandIo, exit: (code: number) => void): Command {
    const command = program
      .command('check [server.properties]')
      .description('is this machine, its folders and its addresses fit for a broker')
      .option(
        '--override <key=value>',
        'set an option, repeatable',
        (value: string, previous: string[]) => [...previous, value],
        [],
      )
      .option('-b, --brokers <list>', 'also reach these brokers at what they advertise')
      .option('--timeout <ms>', 'longest wait for a broker', '5000')
    return addFormatFlags(command).action(async (file: string | undefined, flags: CheckFlags) => {
      exit(await check(file ?? null, flags, io))
    })
  },
}

async function check(file: string | null, flags: CheckFlags, io: CommandIo): Promise<number> {
  const renderer = rendererFor(flags, io)
  const timeoutMs = wholeNumber('--timeout', flags.timeout, 1)
  const { brokerConfig } = await import('../broker-config.ts')
  const path = file === null ? null : resolve(io.cwd, file)
  const { config } = await brokerConfig({ file: path, overrides: flags.override }, io)
  const { checkFreeSpace, checkLibraries, checkOpenFiles, checkSync } = await import(
    '../health-checks.ts'
  )
  const folders = config.dataFolders.map((folder) => resolve(io.cwd, folder))
  const results: CheckResult[] = [
    checkOpenFiles(),
    ...folders.flatMap((folder) => [checkSync(folder), checkFreeSpace(folder)]),
    ...(await checkLibraries()),
  ]
  if (flags.brokers !== undefined) {
    const { checkBrokers } = await import('../broker-checks.ts')
    results.push(...(await checkBrokers(flags.brokers, timeoutMs)))
  }
  renderer.table(
    COLUMNS,
    results.map((result) => ({ ...result })),
  )
  return results.some(({ status }) => status === 'fail') ? ExitCode.notHealthy : ExitCode.done
}
