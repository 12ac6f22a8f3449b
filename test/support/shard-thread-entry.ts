/** Entry of the threads that test/integration/shard-pool.test.ts starts. */
import { runTestThread } from './shard-thread.ts'

await runTestThread()
