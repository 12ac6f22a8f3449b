/**
 * The reading loop behind `sluice consume` and `kafka-console-consumer`: alone on given partitions, or
 * as a member of a group that commits what was handed over.
 */

import { ErrorCode, errorName, isRetriable } from '../../engine/base/errors.ts'
import type { Client } from '../../net/client/client.ts'
import { ConnectionFailed, RequestFailed } from '../../net/client/client-errors.ts'
import { ClientFetcher, type FetchedRecord } from '../../net/client/client-fetcher.ts'
import { ClientGroupMember } from '../../net/client/client-group.ts'
import type { CommandIo } from './io.ts'
import { leadersOf, partitionKey } from './offsets-admin.ts'

export interface ConsumeOptions {
  readonly topics: readonly string[]
  readonly groupId: string | null
  /** Null = all. */
  readonly partition: number | null
  readonly start: number | 'earliest' | 'latest'
  readonly maxMessages: number
  /** Give up after so long without a record; null = never. */
  readonly idleTimeoutMs: number | null
  /** Stop at the log's end as it was at the start. */
  readonly stopAtEnd: boolean
  readonly isolation: 0 | 1
  /** An absent topic is an error, not a wait. */
  readonly mustExist: boolean
}

const HEARTBEAT_MS = 3_000
const COMMIT_MS = 1_000
const SESSION_TIMEOUT_MS = 30_000
const REBALANCE_TIMEOUT_MS = 60_000
const MISSING_TOPIC_PAUSE_MS = 250
/** After Ctrl-C a broker that does not answer is waited for so long, then left as it is. */
const STOP_PATIENCE_MS = 5_000

/**
 * Hands over records, in runs as they were fetched, until a bound of the options, Ctrl-C, SIGTERM or
 * the end of whoever reads the output; resolves with their number.
 */
export async function consume(
  client: Client,
  options: ConsumeOptions,
  io: CommandIo,
  onRecords: (records: readonly FetchedRecord[]) => void,
): Promise<number> {
  const loop = new ConsumeLoop(client, options, onRecords)
  void io.interrupted().then(() => loop.stop())
  void io.outputClosed.then(() => loop.abandon())
  return loop.run()
}

class ConsumeLoop {
  private readonly client: Client
  private readonly options: ConsumeOptions
  private readonly onRecords: (records: readonly FetchedRecord[]) => void
  private readonly fetcher: ClientFetcher
  private readonly member: ClientGroupMember | null
  private stopped = false
  private abandoned = false
  private count = 0
  private lastRecordAt = performance.now()
  private lastHeartbeatAt = 0
  private lastCommitAt = performance.now()
  private ends: Map<string, number> | null = null

  constructor(
    client: Client,
    options: ConsumeOptions,
    onRecords: (records: readonly FetchedRecord[]) => void,
  ) {
    this.client = client
    this.options = options
    this.onRecords = onRecords
    const maxWaitMs = Math.min(500, options.idleTimeoutMs ?? 500)
    this.fetcher = new ClientFetcher(client, { isolation: options.isolation, maxWaitMs })
    this.member =
      options.groupId === null
        ? null
        : new ClientGroupMember(client, {
            groupId: options.groupId,
            topics: options.topics,
            sessionTimeoutMs: SESSION_TIMEOUT_MS,
            rebalanceTimeoutMs: REBALANCE_TIMEOUT_MS,
          })
  }

  stop(): void {
    this.stopped = true
    // The broker may be gone: its answers are not waited for in full.
    setTimeout(() => void this.client.close(), STOP_PATIENCE_MS).unref()
  }

  /** Stops without committing: what was handed over last has reached nobody. */
  abandon(): void {
    this.abandoned = true
    this.stop()
  }

  async run(): Promise<number> {
    try {
      await this.readAll()
    } catch (error) {
      // After a stop the connections are closed under whatever still waits.
      if (!(this.stopped && error instanceof ConnectionFailed)) throw error
    }
    return this.count
  }

  private async readAll(): Promise<void> {
    if (this.options.topics.length === 0 || !(await this.waitForTopics())) return
    try {
      await this.assign()
      this.lastRecordAt = performance.now()
      while (!this.finished()) {
        const fetched = await this.fetcher.poll()
        if (this.stopped) break
        await this.handOver(fetched)
        // A closed pipe is told a tick later: before anything is committed.
        await new Promise((resolve) => setImmediate(resolve))
        if (!this.stopped) await this.attendGroup()
      }
    } finally {
      await this.leave()
    }
  }

