/**
 * The wall clock jumps an hour ahead, back, and an hour behind (S14): retention deletes nothing because of it,
 * long polls and sessions, which are counted on the monotonic clock, notice nothing.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { ListOffsetsRequest, ListOffsetsResponse } from '../../engine/protocol/02-list-offsets.ts'
import { parseAddress } from '../../net/client/address.ts'
import { ClientConnection } from '../../net/client/client-connection.ts'
import { quietKafkajs } from '../clients/kafka-admin.ts'
import { Bystanders, createTopic, fetchRecords, produceBatch } from '../stress/bystanders.ts'
import { require } from '../stress/lane-checks.ts'
import { ProbedBroker } from '../stress/probed-broker.ts'

const SHIFT = fileURLToPath(new URL('clock-shift.cjs', import.meta.url))
const HOUR_MS = 3_600_000
/** Each lasts several retention checks. */
const JUMP_LASTS_MS = 3_000
const RETENTION_CHECK_MS = '200'
const TOPIC = 'kept'
const OLD = 'old'
const VALUE = 'v'.repeat(100_000)
const SESSION_MS = 6_000

export async function clockJumps(compiled: boolean): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-clock-'))
  const shiftFile = join(folder, 'shift')
  const shift = (ms: number): void => writeFileSync(shiftFile, String(ms))
  shift(0)
  const broker = await ProbedBroker.launch({
    compiled,
    overrides: {
      'sluice.shards': '2',
      'log.retention.check.interval.ms': RETENTION_CHECK_MS,
      'group.min.session.timeout.ms': '1000',
    },
    env: { NODE_OPTIONS: `--require ${SHIFT}`, SLUICE_CLOCK_SHIFT: shiftFile },
  })
  const member = quietKafkajs(broker.address).consumer({
    groupId: 'clock',
    sessionTimeout: SESSION_MS,
    heartbeatInterval: 300,
    maxWaitTimeInMs: 200,
  })
  try {
    const bystanders = await Bystanders.start(broker.address)
    const options = { clientId: 'clock', timeoutMs: 20_000 }
    const client = await ClientConnection.connect(parseAddress(broker.address), options)
    const configs = { 'retention.ms': String(HOUR_MS / 2), 'segment.bytes': '1048576' }
    for (const name of [TOPIC, OLD]) await createTopic(client, name, 1, configs)
    for (let at = 0; at < 35; at++) await produceBatch(client, TOPIC, 0, [VALUE])
    let joined = 0
    member.on(member.events.GROUP_JOIN, () => joined++)
    let seen = 0
    await member.connect()
    await member.subscribe({ topics: [TOPIC], fromBeginning: true })
    await member.run({ eachMessage: async () => void seen++ })
    for (const ms of [HOUR_MS, 0, -HOUR_MS, 0]) {
      shift(ms)
      const startedMs = performance.now()
      while (performance.now() < startedMs + JUMP_LASTS_MS) {
        const askedMs = performance.now()
        await fetchRecords(client, TOPIC, 0, Number.MAX_SAFE_INTEGER >>> 0).catch(() => {})
        const waitedMs = performance.now() - askedMs
        require(waitedMs < 5_000, () => `a long poll of 300 ms took ${waitedMs.toFixed(0)} ms`)
        await produceBatch(client, TOPIC, 0, ['after the jump'])
        await sleep(100)
      }
      const start = await earliest(client)
      require(start === 0, () => `a jump to ${ms} ms deleted the records below ${start}`)
    }
    require(joined === 1, () => `the member joined ${joined} times`)
    require(seen > 35, () => `the member saw ${seen} records`)
    await member.disconnect()
    client.close()
    const records = await bystanders.stop()
    const told = broker.logLines('WARN').filter((line) => /clock/.test(line))
    await broker.stop()
    require(told.length > 0, () => 'the log does not tell of the jump')
    return `4 jumps, nothing deleted, one generation, ${seen} records seen, ${records} beside; told ${told.length} times`
  } finally {
    await member.disconnect().catch(() => {})
    await broker.remove()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function earliest(client: ClientConnection): Promise<number> {
  const partitions = [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp: -2 }]
  const body = { replicaId: -1, isolationLevel: 0, topics: [{ name: TOPIC, partitions }] }
  const answer = await client.send(ListOffsetsRequest, ListOffsetsResponse, body, { version: 7 })
  return answer.topics[0]?.partitions[0]?.offset ?? -1
}
