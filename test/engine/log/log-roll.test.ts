import { expect, it } from 'vitest'
import { LEADER_EPOCH_FILE, LeaderEpochs } from '../../../engine/log/leader-epochs.ts'
import { storeEpochs } from '../../../engine/log/log-roll.ts'
import { SimulatedDisk } from '../../support/simulated-disk.ts'

const FILE = `/d/t-0/${LEADER_EPOCH_FILE}`

function changedEpochs() {
  const disk = SimulatedDisk.holding({ '/d/t-0/partition.metadata': 'x' })
  const epochs = new LeaderEpochs()
  epochs.assign(3, 19)
  return {
    disk,
    epochs,
    state: { dir: '/d/t-0', epochs, epochsStored: Promise.resolve(), ports: { disk } },
  }
}

it('waits for a write of the epoch file that is under way, though nothing has changed since', async () => {
  const { disk, epochs, state } = changedEpochs()
  const first = storeEpochs(state)
  await Promise.resolve()
  expect(epochs.dirty).toBe(false)
  await storeEpochs(state)
  // What goes on behind it, a snapshot that vouches for the file, finds it there after any power loss.
  for (const after of disk.crashStates(1)) expect(after.snapshot().get(FILE)).toBeDefined()
  await first
})

it('tells an error of the write to who asked, and writes anew for the next', async () => {
  const { disk, state } = changedEpochs()
  disk.inject({ at: 1, operation: 'write', fault: { kind: 'error', code: 'ENOSPC' } })
  await expect(storeEpochs(state)).rejects.toThrow(/ENOSPC/)
  await storeEpochs(state)
  expect(disk.snapshot().get(FILE)?.toString()).toContain('3 19')
})
