/** `sluice log verify|rebuild-index|salvage`: a stopped broker's partition folders, as files. */
import type { Command } from 'commander'
import type { OwnCommand } from '../commands.ts'
import type { CommandIo } from '../io.ts'
import type { LogFlags, SalvageFlags } from '../log-folders.ts'
import { addFormatFlags } from '../render.ts'

export const logCommand: OwnCommand = {
  register(program: Command, io: CommandIo, exit: (code: number) => void): Command {
    const log = program
      .command('log')
      .description("check and mend a stopped broker's partition folders")
    addFormatFlags(log.command('verify <dir...>'))
      .description('read every byte, say of each segment whether it is whole; changes nothing')
      .action(async (dirs: string[], flags: LogFlags) => {
        const { verifyFolders } = await import('../log-folders.ts')
        exit(await verifyFolders(dirs, flags, io))
      })
    addFormatFlags(log.command('rebuild-index <dir...>'))
      .description('make all indexes of intact logs again')
      .option('--index-interval-bytes <n>', 'bytes of log per index entry', '4096')
      .action(async (dirs: string[], flags: LogFlags) => {
        const { rebuildFolders } = await import('../log-folders.ts')
        exit(await rebuildFolders(dirs, flags, io))
      })
    addFormatFlags(log.command('salvage <dir>'))
      .description('keep every intact batch of a damaged log; the damaged files are kept too')
      .option('--into <dir>', 'write a new partition folder there, leave this one as it is')
      .option('--index-interval-bytes <n>', 'bytes of log per index entry', '4096')
      .action(async (dir: string, flags: SalvageFlags) => {
        const { salvageFolder } = await import('../log-folders.ts')
        exit(await salvageFolder(dir, flags, io))
      })
    return log
  },
}
