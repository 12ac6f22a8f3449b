/**
 * Records what a broker answers to the corner requests about options, features, the quorum, elections
 * and reassignments: `npx tsx test/interop/record-admin-answers.ts HOST:PORT > FILE`. Run against a
 * fresh single-node Kafka 4.2 (node.id 1, log.retention.hours=100, num.partitions=2) it makes
 * test/golden-data/admin-answers.jsonl; the cases run in order and later ones see earlier ones' effects.
 */
import { apis } from '../../engine/protocol/index.ts'
import type { Message } from '../../engine/schema/fields.ts'
import { Client } from '../../net/client/client.ts'
import { adminCases } from './admin-cases.ts'

const bootstrap = process.argv[2]
if (bootstrap === undefined) throw new Error('give the address of a broker: host:port')
/** A real Kafka answers before its own broker has applied the change. */
const APPLIED_AFTER_MS = 250
const changing = new Set([19, 33, 44, 57])

const client = new Client({ bootstrap })
const connection = await client.anyBroker()
for (const { name, apiKey, version, request } of adminCases) {
  const api = apis.get(apiKey)
  if (api === undefined) throw new Error(`no API ${apiKey}`)
  const response = await connection.send(api.request as Message, api.response as Message, request, {
    version,
    timeoutMs: 5_000,
  })
  const line = { name, apiKey, version, request, response }
  console.log(
    JSON.stringify(line, (_, value: unknown) =>
      typeof value === 'bigint' ? Number(value) : value,
    ),
  )
  if (changing.has(apiKey)) await new Promise((resolve) => setTimeout(resolve, APPLIED_AFTER_MS))
}
await client.close()
