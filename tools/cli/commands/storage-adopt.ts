/** `sluice storage adopt DIR…` and `release DIR…`: from Kafka to sluice in place, and back. */
import type { Command } from 'commander'
import type { AdoptFlags, ReleaseFlags } from '../adopt-folders.ts'
import type { CommandIo } from '../io.ts'
import { addFormatFlags } from '../render.ts'

/** Adds both verbs to the noun `storage`. */
export function addAdoptCommands(storage: Command, io: CommandIo): void {
  addFormatFlags(storage.command('adopt <dir...>'))
    .description("take over a stopped single-node Kafka 4's log.dirs, in place")
    .option('--metadata-dir <dir>', 'its metadata.log.dir, when it had one of its own')
    .option('--recover', 'also when Kafka was not stopped cleanly')
    .option('--without-security', 'also when there are access rules or users, unenforced')
    .option('--dry-run', 'check everything, change nothing')
    .action(async (folders: string[], flags: AdoptFlags) => {
      const { adopt } = await import('../adopt-folders.ts')
      await adopt(folders, flags, io)
    })
  addFormatFlags(storage.command('release <dir...>'))
    .description('give adopted folders back: they start under Kafka again')
    .option('--metadata-dir <dir>', 'as given to adopt')
    .option('--recover', 'also when sluice was not stopped cleanly')
    .action(async (folders: string[], flags: ReleaseFlags) => {
      const { release } = await import('../adopt-folders.ts')
      await release(folders, flags, io)
    })
}
