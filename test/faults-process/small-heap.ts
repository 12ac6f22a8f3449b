/**
 * A broker that may have 128 MB of heap in each thread: many clients at full load come through, and what it
 * has resident does not grow with the time they take.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { residentBytes } from '../../bench/load/process-meter.ts'
import { parseAddress } from '../../net/client/address.ts'
import { ClientConnection } from '../../net/client/client-connection.ts'
import { Bystanders, createTopic, fetchRecords, produceBatch } from '../stress/bystanders.ts'
import { require } from '../stress/lane-checks.ts'
import { ProbedBroker } from '../stress/probed-broker.ts'

const MIB = 1024 * 1024
const HEAP_MB = 128
const TOPIC = 'load'
const PARTITIONS = 6
const PRODUCERS = 12
const CONSUMERS = 12
const VALUE_BYTES = 1_000
const RECORDS = 100
const WARM_MS = 5_000
const LOAD_MS = 12_000
const RISE_MAX = 64 * MIB

export async function smallHeap(compiled: boolean): Promise<string> {
  const broker = await ProbedBroker.launch({
    compiled,
    overrides: { 'sluice.shards': '2', 'log.segment.bytes': String(16 * MIB) },
    env: { NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}` },
  })
  const connections: ClientConnection[] = []
  try {
    const bystanders = await Bystanders.start(broker.address)
    const connect = async (): Promise<ClientConnection> => {
      const options = { clientId: 'load', timeoutMs: 30_000 }
      const connection = await ClientConnection.connect(parseAddress(broker.address), options)
      connections.push(connection)
      return connection
    }
    await createTopic(await connect(), TOPIC, PARTITIONS)
    let running = true
    let batches = 0
    let bytesRead = 0
    const values = Array.from({ length: RECORDS }, () => 'v'.repeat(VALUE_BYTES))
    const produce = async (at: number): Promise<void> => {
      const connection = await connect()
      while (running) {
        await produceBatch(connection, TOPIC, at % PARTITIONS, values)
        batches++
      }
    }
    const consume = async (at: number): Promise<void> => {
      const connection = await connect()
      while (running)
        bytesRead += (await fetchRecords(connection, TOPIC, at % PARTITIONS, 0)).length
    }
    const work = [
      ...Array.from({ length: PRODUCERS }, (_, at) => produce(at)),
      ...Array.from({ length: CONSUMERS }, (_, at) => consume(at)),
    ]
    await Promise.race([sleep(WARM_MS), Promise.all(work)])
    const before = residentBytes(broker.pid)
    await Promise.race([sleep(LOAD_MS), Promise.all(work)])
    const rise = residentBytes(broker.pid) - before
    running = false
    await Promise.all(work)
    const records = await bystanders.stop()
    await broker.stop()
    require(rise < RISE_MAX, () => `resident memory rose by ${(rise / MIB).toFixed(1)} MiB`)
    return (
      `${batches} batches of ${RECORDS} KB in, ${(bytesRead / MIB).toFixed(0)} MiB out, ${records} records ` +
      `beside; resident ${(before / MIB).toFixed(0)} MiB, ${(rise / MIB).toFixed(1)} MiB more at the end`
    )
  } finally {
    for (const connection of connections) connection.close()
    await broker.remove()
  }
}
