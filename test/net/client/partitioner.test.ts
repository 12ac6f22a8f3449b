/** Keys must land where every other client of Kafka puts them. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { batchSizeInBytes } from '../../../engine/record/batch.ts'
import { readRecords } from '../../../engine/record/iterate.ts'
import { murmur2, partitionForKey } from '../../../net/client/partitioner.ts'

const LOGS = fileURLToPath(new URL('../../golden/logs/data', import.meta.url))

/** Keys of the records in a partition folder of the golden data. */
function keysIn(partition: string): string[] {
  const folder = join(LOGS, partition)
  return readdirSync(folder)
    .filter((name) => name.endsWith('.log'))
    .flatMap((name) => {
      const bytes = readFileSync(join(folder, name))
      const keys: string[] = []
      for (let at = 0; at < bytes.length; at += batchSizeInBytes(bytes, at))
        for (const { key } of readRecords(bytes, at)) keys.push(key?.toString() ?? '')
      return keys
    })
}

describe('the partitioner', () => {
  it.each([
    // Of Kafka's own UtilsTest.
    ['21', -973_932_308],
    ['foobar', -790_332_482],
    ['a-little-bit-long-string', -985_981_536],
    ['a-little-bit-longer-string', -1_486_304_829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58_897_971],
    ['abc', 479_470_107],
  ])('hashes %s as Kafka does', (text, hash) => {
    expect(murmur2(Buffer.from(text))).toBe(hash)
  })

  it('places every key of the golden logs where Kafka put it', () => {
    let keys = 0
    for (const partition of [0, 1, 2])
      for (const key of keysIn(`partitioned-${partition}`)) {
        expect([key, partitionForKey(Buffer.from(key), 3)]).toEqual([key, partition])
        keys++
      }
    expect(keys).toBe(60)
  })

  it('gives a partition for keys with negative hashes and for the empty key', () => {
    for (const key of ['', '21', 'foobar'])
      for (const partitions of [1, 3, 1000]) {
        const partition = partitionForKey(Buffer.from(key), partitions)
        expect(partition).toBeGreaterThanOrEqual(0)
        expect(partition).toBeLessThan(partitions)
      }
  })
})
