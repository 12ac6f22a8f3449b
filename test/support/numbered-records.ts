/**
 * Records numbered 0, 1, 2, … in one partition, written while something happens to the broker and read
 * back: none that was acknowledged may be missing, none may be there twice, and the order is kept.
 */

import { ProduceRequest, ProduceResponse } from '../../engine/protocol/00-produce.ts'
import { FetchRequest, FetchResponse } from '../../engine/protocol/01-fetch.ts'
import { batchSizeInBytes } from '../../engine/record/batch.ts'
import { buildBatch } from '../../engine/record/build.ts'
import { readRecords } from '../../engine/record/iterate.ts'
import { Client } from '../../net/client/client.ts'

/** The newest versions that name topics. */
const PRODUCE_VERSION = 12
const FETCH_VERSION = 12
/** Per request. */
const RECORDS = 10

/**
 * Writes until it is told to stop or the broker is gone; one request after the other, with a rest between
 * them: what goes on beside it must come to an end however slow the machine is.
 */
export class NumberedWriter {
  /** Records acknowledged: 0 … acknowledged - 1. */
  acknowledged = 0
  /** The first answer that was no success. */
  refusal = 0
  private readonly topic: string
  private readonly partition: number
  /** Bytes added to each record. */
  private readonly padding: number
  private stopped = false
  private readonly done: Promise<void>
  private readonly client: Client

  constructor(address: string, topic: string, partition: number, padding = 0) {
    this.topic = topic
    this.partition = partition
    this.padding = padding
    this.client = new Client({ bootstrap: address, clientId: 'numbered' })
    this.done = this.run()
  }

  /** Resolves when the last request is answered. */
  async stop(): Promise<void> {
    this.stopped = true
    await this.done
  }

  /** Resolves once so many are acknowledged, or nothing more will be. */
  async until(count: number): Promise<void> {
    while (this.acknowledged < count && !this.stopped) await nextTurn()
  }

  private async run(): Promise<void> {
    try {
      while (!this.stopped && this.refusal === 0) {
        await this.write()
        await nextTurn()
      }
    } catch {
      // The broker was killed: what it had not answered is not counted.
    } finally {
      this.stopped = true
      await this.client.close()
    }
  }

  private async write(): Promise<void> {
    const { topic, partition, acknowledged } = this
    const records = Array.from({ length: RECORDS }, (_, at) => ({
      key: null,
      value: Buffer.concat([numberBytes(acknowledged + at), Buffer.alloc(this.padding)]),
      timestamp: Date.now(),
    }))
    const body = {
      transactionalId: null,
      acks: -1,
      timeoutMs: 30_000,
      topicData: [
        { name: topic, partitionData: [{ index: partition, records: buildBatch({ records }) }] },
      ],
    }
    const options = { version: PRODUCE_VERSION }
    const answer = await this.client.send(ProduceRequest, ProduceResponse, body, options)
    const errorCode = answer.responses[0]?.partitionResponses[0]?.errorCode ?? -1
    if (errorCode !== 0) this.refusal = errorCode
    else this.acknowledged += RECORDS
  }
}

function numberBytes(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** The numbers in the partition, in order of offset; offsets must have no gaps. */
export async function readNumbers(
  address: string,
  topic: string,
  partition: number,
): Promise<number[]> {
  const client = new Client({ bootstrap: address, clientId: 'reader' })
  const numbers: number[] = []
  try {
    for (;;) {
      const answer = await client.send(
        FetchRequest,
        FetchResponse,
        {
          maxWaitMs: 0,
          minBytes: 0,
          maxBytes: 8 << 20,
          topics: [
            {
              topic,
              partitions: [{ partition, fetchOffset: numbers.length, partitionMaxBytes: 8 << 20 }],
            },
          ],
        },
        { version: FETCH_VERSION },
      )
      const found = answer.responses[0]?.partitions[0]
      if (found === undefined || found.errorCode !== 0)
        throw new Error(`the fetch of ${topic}-${partition} answered ${found?.errorCode}`)
      const bytes = found.records ?? Buffer.alloc(0)
      const before = numbers.length
      for (let at = 0; at + 61 <= bytes.length; at += batchSizeInBytes(bytes, at)) {
        if (at + batchSizeInBytes(bytes, at) > bytes.length) break
        for (const record of readRecords(bytes, at)) {
          if (record.offset < before) continue
          if (record.offset !== numbers.length)
            throw new Error(`offset ${record.offset} follows ${numbers.length - 1}`)
          numbers.push(record.value?.readUInt32BE(0) ?? -1)
        }
      }
      if (numbers.length === before) return numbers
    }
  } finally {
    await client.close()
  }
}

export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 2))
}
