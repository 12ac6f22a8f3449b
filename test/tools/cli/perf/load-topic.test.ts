/** The topic of a load, on a broker of given answers. */
import { afterEach, expect, it } from 'vitest'
import { ErrorCode } from '../../../../engine/base/errors.ts'
import { Client } from '../../../../net/client/client.ts'
import { openTopic } from '../../../../tools/cli/perf/load-topic.ts'
import { type FakeBroker, startFakeBroker } from '../../../support/fake-broker.ts'

const LIST_OFFSETS = 2
const METADATA = 3
const CREATE_TOPICS = 19

let broker: FakeBroker
let client: Client
afterEach(async () => {
  await client.close()
  await broker.close()
})

/** A topic of two partitions; `codes` are those of ListOffsets, one answer after the other. */
async function start(created: number, codes: readonly number[]): Promise<() => number> {
  let asked = 0
  broker = await startFakeBroker(({ apiKey }) => {
    const both = [0, 1].map((partitionIndex) => ({ partitionIndex }))
    if (apiKey === CREATE_TOPICS) return { topics: [{ name: 't', errorCode: created }] }
    if (apiKey === LIST_OFFSETS) {
      const errorCode = codes[asked++] ?? 0
      const partitions = both.map((each) => ({ ...each, errorCode, offset: 0 }))
      return { topics: [{ name: 't', partitions }] }
    }
    if (apiKey !== METADATA) throw new Error(`asked for API ${apiKey}`)
    const partitions = both.map((each) => {
      return { ...each, errorCode: 0, leaderId: 1, replicaNodes: [1], isrNodes: [1] }
    })
    return {
      brokers: [{ nodeId: 1, host: '127.0.0.1', port: broker.port }],
      controllerId: 1,
      topics: [{ errorCode: 0, name: 't', topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', partitions }],
    }
  })
  client = new Client({ bootstrap: broker.address, timeoutMs: 2_000 })
  return () => asked
}

it('is there when its leaders answer for it, not when metadata names them', async () => {
  const codes = [ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]
  const asked = await start(ErrorCode.NONE, codes)
  const topic = await openTopic(client, 't', 2, -1)
  expect([topic.made, topic.partitions, asked()]).toEqual([true, 2, 3])
})

it('is used as it is when it was there', async () => {
  const asked = await start(ErrorCode.TOPIC_ALREADY_EXISTS, [])
  expect((await openTopic(client, 't', 2, -1)).made).toBe(false)
  expect(asked()).toBe(0)
})

it('fails with what does not pass', async () => {
  await start(ErrorCode.NONE, [ErrorCode.TOPIC_AUTHORIZATION_FAILED])
  await expect(openTopic(client, 't', 2, -1)).rejects.toThrow('TOPIC_AUTHORIZATION_FAILED')
})
