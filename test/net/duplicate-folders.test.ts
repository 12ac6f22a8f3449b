import { describe, expect, it } from 'vitest'
import { chooseOne, putAside } from '../../net/duplicate-folders.ts'
import { MemoryLogger } from '../support/connection-rig.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { SimulatedDisk } from '../support/simulated-disk.ts'

const FIRST = '00000000000000000000.log'
const SECOND = '00000000000000000100.log'

async function settle(files: Record<string, string>) {
  const disk = SimulatedDisk.holding(files)
  const logger = new MemoryLogger()
  const chosen = await chooseOne(disk, 'orders-0', '/a', '/b')
  await putAside({ disk, random: seededRandom(1), logger }, chosen)
  const { kept } = chosen
  const after = disk.crash(1)
  return { kept, a: await after.list('/a'), b: await after.list('/b'), logger }
}

const STRAY = expect.stringMatching(/^orders-0\.[0-9a-f]{32}-stray$/)

describe('a partition that lies in two data folders', () => {
  it('is served from the one with the later segment, and the other is put aside durably', async () => {
    const { kept, a, b, logger } = await settle({
      [`/a/orders-0/${FIRST}`]: 'a long first segment',
      [`/b/orders-0/${FIRST}`]: 'first',
      [`/b/orders-0/${SECOND}`]: '',
      [`/b/orders-0/${SECOND}.deleted`]: '',
    })
    expect(kept).toBe('/b')
    expect(a).toEqual([STRAY])
    expect(b).toEqual(['orders-0'])
    expect(logger.lines.join('\n')).toContain('the one in /b is served')
  })

  it('is served from the longer one of the same segments', async () => {
    const files = { [`/a/orders-0/${FIRST}`]: 'longer', [`/b/orders-0/${FIRST}`]: 'short' }
    const { kept, a, b } = await settle(files)
    expect(kept).toBe('/a')
    expect(a).toEqual(['orders-0'])
    expect(b).toEqual([STRAY])
  })

  it('is served from the first of equal ones', async () => {
    const files = { [`/a/orders-0/${FIRST}`]: 'same', [`/b/orders-0/${FIRST}`]: 'same' }
    expect((await settle(files)).kept).toBe('/a')
  })
})
