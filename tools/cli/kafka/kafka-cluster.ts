/** kafka-cluster by its own arguments (org.apache.kafka.tools.ClusterTool, 4.2). */
import type { Client } from '../../../net/client/client.ts'
import { UnsupportedApi } from '../../../net/client/client-errors.ts'
import { describeCluster, EndpointType, unregisterBroker } from '../cluster-admin.ts'
import type { CommandIo } from '../io.ts'
import { CONNECT_ONE_OF, withAdminClient } from './admin-client.ts'
import { type ArgumentTable, type ParsedArguments, runArguments } from './arguments.ts'
import { type Flags, KafkaToolExit } from './flags.ts'

const CONNECT = [
  { name: 'bootstrap-server', short: 'b', kind: 'value', help: 'host:port of brokers' },
  { name: 'bootstrap-controller', short: 'C', kind: 'value', help: 'host:port of controllers' },
  { name: 'config', kind: 'value', help: '(deprecated) properties file of the client' },
  { name: 'command-config', short: 'c', kind: 'value', help: 'properties file of the client' },
] as const
const ID = {
  name: 'id',
  short: 'i',
  kind: 'value',
  required: true,
  integer: true,
  help: 'the id of the broker',
} as const
const FENCED = {
  name: 'include-fenced-brokers',
  kind: 'flag',
  help: 'brokers that serve no clients too',
} as const

const TABLE: ArgumentTable = {
  name: 'kafka-cluster',
  help: 'The Kafka cluster tool.',
  arguments: [],
  commands: [
    {
      name: 'cluster-id',
      help: 'tell the id of the cluster',
      arguments: [...CONNECT],
      oneOf: [CONNECT_ONE_OF],
    },
    {
      name: 'unregister',
      help: 'forget a broker',
      arguments: [...CONNECT, ID],
      oneOf: [CONNECT_ONE_OF],
    },
    {
      name: 'list-endpoints',
      help: 'list brokers or controllers',
      arguments: [...CONNECT, FENCED],
      oneOf: [CONNECT_ONE_OF],
    },
  ],
}

export function kafkaCluster(args: readonly string[], io: CommandIo): Promise<number> {
  return runArguments(TABLE, args, io, (parsed) => run(parsed, io))
}

function run({ command, flags }: ParsedArguments, io: CommandIo): Promise<number> {
  if (flags.has('config') && flags.has('command-config'))
    throw new KafkaToolExit('--config and --command-config cannot be specified together.')
  if (flags.has('config'))
    io.stdout.write(
      'Option --config has been deprecated and will be removed in a future version. ' +
        'Use --command-config instead.\n',
    )
  if (flags.has('bootstrap-controller') && flags.has('include-fenced-brokers'))
    throw new KafkaToolExit(
      'The option --include-fenced-brokers is only supported with --bootstrap-server option',
    )
  const action = { 'cluster-id': clusterId, unregister, 'list-endpoints': listEndpoints }[command]
  return withAdminClient(
    flags,
    io,
    async (client) => {
      await action?.(client, flags, io)
      return 0
    },
    flags.has('config') ? 'config' : 'command-config',
  )
}

function endpointType(flags: Flags): number {
  return flags.has('bootstrap-controller') ? EndpointType.controller : EndpointType.broker
}

async function clusterId(client: Client, flags: Flags, io: CommandIo): Promise<void> {
  const answer = await describeCluster(client, endpointType(flags))
  io.stdout.write(
    answer.clusterId === ''
      ? 'No cluster ID found. The Kafka version is probably too old.\n'
      : `Cluster ID: ${answer.clusterId}\n`,
  )
}

async function unregister(client: Client, flags: Flags, io: CommandIo): Promise<void> {
  const id = Number(flags.value('id'))
  try {
    await unregisterBroker(client, id)
  } catch (error) {
    if (!(error instanceof UnsupportedApi)) throw error
    throw new KafkaToolExit(
      'The target cluster does not support the broker unregistration API.',
      'stdout',
    )
  }
  io.stdout.write(`Broker ${id} is no longer registered.\n`)
}

async function listEndpoints(client: Client, flags: Flags, io: CommandIo): Promise<void> {
  const type = endpointType(flags)
  const answer = await describeCluster(client, type, flags.has('include-fenced-brokers'))
  const brokers = [...answer.brokers].sort((a, b) => a.brokerId - b.brokerId)
  const widest = (texts: string[]): number => Math.max(...texts.map(({ length }) => length), 0)
  const hosts = Math.max(widest(brokers.map(({ host }) => host)), 'HOST'.length + 5)
  const racks = Math.max(widest(brokers.map(({ rack }) => String(rack))), 10)
  const isBroker = type === EndpointType.broker
  const line = (id: string, host: string, port: string, rack: string, state: string): string =>
    `${id.padEnd(10)} ${host.padEnd(hosts)} ${port.padEnd(10)} ${rack.padEnd(racks)} ` +
    (isBroker ? `${state.padEnd(10)} ` : '')
  io.stdout.write(`${line('ID', 'HOST', 'PORT', 'RACK', 'STATE')}${'ENDPOINT_TYPE'.padEnd(15)}\n`)
  for (const { brokerId, host, port, rack, isFenced } of brokers)
    io.stdout.write(
      line(String(brokerId), host, String(port), String(rack), isFenced ? 'fenced' : 'unfenced') +
        `${(isBroker ? 'broker' : 'controller').padEnd(15)}\n`,
    )
}
