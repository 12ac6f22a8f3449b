/**
 * kafka-client-metrics by its own flags (org.apache.kafka.tools.ClientMetricsCommand, 4.2): subscriptions
 * of client metrics (KIP-714), which are config resources of their own. Output and exit codes as recorded
 * in test/golden/cli/kafka-client-metrics.txt.
 */
import { ConfigResourceType } from '../../../engine/metadata/config-resource.ts'
import type { Client } from '../../../net/client/client.ts'
import { RequestFailed } from '../../../net/client/client-errors.ts'
import {
  alterConfigs,
  type ConfigResource,
  ConfigSource,
  describeConfigs,
  listConfigResources,
} from '../config-admin.ts'
import type { CommandIo } from '../io.ts'
import { randomUuid } from '../storage-folders.ts'
import { withAdminClient } from './admin-client.ts'
import { type Flags, type FlagTable, KafkaToolExit, KafkaToolUsage, runTool } from './flags.ts'

const FLAGS: FlagTable = {
  'bootstrap-server': 'value',
  'command-config': 'value',
  alter: 'flag',
  delete: 'flag',
  describe: 'flag',
  list: 'flag',
  name: 'value',
  'generate-name': 'flag',
  interval: 'value',
  match: 'value',
  metrics: 'value',
}
const ABOUT = 'This tool helps to manipulate and describe client metrics configurations.'
const ACTIONS = ['alter', 'delete', 'describe', 'list'] as const
/** Flag → option; each is reset by an empty value. */
const SETTINGS = [
  ['interval', 'interval.ms'],
  ['match', 'match'],
  ['metrics', 'metrics'],
] as const
/** Flags that make no sense with an action. */
const NOT_WITH: Readonly<Record<(typeof ACTIONS)[number], readonly string[]>> = {
  alter: [],
  delete: ['generate-name', 'metrics', 'interval', 'match'],
  describe: ['generate-name', 'metrics', 'interval', 'match'],
  list: ['name', 'generate-name', 'metrics', 'interval', 'match'],
}

export function kafkaClientMetrics(args: readonly string[], io: CommandIo): Promise<number> {
  return runTool(args, io, { about: ABOUT, flags: FLAGS }, (flags) => run(flags, io))
}

function run(flags: Flags, io: CommandIo): Promise<number> {
  const action = actionOf(flags)
  return withAdminClient(flags, io, async (client) => {
    try {
      await { alter, delete: remove, describe, list }[action](client, flags, io)
      return 0
    } catch (error) {
      if (!(error instanceof RequestFailed)) throw error
      const what = `Error while executing client metrics command : ${error.message}`
      throw new KafkaToolExit(what, 'stdout')
    }
  })
}

function actionOf(flags: Flags): (typeof ACTIONS)[number] {
  const chosen = ACTIONS.filter((action) => flags.has(action))
  const [action] = chosen
  if (chosen.length !== 1 || action === undefined)
    throw new KafkaToolUsage(
      'Command must include exactly one action: --alter, --delete, --describe or --list.',
    )
  if (!flags.has('bootstrap-server'))
    throw new KafkaToolExit('--bootstrap-server must be specified.')
  for (const name of NOT_WITH[action])
    if (flags.has(name))
      throw new KafkaToolUsage(`Option "[${action}]" can't be used with option "[${name}]"`)
  if (action === 'alter' && flags.has('name') === flags.has('generate-name'))
    throw new KafkaToolExit('One of --name or --generate-name must be specified with --alter.')
  if (action === 'delete' && !flags.has('name'))
    throw new KafkaToolExit('A client metrics resource name must be specified with --delete.')
  if (!/^(?:[+-]?\d+)?$/.test(flags.value('interval') ?? ''))
    throw new KafkaToolUsage('Invalid interval value. Enter an integer, or leave empty to reset.')
  return action
}

function subscription(name: string): ConfigResource {
  return { type: ConfigResourceType.clientMetrics, name }
}

async function alter(client: Client, flags: Flags, io: CommandIo): Promise<void> {
  const name = flags.value('name') ?? randomUuid()
  const changes = SETTINGS.flatMap(([flag, option]): [name: string, value: string | null][] => {
    const value = flags.value(flag)
    return value === undefined ? [] : [[option, value === '' ? null : value]]
  })
  await alterConfigs(client, subscription(name), changes)
  io.stdout.write(`Altered client metrics config for ${name}.\n`)
}

async function remove(client: Client, flags: Flags, io: CommandIo): Promise<void> {
  const resource = subscription(flags.value('name') ?? '')
  const configs = await describeConfigs(client, resource)
  const own = configs.filter(({ configSource }) => configSource === ConfigSource.clientMetrics)
  await alterConfigs(
    client,
    resource,
    own.map(({ name }) => [name, null]),
  )
  io.stdout.write(`Deleted client metrics config for ${resource.name}.\n`)
}

async function describe(client: Client, flags: Flags, io: CommandIo): Promise<void> {
  const all = await listConfigResources(client, ConfigResourceType.clientMetrics)
  const wanted = flags.value('name')
  if (wanted !== undefined && !all.includes(wanted)) {
    io.stdout.write(
      `The client metric resource ${wanted} doesn't exist and doesn't have dynamic config.\n`,
    )
    return
  }
  for (const name of wanted === undefined ? all : [wanted]) {
    const configs = await describeConfigs(client, subscription(name))
    const lines = configs.map((config) => `  ${config.name}=${config.value ?? ''}\n`).sort()
    io.stdout.write(`Client metrics configs for ${name} are:\n${lines.join('')}`)
  }
}

async function list(client: Client, _flags: Flags, io: CommandIo): Promise<void> {
  const names = await listConfigResources(client, ConfigResourceType.clientMetrics)
  io.stdout.write(`${names.join('\n')}\n`)
}
