/**
 * Consumer groups (KIP-848) against a real Kafka 4.2: the errors of the recorded exchanges word for
 * word, and the records of the golden log.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { decodeAnyRecord } from '../../engine/coordinator/group/records.ts'
import {
  ConsumerGroupHeartbeatRequest,
  ConsumerGroupHeartbeatResponse,
} from '../../engine/protocol/68-consumer-group-heartbeat.ts'
import { decodeRequestHeader } from '../../engine/protocol/header.ts'
import { decoderFor } from '../../engine/schema/codec.ts'
import { Reader } from '../../engine/schema/reader.ts'
import { heartbeat, joinBody } from '../support/consumer-group-client.ts'
import { exchangesOf } from '../support/golden-wire.ts'
import { GroupClient } from '../support/group-client.ts'

/** Length and correlation id, then an empty list of tagged fields. */
const RESPONSE_BODY_AT = 4 + 4 + 1
const LENGTH_BYTES = 4

const recorded = exchangesOf('68-ConsumerGroupHeartbeat.jsonl').map((exchange) => {
  const { request, response, version } = exchange
  const header = decodeRequestHeader(request, LENGTH_BYTES, request.length)
  const body = new Reader(request, header.bodyStart)
  return {
    version,
    at: exchange.at,
    request: decoderFor(ConsumerGroupHeartbeatRequest, version)(body),
    response: decoderFor(
      ConsumerGroupHeartbeatResponse,
      version,
    )(new Reader(response!, RESPONSE_BODY_AT)),
  }
})

describe('heartbeats recorded from a real Kafka', () => {
  const refused = recorded.filter(({ response }) => response.errorCode !== 0)

  it.each(refused.map((one) => [one.at, one] as const))(
    '%s is refused the same',
    async (_, one) => {
      const client = await GroupClient.start()
      client.host.addTopic('syn', 2)
      // Who the recorded request takes for a member is one, in its first epoch.
      const { groupId, memberId, memberEpoch } = one.request
      const isMember = memberEpoch > 0 && memberId !== 'nobody'
      const first = { ...joinBody(isMember ? memberId : 'other', ['syn']), groupId }
      expect((await heartbeat(client, first)).memberEpoch).toBe(1)
      const answer = await heartbeat(client, { ...one.request, version: one.version })
      expect(answer).toEqual(one.response)
    },
  )

  it.each(
    recorded
      .filter(({ request, response }) => request.memberEpoch === 0 && response.errorCode === 0)
      .map((one) => [one.at, one] as const),
  )('%s joins the same', async (_, one) => {
    const client = await GroupClient.start()
    const [assigned] = one.response.assignment!.topicPartitions
    const name = one.request.subscribedTopicNames![0]!
    client.host.addTopic(name, assigned!.partitions.length, assigned!.topicId)
    const answer = await heartbeat(client, { ...one.request, version: one.version })
    const memberId = one.version === 0 ? answer.memberId : one.response.memberId
    expect(answer).toEqual({ ...one.response, memberId })
  })
})

describe('records of the golden log', () => {
  function dumped(groupId: string) {
    const path = '../golden/logs/dump/__consumer_offsets-3/00000000000000000000.log.dump.txt'
    return readFileSync(new URL(path, import.meta.url), 'utf8')
      .split('\n')
      .flatMap((line) => {
        const match = / key: (\{.*\}) payload: (.*)$/.exec(line)
        if (match === null) return []
        const key = JSON.parse(match[1]!)
        if (key.data.groupId !== groupId) return []
        const value = match[2] === '<DELETE>' ? null : JSON.parse(match[2]!).data
        return [{ recordType: Number(key.type), key: key.data, value }]
      })
  }

  it('are what the same heartbeats write here: a static member that goes away for too long', async () => {
    const theirs = dumped('consumer-static')
    const member = theirs[0]!
    const client = await GroupClient.start()
    client.host.addTopic('partitioned', 3, theirs[2]!.value.topicPartitions[0].topicId)
    const { memberId } = member.key
    const { instanceId, rebalanceTimeoutMs, serverAssignor } = member.value
    const named = { groupId: 'consumer-static', instanceId, memberId }
    const join = { ...joinBody(memberId, ['partitioned']), rebalanceTimeoutMs, serverAssignor }
    await heartbeat(client, { ...join, ...named })
    await heartbeat(client, { ...named, memberEpoch: -2 })
    await client.advance(45_000)
    const ours = client.host.batches.flat().map((record) => decodeAnyRecord(record)!)
    expect(ours.map(({ recordType, key }) => [recordType, key])).toEqual(
      theirs.map(({ recordType, key }) => [recordType, key]),
    )
    for (const [at, { recordType, value }] of ours.entries()) {
      if (recordType === 3)
        expect(value).toEqual({
          epoch: theirs[at]!.value.epoch,
          // JSON.parse() rounds what the dump prints; an empty group's hash is left out there.
          metadataHash: at === 1 ? -9_223_067_711_296_508_992n : 0n,
        })
      else if (value === null) expect(theirs[at]!.value).toBeNull()
      else expect({ ...value, clientId: 'gen-consumer' }).toMatchObject(theirs[at]!.value)
    }
  })
})
