import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { parseBrokerConfig } from '../../engine/base/config.ts'
import { NodeDisk } from '../../engine/log/node-disk.ts'
import { writePartitionMetadata } from '../../engine/log/partition-metadata.ts'
import { emptyImage, type MetadataImage } from '../../engine/metadata/image.ts'
import { placeFolders } from '../../net/data-folders.ts'
import { systemClock, systemRandom } from '../../net/system-ports.ts'
import type { Jobs } from '../../workers/jobs.ts'

const TOPIC_ID = 'Wq7sKz4fRbuHn2p0yXvLcA'
const PARTITIONS = 3
let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-progress-'))
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
})
afterEach(() => {
  vi.useRealTimers()
  rmSync(folder, { recursive: true })
})

/** One topic, as the broker knows it and as it lies in the folder. */
async function topicOnDisk(disk: NodeDisk): Promise<MetadataImage> {
  const partitions = Array.from({ length: PARTITIONS }, (_, index) => ({ index, leaderEpoch: 0 }))
  for (const { index } of partitions) {
    mkdirSync(join(folder, `t-${index}`))
    await writePartitionMetadata(disk, join(folder, `t-${index}`), TOPIC_ID)
  }
  const topic = {
    name: 't',
    topicId: TOPIC_ID,
    ordinal: 1,
    internal: false,
    partitions,
    configs: new Map<string, string>(),
  }
  const image = emptyImage('c', 1)
  return { ...image, topics: new Map([['t', topic]]), topicsById: new Map([[TOPIC_ID, topic]]) }
}

test('a long recovery says every five seconds how far it is', async () => {
  const disk = new NodeDisk()
  const image = await topicOnDisk(disk)
  const lines: string[] = []
  const say = (line: string): void => void lines.push(line)
  const finish: (() => void)[] = []
  const jobs = {
    recoverLog: () =>
      new Promise((resolve) =>
        finish.push(() =>
          resolve({ kind: 'recovered', lines: [], summary: { scannedBytes: 1_000 } }),
        ),
      ),
  } as unknown as Jobs
  const { config } = parseBrokerConfig(new Map([['log.dirs', folder]]))
  const logger = { info: say, warn: say, error: say }
  const ports = { disk, config, clock: systemClock, random: systemRandom, logger }
  const open = { locks: [], clusterId: 'c', clean: new Map(), failed: new Map() }
  const placed = placeFolders(ports, open, image, new Map(), jobs)
  await vi.waitFor(() => expect(finish).toHaveLength(PARTITIONS))
  expect(lines).toEqual(['the last stop was not a clean one: checking the ends of 3 logs'])
  vi.advanceTimersByTime(5_000)
  finish.shift()?.()
  await vi.waitFor(() => {
    vi.advanceTimersByTime(5_000)
    expect(lines.at(-1)).toMatch(/^recovering logs: 1 of 3 done, 1000 bytes checked, \d+ s so far$/)
  })
  expect(lines[1]).toMatch(/^recovering logs: 0 of 3 done, 0 bytes checked/)
  for (const end of finish) end()
  await placed
  expect(lines.at(-1)).toMatch(/^recovered 3 of 3 logs after an unclean stop: 3000 bytes checked/)
  const { length } = lines
  vi.advanceTimersByTime(60_000)
  expect(lines).toHaveLength(length)
})
