import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { afterEach, describe, expect, it } from 'vitest'
import { parseBrokerConfig } from '../../engine/base/config.ts'
import { type Broker, startBroker } from '../../net/broker.ts'
import { MemoryLogger } from '../support/connection-rig.ts'

const cleanups: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

function dataFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-broker-'))
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

interface Started {
  readonly broker: Broker
  readonly logger: MemoryLogger
  readonly address: string
}

async function start(folder: string, settings: Record<string, string> = {}): Promise<Started> {
  const entries = new Map(
    Object.entries({
      listeners: 'PLAINTEXT://127.0.0.1:0',
      'log.dirs': folder,
      'sluice.shards': '2',
      'group.initial.rebalance.delay.ms': '0',
      ...settings,
    }),
  )
  const { config, errors } = parseBrokerConfig(entries)
  expect(errors).toEqual([])
  const logger = new MemoryLogger()
  const broker = await startBroker({
    config,
    logger,
    logStyle: { format: 'text', level: 'error' },
    version: 'test',
    exit: (code) => {
      throw new Error(`the broker wants to exit with ${code}: ${logger.lines.join('\n')}`)
    },
  })
  cleanups.push(() => broker.stop())
  const { host, port } = broker.listeners[0]?.advertised ?? { host: '', port: 0 }
  return { broker, logger, address: `${host}:${port}` }
}

function client(address: string): Kafka {
  return new Kafka({ clientId: 'it', brokers: [address], logLevel: logLevel.NOTHING })
}

async function createTopic(kafka: Kafka, topic: string, numPartitions: number): Promise<void> {
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions }] })
  await admin.disconnect()
}

/** Reads until `count` messages came; values by partition, in order. */
async function consume(
  kafka: Kafka,
  topic: string,
  groupId: string,
  count: number,
): Promise<Map<number, string[]>> {
  const consumer = kafka.consumer({ groupId })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const got = new Map<number, string[]>()
  let total = 0
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        eachMessage: async ({ partition, message }) => {
          const values = got.get(partition) ?? []
          values.push(message.value?.toString() ?? '')
          got.set(partition, values)
          total++
          if (total >= count) resolve()
        },
      })
      .catch(reject)
  })
  await consumer.disconnect()
  return got
}

