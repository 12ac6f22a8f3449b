/**
 * One connection of the own client: frames out, frames in, answers matched by correlation id, versions
 * negotiated once with ApiVersions. Used by the command line, the load generator and the tests; later
 * by brokers among themselves.
 *
 * Bounds: a deadline per request, ANSWER_BYTES_MAX per answer. A connection that breaks rejects all
 * that waits on it and is not used again.
 */
import { connect, type Socket } from 'node:net'
import { ErrorCode, MalformedRequest } from '../../engine/base/errors.ts'
import { ApiVersionsRequest, ApiVersionsResponse } from '../../engine/protocol/18-api-versions.ts'
import { decoderFor, encoderFor } from '../../engine/schema/codec.ts'
import type { Infer, InferInput, Message } from '../../engine/schema/fields.ts'
import { Reader } from '../../engine/schema/reader.ts'
import { Writer } from '../../engine/schema/writer.ts'
import { type Address, formatAddress } from './address.ts'
import { ConnectionFailed, type ConnectProblem, UnsupportedApi } from './client-errors.ts'
import { speaksTls } from './tls-probe.ts'

const ANSWER_BYTES_MAX = 1 << 30
/** Of the first answer: other protocols' greetings, read as a length, are mostly far above it. */
const FIRST_ANSWER_BYTES_MAX = 1 << 20
const LENGTH_BYTES = 4
/** First byte of a TLS alert or handshake record, where a Kafka frame has the top of its length. */
const TLS_RECORD = 0x15
const API_VERSIONS = 18
/** How long a server that hung up is asked whether it speaks TLS. */
const TLS_PROBE_MS = 2_000
/** Highest ApiVersions request sent first; older brokers answer it in version 0 with their range. */
const API_VERSIONS_FIRST = 3
/** Correlation id and error code: the shortest ApiVersions answer. */
const API_VERSIONS_BYTES_MIN = 6

export interface ConnectionOptions {
  readonly clientId: string
  /** Milliseconds for connecting and for each answer. */
  readonly timeoutMs: number
}

interface Waiting {
  readonly resolve: (frame: Buffer) => void
  readonly reject: (error: Error) => void
  readonly timer: NodeJS.Timeout
}

export class ClientConnection {
  readonly address: Address
  private readonly socket: Socket
  private readonly options: ConnectionOptions
  private readonly waiting = new Map<number, Waiting>()
  private readonly writer = new Writer()
  private ranges = new Map<number, readonly [min: number, max: number]>()
  private readonly features = new Map<string, number>()
  private chunks: Buffer[] = []
  private buffered = 0
  private correlationId = 0
  private failure: ConnectionFailed | null = null

