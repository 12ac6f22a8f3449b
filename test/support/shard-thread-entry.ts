/** Entry of the threads that test/integration/shard-pool.test.ts starts. */
import { workerData } from 'node:worker_threads'
import { runTestThread, type TestThreadStart } from './shard-thread.ts'

const { left } = workerData as Partial<TestThreadStart>
// Not called in a thread that is cut off.
process.on('exit', () => left?.fill(1))

await runTestThread()
