/**
 * A real Kafka's folder, damaged while it is stopped, salvaged by ours: Kafka starts on it again, its tool
 * reads it, and a client finds every record but those of the damaged batch.
 */
import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeResult, runCommand } from '../support/child-processes.ts'
import { testProgram } from '../support/program.ts'
import { KafkaAdmin, quietKafkajs } from './kafka-admin.ts'
import { readTopic } from './read-topic.ts'
import { type Check, check, grouped, type Lane, type Scenario } from './scenario.ts'

const BATCHES = 600
const PER_BATCH = 10
const LIMIT_MS = 60_000

async function fill(lane: Lane, address: string, topic: string): Promise<void> {
  await new KafkaAdmin(lane, address).createTopic(topic, 1, { 'segment.bytes': '1048576' })
  const producer = quietKafkajs(address).producer()
  lane.defer(() => producer.disconnect())
  await producer.connect()
  for (let batch = 0; batch < BATCHES; batch++) {
    const messages = Array.from({ length: PER_BATCH }, (_, at) => ({
      partition: 0,
      value: `${batch * PER_BATCH + at}`.padEnd(300, '.'),
    }))
    await producer.send({ topic, acks: -1, messages })
  }
}

async function sluiceLog(verb: string, folder: string): Promise<string> {
  const args = [...testProgram(), 'log', verb, folder, '--format', 'json']
  const result = await runCommand(process.execPath, args, { limitMs: LIMIT_MS })
  check(result.code === 0, () => describeResult(`sluice log ${verb}`, result))
  return result.stdout
}

/** Changes a byte in the middle of the first segment's records. */
function damage(folder: string): void {
  const [first] = readdirSync(folder)
    .filter((name) => name.endsWith('.log'))
    .sort()
  const path = join(folder, first ?? '')
  const bytes = readFileSync(path)
  const middle = bytes.length >> 1
  bytes[middle] = (bytes[middle] ?? 0) ^ 0xff
  writeFileSync(path, bytes)
}

const salvageCheck: Check = {
  name: "a damaged segment of a real Kafka's, salvaged, and read by Kafka again",
  limitMs: 240_000,
  slow: true,
  async run(lane) {
    const kafka = await lane.startKafka()
    const topic = `salvage-${randomUUID().slice(0, 8)}`
    await fill(lane, kafka.address, topic)
    await kafka.stop()
    const folder = join(kafka.dataFolder, `${topic}-0`)
    damage(folder)
    await sluiceLog('salvage', folder)
    await sluiceLog('verify', folder)
    await kafka.start()
    const [records = []] = await readTopic(lane, topic, kafka.address)
    const [end] = await new KafkaAdmin(lane, kafka.address).endOffsets(topic)
    const total = BATCHES * PER_BATCH
    check(end === total, () => `the log ends at ${end}, not ${total}`)
    check(records.length === total - PER_BATCH, () => `${records.length} of ${total} records`)
    for (const { offset, value } of records)
      check(Number(`${value}`.split('.')[0]) === offset, () => `offset ${offset} holds ${value}`)
    const lost = records.findIndex(({ offset }, at) => offset !== at)
    check(lost % PER_BATCH === 0, () => `the gap begins at ${lost}, inside a batch`)
    return `${grouped(records.length)} of ${grouped(total)} records, one batch of ${PER_BATCH} lost`
  },
}

export const salvageScenario: Scenario = { name: 'salvage', checks: [salvageCheck] }
