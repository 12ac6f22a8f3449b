/**
 * Records what a broker answers to the corner requests about quotas, one JSON line per case:
 * `npx tsx test/interop/record-quota-answers.ts HOST:PORT > FILE`. Run against a fresh Kafka 4.2 it
 * makes test/golden-data/quota-answers.jsonl.
 */
import { apis } from '../../engine/protocol/index.ts'
import type { Message } from '../../engine/schema/fields.ts'
import { Client } from '../../net/client/client.ts'
import { quotaCases } from './quota-cases.ts'

const bootstrap = process.argv[2]
if (bootstrap === undefined) throw new Error('give the address of a broker: host:port')
/** A real Kafka answers before its own broker has applied the change. */
const APPLIED_AFTER_MS = 150
const ALTER = 49
/** JSON has no word for these. */
const sayable = (_key: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isFinite(value) ? String(value) : value

for (const { name, apiKey, version, request } of quotaCases) {
  const client = new Client({ bootstrap })
  const api = apis.get(apiKey)
  if (api === undefined) throw new Error(`no API ${apiKey}`)
  const connection = await client.anyBroker()
  const response = await connection
    .send(api.request as Message, api.response as Message, request, { version, timeoutMs: 5_000 })
    .catch((error: unknown) => ({ failed: String(error) }))
  console.log(JSON.stringify({ name, response }, sayable))
  await client.close()
  if (apiKey === ALTER) await new Promise((resolve) => setTimeout(resolve, APPLIED_AFTER_MS))
}
