import { describe, expect, it } from 'vitest'
import { scanBatches } from '../../../engine/log/segment-scan.ts'
import { sampleBatch } from '../../support/batches.ts'
import { SimulatedDisk } from '../../support/simulated-disk.ts'

const PATH = '/d/0.log'

async function stored(batches: number) {
  const bytes = Buffer.concat(
    Array.from({ length: batches }, (_, at) => sampleBatch(1, { baseOffset: at })),
  )
  const disk = SimulatedDisk.holding({ [PATH]: bytes })
  return { disk, bytes, file: await disk.open(PATH, 'read') }
}

describe('the walk over a segment', () => {
  it('shows every batch and ends where the range ends', async () => {
    const { file, bytes } = await stored(5)
    const positions: number[] = []
    const result = await scanBatches(file, 0, bytes.length, (_buffer, _at, position) => {
      positions.push(position)
      return null
    })
    expect(result).toEqual({ end: bytes.length, problem: null })
    expect(positions).toEqual([0, 1, 2, 3, 4].map((at) => (at * bytes.length) / 5))
  })

  it('passes a read error on: it is neither an end nor a bad batch', async () => {
    const { disk, file, bytes } = await stored(2)
    disk.inject({ at: 1, operation: 'read', fault: { kind: 'error', code: 'EIO' } })
    await expect(scanBatches(file, 0, bytes.length, () => null)).rejects.toThrow(/EIO/)
  })
})
