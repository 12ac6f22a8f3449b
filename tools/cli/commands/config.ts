/** `sluice config describe|set|unset`: options of topics, brokers, groups and client metrics. */
import type { Command } from 'commander'
import { ConfigResourceType } from '../../../engine/metadata/config-resource.ts'
import type { Client } from '../../../net/client/client.ts'
import type { OwnCommand } from '../commands.ts'
import type { ConfigResource, ConfigValue } from '../config-admin.ts'
import { addConnectFlags, type ConnectFlags, keyValues, withClient } from '../connect-options.ts'
import { CommandFailure, ExitCode } from '../failure.ts'
import type { CommandIo } from '../io.ts'
import type { Column, Renderer, Row } from '../render.ts'

const KINDS = {
  topic: ConfigResourceType.topic,
  broker: ConfigResourceType.broker,
  group: ConfigResourceType.group,
  'client-metrics': ConfigResourceType.clientMetrics,
} as const
type Kind = keyof typeof KINDS

/** All brokers at once, as the name of a broker. */
const ALL_BROKERS = 'default'
const NAMES =
  "kinds are topic, broker, group, client-metrics; the broker 'default' stands for all brokers"

interface DescribeFlags extends ConnectFlags {
  readonly changed?: boolean
}

export const configCommand: OwnCommand = {
  register(program: Command, io: CommandIo): Command {
    const config = program
      .command('config')
      .description('options of topics, brokers, groups and client metrics')
    const add = (words: string, about: string): Command =>
      addConnectFlags(config.command(words).description(about)).addHelpText('after', `\n${NAMES}`)
    add('describe <kind> <name>', 'show options, their values and where these come from')
      .option('--changed', 'only what is not left at its default')
      .action((kind: string, name: string, flags: DescribeFlags) =>
        withResource(kind, name, flags, io, (client, resource, renderer) =>
          describe(client, resource, renderer, flags.changed === true),
        ),
      )
    add('set <kind> <name> <option=value...>', 'set options, all of them or none').action(
      (kind: string, name: string, pairs: string[], flags: ConnectFlags) => {
        const changes = keyValues('set', pairs)
        return withResource(kind, name, flags, io, (client, resource, renderer) =>
          alter(client, resource, renderer, changes, io),
        )
      },
    )
    add('unset <kind> <name> <option...>', 'go back to the defaults, all of them or none').action(
      (kind: string, name: string, options: string[], flags: ConnectFlags) =>
        withResource(kind, name, flags, io, async (client, resource, renderer) => {
          await checkKnown(client, resource, kind, name, options)
          await alter(client, resource, renderer, new Map(options.map((one) => [one, null])), io)
        }),
    )
    return config
  },
}

type Act = (client: Client, resource: ConfigResource, renderer: Renderer) => Promise<void>

/** What the broker refuses becomes a failure that names the resource. */
async function withResource(
  kind: string,
  name: string,
  flags: ConnectFlags,
  io: CommandIo,
  act: Act,
): Promise<void> {
  const resource = resourceOf(kind, name)
  const { RequestFailed } = await import('../../../net/client/client-errors.ts')
  const { errorWords } = await import('../kafka/java-errors.ts')
  try {
    await withClient(flags, io, (client, renderer) => act(client, resource, renderer))
  } catch (error) {
    if (!(error instanceof RequestFailed)) throw error
    throw new CommandFailure(
      ExitCode.failed,
      `the options of ${kind} '${name}': the broker refused`,
      error.message === '' ? errorWords(error.code) : error.message,
      `see \`sluice config describe ${kind} ${name}\` for its options and their values`,
    )
  }
}

function resourceOf(kind: string, name: string): ConfigResource {
  if (!(kind in KINDS))
    throw new CommandFailure(
      ExitCode.usage,
      `'${kind}' is no kind of thing with options`,
      null,
      `use one of ${Object.keys(KINDS).join(', ')}`,
    )
  if (kind !== 'broker') return { type: KINDS[kind as Kind], name }
  if (name !== ALL_BROKERS && !/^\d+$/.test(name))
    throw new CommandFailure(
      ExitCode.usage,
      `'${name}' is no broker`,
      'brokers have numbers',
      `use a number of \`sluice cluster brokers\`, or ${ALL_BROKERS} for all of them`,
    )
  return { type: KINDS.broker, name: name === ALL_BROKERS ? '' : name }
}

const COLUMNS: readonly Column[] = [
  { key: 'option' },
  { key: 'value' },
  { key: 'source' },
  { key: 'default', wide: true },
  { key: 'type', wide: true },
  { key: 'readOnly', head: 'READ-ONLY', wide: true },
  { key: 'about', wide: true },
]

async function describe(
  client: Client,
  resource: ConfigResource,
  renderer: Renderer,
  changed: boolean,
): Promise<void> {
  const { CONFIG_TYPE_NAMES, ConfigSource, describeConfigs } = await import('../config-admin.ts')
  const configs = await describeConfigs(client, resource, true)
  const rows = [...configs]
    .filter(({ configSource }) => !changed || configSource !== ConfigSource.default)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(
      (config): Row => ({
        option: config.name,
        value: config.isSensitive ? null : config.value,
        source: SOURCES[config.configSource] ?? 'unknown',
        default: defaultOf(config, ConfigSource.default),
        type: CONFIG_TYPE_NAMES[config.configType] ?? 'unknown',
        readOnly: config.readOnly,
        about: config.documentation,
      }),
    )
  renderer.table(COLUMNS, rows)
}

/** By number of the source. */
const SOURCES: readonly string[] = [
  ...['unknown', 'topic', 'broker', 'all brokers', 'configuration', 'default', 'logger'],
  ...['client metrics', 'group'],
]

function defaultOf({ configSource, value, synonyms }: ConfigValue, source: number): string | null {
  if (configSource === source) return value
  return synonyms.find((synonym) => synonym.source === source)?.value ?? null
}

/** A broker takes the deletion of what never was without a word. */
async function checkKnown(
  client: Client,
  resource: ConfigResource,
  kind: string,
  name: string,
  options: readonly string[],
): Promise<void> {
  const { describeConfigs } = await import('../config-admin.ts')
  // Of all brokers only what is set is told, so anything may be named there.
  if (resource.type === KINDS.broker && resource.name === '') return
  const known = new Set((await describeConfigs(client, resource)).map((config) => config.name))
  const unknown = options.filter((option) => !known.has(option))
  if (unknown.length > 0)
    throw new CommandFailure(
      ExitCode.failed,
      `${kind} '${name}' has no option '${unknown[0]}'`,
      'nothing was changed',
      `see \`sluice config describe ${kind} ${name}\` for its options`,
    )
}

async function alter(
  client: Client,
  resource: ConfigResource,
  renderer: Renderer,
  changes: ReadonlyMap<string, string | null>,
  io: CommandIo,
): Promise<void> {
  const { alterConfigs } = await import('../config-admin.ts')
  await alterConfigs(client, resource, changes)
  for (const [option, value] of changes)
    io.stderr.write(value === null ? `unset ${option}\n` : `set ${option} to ${value}\n`)
  renderer.outcome([...changes].map(([option, value]) => ({ option, value })))
}
