/** Our own commands, noun then verb; each file registers one noun. */
import type { Command } from 'commander'
import { aliasesCommand } from './commands/aliases.ts'
import { checkCommand } from './commands/check.ts'
import { clusterCommand } from './commands/cluster.ts'
import { completionCommand } from './commands/completion.ts'
import { configCommand } from './commands/config.ts'
import { consumeCommand } from './commands/consume.ts'
import { groupCommand } from './commands/group.ts'
import { logCommand } from './commands/log.ts'
import { perfCommand } from './commands/perf.ts'
import { produceCommand } from './commands/produce.ts'
import { quickstartCommand } from './commands/quickstart.ts'
import { quotaCommand } from './commands/quota.ts'
import { serveCommand } from './commands/serve.ts'
import { storageCommand } from './commands/storage.ts'
import { topCommand } from './commands/top.ts'
import { topicCommand } from './commands/topic.ts'
import type { CommandIo } from './io.ts'

export interface OwnCommand {
  /** Adds itself to the program; `exit` sets the exit code of a run that does not throw. */
  register(program: Command, io: CommandIo, exit: (code: number) => void): Command
}

export const commands: readonly OwnCommand[] = [
  serveCommand,
  topicCommand,
  groupCommand,
  configCommand,
  quotaCommand,
  produceCommand,
  consumeCommand,
  quickstartCommand,
  clusterCommand,
  storageCommand,
  logCommand,
  aliasesCommand,
  checkCommand,
  completionCommand,
  topCommand,
  perfCommand,
]
