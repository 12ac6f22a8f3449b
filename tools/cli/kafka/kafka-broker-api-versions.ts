/**
 * kafka-broker-api-versions by its own flags (org.apache.kafka.tools.BrokerApiVersionsCommand, 4.2):
 * what each broker serves, and which version would be used.
 */
import { apis } from '../../../engine/protocol/index.ts'
import type { Client } from '../../../net/client/client.ts'
import { apiVersions } from '../cluster-admin.ts'
import type { CommandIo } from '../io.ts'
import { withAdminClient } from './admin-client.ts'
import { type FlagTable, requireFlag, runTool } from './flags.ts'

const FLAGS: FlagTable = { 'bootstrap-server': 'value', 'command-config': 'value' }
const ABOUT = 'This tool helps to retrieve broker version information.'

/** Of Kafka's clients only; no tables of ours. */
const OTHERS: readonly (readonly [key: number, name: string])[] = [
  [71, 'GetTelemetrySubscriptions'],
  [72, 'PushTelemetry'],
]

export function kafkaBrokerApiVersions(args: readonly string[], io: CommandIo): Promise<number> {
  return runTool(args, io, { about: ABOUT, flags: FLAGS }, (flags) => {
    requireFlag(flags, 'bootstrap-server')
    return withAdminClient(flags, io, (client) => tell(client, io))
  })
}

interface KnownApi {
  readonly name: string
  readonly range: readonly [min: number, max: number] | null
}

async function tell(client: Client, io: CommandIo): Promise<number> {
  const known = new Map<number, KnownApi>(OTHERS.map(([key, name]) => [key, { name, range: null }]))
  for (const [key, { name, request }] of apis)
    known.set(key, { name, range: [request.minVersion, request.maxVersion] })
  const { brokers } = await client.metadata([])
  for (const { nodeId, host, port, rack } of brokers) {
    const answer = await apiVersions(await client.broker(nodeId))
    const lines = new Map(
      [...known].map(([key, { name }]) => [key, `${name}(${key}): UNSUPPORTED`]),
    )
    for (const { apiKey, minVersion, maxVersion } of answer.apiKeys)
      lines.set(apiKey, line(apiKey, [minVersion, maxVersion], known.get(apiKey) ?? null))
    const sorted = [...lines].sort(([a], [b]) => a - b).map(([, text]) => `\t${text}`)
    io.stdout.write(
      `${host}:${port} (id: ${nodeId} rack: ${rack} isFenced: false) -> (\n` +
        `${sorted.join(',\n')}\n)\n`,
    )
  }
  return 0
}

function line(key: number, [min, max]: readonly [number, number], known: KnownApi | null): string {
  const served = min === max ? String(min) : `${min} to ${max}`
  const range = known?.range
  if (known === null || range == null) return `${known?.name ?? 'UNKNOWN'}(${key}): ${served}`
  const usable = Math.min(max, range[1])
  const note =
    usable >= Math.max(min, range[0])
      ? `usable: ${usable}`
      : min > range[1]
        ? 'unusable: node too new'
        : 'unusable: node too old'
  return `${known.name}(${key}): ${served} [${note}]`
}