describe('a broker with kafkajs', () => {
  it('serves partitions of both shards to a group, each record once, in order', async () => {
    const { address } = await start(dataFolder())
    const kafka = client(address)
    await createTopic(kafka, 'orders', 4)
    const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    const perPartition = 250
    for (let batch = 0; batch < 5; batch++)
      await producer.send({
        topic: 'orders',
        acks: -1,
        messages: Array.from({ length: (perPartition * 4) / 5 }, (_, i) => ({
          value: `${batch * ((perPartition * 4) / 5) + i}`,
          partition: i % 4,
        })),
      })
    await producer.disconnect()
    const got = await consume(kafka, 'orders', 'readers', perPartition * 4)
    expect([...got.keys()].sort()).toEqual([0, 1, 2, 3])
    for (const [partition, values] of got) {
      expect(values.length).toBe(perPartition)
      const numbers = values.map(Number)
      expect(numbers.every((value) => value % 4 === partition)).toBe(true)
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
    }
  })

  it('keeps records and committed offsets over an orderly stop and start', async () => {
    const folder = dataFolder()
    const first = await start(folder)
    let kafka = client(first.address)
    await createTopic(kafka, 'kept', 2)
    const send = async (values: readonly string[]): Promise<void> => {
      const producer = kafka.producer()
      await producer.connect()
      await producer.send({
        topic: 'kept',
        messages: values.map((value, i) => ({ value, partition: i % 2 })),
      })
      await producer.disconnect()
    }
    await send(['a', 'b', 'c', 'd'])
    await consume(kafka, 'kept', 'g', 4)
    await first.broker.stop()
    expect(first.logger.lines.at(-1)).toMatch(/stopped cleanly/)

    const second = await start(folder)
    expect(second.broker.clusterId).toBe(first.broker.clusterId)
    kafka = client(second.address)
    await send(['e', 'f'])
    const got = await consume(kafka, 'kept', 'g', 2)
    expect([...got.values()].flat().sort()).toEqual(['e', 'f'])
    const all = await consume(kafka, 'kept', 'fresh', 6)
    expect([...all.values()].flat().sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
  })

  it('moves records larger than any buffer of ours, to and from the other shard too', async () => {
    const { address } = await start(dataFolder(), { 'message.max.bytes': '12000000' })
    const kafka = client(address)
    await createTopic(kafka, 'large', 2)
    const producer = kafka.producer()
    await producer.connect()
    const values = [0, 1].map((partition) => `${partition}`.repeat(5_000_000))
    for (const [partition, value] of values.entries())
      await producer.send({ topic: 'large', messages: [{ value, partition }] })
    await producer.disconnect()
    const got = await consume(kafka, 'large', 'g', 2)
    for (const [partition, value] of values.entries())
      expect(got.get(partition)?.[0] === value).toBe(true)
  })

  it('is not disturbed by connections that break the rules', async () => {
    const { address, logger } = await start(dataFolder())
    const [host = '', port = ''] = address.split(':')
    const kafka = client(address)
    await createTopic(kafka, 't', 2)
    const broken = ['GET / HTTP/1.1\r\n\r\n', '\x7f\xff\xff\xff', '\x00\x00\x00\x0c\x00\x63']
    const closed = broken.slice(0, 2).map(
      (bytes) =>
        new Promise<void>((resolve) => {
          const socket = connect(Number(port), host, () =>
            socket.write(Buffer.from(bytes, 'latin1')),
          )
          socket.on('error', () => {})
          socket.on('close', () => resolve())
        }),
    )
    const hanging = connect(Number(port), host, () =>
      hanging.write(Buffer.from(broken[2] ?? '', 'latin1')),
    )
    cleanups.push(() => hanging.destroy())
    await Promise.all(closed)
    const producer = kafka.producer()
    await producer.connect()
    await producer.send({ topic: 't', messages: [{ value: 'x' }, { value: 'y' }] })
    await producer.disconnect()
    const got = await consume(kafka, 't', 'g', 2)
    expect([...got.values()].flat().length).toBe(2)
    // Lines of the other thread go to stdout; those of this one are here.
    for (const line of logger.lines.filter((each) => each.startsWith('warn')))
      expect(line).toMatch(/closed the connection from 127\.0\.0\.1/)
  })

  it('prints the phrases that tools wait for, and says why it cannot start', async () => {
    const folder = dataFolder()
    const { logger, address } = await start(folder)
    const text = logger.lines.join('\n')
    expect(text).toMatch(/Transitioning from RECOVERY to RUNNING/)
    expect(text).toMatch(/Kafka Server started/)
    expect(text).toMatch(new RegExp(`advertised as ${address}`))
    await expect(start(dataFolder(), { listeners: `PLAINTEXT://${address}` })).rejects.toThrow(
      /is in use by another program/,
    )
    await expect(start(folder)).rejects.toThrow(/is in use by process/)
    await expect(
      start(dataFolder(), { listeners: 'A://127.0.0.1:0,B://127.0.0.1:0' }),
    ).rejects.toThrow()
  })

  it('serves several listeners, each under its own advertised address', async () => {
    const { broker } = await start(dataFolder(), {
      listeners: 'INSIDE://127.0.0.1:0,OUTSIDE://127.0.0.1:0',
      'listener.security.protocol.map': 'INSIDE:PLAINTEXT,OUTSIDE:PLAINTEXT',
      'advertised.listeners': 'INSIDE://127.0.0.1:0,OUTSIDE://localhost:0',
      'inter.broker.listener.name': 'INSIDE',
    })
    const [inside, outside] = broker.listeners
    expect(inside?.advertised).toEqual({ host: '127.0.0.1', port: inside?.port })
    expect(outside?.advertised).toEqual({ host: 'localhost', port: outside?.port })
    for (const listener of broker.listeners) {
      const admin = client(`127.0.0.1:${listener.port}`).admin()
      await admin.connect()
      const { brokers } = await admin.describeCluster()
      expect(brokers).toEqual([{ nodeId: 1, ...listener.advertised }])
      await admin.disconnect()
    }
  })
})
