/** A thread that accepts on descriptors with real connections and tells how many it got. */
import { parentPort, workerData } from 'node:worker_threads'
import { Listener } from '../../net/listener.ts'
import { ManualClock, MemoryLogger, testConnectionServices } from './connection-rig.ts'
import { testGate } from './test-gate.ts'

const { fd, closable } = workerData as { fd: number; closable: boolean }
const services = testConnectionServices({
  handlers: [],
  clock: new ManualClock(),
  logger: new MemoryLogger(),
})
let accepted = 0
const listener = new Listener({
  name: 'PLAINTEXT',
  advertised: { host: 'h', port: 1 },
  services,
  nextId: () => accepted++,
  gate: testGate({}),
})
await listener.start({ fd, server: null, closable })
parentPort?.on('message', (message: 'count' | 'stop') => {
  if (message === 'stop') listener.stopAccepting()
  parentPort?.postMessage(accepted)
})
parentPort?.postMessage('ready')
