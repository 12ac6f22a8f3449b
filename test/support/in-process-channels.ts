/**
 * Channels between shards that live in one thread, for tests and simulation: the rings of
 * workers/ring.ts, with signals that become tasks of a queue the test runs when and in the order it
 * likes, and slabs made known by handing them over.
 */
import type { Channels } from '../../workers/channel.ts'
import { messageBytesMax } from '../../workers/channel.ts'
import { newRing, RingReader, type RingSize, RingWriter } from '../../workers/ring.ts'
import type { SlabCourier } from '../../workers/slab-courier.ts'
import { Doorbell, newWakeWords, type WakeSignal } from '../../workers/wake.ts'

/** Work to be done later in this thread, run by the test. */
export class TaskQueue {
  private readonly tasks: (() => void)[] = []
  private readonly pick: (count: number) => number

  /** `pick` chooses which of the waiting tasks runs next; the oldest if not given. */
  constructor(pick: (count: number) => number = () => 0) {
    this.pick = pick
  }

  add(task: () => void): void {
    this.tasks.push(task)
  }

  get waiting(): number {
    return this.tasks.length
  }

  /** Runs one task; false: there was none. */
  step(): boolean {
    if (this.tasks.length === 0) return false
    const [task] = this.tasks.splice(this.pick(this.tasks.length), 1)
    task?.()
    return true
  }

  /** Runs until nothing waits; more than `most` tasks are taken for a loop that never rests. */
  runAll(most = 100_000): void {
    for (let i = 0; i < most; i++) if (!this.step()) return
    throw new Error(`still busy after ${most} tasks`)
  }
}

export const SMALL_RING: RingSize = { descriptors: 8, payloadBytes: 1024 }

class SharedCourier implements SlabCourier {
  readonly ours = new Map<number, SharedArrayBuffer>()
  other: SharedCourier | null = null

  announce(id: number, memory: SharedArrayBuffer): void {
    this.ours.set(id, memory)
  }

  withdraw(id: number): void {
    this.ours.delete(id)
  }

  lookUp(id: number): SharedArrayBuffer {
    const memory = this.other?.ours.get(id)
    if (memory === undefined) throw new Error(`slab ${id} was never announced`)
    return memory
  }

  close(): void {}
}

/** Channels of every shard, by shard. */
export function inProcessChannels(
  shards: number,
  queue: TaskQueue,
  size: RingSize = SMALL_RING,
): Channels[] {
  const words = newWakeWords(shards)
  const signals: WakeSignal[] = []
  for (let shard = 0; shard < shards; shard++)
    signals.push({
      send: (target) => queue.add(() => signals[target]?.onSignal()),
      await: () => true,
      onSignal() {},
      close() {},
    })
  const channels = signals.map((signal, shard) => ({
    shard,
    shards,
    bell: new Doorbell(words, shard, signal),
    signal,
    messageBytesMax: messageBytesMax(size),
    peers: [] as Channels['peers'][number][],
  }))
  for (let one = 0; one < shards; one++)
    for (let other = one + 1; other < shards; other++) {
      const rings = Array.from({ length: 4 }, () => newRing(size))
      const couriers = [new SharedCourier(), new SharedCourier()]
      couriers[0]!.other = couriers[1]!
      couriers[1]!.other = couriers[0]!
      channels[one]!.peers.push(channelOver(other, rings, couriers[0]!, size))
      channels[other]!.peers.push(
        channelOver(one, [rings[2]!, rings[3]!, rings[0]!, rings[1]!], couriers[1]!, size),
      )
    }
  return channels
}

/** Rings: our requests, their replies, their requests, our replies. */
function channelOver(
  shard: number,
  rings: readonly SharedArrayBuffer[],
  courier: SlabCourier,
  size: RingSize,
): Channels['peers'][number] {
  return {
    shard,
    requestsOut: new RingWriter(rings[0]!, size),
    repliesIn: new RingReader(rings[1]!, size),
    requestsIn: new RingReader(rings[2]!, size),
    repliesOut: new RingWriter(rings[3]!, size),
    courier,
  }
}
