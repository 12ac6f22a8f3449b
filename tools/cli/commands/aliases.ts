/**
 * `sluice aliases list|install DIR`: links by which this binary answers to the names of Kafka's tools
 * and of kcat, with and without `.sh`. Nowhere by itself: they would hide a real Kafka's tools.
 */
import { lstatSync, readlinkSync, rmSync, symlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { NodeDisk } from '../../../engine/log/node-disk.ts'
import { packageRoot } from '../../package-root.ts'
import type { OwnCommand } from '../commands.ts'
import { CommandFailure, ExitCode } from '../failure.ts'
import type { CommandIo } from '../io.ts'
import { kafkaTools } from '../kafka-tools.ts'
import { addFormatFlags, type FormatFlags, rendererFor } from '../render.ts'

export const aliasesCommand: OwnCommand = {
  register(program: Command, io: CommandIo): Command {
    const aliases = program
      .command('aliases')
      .description("names of Kafka's tools that this binary answers to")
    addFormatFlags(aliases.command('list').description('list the names')).action(
      (flags: FormatFlags) => {
        const renderer = rendererFor(flags, io)
        renderer.table(
          [{ key: 'name' }],
          aliasNames().map((name) => ({ name })),
        )
      },
    )
    aliases
      .command('install <folder>')
      .description('make a link per name in a folder, which is made when it is absent')
      .option('--force', 'replace other files of these names')
      .action((folder: string, flags: { force?: boolean }) =>
        install(resolve(io.cwd, folder), flags.force === true, io),
      )
    return aliases
  },
}

/** kcat has no script's name. */
export function aliasNames(): string[] {
  return kafkaTools.flatMap(({ name }) => (name === 'kcat' ? [name] : [name, `${name}.sh`]))
}

async function install(folder: string, force: boolean, io: CommandIo): Promise<void> {
  const target = join(packageRoot, 'bin/sluice.js')
  const names = aliasNames()
  try {
    await new NodeDisk().makeDir(folder)
    const taken = names.filter((name) => isTaken(join(folder, name), target))
    if (taken.length > 0 && !force) throw refused(folder, taken)
    for (const name of names) {
      const path = join(folder, name)
      rmSync(path, { force: true })
      symlinkSync(target, path)
    }
  } catch (error) {
    if (error instanceof CommandFailure) throw error
    throw new CommandFailure(
      ExitCode.failed,
      `the links cannot be made in ${folder}`,
      error instanceof Error ? error.message : String(error),
      'name a folder in which this user may write',
    )
  }
  io.stderr.write(
    `${names.length} links to ${target} in ${folder}\n` +
      `next: put it first in your PATH: export PATH="${folder}:$PATH"\n`,
  )
}

function refused(folder: string, taken: readonly string[]): CommandFailure {
  return new CommandFailure(
    ExitCode.failed,
    `nothing was linked: ${folder} has ${taken.join(', ')} already`,
    'they are not links to this binary; a real Kafka may be there',
    'name another folder, or add --force to replace them',
  )
}

function isTaken(path: string, target: string): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (stat === undefined) return false
  return !(stat.isSymbolicLink() && readlinkSync(path) === target)
}
