/** A broker whose page cache is bounded, filled beyond its budget: what was dropped is read all the same. */
import { closeSync, openSync, readdirSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it, vi } from 'vitest'
import {
  CreateTopicsRequest,
  CreateTopicsResponse,
} from '../../engine/protocol/19-create-topics.ts'
import { Client } from '../../net/client/client.ts'
import { isInMemoryNative } from '../../net/native-read.ts'
import { BrokerProcess } from '../support/broker-process.ts'
import { NumberedWriter, readNumbers } from '../support/numbered-records.ts'

const MIB = 1_048_576
const LIMIT_MS = 120_000
const RECORDS = 1_800
const RECORD_BYTES = 60_000
/** There everything is in memory, always. */
const TMPFS = 0x01021994

describe('a bounded page cache', () => {
  const overrides = {
    'sluice.shards': '1',
    'sluice.page.cache.policy': 'bounded',
    'sluice.page.cache.bytes': String(64 * MIB),
    'log.segment.bytes': String(40 * MIB),
  }
  const broker = new BrokerProcess({ overrides })
  afterAll(async () => {
    await broker.discard()
  }, LIMIT_MS)

  it(
    'keeps every record, in memory or not',
    async () => {
      await broker.start()
      await vi.waitFor(() => expect(broker.output()).toMatch(/page cache (bounded|left)/))
      const client = new Client({ bootstrap: broker.address })
      const topic = { name: 'orders', numPartitions: 1, replicationFactor: 1 }
      await client.send(CreateTopicsRequest, CreateTopicsResponse, {
        topics: [{ ...topic, assignments: [], configs: [] }],
      })
      await client.close()
      const writer = new NumberedWriter(broker.address, 'orders', 0, RECORD_BYTES)
      await writer.until(RECORDS)
      await writer.stop()
      expect(writer.refusal).toBe(0)
      await vi.waitFor(() => expect(isOldestInMemory()).toBe(false), LIMIT_MS)
      const numbers = await readNumbers(broker.address, 'orders', 0)
      expect(numbers).toEqual(Array.from({ length: writer.acknowledged }, (_, at) => at))
    },
    LIMIT_MS,
  )

  /** Where nobody can tell it is not. */
  function isOldestInMemory(): boolean {
    if (statfsSync(broker.dataFolder).type === TMPFS) return false
    const folder = join(broker.dataFolder, 'orders-0')
    const oldest = readdirSync(folder)
      .filter((name) => name.endsWith('.log'))
      .sort()[0]!
    const fd = openSync(join(folder, oldest), 'r')
    try {
      return isInMemoryNative(fd, 0, 8 * MIB)
    } finally {
      closeSync(fd)
    }
  }
})
