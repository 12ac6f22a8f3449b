/**
 * From a frame to a running handler, and from its response to a reply: header, handler, version,
 * body. Source of the rules: reference/kafka-map.md §2.1, and test/golden/wire/odd.jsonl.
 *
 *   - ApiVersions in a version we do not serve: the body is not read; answered with a version 0
 *     body, UNSUPPORTED_VERSION and our range for ApiVersions, connection kept.
 *   - any other unknown API or version, or an undecodable request: the connection closes.
 *   - bytes left over behind a well-formed body are ignored, as Kafka does.
 *   - a handler that throws answers its client only: ApiError becomes its code, anything else
 *     UNKNOWN_SERVER_ERROR and a log line; an InvariantError ends the process.
 */
import { InvariantError } from '../engine/base/assert.ts'
import { readInt16, readInt32 } from '../engine/base/big-endian.ts'
import type { BrokerConfig } from '../engine/base/config.ts'
import { effectiveConfig } from '../engine/base/config-dynamic.ts'
import { ApiError, ErrorCode, MalformedRequest } from '../engine/base/errors.ts'
import { limits } from '../engine/base/limits.ts'
import type { MetadataImage } from '../engine/metadata/image.ts'
import {
  decodeRequestHeader,
  type RequestHeader,
  responseHeaderVersion,
} from '../engine/protocol/header.ts'
import { decoderFor, encoderFor } from '../engine/schema/codec.ts'
import { Reader } from '../engine/schema/reader.ts'
import type { Writer } from '../engine/schema/writer.ts'
import type {
  AnyHandler,
  ClientConnection,
  Handler,
  HandlerServices,
  RequestContext,
} from './handler.ts'
import type { ReplyBody, ReplyOutput } from './reply.ts'
import type { ReplySlot } from './reply-queue.ts'

const API_VERSIONS = 18

/** A request whose header is read and whose handler is known. */
export interface OpenedRequest {
  readonly header: RequestHeader
  /** Null: ApiVersions in a version we do not serve. */
  readonly handler: AnyHandler | null
  readonly buffer: Buffer
  readonly end: number
}

export class Dispatcher {
  /** By API key. */
  private readonly handlers: (AnyHandler | undefined)[] = []
  private readonly services: HandlerServices
  private readonly fatal: (error: InvariantError) => void
  private readonly reader = new Reader(Buffer.alloc(0))
  private configOf: MetadataImage | null = null
  private configNow: BrokerConfig

  /** `fatal` ends the process; it gets broken invariants that surface in a promise. */
  constructor(
    handlers: readonly AnyHandler[],
    services: HandlerServices,
    fatal: (error: InvariantError) => void,
  ) {
    this.services = services
    this.configNow = services.config
    this.fatal = fatal
    for (const handler of handlers) this.handlers[handler.apiKey] = handler
  }

  /** May the request start beside others of its connection? Looks at the API key only. */
  isPipelined(buffer: Buffer, start: number): boolean {
    return this.handlers[readInt16(buffer, start)]?.pipelined ?? false
  }

  /** Reads the header. Throws MalformedRequest for anything the connection must close on. */
  open(buffer: Buffer, start: number, end: number): OpenedRequest {
    const apiKey = readInt16(buffer, start)
    const apiVersion = readInt16(buffer, start + 2)
    const handler = this.handlers[apiKey]
    if (handler === undefined)
      throw new MalformedRequest(`API key ${apiKey} (version ${apiVersion}) is not served here`)
    const [min, max] = handler.versions
    if (apiVersion >= min && apiVersion <= max) {
      const header = decodeRequestHeader(buffer, start, end)
      return { header, handler, buffer, end }
    }
    if (apiKey !== API_VERSIONS)
      throw new MalformedRequest(
        `version ${apiVersion} of API key ${apiKey} is not served; ${min} to ${max} are`,
      )
    const correlationId = readInt32(buffer, start + 4)
    const header = { apiKey, apiVersion, correlationId, clientId: null, bodyStart: end }
    return { header, handler: null, buffer, end }
  }

  /**
   * Keys of the partitions that a hot request names, before it is run; none for one that cannot be
   * read, of which `open` and `run` will say so.
   */
  keysOf(buffer: Buffer, start: number, end: number): number[] {
    const handler = this.handlers[readInt16(buffer, start)]
    const apiVersion = readInt16(buffer, start + 2)
    if (handler?.pipelined !== true) return []
    const [min, max] = handler.versions
    if (apiVersion < min || apiVersion > max) return []
    try {
      const { bodyStart } = decodeRequestHeader(buffer, start, end)
      const reader = new Reader(buffer)
      reader.reset(buffer, bodyStart, end, limits.requestElementsMax)
      const request = decoderFor(handler.request, apiVersion)(reader) as object
      return handler.keysOf(this.services.router.image(), request)
    } catch (error) {
      if (error instanceof MalformedRequest) return []
      throw error
    }
  }

  /** Decodes the body and runs the handler; the slot is answered by it, now or later. */
  run(request: OpenedRequest, connection: ClientConnection, slot: ReplySlot): void {
    const { header, handler } = request
    if (handler === null) {
      slot.send(this.unsupportedApiVersions())
      return
    }
    slot.taggedHeader = responseHeaderVersion(header.apiKey, header.apiVersion) === 1
    const context = this.contextOf(header, connection, slot.requestBytes)
    const decode = decoderFor(handler.request, header.apiVersion)
    const { buffer, end } = request
    this.reader.reset(buffer, header.bodyStart, end, limits.requestElementsMax)
    const body = decode(this.reader) as object
    if (!handler.pipelined) {
      this.runCold(handler, context, body, slot)
    } else {
      handler.start(context, body, slot)
      if (!handler.keepsRequestBytes) slot.releaseMemory()
    }
    this.services.quotas.pause(context.work)
  }

