/** A thread of a pool for tests and benches: a fake engine behind the real rings and router. */
import { silentLogger } from '../../engine/base/logger.ts'
import { borrowFile } from '../../engine/log/node-disk.ts'
import { emptyImage } from '../../engine/metadata/image.ts'
import type { ShardPort } from '../../engine/shard-port.ts'
import { openChannels } from '../../workers/channel.ts'
import { linkShard, type ShardLink } from '../../workers/link.ts'
import type { ThreadStart } from '../../workers/pool.ts'
import { joinPool } from '../../workers/pool-member.ts'
import type { ShardWiring } from '../../workers/wiring.ts'
import { FakeShardPort } from './fake-shard-port.ts'

/** Links a shard of this thread as net/thread.ts does, its turns ending with storage alone. */
export function linkThread(wiring: ShardWiring, port: ShardPort): ShardLink {
  let requested = false
  const endTurn = (): void => {
    requested = false
    link.router.flush()
  }
  const link = linkShard({
    channels: openChannels(wiring),
    port,
    clock: { wallMs: () => Date.now(), monotonicMs: () => performance.now() },
    logger: silentLogger,
    image: emptyImage('cluster', 1),
    borrowFile: (shard, fd) => borrowFile(`descriptor ${fd} of shard ${shard}`, fd),
    endTurn,
    requestTurn: () => {
      if (requested) return
      requested = true
      setImmediate(endTurn)
    },
  })
  link.start()
  return link
}

/** What a thread finds in its workerData that a test started itself. */
export interface TestThreadStart extends ThreadStart {
  /** Shared; filled with 1 when the thread ends itself. */
  readonly left: Int32Array
}

/** What a test tells its threads. */
export interface TestThreadData {
  /** A descriptor of the process to answer reads with. */
  readonly fd: number
  readonly forgetful?: boolean
  /** What to do when the image of this version comes, instead of taking it up. */
  readonly onVersion?: { readonly [version: number]: 'throw' | 'exit' | 'hang' }
}

/** Runs as the entry of a thread: a fake shard that follows the pool. */
export async function runTestThread(): Promise<void> {
  const { begun, follow, ready } = joinPool()
  const { wiring, data } = await begun
  const { fd, forgetful, onVersion } = data as TestThreadData
  const port = new FakeShardPort({
    coordinate: ({ body }) => Promise.resolve({ body }),
    allocateProducerIds: ({ count }) =>
      Promise.resolve({ firstProducerId: link.router.image().version, count }),
  })
  port.fd = fd
  port.forgetful = forgetful === true
  const link = linkThread(wiring, port)
  follow({
    async apply(image) {
      const what = onVersion?.[image.version]
      if (what === 'throw') throw new Error('this image is cursed')
      if (what === 'exit') process.exit(3)
      if (what === 'hang') await new Promise(() => {})
      link.router.applyImage(image)
    },
    async accept() {},
    async stop(stage) {
      if (stage === 'close') link.close()
    },
  })
  ready()
}
