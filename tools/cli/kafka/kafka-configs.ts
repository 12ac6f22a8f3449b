/**
 * kafka-configs by its own flags (kafka.admin.ConfigCommand, 4.2): output and exit codes as recorded in
 * test/golden/cli/kafka-configs.txt. What a broker refuses is told without Java's stack.
 */
import { RequestFailed } from '../../../net/client/client-errors.ts'
import { openClient } from '../connect-options.ts'
import type { CommandIo } from '../io.ts'
import { alterEntities, changesOf } from './config-alter.ts'
import { describeEntities } from './config-describe.ts'
import { entitiesOf } from './config-entity.ts'
import {
  type Flags,
  type FlagTable,
  KafkaToolExit,
  KafkaToolUsage,
  propertiesFile,
  refuseSecurity,
  runTool,
} from './flags.ts'
import { javaError } from './java-errors.ts'

const FLAGS: FlagTable = {
  'bootstrap-server': 'value',
  'bootstrap-controller': 'value',
  'command-config': 'value',
  alter: 'flag',
  describe: 'flag',
  all: 'flag',
  'entity-type': 'list',
  'entity-name': 'list',
  'entity-default': 'flag',
  'add-config': 'value',
  'add-config-file': 'value',
  'delete-config': 'list',
  topic: 'value',
  client: 'value',
  'client-defaults': 'flag',
  user: 'value',
  'user-defaults': 'flag',
  broker: 'value',
  'broker-defaults': 'flag',
  'broker-logger': 'value',
  ip: 'value',
  'ip-defaults': 'flag',
  group: 'value',
  'client-metrics': 'value',
}
const ABOUT =
  'This tool helps to manipulate and describe entity config for a topic, client, user, broker, ip, ' +
  'client-metrics or group'
const TIMEOUT_MS = 60_000

export function kafkaConfigs(args: readonly string[], io: CommandIo): Promise<number> {
  return runTool(args, io, { about: ABOUT, flags: FLAGS }, (flags) => run(args, flags, io))
}

async function run(args: readonly string[], flags: Flags, io: CommandIo): Promise<number> {
  const altered = flags.has('alter')
  if (altered === flags.has('describe'))
    throw new KafkaToolUsage('Command must include exactly one action: --describe, --alter')
  if (!altered)
    for (const name of ['add-config', 'delete-config'])
      if (flags.has(name))
        throw new KafkaToolUsage(`Option "[describe]" can't be used with option "[${name}]"`)
  const entities = await entitiesOf(flags, altered)
  const changes = altered ? changesOf(flags, io) : null
  const client = openClient(bootstrapOf(flags, io), TIMEOUT_MS)
  try {
    if (changes === null) await describeEntities(client, entities, flags.has('all'), io)
    else await alterEntities(client, entities, changes, io)
    return 0
  } catch (error) {
    if (!(error instanceof RequestFailed)) throw error
    const told = javaError(error.code, error.told)
    throw new KafkaToolExit(
      `Error while executing config command with args '${args.join(' ')}'\n` +
        `java.util.concurrent.ExecutionException: ${told}\nCaused by: ${told}`,
    )
  } finally {
    await client.close()
  }
}

function bootstrapOf(flags: Flags, io: CommandIo): string {
  const [server, controller] = [
    flags.value('bootstrap-server'),
    flags.value('bootstrap-controller'),
  ]
  if (server !== undefined && controller !== undefined)
    throw new KafkaToolExit(
      'Only one of --bootstrap-server or --bootstrap-controller can be specified',
    )
  const address = server ?? controller
  if (address === undefined)
    throw new KafkaToolExit(
      'Either --bootstrap-server or --bootstrap-controller must be specified.',
    )
  refuseSecurity(propertiesFile(flags, 'command-config', io))
  return address
}
