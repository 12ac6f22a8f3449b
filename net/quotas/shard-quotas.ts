/**
 * Client quotas at work in one shard (KIP-13, KIP-124, KIP-219; Kafka's ClientQuotaManager and
 * ClientRequestQuotaManager). A client over its quota gets its answer at once, with the time it is
 * asked to be quiet, and its connection is not read for as long; see Connection.mute.
 *
 *   producer_byte_rate   size of produce requests
 *   consumer_byte_rate   size of fetch responses; one over the quota is sent empty and not counted
 *   request_percentage   time this shard's thread spends on decoding and handling, in percent of one
 *                        core, at most one window of waiting; acks=0 is exempt
 *
 * Rates are shared by all shards (rate-table.ts), so that a quota holds for a client however its
 * connections are spread. Without any quota `active` is false, and that is all a request asks.
 *
 * differs from Kafka: time that other shards spend on a request, and time in sockets, is not counted.
 */
import { limits } from '../../engine/base/limits.ts'
import {
  ANONYMOUS,
  type ClientQuotaKey,
  type ClientQuotas,
  clientQuotaKeys,
  hasQuota,
  matchQuota,
  NO_CLIENT_QUOTAS,
} from '../../engine/metadata/client-quotas.ts'
import type { RateHandle, RateTable } from './rate-table.ts'

/** What a request has cost its thread; only kept while there is a quota of time. */
export interface RequestWork {
  /** On the shard's clock; negative while its handler is not running. */
  startedMs: number
  busyMs: number
}

/** What quotas ask of a request. */
export interface QuotaRequest {
  readonly clientId: string | null
  readonly work: RequestWork | null
}

interface Limit {
  readonly limit: number
  readonly rate: RateHandle
}

interface ClientLimits {
  readonly produce: Limit | null
  readonly fetch: Limit | null
  readonly request: Limit | null
}

const MS_PER_SECOND = 1_000
const PERCENT = 100

export class ShardQuotas {
  /** Some client has a quota. */
  active = false
  /** Some client has a quota of time. */
  timed = false
  private readonly table: RateTable | null
  private readonly nowMs: () => number
  private quotas: ClientQuotas = NO_CLIENT_QUOTAS
  private readonly clients = new Map<string, ClientLimits>()

  /** `nowMs` is a clock that all threads share; `table` null: nothing is ever limited. */
  constructor(table: RateTable | null, nowMs: () => number) {
    this.table = table
    this.nowMs = nowMs
  }

  /** These quotas hold from now on; rates measured so far go on. */
  apply(quotas: ClientQuotas): void {
    if (this.table === null) return
    this.quotas = quotas
    this.clients.clear()
    this.timed = hasQuota(quotas, clientQuotaKeys.request)
    this.active =
      this.timed ||
      hasQuota(quotas, clientQuotaKeys.produce) ||
      hasQuota(quotas, clientQuotaKeys.fetch)
  }

  /** Measures a request from now on; null while nobody asks. */
  begin(): RequestWork | null {
    return this.timed ? { startedMs: this.nowMs(), busyMs: 0 } : null
  }

  /** Its handler has returned. */
  pause(work: RequestWork | null): void {
    if (work === null || work.startedMs < 0) return
    work.busyMs += this.nowMs() - work.startedMs
    work.startedMs = -1
  }

  /** A produce request of `bytes` is about to be answered: milliseconds to be quiet. */
  produced(request: QuotaRequest, bytes: number, acks: number): number {
    if (!this.active) return 0
    const { produce } = this.limitsOf(request.clientId)
    const bytesMs = this.record(produce, bytes)
    return acks === 0 ? bytesMs : Math.max(bytesMs, this.answered(request))
  }

  /** Whether fetches of this client are judged at all. */
  judgesFetches(request: QuotaRequest): boolean {
    if (!this.active) return false
    const { fetch, request: time } = this.limitsOf(request.clientId)
    return fetch !== null || time !== null
  }

  /** A fetch response of `bytes` is ready: 0, or how long to be quiet after an empty one instead. */
  fetched(request: QuotaRequest, bytes: number): number {
    if (!this.active) return 0
    const { fetch } = this.limitsOf(request.clientId)
    const timeMs = this.answered(request)
    const bytesMs = this.record(fetch, bytes)
    const throttleMs = Math.max(timeMs, bytesMs)
    if (throttleMs > 0 && fetch !== null) this.table?.unrecord(fetch.rate, bytes, this.nowMs())
    return throttleMs
  }

  /** More than this in one response would be over the quota even after the longest silence. */
  fetchBytesMax(request: QuotaRequest): number {
    if (!this.active || this.table === null) return Number.MAX_SAFE_INTEGER
    const { fetch } = this.limitsOf(request.clientId)
    if (fetch === null) return Number.MAX_SAFE_INTEGER
    const { samples, windowMs } = this.table.window
    const seconds = ((samples - 1) * windowMs) / MS_PER_SECOND
    return Math.max(0, Math.floor(Math.min(fetch.limit * seconds, Number.MAX_SAFE_INTEGER)))
  }

  /** Any request is about to be answered: milliseconds to be quiet for the time it took. */
  answered(request: QuotaRequest): number {
    const { work } = request
    if (!this.timed || work === null || this.table === null) return 0
    const { request: time } = this.limitsOf(request.clientId)
    const runningMs = work.startedMs < 0 ? 0 : this.nowMs() - work.startedMs
    const percentSeconds = ((work.busyMs + runningMs) / MS_PER_SECOND) * PERCENT
    return Math.min(this.record(time, percentSeconds), this.table.window.windowMs)
  }

  private record(limit: Limit | null, value: number): number {
    if (limit === null || this.table === null) return 0
    return this.table.record(limit.rate, value, limit.limit, this.nowMs())
  }

  private limitsOf(clientId: string | null): ClientLimits {
    const known = this.clients.get(clientId ?? '')
    if (known !== undefined) return known
    if (this.clients.size >= limits.quotaClientsMax) this.clients.clear()
    const found: ClientLimits = {
      produce: this.limit(clientQuotaKeys.produce, clientId ?? ''),
      fetch: this.limit(clientQuotaKeys.fetch, clientId ?? ''),
      request: this.limit(clientQuotaKeys.request, clientId ?? ''),
    }
    this.clients.set(clientId ?? '', found)
    return found
  }

  private limit(key: ClientQuotaKey, clientId: string): Limit | null {
    const quota = matchQuota(this.quotas, key, ANONYMOUS, clientId)
    if (quota === null || this.table === null) return null
    return { limit: quota.limit, rate: this.table.handle(quota.rateOf, this.nowMs()) }
  }
}

/** Quotas that never hold anybody back. */
export function noQuotas(): ShardQuotas {
  return new ShardQuotas(null, () => 0)
}
