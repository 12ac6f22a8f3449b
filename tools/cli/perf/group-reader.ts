/**
 * A member of a group that reads what it is assigned and tells of assignments: the reading side of the
 * measuring and verifying tools. Heartbeats and rebalances happen inside `poll`; commits are the
 * caller's.
 */
import type { Client } from '../../../net/client/client.ts'
import {
  ClientFetcher,
  type FetchedRecord,
  type TopicPartition,
} from '../../../net/client/client-fetcher.ts'
import { ClientGroupMember } from '../../../net/client/client-group.ts'
import { KafkaToolExit } from '../kafka/flags.ts'

export interface ReaderOptions {
  readonly groupId: string
  readonly groupInstanceId: string | null
  readonly topics: readonly string[]
  /** Where to begin without a committed offset; 'none' is a failure then. */
  readonly reset: 'earliest' | 'latest' | 'none'
  readonly isolation: 0 | 1
  readonly sessionTimeoutMs: number
  readonly maxWaitMs: number
  readonly partitionBytes: number
}

export interface ReaderEvents {
  onAssigned(partitions: readonly TopicPartition[]): void
  onRevoked(partitions: readonly TopicPartition[]): void
}

const REBALANCE_TIMEOUT_MS = 60_000
const HEARTBEAT_MS = 3_000

export class GroupReader {
  private readonly options: ReaderOptions
  private readonly events: ReaderEvents
  private readonly fetcher: ClientFetcher
  private readonly member: ClientGroupMember
  private owned: readonly TopicPartition[] = []
  private joined = false
  private lastHeartbeatAt = 0

  constructor(client: Client, options: ReaderOptions, events: ReaderEvents) {
    this.options = options
    this.events = events
    const { isolation, maxWaitMs, partitionBytes } = options
    this.fetcher = new ClientFetcher(client, { isolation, maxWaitMs, partitionBytes })
    this.member = new ClientGroupMember(client, {
      groupId: options.groupId,
      groupInstanceId: options.groupInstanceId,
      topics: options.topics,
      sessionTimeoutMs: options.sessionTimeoutMs,
      rebalanceTimeoutMs: REBALANCE_TIMEOUT_MS,
    })
  }

  /** Next offsets of what is assigned. */
  get positions(): readonly Readonly<TopicPartition & { offset: number }>[] {
    return this.fetcher.assigned
  }

  async poll(): Promise<FetchedRecord[]> {
    if (!this.joined) await this.join()
    const now = performance.now()
    if (now - this.lastHeartbeatAt > HEARTBEAT_MS) {
      this.lastHeartbeatAt = now
      if (!(await this.member.heartbeat())) await this.rejoin()
    }
    if (this.owned.length > 0) return this.fetcher.poll()
    await new Promise((resolve) => setTimeout(resolve, this.options.maxWaitMs))
    return []
  }

  /** False: a rebalance took the place of the commit. */
  async commit(offsets: readonly (TopicPartition & { offset: number })[]): Promise<boolean> {
    const committed = await this.member.commit(offsets)
    if (!committed) await this.rejoin()
    return committed
  }

  async close(): Promise<void> {
    if (!this.joined) return
    this.events.onRevoked(this.owned)
    await this.member.leave()
  }

  private async rejoin(): Promise<void> {
    this.events.onRevoked(this.owned)
    await this.join()
  }

  private async join(): Promise<void> {
    this.owned = await this.member.join()
    this.joined = true
    this.lastHeartbeatAt = performance.now()
    const committed = await this.member.committed(this.owned)
    await this.fetcher.assign(
      this.owned.map((partition, at) => ({
        ...partition,
        offset: committed[at] ?? this.fallback(partition),
      })),
    )
    this.events.onAssigned(this.owned)
  }

  private fallback({ topic, partition }: TopicPartition): 'earliest' | 'latest' {
    const { reset } = this.options
    if (reset !== 'none') return reset
    throw new KafkaToolExit(
      `Undefined offset with no reset policy for partitions: [${topic}-${partition}]\n` +
        '  next: commit offsets for the group first, or use --reset-policy earliest or latest',
    )
  }
}
