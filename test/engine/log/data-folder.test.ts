import { describe, expect, it } from 'vitest'
import {
  listDataFolder,
  markedFolderName,
  parsePartitionFolder,
} from '../../../engine/log/data-folder.ts'
import { seededRandom } from '../../support/seeded-random.ts'
import { SimulatedDisk } from '../../support/simulated-disk.ts'

describe('data folder', () => {
  it('reads folder names, splitting at the last dash', () => {
    const read = (name: string) => {
      const folder = parsePartitionFolder(name)
      return folder === null ? null : [folder.kind, folder.topic, folder.partition]
    }
    const hex = '0123456789abcdef0123456789abcdef'
    expect(read('t-0')).toEqual(['partition', 't', 0])
    expect(read('my-topic.v1-12')).toEqual(['partition', 'my-topic.v1', 12])
    expect(read('a-1-2')).toEqual(['partition', 'a-1', 2])
    expect(read(`t-0.${hex}-delete`)).toEqual(['delete', 't', 0])
    expect(read(`t-3.${hex}-future`)).toEqual(['future', 't', 3])
    expect(read(`t-3.${hex}-stray`)).toEqual(['stray', 't', 3])
    expect(read(`x.${hex}-delete-0`)).toEqual(['partition', `x.${hex}-delete`, 0])
    for (const name of ['t', 't-', '-0', 't-01', 't-x', 't-99999999999', '__cluster_metadata-0'])
      expect(read(name), name).toBe(null)
    expect(read(`t.${hex}-delete`)).toBe(null)
  })

  it('makes marked names that it reads again, cut to 255 bytes', () => {
    const random = seededRandom(1)
    for (const topic of ['t', 'x'.repeat(249)])
      for (const kind of ['delete', 'future', 'stray'] as const) {
        const name = markedFolderName(topic, 12, random.uuid(), kind)
        expect(name.length).toBeLessThanOrEqual(255)
        const folder = parsePartitionFolder(name)
        expect([folder?.kind, folder?.partition]).toEqual([kind, 12])
        expect(topic.startsWith(folder?.topic ?? '?')).toBe(true)
      }
  })

  it('lists folders by name and leaves files and foreign folders aside', async () => {
    const disk = SimulatedDisk.holding({
      '/d/b-0/x': '',
      '/d/a-1/x': '',
      '/d/lost+found/x': '',
      '/d/__cluster_metadata-0/x': '',
      '/d/.lock': '',
      '/d/c-0': 'a file',
      '/d/meta.properties': '',
    })
    const { folders, unknown } = await listDataFolder(disk, '/d')
    expect(folders.map(({ name }) => name)).toEqual(['a-1', 'b-0'])
    expect(unknown).toEqual(['lost+found'])
  })
})