  private async handOver(fetched: readonly FetchedRecord[]): Promise<void> {
    if (fetched.length === 0) return
    const wanted = Math.min(fetched.length, this.options.maxMessages - this.count)
    this.onRecords(wanted === fetched.length ? fetched : fetched.slice(0, wanted))
    this.count += wanted
    this.lastRecordAt = performance.now()
    if (wanted < fetched.length) await this.stopShortOf(fetched.slice(wanted))
  }

  /** False when the options' patience ends before the topics exist. */
  private async waitForTopics(): Promise<boolean> {
    for (;;) {
      const { topics } = await this.client.metadata(this.options.topics)
      const missing = topics.find(({ errorCode }) => errorCode !== 0)
      if (missing === undefined) return true
      if (this.options.mustExist || !isRetriable(missing.errorCode))
        throw new RequestFailed(
          missing.errorCode,
          missing.errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
            ? `there is no topic '${missing.name ?? ''}'`
            : `topic '${missing.name ?? ''}': ${errorName(missing.errorCode)}`,
        )
      if (this.stopped || this.idle()) return false
      await new Promise((resolve) => setTimeout(resolve, MISSING_TOPIC_PAUSE_MS))
    }
  }

  private async assign(): Promise<void> {
    const { start } = this.options
    if (this.member === null) {
      const { topics } = await this.client.metadata(this.options.topics)
      const wanted = topics.flatMap(({ name, partitions }) =>
        partitions
          .filter(({ partitionIndex }) => this.wants(partitionIndex))
          .map(({ partitionIndex }) => ({
            topic: name ?? '',
            partition: partitionIndex,
            offset: start,
          })),
      )
      if (wanted.length === 0)
        throw new RequestFailed(
          ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
          `the topic has no partition ${this.options.partition}`,
        )
      await this.fetcher.assign(wanted)
    } else {
      const owned = await this.member.join()
      const committed = await this.member.committed(owned)
      await this.fetcher.assign(
        owned.map((partition, at) => ({ ...partition, offset: committed[at] ?? start })),
      )
    }
    if (this.options.stopAtEnd) await this.noteEnds()
  }

  private wants(partition: number): boolean {
    return this.options.partition === null || this.options.partition === partition
  }

  private async noteEnds(): Promise<void> {
    this.ends = new Map()
    const { topics } = await this.client.metadata(this.options.topics)
    const leaders = leadersOf(topics)
    for (const { topic, partition } of this.fetcher.assigned) {
      const leader = leaders.get(partitionKey({ topic, partition }))
      const end = await this.fetcher.listOffset(leader ?? -1, topic, partition, 'latest')
      this.ends.set(partitionKey({ topic, partition }), end)
    }
  }

  private finished(): boolean {
    if (this.stopped || this.count >= this.options.maxMessages) return true
    const { ends } = this
    if (
      ends !== null &&
      this.fetcher.assigned.every(
        ({ topic, partition, offset }) => offset >= (ends.get(`${topic}-${partition}`) ?? 0),
      )
    )
      return true
    return this.idle()
  }

  private idle(): boolean {
    const { idleTimeoutMs } = this.options
    return idleTimeoutMs !== null && performance.now() - this.lastRecordAt > idleTimeoutMs
  }

  /**
   * With a limit on records, what was fetched beyond it was not consumed: every partition is set back
   * to the first of its records that is left over, so that only what was handed over is committed.
   */
  private async stopShortOf(leftOver: readonly FetchedRecord[]): Promise<void> {
    const first = new Map<string, number>()
    for (const { topic, partition, offset } of leftOver) {
      const key = `${topic}-${partition}`
      first.set(key, Math.min(offset, first.get(key) ?? offset))
    }
    const positions = this.fetcher.assigned.map((position) => ({
      ...position,
      offset: first.get(`${position.topic}-${position.partition}`) ?? position.offset,
    }))
    await this.fetcher.assign(positions)
  }

  private async attendGroup(): Promise<void> {
    if (this.member === null) return
    const now = performance.now()
    let settled = true
    if (now - this.lastCommitAt > COMMIT_MS) {
      this.lastCommitAt = now
      settled = await this.member.commit(this.fetcher.assigned)
    }
    if (settled && now - this.lastHeartbeatAt > HEARTBEAT_MS) {
      this.lastHeartbeatAt = now
      settled = await this.member.heartbeat()
      if (!settled) await this.member.commit(this.fetcher.assigned)
    }
    if (!settled) await this.assign()
  }

  private async leave(): Promise<void> {
    if (this.member === null) return
    if (!this.abandoned) await this.member.commit(this.fetcher.assigned)
    await this.member.leave()
  }
}
