/** A start whose control state fails on the way. */
import { expect, it } from 'vitest'
import { silentLogger } from '../../engine/base/logger.ts'
import { TestClock } from '../support/log-rig.ts'
import { SimulatedBroker } from '../support/simulated-broker.ts'
import { SimulatedDisk } from '../support/simulated-disk.ts'

it('is refused, and its folder is not synced again', async () => {
  const disk = SimulatedDisk.holding({ '/d0/log-start-offset-checkpoint': '0\n0\n' })
  const parts = { disk, clock: new TestClock(), logger: silentLogger, seed: 1, folders: ['/d0'] }
  await (await SimulatedBroker.start(parts)).stop()
  // The start counts itself, and that is folded into the snapshot.
  const fault = { kind: 'sync-failure', mode: 'kept' } as const
  disk.inject({ at: 1, operation: 'sync', path: /snapshot\.tmp$/, fault })
  const syncs: string[] = []
  disk.onFault = () => {
    disk.onCall = (operation, path) => {
      if (operation === 'syncDir') syncs.push(path)
    }
  }
  await expect(SimulatedBroker.start({ ...parts, metaFoldBytes: 1 })).rejects.toThrow(/EIO/)
  expect(syncs).toEqual([])
})
