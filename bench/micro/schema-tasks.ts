/** Encode and decode of the messages a broker meets most. */
import { ProduceRequest, ProduceResponse } from '../../engine/protocol/00-produce.ts'
import { FetchRequest, FetchResponse } from '../../engine/protocol/01-fetch.ts'
import { MetadataRequest } from '../../engine/protocol/03-metadata.ts'
import { HeartbeatRequest } from '../../engine/protocol/12-heartbeat.ts'
import { decodeRequestHeader, encodeRequestHeader } from '../../engine/protocol/header.ts'
import { decoderFor, encoderFor } from '../../engine/schema/codec.ts'
import type { InferInput, Message } from '../../engine/schema/fields.ts'
import { Reader } from '../../engine/schema/reader.ts'
import { Writer } from '../../engine/schema/writer.ts'
import { type MicroTask, task } from './micro-task.ts'

const TOPIC_ID = 'q1w2e3r4T5y6U7i8O9p0-A'
const CALLS = 50

export function schemaTasks(): MicroTask[] {
  const writer = new Writer(1 << 16)
  encodeRequestHeader(writer, { apiKey: 0, apiVersion: 9, correlationId: 5, clientId: 'producer' })
  const header = Buffer.from(writer.bytes())
  const partitionData = [{ index: 3, records: Buffer.alloc(1024, 1) }]
  const partition = { partitionIndex: 3, errorCode: 0, highWatermark: 1_000_000 }
  return [
    task(
      'request header decoded',
      200,
      () => decodeRequestHeader(header, 0, header.length).bodyStart,
    ),
    ...both(ProduceRequest, 13, {
      acks: -1,
      timeoutMs: 30_000,
      topicData: [{ topicId: TOPIC_ID, partitionData }],
    }),
    ...both(ProduceResponse, 9, {
      responses: [
        {
          name: 'benchmark-topic',
          partitionResponses: [
            { index: 3, errorCode: 0, baseOffset: 1_000_000, logStartOffset: 0 },
          ],
        },
      ],
    }),
    ...both(FetchRequest, 17, {
      maxWaitMs: 500,
      minBytes: 1,
      topics: [
        {
          topicId: TOPIC_ID,
          partitions: [{ partition: 3, fetchOffset: 1_000_000, partitionMaxBytes: 1 << 20 }],
        },
      ],
    }),
    ...both(FetchResponse, 12, {
      sessionId: 0,
      responses: [
        {
          topic: 'benchmark-topic',
          partitions: [{ ...partition, abortedTransactions: null, records: Buffer.alloc(1024, 1) }],
        },
      ],
    }),
    ...both(MetadataRequest, 12, { topics: [{ name: 'benchmark-topic' }] }),
    ...both(HeartbeatRequest, 4, {
      groupId: 'benchmark-group',
      generationId: 7,
      memberId: 'consumer-1-5f0cf0d3-6a2c-4ce0-8a67-3b4e6e6dbd13',
      groupInstanceId: 'instance-1',
    }),
  ]
}

function both<M extends Message>(message: M, version: number, value: InferInput<M>): MicroTask[] {
  const writer = new Writer(1 << 16)
  const reader = new Reader(Buffer.alloc(0))
  const encode = encoderFor(message, version)
  const decode = decoderFor(message, version)
  encode(writer, value)
  const frame = Buffer.from(writer.bytes())
  const name = `${message.name} v${version}`
  return [
    task(`${name} encoded`, CALLS, () => {
      writer.reset()
      encode(writer, value)
      return writer.size
    }),
    task(`${name} decoded`, CALLS, () => {
      reader.reset(frame, 0, frame.length)
      decode(reader)
      return 1
    }),
  ]
}