  private constructor(address: Address, socket: Socket, options: ConnectionOptions) {
    this.address = address
    this.socket = socket
    this.options = options
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.receive(chunk))
    socket.on('error', (error: NodeJS.ErrnoException) => this.fail('closed', error.message))
    socket.on('close', () => this.fail('closed', 'the connection was closed'))
  }

  /** Connects and learns what the broker serves. Rejects with ConnectionFailed. */
  static async connect(address: Address, options: ConnectionOptions): Promise<ClientConnection> {
    const socket = await openSocket(address, options.timeoutMs)
    const connection = new ClientConnection(address, socket, options)
    try {
      await connection.negotiate()
    } catch (error) {
      const failure = connection.fail('closed', 'closed by this side')
      if (failure.problem !== 'closed' || !(await speaksTls(address, TLS_PROBE_MS))) throw error
      throw new ConnectionFailed(failure.address, 'tls', 'it hung up and answers a TLS greeting')
    }
    return connection
  }

  get usable(): boolean {
    return this.failure === null
  }

  /** Versions of an API that the broker announced; null when it does not serve it. */
  servedVersions(apiKey: number): readonly [min: number, max: number] | null {
    return this.ranges.get(apiKey) ?? null
  }

  /** Level at which a feature of the cluster is switched on (KIP-584); 0 where nobody told. */
  featureLevel(name: string): number {
    return this.features.get(name) ?? 0
  }

  /** Highest version both sides know. Throws UnsupportedApi when there is none. */
  versionOf(request: Message, highest = request.maxVersion): number {
    const served = this.ranges.get(request.apiKey)
    const version = Math.min(highest, served?.[1] ?? -1)
    if (served === undefined || version < Math.max(request.minVersion, served[0]))
      throw new UnsupportedApi(
        `${formatAddress(this.address)} does not serve ${request.name.replace(/Request$/, '')} ` +
          `in a version known here`,
      )
    return version
  }

  /** Sends one request in the highest common version and resolves with its decoded answer. */
  async send<Req extends Message, Res extends Message>(
    request: Req,
    response: Res,
    body: InferInput<Req>,
    options: { version?: number; timeoutMs?: number } = {},
  ): Promise<Infer<Res>> {
    const version = options.version ?? this.versionOf(request)
    return this.decode(response, version, await this.exchange(request, body, version, options))
  }

  /** Sends a request that has no answer (Produce with acks 0). */
  post<Req extends Message>(request: Req, body: InferInput<Req>): void {
    this.writeFrame(request, body, this.versionOf(request), ++this.correlationId)
  }

  close(): void {
    this.fail('closed', 'closed by this side')
  }

  private exchange<Req extends Message>(
    request: Req,
    body: InferInput<Req>,
    version: number,
    options: { timeoutMs?: number } = {},
  ): Promise<Buffer> {
    const timeoutMs = options.timeoutMs ?? this.options.timeoutMs
    if (this.failure !== null) return Promise.reject(this.failure)
    const correlationId = ++this.correlationId
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => this.fail('timeout', `no answer to ${request.name} within ${timeoutMs} ms`),
        timeoutMs,
      )
      this.waiting.set(correlationId, { resolve, reject, timer })
      this.writeFrame(request, body, version, correlationId)
    })
  }

  private writeFrame<Req extends Message>(
    request: Req,
    body: InferInput<Req>,
    version: number,
    correlationId: number,
  ): void {
    const { writer } = this
    const lengthAt = writer.reserve(LENGTH_BYTES)
    writer.int16(request.apiKey)
    writer.int16(version)
    writer.int32(correlationId)
    writer.stringOrNull(this.options.clientId)
    if (version >= request.flexibleSince) writer.unsignedVarint(0)
    encoderFor(request, version)(writer, body)
    writer.patchInt32(lengthAt, writer.size - LENGTH_BYTES)
    this.socket.write(writer.take())
  }

  private async negotiate(): Promise<void> {
    const body = { clientSoftwareName: 'sluice', clientSoftwareVersion: '0.1.0' }
    let frame = await this.exchange(ApiVersionsRequest, body, API_VERSIONS_FIRST)
    let version = API_VERSIONS_FIRST
    if (frame.length < API_VERSIONS_BYTES_MIN)
      throw this.fail('not-kafka', `an answer of ${frame.length} bytes is none of Kafka's`)
    // A broker that does not know the version answers so in the shape of version 0 (KIP-511).
    if (frame.readInt16BE(LENGTH_BYTES) === ErrorCode.UNSUPPORTED_VERSION) {
      version = 0
      frame = await this.exchange(ApiVersionsRequest, {}, version)
    }
    const answer = this.decode(ApiVersionsResponse, version, frame)
    for (const { apiKey, minVersion, maxVersion } of answer.apiKeys)
      this.ranges.set(apiKey, [minVersion, maxVersion])
    for (const { name, maxVersionLevel } of answer.finalizedFeatures ?? [])
      this.features.set(name, maxVersionLevel)
  }

  private decode<Res extends Message>(response: Res, version: number, frame: Buffer): Infer<Res> {
    const reader = new Reader(frame, LENGTH_BYTES)
    const flexible = version >= response.flexibleSince && response.apiKey !== API_VERSIONS
    try {
      if (flexible) skipTags(reader)
      return decoderFor(response, version)(reader)
    } catch (error) {
      if (!(error instanceof MalformedRequest)) throw error
      throw this.fail('not-kafka', `${response.name} cannot be read: ${error.message}`)
    }
  }

  private receive(chunk: Buffer): void {
    this.chunks.push(chunk)
    this.buffered += chunk.length
    while (this.buffered >= LENGTH_BYTES) {
      const head = this.gather(LENGTH_BYTES)
      if (head[0] === TLS_RECORD && this.ranges.size === 0) {
        this.fail('tls', 'the answer is a TLS record')
        return
      }
      const length = head.readInt32BE(0)
      const longest = this.ranges.size === 0 ? FIRST_ANSWER_BYTES_MAX : ANSWER_BYTES_MAX
      if (length < LENGTH_BYTES || length > longest) {
        this.fail('not-kafka', `an answer of ${length} bytes is none of Kafka's`)
        return
      }
      if (this.buffered < LENGTH_BYTES + length) return
      const frame = this.gather(LENGTH_BYTES + length)
      const rest = frame.subarray(LENGTH_BYTES + length)
      this.chunks = rest.length === 0 ? this.chunks.slice(1) : [rest, ...this.chunks.slice(1)]
      this.buffered -= LENGTH_BYTES + length
      this.deliver(frame.subarray(LENGTH_BYTES, LENGTH_BYTES + length))
    }
  }

  /** The first chunk made to hold at least `size` bytes, of which enough have arrived. */
  private gather(size: number): Buffer {
    const first = this.chunks[0] ?? Buffer.alloc(0)
    if (first.length >= size) return first
    const joined = Buffer.concat(this.chunks)
    this.chunks = [joined]
    return joined
  }

  private deliver(frame: Buffer): void {
    const correlationId = frame.readInt32BE(0)
    const waiting = this.waiting.get(correlationId)
    if (waiting === undefined) {
      this.fail('not-kafka', `an answer to a request (${correlationId}) that was never sent`)
      return
    }
    this.waiting.delete(correlationId)
    clearTimeout(waiting.timer)
    waiting.resolve(frame)
  }

  /** Ends the connection; the first reason is the one that all hear of. */
  private fail(problem: ConnectProblem, detail: string): ConnectionFailed {
    this.failure ??= new ConnectionFailed(formatAddress(this.address), problem, detail)
    this.socket.destroy()
    for (const { reject, timer } of this.waiting.values()) {
      clearTimeout(timer)
      reject(this.failure)
    }
    this.waiting.clear()
    return this.failure
  }
}

/** The tag section of a response header; nothing in it is known to us. */
function skipTags(reader: Reader): void {
  for (let tags = reader.tagCount(); tags > 0; tags--) {
    reader.unsignedVarint()
    const outerEnd = reader.openTag()
    reader.skipRest()
    reader.closeTag(outerEnd)
  }
}

function openSocket(address: Address, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address.host, port: address.port })
    const timer = setTimeout(
      () => give('timeout', `no connection within ${timeoutMs} ms`),
      timeoutMs,
    )
    const give = (problem: ConnectProblem, detail: string): void => {
      clearTimeout(timer)
      socket.destroy()
      reject(new ConnectionFailed(formatAddress(address), problem, detail))
    }
    socket.once('error', (error: NodeJS.ErrnoException) =>
      give(error.code === 'ECONNREFUSED' ? 'refused' : 'unreachable', error.message),
    )
    socket.once('connect', () => {
      clearTimeout(timer)
      socket.removeAllListeners('error')
      resolve(socket)
    })
  })
}
