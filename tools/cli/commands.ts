/**
 * Our own commands, noun then verb; each file registers one noun and is loaded when it is meant: what
 * a quick command does not run costs it 15 ms of a start else.
 */
import type { Command } from 'commander'
import type { CommandIo } from './io.ts'

export interface OwnCommand {
  /** Adds itself to the program; `exit` sets the exit code of a run that does not throw. */
  register(program: Command, io: CommandIo, exit: (code: number) => void): Command
}

/** By noun, in the order of the help. */
export const commands: ReadonlyMap<string, () => Promise<OwnCommand>> = new Map([
  ['serve', async () => (await import('./commands/serve.ts')).serveCommand],
  ['topic', async () => (await import('./commands/topic.ts')).topicCommand],
  ['group', async () => (await import('./commands/group.ts')).groupCommand],
  ['config', async () => (await import('./commands/config.ts')).configCommand],
  ['quota', async () => (await import('./commands/quota.ts')).quotaCommand],
  ['produce', async () => (await import('./commands/produce.ts')).produceCommand],
  ['consume', async () => (await import('./commands/consume.ts')).consumeCommand],
  ['quickstart', async () => (await import('./commands/quickstart.ts')).quickstartCommand],
  ['cluster', async () => (await import('./commands/cluster.ts')).clusterCommand],
  ['storage', async () => (await import('./commands/storage.ts')).storageCommand],
  ['log', async () => (await import('./commands/log.ts')).logCommand],
  ['aliases', async () => (await import('./commands/aliases.ts')).aliasesCommand],
  ['check', async () => (await import('./commands/check.ts')).checkCommand],
  ['completion', async () => (await import('./commands/completion.ts')).completionCommand],
  ['top', async () => (await import('./commands/top.ts')).topCommand],
  ['perf', async () => (await import('./commands/perf.ts')).perfCommand],
])
