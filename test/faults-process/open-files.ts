/**
 * A broker that has run out of descriptors: it goes on with the clients it has, refuses what needs a file
 * with an error, says what is wrong, and takes connections and files again once there are descriptors.
 */
import { readdirSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  CreateTopicsRequest,
  CreateTopicsResponse,
} from '../../engine/protocol/19-create-topics.ts'
import { parseAddress } from '../../net/client/address.ts'
import { ClientConnection } from '../../net/client/client-connection.ts'
import { Bystanders, createTopic, produceBatch } from '../stress/bystanders.ts'
import { require } from '../stress/lane-checks.ts'
import { ProbedBroker } from '../stress/probed-broker.ts'

const OPEN_FILES_MAX = 300
const FLOOD = 400
/** Three files each: more than the descriptors that are kept for data. */
const PARTITIONS_TOO_MANY = 40
const HOLD_MS = 4_000
const WITHIN_MS = 10_000
const options = { clientId: 'open-files', timeoutMs: 30_000 }

export async function openFiles(compiled: boolean): Promise<string> {
  const broker = await ProbedBroker.launch({
    compiled,
    overrides: { 'sluice.shards': '2' },
    under: ['sh', '-c', `ulimit -n ${OPEN_FILES_MAX}; exec "$@"`, 'sh'],
  })
  const flood: Socket[] = []
  try {
    const bystanders = await Bystanders.start(broker.address)
    const admin = await ClientConnection.connect(parseAddress(broker.address), options)
    await createTopic(admin, 'before', 1)
    await produceBatch(admin, 'before', 0, ['a'])
    const open = openDescriptors(broker.pid)
    flood.push(...floodWith(broker.address))
    await sleep(HOLD_MS / 2)
    const refused = await createWithout(admin)
    const without = await produceToAll(admin)
    await produceBatch(admin, 'before', 0, ['b'])
    await sleep(HOLD_MS / 2)
    const during = bystanders.latencies()
    require(during.answers > 50, () => `${during.answers} answers while there were none to spare`)
    const told = broker.logLines('WARN').filter((line) => /open files/i.test(line))
    require(told.length > 0, () => `the log does not say so: ${broker.output().slice(-1500)}`)
    require(told.length < 10, () => `the log says so ${told.length} times`)
    for (const socket of flood.splice(0)) socket.destroy()
    await usableAgain(broker.address)
    await createTopic(admin, 'after', 6)
    for (let index = 0; index < 6; index++) await produceBatch(admin, 'after', index, ['c'])
    const records = await bystanders.stop()
    admin.close()
    await broker.stop()
    await broker.start()
    const restarted = await ClientConnection.connect(parseAddress(broker.address), options)
    const all = await produceToAll(restarted)
    restarted.close()
    require(all === `${PARTITIONS_TOO_MANY} taken`, () => `after a restart: ${all}`)
    return (
      `${open} of ${OPEN_FILES_MAX} open, ${FLOOD} connections wanted; a topic then: ${refused}, ` +
      `${without}, after a restart ${all}; ${records} records beside it, ` +
      `slowest answer ${during.slowestMs.toFixed(0)} ms`
    )
  } finally {
    for (const socket of flood) socket.destroy()
    await broker.remove()
  }
}

function openDescriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

function floodWith(address: string): Socket[] {
  const { host, port } = parseAddress(address)
  return Array.from({ length: FLOOD }, () => {
    const socket = connect(port, host)
    socket.on('error', () => {})
    return socket
  })
}

/** Creating a topic needs files: an error is in order, silence or the end of the broker is not. */
async function createWithout(admin: ClientConnection): Promise<string> {
  const topics = [
    {
      name: 'without',
      numPartitions: PARTITIONS_TOO_MANY,
      replicationFactor: 1,
      assignments: [],
      configs: [],
    },
  ]
  const answer = await admin.send(CreateTopicsRequest, CreateTopicsResponse, {
    timeoutMs: 10_000,
    topics,
  })
  return `error ${answer.topics[0]?.errorCode}`
}

/** How many of its partitions take a record. */
async function produceToAll(admin: ClientConnection): Promise<string> {
  const outcomes = new Map<string, number>()
  for (let index = 0; index < PARTITIONS_TOO_MANY; index++) {
    const outcome = await produceBatch(admin, 'without', index, ['x']).then(
      () => 'taken',
      (error: Error) => error.message,
    )
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  }
  return [...outcomes].map(([outcome, count]) => `${count} ${outcome}`).join(', ')
}

async function usableAgain(address: string): Promise<void> {
  const untilMs = performance.now() + WITHIN_MS
  for (;;)
    try {
      const connection = await ClientConnection.connect(parseAddress(address), options)
      connection.close()
      return
    } catch (error) {
      if (performance.now() > untilMs) throw error
      await sleep(100)
    }
}
