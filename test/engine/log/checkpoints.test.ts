import { describe, expect, it } from 'vitest'
import type { Logger } from '../../../engine/base/logger.ts'
import {
  CheckpointFile,
  formatOffsetCheckpoint,
  parseOffsetCheckpoint,
  readOffsetCheckpoint,
  writeOffsetCheckpoint,
} from '../../../engine/log/checkpoints.ts'
import { takeCleanShutdown, writeCleanShutdown } from '../../../engine/log/clean-shutdown.ts'
import {
  formatPartitionMetadata,
  readPartitionMetadata,
  writePartitionMetadata,
} from '../../../engine/log/partition-metadata.ts'
import { SimulatedDisk } from '../../support/simulated-disk.ts'

const lines: string[] = []
const logger: Logger = {
  info: () => {},
  warn: (line) => lines.push(line),
  error: () => {},
}

describe('offset checkpoints', () => {
  const offsets = new Map([
    ['a-0', 5],
    ['a-b-12', 0],
    ['__consumer_offsets-3', 9_007_199_254_740_991],
  ])

  it('keep topics with dashes apart from partitions', () => {
    const text = formatOffsetCheckpoint(offsets)
    expect(text).toBe('0\n3\na 0 5\na-b 12 0\n__consumer_offsets 3 9007199254740991\n')
    expect(parseOffsetCheckpoint(Buffer.from(text), 'f')).toEqual(offsets)
    expect(formatOffsetCheckpoint(new Map())).toBe('0\n0\n')
  })

  it('count as absent when they are missing or cut short, and say so', async () => {
    const disk = SimulatedDisk.holding({ '/d/other': '' })
    const read = () => readOffsetCheckpoint(disk, '/d', CheckpointFile.recoveryPoint, logger)
    expect((await read()).size).toBe(0)
    expect(lines).toEqual([])
    const text = formatOffsetCheckpoint(offsets)
    for (let size = 0; size < text.length - 1; size += 3) {
      await disk.writeFileAtomic('/d/recovery-point-offset-checkpoint', text.slice(0, size))
      const found = await read()
      // Cut inside the last number the count still fits: that is what the rename protects against.
      if (size < text.lastIndexOf(' ') + 2) expect(found.size).toBe(0)
    }
    expect(lines[0]).toContain('/d/recovery-point-offset-checkpoint')
  })

  it('are old or new after any power loss', async () => {
    const disk = SimulatedDisk.holding({ '/d/other': '' })
    const write = (offset: number) =>
      writeOffsetCheckpoint(disk, '/d', CheckpointFile.highWatermark, new Map([['t-0', offset]]))
    await write(1)
    let states = 0
    disk.onCall = () => {
      for (const after of disk.crashStates(disk.calls)) {
        states++
        const text = String(after.snapshot().get('/d/replication-offset-checkpoint'))
        expect(['0\n1\nt 0 1\n', '0\n1\nt 0 2\n']).toContain(text)
      }
    }
    await write(2)
    expect(states).toBeGreaterThan(15)
  })
})

describe('clean shutdown marker', () => {
  it('is taken once, durably', async () => {
    const disk = SimulatedDisk.holding({ '/d/other': '' })
    expect(await takeCleanShutdown(disk, '/d')).toBe(null)
    await writeCleanShutdown(disk, '/d', 42)
    expect(disk.pendingUnits()).toBe(0)
    expect(await takeCleanShutdown(disk, '/d')).toEqual({ brokerEpoch: 42 })
    expect(disk.pendingUnits()).toBe(0)
    expect(await takeCleanShutdown(disk, '/d')).toBe(null)
  })

  it('counts also when it is empty or garbled', async () => {
    for (const text of ['', '{', '{"version":0}', '{"brokerEpoch":99999999999999999999}']) {
      const disk = SimulatedDisk.holding({ '/d/.kafka_cleanshutdown': text })
      expect(await takeCleanShutdown(disk, '/d')).toEqual({ brokerEpoch: -1 })
    }
  })
})

describe('partition metadata', () => {
  it('is written whole and read back', async () => {
    const disk = SimulatedDisk.holding({ '/p/other': '' })
    expect(await readPartitionMetadata(disk, '/p')).toBe(null)
    await writePartitionMetadata(disk, '/p', 'hwAhWzygTnuvE1AYQtkvnA')
    expect(await readPartitionMetadata(disk, '/p')).toBe('hwAhWzygTnuvE1AYQtkvnA')
  })

  it('is missing when a power loss left a beginning of it, or zeros', async () => {
    const whole = formatPartitionMetadata('hwAhWzygTnuvE1AYQtkvnA')
    for (let kept = 0; kept < whole.length; kept++)
      for (const zeros of [0, whole.length - kept]) {
        const text = whole.slice(0, kept) + '\0'.repeat(zeros)
        const disk = SimulatedDisk.holding({ '/p/partition.metadata': text })
        expect(await readPartitionMetadata(disk, '/p')).toBe(null)
      }
  })

  it('refuses another version or a broken id', async () => {
    for (const text of [
      'version: 1\ntopic_id: hwAhWzygTnuvE1AYQtkvnA',
      'version: 0\ntopic_id: x y',
      'version: 0\ntopic_id: hwAhWzygTnuvE1AYQtkvnAA',
      'topic_id: hwAhWzygTnuvE1AYQtkvnA',
    ])
      await expect(
        readPartitionMetadata(SimulatedDisk.holding({ '/p/partition.metadata': text }), '/p'),
      ).rejects.toThrow('/p/partition.metadata')
  })
})
