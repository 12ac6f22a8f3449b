/** One batch into every partition of a topic, in one request: the partitions are of different shards. */
import { ProduceRequest, ProduceResponse } from '../../engine/protocol/00-produce.ts'
import type { Client } from '../../net/client/client.ts'

/** Resolves with the error code of each partition. */
export async function produceEverywhere(
  client: Client,
  topic: string,
  partitions: number,
  records: Buffer,
): Promise<number[]> {
  const partitionData = Array.from({ length: partitions }, (_, index) => ({ index, records }))
  const { responses } = await client.send(
    ProduceRequest,
    ProduceResponse,
    {
      transactionalId: null,
      acks: -1,
      timeoutMs: 10_000,
      topicData: [{ name: topic, partitionData }],
    },
    { version: 12 },
  )
  return responses.flatMap(({ partitionResponses }) =>
    partitionResponses.map(({ errorCode }) => errorCode),
  )
}
