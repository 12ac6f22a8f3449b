/** The own client against a server of given answers. */
import { afterEach, describe, expect, it } from 'vitest'
import { ErrorCode } from '../../../engine/base/errors.ts'
import { Client } from '../../../net/client/client.ts'
import { ConnectionFailed, UnsupportedApi } from '../../../net/client/client-errors.ts'
import { ClientProducer } from '../../../net/client/client-producer.ts'
import { type FakeBroker, type FakeRequest, startFakeBroker } from '../../support/fake-broker.ts'

const PRODUCE = 0
const METADATA = 3

const clients: Client[] = []
const brokers: FakeBroker[] = []

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close()
  for (const broker of brokers.splice(0)) await broker.close()
})

async function start(
  answer: (request: FakeRequest, port: number) => object | null | 'close',
  versions: Record<number, [number, number]> = {},
): Promise<{ broker: FakeBroker; client: Client }> {
  let port = 0
  const broker = await startFakeBroker((request) => answer(request, port), versions)
  port = broker.port
  brokers.push(broker)
  const client = new Client({ bootstrap: broker.address, timeoutMs: 2_000 })
  clients.push(client)
  return { broker, client }
}

function metadataOf(port: number, topics: object[] = []): object {
  return { brokers: [{ nodeId: 1, host: '127.0.0.1', port }], controllerId: 1, topics }
}

const TOPIC = {
  errorCode: 0,
  name: 't',
  topicId: 'AAAAAAAAAAAAAAAAAAAAAQ',
  partitions: [{ errorCode: 0, partitionIndex: 0, leaderId: 1, replicaNodes: [1], isrNodes: [1] }],
}

describe('the client', () => {
  it('opens one connection to an address, whoever asks at the same time', async () => {
    const { broker, client } = await start((_request, port) => metadataOf(port))
    await Promise.all(Array.from({ length: 5 }, () => client.metadata(null)))
    await client.broker(1)
    expect(broker.connections()).toBe(1)
  })

  it('opens another one after the first broke', async () => {
    let hangUps = 1
    const { broker, client } = await start((_request, port) =>
      hangUps-- > 0 ? 'close' : metadataOf(port),
    )
    await expect(client.metadata(null)).rejects.toThrow(ConnectionFailed)
    expect((await client.metadata(null)).controllerId).toBe(1)
    expect(broker.connections()).toBe(2)
  })

  it('asks in the highest version both know, and says when there is none', async () => {
    const seen: number[] = []
    const { client } = await start(
      ({ version }, port) => {
        seen.push(version)
        return metadataOf(port)
      },
      { [METADATA]: [0, 7], [PRODUCE]: [-1, -1] },
    )
    await client.metadata(null)
    expect(seen).toEqual([7])
    const producer = new ClientProducer(client, 't', { timeoutMs: 50 })
    await expect(producer.start()).rejects.toThrow()
    const connection = await client.broker(1)
    expect(connection.servedVersions(PRODUCE)).toBeNull()
    const { ProduceRequest } = await import('../../../engine/protocol/00-produce.ts')
    expect(() => connection.versionOf(ProduceRequest)).toThrow(UnsupportedApi)
  })

  it('gives up an answer that does not come', async () => {
    const { broker } = await start(() => null)
    const client = new Client({ bootstrap: broker.address, timeoutMs: 50 })
    clients.push(client)
    await expect(client.metadata(null)).rejects.toMatchObject({ problem: 'timeout' })
  })
})

describe('the producer', () => {
  const produced = (errorCode: number): object => ({
    responses: [
      { name: 't', topicId: TOPIC.topicId, partitionResponses: [{ index: 0, errorCode }] },
    ],
  })

  it('sends again after errors that may pass and after a broken connection', async () => {
    const outcomes: (object | 'close')[] = [
      produced(ErrorCode.NOT_LEADER_OR_FOLLOWER),
      'close',
      produced(0),
    ]
    let sends = 0
    const { client } = await start(({ apiKey }, port) => {
      if (apiKey === METADATA) return metadataOf(port, [TOPIC])
      return outcomes[sends++] ?? null
    })
    const producer = new ClientProducer(client, 't')
    await producer.start()
    await producer.send({ key: null, value: Buffer.from('x') })
    await producer.flush()
    expect(sends).toBe(3)
  })

  it('fails at once after an error that stays, and for every later record', async () => {
    const { client } = await start(({ apiKey }, port) =>
      apiKey === METADATA
        ? metadataOf(port, [TOPIC])
        : produced(ErrorCode.TOPIC_AUTHORIZATION_FAILED),
    )
    const producer = new ClientProducer(client, 't')
    await producer.start()
    await producer.send({ key: null, value: Buffer.from('x') })
    await expect(producer.flush()).rejects.toThrow('TOPIC_AUTHORIZATION_FAILED')
    await expect(producer.send({ key: null, value: null })).rejects.toThrow()
  })

  it('has no partition that the topic lacks', async () => {
    const { client } = await start((_request, port) => metadataOf(port, [TOPIC]))
    const producer = new ClientProducer(client, 't')
    await producer.start()
    await producer.send({ key: null, value: null, partition: 9 })
    await expect(producer.flush()).rejects.toThrow(/'t' has no partition 9/)
  })
})
