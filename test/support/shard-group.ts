/** Several shards in one thread over in-process channels, each with a fake engine. */
import { silentLogger } from '../../engine/base/logger.ts'
import { emptyImage } from '../../engine/metadata/image.ts'
import { linkShard, type ShardLink } from '../../workers/link.ts'
import type { RingSize } from '../../workers/ring.ts'
import { FakeShardPort } from './fake-shard-port.ts'
import { inProcessChannels, TaskQueue } from './in-process-channels.ts'

interface Timer {
  readonly atMs: number
  readonly run: () => void
}

export class ShardGroup {
  readonly queue: TaskQueue
  readonly ports: FakeShardPort[]
  readonly links: ShardLink[]
  nowMs = 1_000
  private timers: Timer[] = []

  constructor(ports: FakeShardPort[], size?: RingSize, queue = new TaskQueue()) {
    this.queue = queue
    this.ports = ports
    const clock = { wallMs: () => this.nowMs, monotonicMs: () => this.nowMs }
    this.links = inProcessChannels(ports.length, queue, size).map((channels, shard) => {
      let turnRequested = false
      const link: ShardLink = linkShard({
        channels,
        port: ports[shard]!,
        clock,
        logger: silentLogger,
        image: emptyImage('cluster', 1),
        borrowFile: (owner, _fd, lease, index) =>
          this.links[owner]!.worker.leasedResult(shard, lease, index).file!,
        requestTurn: () => {
          if (turnRequested) return
          turnRequested = true
          queue.add(() => {
            turnRequested = false
            link.router.flush()
          })
        },
        endTurn: () => link.router.flush(),
        defer: (run) => queue.add(run),
        timers: { after: (delayMs, run) => this.after(delayMs, run) },
      })
      return link
    })
    for (const link of this.links) link.start()
    this.queue.runAll()
  }

  /** Lets `ms` pass, firing what falls due. */
  advance(ms: number): void {
    const until = this.nowMs + ms
    for (;;) {
      const due = this.timers.filter((timer) => timer.atMs <= until)
      const next = due.sort((a, b) => a.atMs - b.atMs)[0]
      if (next === undefined) break
      this.timers = this.timers.filter((timer) => timer !== next)
      this.nowMs = Math.max(this.nowMs, next.atMs)
      next.run()
      this.queue.runAll()
    }
    this.nowMs = until
  }

  private after(delayMs: number, run: () => void): { cancel(): void } {
    const timer = { atMs: this.nowMs + delayMs, run }
    this.timers.push(timer)
    return {
      cancel: () => {
        this.timers = this.timers.filter((other) => other !== timer)
      },
    }
  }
}

export function newGroup(shards: number, size?: RingSize): ShardGroup {
  return new ShardGroup(
    Array.from({ length: shards }, () => new FakeShardPort()),
    size,
  )
}
