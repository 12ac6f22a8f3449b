/** How tools that read their command line with arguments.ts come to a client. */
import type { Client } from '../../../net/client/client.ts'
import { RequestFailed } from '../../../net/client/client-errors.ts'
import { openClient } from '../connect-options.ts'
import type { CommandIo } from '../io.ts'
import { type Flags, KafkaToolExit, propertiesFile, refuseSecurity } from './flags.ts'

const TIMEOUT_MS = 60_000

/** Arguments of every tool that talks to a broker; where they stand differs. */
export const BOOTSTRAP_SERVER = {
  name: 'bootstrap-server',
  kind: 'value',
  help: 'host:port of brokers to start from, with commas between',
} as const
export const BOOTSTRAP_CONTROLLER = {
  name: 'bootstrap-controller',
  kind: 'value',
  help: 'host:port of controllers to start from, with commas between',
} as const
export const COMMAND_CONFIG = {
  name: 'command-config',
  kind: 'value',
  help: 'properties file of the client',
} as const
export const CONNECT_ONE_OF = {
  names: ['bootstrap-server', 'bootstrap-controller'],
  required: true,
} as const

/** Refusals of the broker become the tool's own, with exit code 1. */
export async function withAdminClient(
  flags: Flags,
  io: CommandIo,
  run: (client: Client) => Promise<number>,
  configFlag = 'command-config',
): Promise<number> {
  refuseSecurity(propertiesFile(flags, configFlag, io))
  const servers = flags.value('bootstrap-server') ?? flags.value('bootstrap-controller') ?? ''
  const client = openClient(servers, TIMEOUT_MS)
  try {
    return await run(client)
  } catch (error) {
    if (!(error instanceof RequestFailed)) throw error
    throw new KafkaToolExit(error.message)
  } finally {
    await client.close()
  }
}
