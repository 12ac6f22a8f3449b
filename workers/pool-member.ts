/**
 * A shard's thread as a member of the pool: what it was given, and the orders it follows, one after
 * the other. The port to the parent keeps the thread alive. An order that fails ends the thread,
 * and the pool then ends the process.
 */
import { parentPort } from 'node:worker_threads'
import { assert } from '../engine/base/assert.ts'
import type { MetadataImage } from '../engine/metadata/image.ts'
import type { StopStage, ThreadOrder, ThreadReport } from './messages.ts'
import type { ShardWiring } from './wiring.ts'

export interface Begun {
  readonly wiring: ShardWiring
  readonly data: unknown
}

export interface MemberOrders {
  /** The image is in force in this shard when it resolves. */
  apply(image: MetadataImage): Promise<void>
  /** Connections are taken from now on. */
  accept(): Promise<void>
  stop(stage: StopStage): Promise<void>
}

export interface PoolMember {
  /** What the pool's `begin` gave for this shard. */
  readonly begun: Promise<Begun>
  /** Follows orders from now on, also those that came before. */
  follow(orders: MemberOrders): void
  /** Tells the pool that this shard serves. */
  ready(): void
}

/** To be called once, in a thread that a ShardPool started. */
export function joinPool(): PoolMember {
  const port = parentPort
  assert(port !== null, 'only a thread of the pool can join it')
  const report = (message: ThreadReport): void => port.postMessage(message)
  let begin: (begun: Begun) => void = () => {}
  const begun = new Promise<Begun>((resolve) => {
    begin = resolve
  })
  let follow: (orders: MemberOrders) => void = () => {}
  const followed = new Promise<MemberOrders>((resolve) => {
    follow = resolve
  })
  let last: Promise<void> = Promise.resolve()
  // From the first moment: a message that finds no listener is lost.
  port.on('message', (order: ThreadOrder) => {
    if (order.kind === 'begin') begin(order)
    else if (order.kind === 'end') process.exit(0)
    else last = last.then(async () => obey(order, await followed, report))
  })
  return { begun, follow, ready: () => report({ kind: 'ready' }) }
}

async function obey(
  order: Exclude<ThreadOrder, { kind: 'begin' | 'end' }>,
  orders: MemberOrders,
  report: (message: ThreadReport) => void,
): Promise<void> {
  if (order.kind === 'image') {
    await orders.apply(order.image)
    report({ kind: 'applied', version: order.image.version })
  } else if (order.kind === 'accept') {
    await orders.accept()
    report({ kind: 'accepting' })
  } else {
    await orders.stop(order.stage)
    report({ kind: 'stopped', stage: order.stage })
  }
}
