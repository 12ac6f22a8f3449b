/** A thread that counts up a rate in shared memory when told to: says ready, waits, counts, says done. */
import { parentPort, workerData } from 'node:worker_threads'
import { RateTable, type RateWindow } from '../../net/quotas/rate-table.ts'

const COUNTS = 50_000
const { memory, window } = workerData as { memory: SharedArrayBuffer; window: RateWindow }
const rates = new RateTable(memory, window)
const handle = rates.handle('shared', 0)
parentPort?.once('message', () => {
  for (let count = 0; count < COUNTS; count++) rates.record(handle, 1, 1e9, 0)
  parentPort?.postMessage('done')
})
parentPort?.postMessage('ready')
