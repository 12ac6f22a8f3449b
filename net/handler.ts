/**
 * What serves one API. Handlers are plain objects in one list (handlers/index.ts); what ApiVersions
 * advertises is computed from it.
 *
 * A *cold* handler takes a decoded request and returns a response, at once or as a promise; it runs
 * alone on its connection: after all earlier requests are answered, before any later one starts, as
 * Kafka's muted channels do. Byte fields of its request are its own to keep.
 *
 * A *hot* handler (Produce, Fetch) is started in arrival order, many at a time per connection, and
 * answers through `reply`. Byte fields of its request stay valid until the records appended from
 * them are written, see receive.ts.
 */
import type { Clock } from '../engine/base/clock.ts'
import type { BrokerConfig } from '../engine/base/config.ts'
import type { Logger } from '../engine/base/logger.ts'
import type { MetadataImage } from '../engine/metadata/image.ts'
import type { Loose, Message } from '../engine/schema/fields.ts'
import type { Router } from '../workers/router.ts'
import type { FetchSessions } from './fetch-sessions.ts'
import type { ProducerIds } from './producer-ids.ts'
import type { QuotaRequest, ShardQuotas } from './quotas/shard-quotas.ts'
import type { Reply } from './reply.ts'

/** The connection a request came by, for as long as it lives. */
export interface ClientConnection {
  /** Unique in the process while the connection lives. */
  readonly id: number
  readonly clientHost: string
  readonly listenerName: string
  /** Where clients of this listener are told to find the broker. */
  readonly advertised: { readonly host: string; readonly port: number }
}

/** What handlers of one shard share. */
export interface HandlerServices {
  readonly router: Router
  readonly config: BrokerConfig
  readonly fetchSessions: FetchSessions
  readonly producerIds: ProducerIds
  readonly quotas: ShardQuotas
  readonly clock: Clock
  readonly logger: Logger
}

export interface RequestContext extends HandlerServices, QuotaRequest {
  readonly apiKey: number
  readonly apiVersion: number
  readonly correlationId: number
  /** Size of the request, header and body. */
  readonly requestBytes: number
  readonly connection: ClientConnection
}

interface Api {
  readonly apiKey: number
  /** Versions decoded and answered. */
  readonly versions: readonly [min: number, max: number]
  /** Versions announced, where that differs on purpose (Produce, trap T2). */
  readonly advertised?: readonly [min: number, max: number]
  readonly request: Message
  readonly response: Message
}

/**
 * A cold handler, the usual kind: `Handler<MetadataRequest, MetadataResponse>`. The dispatcher decodes
 * by its own `request` table, so that the types meet by construction.
 */
export interface Handler<Request extends object = object, Response extends object = object>
  extends Api {
  readonly pipelined: false
  handle(context: RequestContext, request: Request): Loose<Response> | Promise<Loose<Response>>
  /**
   * The response that tells of an error of the whole request: an ApiError thrown by `handle`, or
   * UNKNOWN_SERVER_ERROR for anything unexpected. Without it, `errorCode` and `errorMessage` are set
   * at the top of the response where its table has them, and otherwise the connection is closed.
   */
  failed?(request: Request, errorCode: number, message: string, apiVersion: number): Loose<Response>
}

/** A handler of the hot path. */
export interface HotHandler<Request extends object = object> extends Api {
  readonly pipelined: true
  /** Byte fields of the request are used after `start` returns. */
  readonly keepsRequestBytes: boolean
  start(context: RequestContext, request: Request, reply: Reply): void
  /** Keys of the partitions it names, of those that exist: what its connection is likely to use. */
  keysOf(image: MetadataImage, request: Request): number[]
}

export type AnyHandler = Handler | HotHandler
