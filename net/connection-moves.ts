/**
 * Moving a connection to the shard that owns what it uses: a request whose partition is local costs
 * half of one that is handed over (docs/performance.md). Judged once per connection, at its first
 * request of the hot path that names a partition: it goes where most of the named partitions live.
 *
 *   home shard                                   that shard
 *   stops reading, nothing is unanswered
 *   bytes received and not worked, a duplicate
 *   of the descriptor ── call adoptConnection ──► a connection like any other, fed those bytes first
 *   its own descriptor is closed
 *
 * Bytes keep their order: what came before was answered and sent, what comes after waits in the
 * kernel. A connection that is not adopted goes on here, on the duplicate. Needs `onread` and a native
 * call (native-sockets.ts); without them connections stay where they were accepted.
 */
import type { Router } from '../workers/router.ts'
import { closeNative } from './native-sockets.ts'
import type { Notices } from './notices.ts'

/** A connection between two shards. */
export interface MovedConnection {
  readonly listener: string
  readonly clientHost: string
  readonly fd: number
  /** Left the socket and is no answered request yet; starts with a frame's length. */
  readonly received: Buffer
}

export class ConnectionMoves {
  private readonly router: Router
  private readonly notices: Notices
  private readonly adopt: (moved: MovedConnection) => boolean

  /** `adopt` goes on with a connection in this shard; false: it takes none any more. */
  constructor(p: {
    router: Router
    notices: Notices
    adopt: (moved: MovedConnection) => boolean
  }) {
    this.router = p.router
    this.notices = p.notices
    this.adopt = p.adopt
    p.router.onAdopt(p.adopt)
  }

  /** The other shard that owns most of these partitions; -1: none owns more than this one. */
  homeOf(keys: readonly number[]): number {
    const { router } = this
    const counts = new Array<number>(router.shards).fill(0)
    for (const key of keys) counts[router.ownerOf(key)]! += 1
    let home = router.shard
    counts.forEach((count, shard) => {
      if (count > counts[home]!) home = shard
    })
    return home === router.shard ? -1 : home
  }

  /** Takes over `moved`; it ends there, or here again. */
  send(shard: number, moved: MovedConnection): void {
    this.router
      .adoptConnection(shard, moved)
      .then((adopted) => {
        if (!adopted && !this.adopt(moved)) closeNative(moved.fd)
      })
      .catch((error: unknown) => {
        // Too late or not at all: the other shard may have it, so the descriptor stays as it is.
        const why = error instanceof Error ? error.message : String(error)
        this.notices.warn(
          moved.clientHost,
          'move',
          `lost a connection from ${moved.clientHost} on its way to shard ${shard}: ${why}`,
        )
      })
  }
}
