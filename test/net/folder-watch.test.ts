/** What shard 0 does when folders fail. */
import { describe, expect, it, vi } from 'vitest'
import { DiskError } from '../../engine/log/disk.ts'
import type { FolderReport } from '../../engine/shard-folders.ts'
import { FolderWatch, type FolderWatchParts } from '../../net/folder-watch.ts'
import type { Router } from '../../workers/router.ts'
import { MemoryLogger } from '../support/connection-rig.ts'
import { FakeRouter } from '../support/fake-router.ts'

function rig(failed: ReadonlyMap<string, string> = new Map()) {
  const router = new FakeRouter(3)
  const topic = router.addTopic('orders', 4, 5)
  const logger = new MemoryLogger()
  const offline: number[] = []
  const exits: number[] = []
  let checkpoints = 0
  router.answers.failFolder = (_: never, shard: number) => ({ offlineKeys: [100 + shard] })
  router.answers.moveReplicas = () => ({ partitions: [{ errorCode: 0 }] })
  const refused: string[] = []
  const store: FolderWatchParts['store'] = { onFailed: null }
  const watch = new FolderWatch({
    store,
    disk: { refuseChanges: (folder) => refused.push(folder) },
    dataFolders: { folders: ['/a', '/b', '/c'], failed },
    controller: {
      takeOffline: async (keys) => {
        offline.push(...keys)
      },
    },
    unfinishedMoves: [
      { partition: 'orders-4', folder: '/c' },
      { partition: 'gone-0', folder: '/c' },
    ],
    logger,
    exit: (code) => exits.push(code),
  })
  const begin = () =>
    watch.begin({
      router: router as unknown as Router,
      checkpoint: async () => {
        checkpoints++
      },
    })
  return {
    watch,
    store,
    begin,
    router,
    topic,
    logger,
    offline,
    exits,
    refused,
    checkpoints: () => checkpoints,
  }
}

const failure = (folder: string): FolderReport => ({
  folder,
  failed: true,
  reason: 'write: EIO',
  offlineKeys: [7],
  moved: false,
})

describe('a folder that one shard found failed', () => {
  it('is told once to every shard, to the operator and to the metadata', async () => {
    const { watch, begin, router, logger, offline, exits, refused } = rig()
    watch.report(failure('/b'))
    watch.report({ ...failure('/b'), offlineKeys: [8] })
    expect(watch.hasFailed('/b')).toBe(true)
    expect(new Set(refused)).toEqual(new Set(['/b']))
    expect(offline).toEqual([])
    begin()
    await vi.waitFor(() => expect(offline).toEqual([7, 100, 101, 102, 8]))
    const told = router.called.filter(({ name }) => name === 'failFolder')
    expect(told.map(({ shard }) => shard)).toEqual([0, 1, 2])
    expect(logger.lines.filter((line) => line.includes('failed'))).toEqual([
      expect.stringContaining('Its 4 partitions are offline until the next start'),
    ])
    expect(exits).toEqual([])
    expect([watch.isClean('/a'), watch.isClean('/b')]).toEqual([true, false])
  })

  it('ends the broker when it holds the metadata, or was the last', () => {
    const first = rig()
    first.watch.report(failure('/a'))
    expect(first.exits).toEqual([1])
    expect(first.logger.lines.join()).toContain('since it holds the metadata of the broker')
    const last = rig(new Map([['/b', 'gone']]))
    last.watch.report(failure('/c'))
    expect(last.exits).toEqual([])
    last.watch.report(failure('/a'))
    expect(last.exits).toEqual([1])
    expect(last.logger.lines.join()).toContain('since no data folder is left: /a, /b, /c failed')
  })

  it('is not marked as cleanly stopped for a single partition that went offline', async () => {
    const { watch, begin, offline } = rig()
    begin()
    watch.report({ ...failure('/c'), failed: false })
    await vi.waitFor(() => expect(offline).toEqual([7]))
    expect([watch.hasFailed('/c'), watch.isClean('/c')]).toEqual([false, false])
  })
})

describe('moves between folders', () => {
  it('have checkpoints written, and begin anew after a start that found them cut short', async () => {
    const { watch, begin, router, checkpoints } = rig()
    begin()
    watch.report({ folder: '/c', failed: false, reason: '', offlineKeys: [], moved: true })
    await vi.waitFor(() => expect(checkpoints()).toBe(1))
    expect(router.called).toEqual([
      {
        shard: expect.any(Number),
        name: 'moveReplicas',
        request: { partitions: [{ key: 4 * 2 ** 20 + 4, folder: 2 }] },
      },
    ])
    expect(watch.isClean('/c')).toBe(true)
  })
})

describe('a failure of the control state', () => {
  it('is one of the first folder, unless it says nothing about the disk', () => {
    for (const [code, ends] of [
      ['EIO', [1]],
      ['EMFILE', []],
    ] as const) {
      const { watch, store, exits, refused } = rig()
      store.onFailed?.(new DiskError(code, '/a/sluice-meta.log', 'sync'))
      expect(exits).toEqual(ends)
      expect(watch.hasFailed('/a')).toBe(code === 'EIO')
      expect(refused).toEqual(code === 'EIO' ? ['/a'] : [])
    }
  })
})
