import { describe, expect, it } from 'vitest'
import {
  formatMetaProperties,
  metaPropertiesProblem,
  parseMetaProperties,
  readMetaProperties,
  writeMetaProperties,
} from '../../../engine/log/meta-properties.ts'
import { SimulatedDisk } from '../../support/simulated-disk.ts'

const found = { version: 1, clusterId: 'clusterA', nodeId: 3, directoryId: 'dir' }
const parse = (text: string) => parseMetaProperties(Buffer.from(text), '/d/meta.properties')

describe('meta.properties', () => {
  it('is written and read back', async () => {
    const disk = SimulatedDisk.holding({ '/d/other': '' })
    expect(await readMetaProperties(disk, '/d')).toBe(null)
    await writeMetaProperties(disk, '/d', found, 0)
    expect(await readMetaProperties(disk, '/d')).toEqual(found)
    expect(String(await disk.readFile('/d/meta.properties'))).toContain(
      '#\n#Thu Jan 01 00:00:00 UTC 1970\n',
    )
  })

  it('reads version 0 with broker.id, spaces, escapes and unknown keys', () => {
    const text = '! old\r\nbroker.id = 7\r\ncluster.id: ab\\=c\nother=x\n'
    const old = { version: 0, clusterId: 'ab=c', nodeId: 7, directoryId: null }
    expect(parse(text)).toEqual(old)
    expect(formatMetaProperties(old, 0)).toContain('broker.id=7\nversion=0\n')
  })

  it('names both values and the file when the folder is another broker’s', () => {
    const path = '/d/meta.properties'
    expect(metaPropertiesProblem(found, { clusterId: 'clusterA', nodeId: 3 }, path)).toBe(null)
    expect(metaPropertiesProblem(found, { clusterId: null, nodeId: 3 }, path)).toBe(null)
    const cluster = metaPropertiesProblem(found, { clusterId: 'clusterB', nodeId: 3 }, path)
    for (const part of [path, 'clusterA', 'clusterB']) expect(cluster).toContain(part)
    const node = metaPropertiesProblem(found, { clusterId: null, nodeId: 4 }, path)
    for (const part of [path, 'node.id 3', 'node.id 4']) expect(node).toContain(part)
  })

  it('refuses a file without an identity', () => {
    const bad = [
      '',
      'version=1\nnode.id=1\n',
      'version=1\ncluster.id=x\n',
      'version=2\ncluster.id=x\nnode.id=1',
    ]
    for (const text of [...bad, 'version=1\ncluster.id=x\nnode.id=one'])
      expect(() => parse(text), text).toThrow('/d/meta.properties')
  })
})
