/**
 * controller_mutation_rate (KIP-599): partitions that one client may have created and deleted per
 * second, as a bucket of tokens. Source: Kafka's TokenBucket and ControllerMutationQuotaManager;
 * test/golden-data/quota-rates.jsonl has what the real bucket says.
 *
 *   burst = samples · window · rate; a partition costs one token; the bucket may go below zero
 *   strict (CreateTopics 6, DeleteTopics 5, CreatePartitions 3 and later): below zero a topic is
 *     refused with THROTTLING_QUOTA_EXCEEDED; a request that starts at zero or above may overdraw
 *   older versions: everything is done; the client is asked to wait until the bucket is at zero
 *
 * Topics that are only validated count too. There is one controller, on shard 0, so that no bucket is
 * shared between threads. At limits.mutationRatesMax buckets the one unused longest is given up.
 */
import type { Clock } from '../../base/clock.ts'
import { ErrorCode } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import {
  ANONYMOUS,
  type ClientQuotas,
  clientQuotaKeys,
  matchQuota,
} from '../../metadata/client-quotas.ts'
import { type Refusal, refusal } from './refusal.ts'

/** controller.quota.window.num and controller.quota.window.size.seconds */
export interface MutationWindow {
  readonly samples: number
  readonly windowSeconds: number
}

/** One client's say in one request. */
export interface MutationQuota {
  /** Takes tokens for so many partitions; null, or why not. */
  take(partitions: number): Refusal | null
  /** How long the client is asked to be quiet after this request. */
  throttleMs(): number
}

export const UNLIMITED: MutationQuota = { take: () => null, throttleMs: () => 0 }

/** First versions whose clients know how to be refused. */
const STRICT_SINCE: ReadonlyMap<number, number> = new Map([
  [19, 6],
  [20, 5],
  [37, 3],
])

const MS_PER_SECOND = 1_000

export class TokenBucket {
  private readonly window: MutationWindow
  private tokens = 0
  private filledMs = Number.NEGATIVE_INFINITY

  constructor(window: MutationWindow) {
    this.window = window
  }

  /** Tokens there are now; negative when overdrawn. */
  level(rate: number, nowMs: number): number {
    const burst = this.window.samples * this.window.windowSeconds * rate
    const gained = (rate * (nowMs - this.filledMs)) / MS_PER_SECOND
    this.tokens = Math.min(burst, this.tokens + gained)
    this.filledMs = nowMs
    return this.tokens
  }

  take(rate: number, count: number, nowMs: number): number {
    this.tokens = this.level(rate, nowMs) - count
    return this.tokens
  }
}

export class MutationQuotas {
  private readonly clock: Clock
  private readonly window: MutationWindow
  /** By whose rate it is, the one unused longest first. */
  private readonly buckets = new Map<string, TokenBucket>()

  constructor(clock: Clock, window: MutationWindow) {
    this.clock = clock
    this.window = window
  }

  get size(): number {
    return this.buckets.size
  }

  /** The quota of one control request. */
  of(
    quotas: ClientQuotas,
    request: {
      readonly apiKey: number
      readonly apiVersion: number
      readonly clientId: string | null
    },
  ): MutationQuota {
    const strictSince = STRICT_SINCE.get(request.apiKey)
    if (strictSince === undefined) return UNLIMITED
    const { clientId } = request
    const quota = matchQuota(quotas, clientQuotaKeys.controllerMutation, ANONYMOUS, clientId ?? '')
    if (quota === null) return UNLIMITED
    const bucket = this.bucketOf(quota.rateOf)
    const { clock } = this
    const { limit } = quota
    const strict = request.apiVersion >= strictSince
    let owedMs = 0
    const owe = (level: number): void => {
      owedMs = Math.max(0, Math.round((-level / limit) * MS_PER_SECOND))
    }
    return {
      take(partitions) {
        const nowMs = clock.monotonicMs()
        if (!strict) {
          owe(bucket.take(limit, partitions, nowMs))
          return null
        }
        const level = bucket.level(limit, nowMs)
        if (level < 0) {
          owe(level)
          return refusal(ErrorCode.THROTTLING_QUOTA_EXCEEDED, null)
        }
        bucket.take(limit, partitions, nowMs)
        return null
      },
      throttleMs: () => owedMs,
    }
  }

  private bucketOf(rateOf: string): TokenBucket {
    const known = this.buckets.get(rateOf)
    const bucket = known ?? new TokenBucket(this.window)
    this.buckets.delete(rateOf)
    if (this.buckets.size >= limits.mutationRatesMax) {
      const oldest = this.buckets.keys().next().value
      if (oldest !== undefined) this.buckets.delete(oldest)
    }
    this.buckets.set(rateOf, bucket)
    return bucket
  }
}
