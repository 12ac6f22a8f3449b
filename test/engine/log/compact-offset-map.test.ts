import { describe, expect, it } from 'vitest'
import {
  CompactOffsetMap,
  OFFSET_MAP_ENTRY_BYTES,
  offsetMapBytes,
} from '../../../engine/log/compact-offset-map.ts'
import { seededRandom } from '../../support/seeded-random.ts'

function mapOf(bytes: number, loadFactor: number, firstOffset = 0): CompactOffsetMap {
  const seed = [11, 12, 13, 14] as const
  return new CompactOffsetMap({
    memory: new ArrayBuffer(bytes),
    bytes,
    loadFactor,
    firstOffset,
    seed,
  })
}
const put = (map: CompactOffsetMap, key: string, offset: number): boolean =>
  map.put(Buffer.from(key), 0, Buffer.byteLength(key), offset)
const get = (map: CompactOffsetMap, key: string): number =>
  map.get(Buffer.from(key), 0, Buffer.byteLength(key))

describe('the offset map', () => {
  it('knows the newest offset of each key and refuses keys beyond its load', () => {
    const map = mapOf(10 * OFFSET_MAP_ENTRY_BYTES, 0.5, 7)
    for (let key = 0; key < 5; key++) expect(put(map, `${key}`, 7 + key)).toBe(true)
    expect(put(map, '0', 2 ** 31 + 20)).toBe(true)
    expect(put(map, '5', 2 ** 31 + 21)).toBe(false)
    expect(get(map, '0')).toBe(2 ** 31 + 20)
    expect(get(map, '4')).toBe(11)
    expect(get(map, '5')).toBe(-1)
    expect(map.latestOffset).toBe(2 ** 31 + 20)
    expect(map.keys).toBe(5)
  })

  it('refuses offsets that lie too far behind its first', () => {
    const map = mapOf(10 * OFFSET_MAP_ENTRY_BYTES, 0.9, 100)
    expect(put(map, 'a', 100 + 2 ** 32 - 2)).toBe(true)
    expect(get(map, 'a')).toBe(100 + 2 ** 32 - 2)
    expect(put(map, 'b', 100 + 2 ** 32 - 1)).toBe(false)
  })

  it('agrees with a plain map up to a load of 1 but for one entry', () => {
    const random = seededRandom(3)
    const model = new Map<string, number>()
    const map = mapOf(512 * OFFSET_MAP_ENTRY_BYTES, 1)
    for (let offset = 0; offset < 4_000; offset++) {
      const key = `key-${random.int(700)}`
      const taken = put(map, key, offset)
      expect(taken).toBe(model.has(key) || model.size < 511)
      if (taken) model.set(key, offset)
    }
    for (let key = 0; key < 700; key++)
      expect(get(map, `key-${key}`)).toBe(model.get(`key-${key}`) ?? -1)
  })

  it('takes no more memory than the keys there can be need', () => {
    expect(offsetMapBytes(90, 0.9, 1_000_000)).toBe(102 * OFFSET_MAP_ENTRY_BYTES)
    expect(offsetMapBytes(10_000_000, 0.9, 1_000_007)).toBe(1_000_000)
    expect(offsetMapBytes(10_000_000, 0.9, 0)).toBe(2 * OFFSET_MAP_ENTRY_BYTES)
  })
})