  private contextOf(
    header: RequestHeader,
    connection: ClientConnection,
    requestBytes: number,
  ): RequestContext {
    const { services } = this
    return {
      router: services.router,
      config: this.config(),
      clock: services.clock,
      logger: services.logger,
      fetchSessions: services.fetchSessions,
      producerIds: services.producerIds,
      quotas: services.quotas,
      apiKey: header.apiKey,
      apiVersion: header.apiVersion,
      correlationId: header.correlationId,
      requestBytes,
      work: services.quotas.begin(),
      clientId: header.clientId,
      connection,
    }
  }

  /** In force by this shard's image; looked up once per image. */
  private config(): BrokerConfig {
    const image = this.services.router.image()
    if (image !== this.configOf) {
      this.configOf = image
      this.configNow = effectiveConfig(this.services.config, image.dynamicConfigs)
    }
    return this.configNow
  }

  private runCold(
    handler: Handler,
    context: RequestContext,
    request: object,
    slot: ReplySlot,
  ): void {
    let response: object | Promise<object>
    try {
      response = handler.handle(context, request)
    } catch (error) {
      this.answerFailure(handler, context, request, slot, error)
      return
    }
    if (!(response instanceof Promise)) {
      this.answer(handler, context, slot, response)
      return
    }
    response
      .then((value) => this.answer(handler, context, slot, value))
      .catch((error: unknown) => this.answerFailure(handler, context, request, slot, error))
      .catch((error: unknown) => this.escalate(context, slot, error))
  }

  private answerFailure(
    handler: Handler,
    context: RequestContext,
    request: object,
    slot: ReplySlot,
    error: unknown,
  ): void {
    if (error instanceof InvariantError) throw error
    const known = error instanceof ApiError
    const code = known ? error.code : ErrorCode.UNKNOWN_SERVER_ERROR
    const message = known ? error.message : 'The server experienced an unexpected error.'
    if (!known) this.logUnexpected(context, error)
    const failed =
      handler.failed?.(request, code, message, context.apiVersion) ??
      failureAtTop(handler, code, message)
    if (failed === null) slot.hangUp(`API key ${handler.apiKey} failed and has no place for errors`)
    else this.answer(handler, context, slot, failed)
  }

  /** Says in the response how long the client shall be quiet, and sees to it. */
  private answer(
    handler: Handler,
    context: RequestContext,
    slot: ReplySlot,
    response: { readonly throttleTimeMs?: number },
  ): void {
    const told = response.throttleTimeMs ?? 0
    const throttleTimeMs = Math.max(told, context.quotas.answered(context))
    if (throttleTimeMs > 0) slot.throttle(throttleTimeMs)
    const said = throttleTimeMs > told ? { ...response, throttleTimeMs } : response
    slot.send(this.encoded(handler, context, said))
  }

  private encoded(handler: Handler, context: RequestContext, response: object): ReplyBody {
    const encode = encoderFor(handler.response, context.apiVersion) as ValueEncoder
    return new EncodedBody((writer, value) => {
      try {
        encode(writer, value)
      } catch (error) {
        // A value its table cannot say is a handler's slip, not broken state: it costs the client
        // that asked its connection, and nobody else anything.
        const reason = error instanceof Error ? error.message : String(error)
        const { apiKey, apiVersion } = context
        throw new Error(
          `the response to API key ${apiKey} v${apiVersion} is not sayable: ${reason}`,
        )
      }
    }, response)
  }

  private escalate(context: RequestContext, slot: ReplySlot, error: unknown): void {
    if (error instanceof InvariantError) {
      this.fatal(error)
      return
    }
    this.logUnexpected(context, error)
    if (!slot.done) slot.hangUp(`API key ${context.apiKey} could not be answered`)
  }

  private logUnexpected(context: RequestContext, error: unknown): void {
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
    context.logger.error(
      `API key ${context.apiKey} v${context.apiVersion} of ${context.connection.clientHost} ` +
        `(client id ${context.clientId ?? 'none'}) failed unexpectedly: ${detail}`,
    )
  }

  private unsupportedApiVersions(): ReplyBody {
    const handler = this.handlers[API_VERSIONS]
    const [min, max] = handler?.advertised ?? handler?.versions ?? [0, 0]
    return new EncodedBody((writer) => {
      writer.int16(ErrorCode.UNSUPPORTED_VERSION)
      writer.int32(1)
      writer.int16(API_VERSIONS)
      writer.int16(min)
      writer.int16(max)
    }, {})
  }
}

type ValueEncoder = (writer: Writer, value: object) => void

/** A response that is a value, encoded when it is sent. */
class EncodedBody implements ReplyBody {
  readonly recordBytes = 0
  readonly uncached = false
  private readonly encoder: ValueEncoder
  private readonly response: object

  constructor(encoder: ValueEncoder, response: object) {
    this.encoder = encoder
    this.response = response
  }

  encode(output: ReplyOutput): void {
    this.encoder(output.writer, this.response)
  }

  release(): void {
    // Values need no giving back.
  }
}

/** An error at the top of a response whose table has a place for it; null when it has none. */
function failureAtTop(handler: Handler, errorCode: number, errorMessage: string): object | null {
  const { fields } = handler.response
  if (!('errorCode' in fields)) return null
  return 'errorMessage' in fields ? { errorCode, errorMessage } : { errorCode }
}
