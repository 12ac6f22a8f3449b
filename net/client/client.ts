/**
 * The own client of a cluster: bootstrap addresses in, decoded answers out. Knows the brokers from
 * Metadata, keeps one connection per broker, sends each request where it belongs.
 *
 * Not a producer or consumer with policies of its own: those are client-producer.ts and
 * client-fetcher.ts with client-group.ts, built on this.
 */

import { ErrorCode, isRetriable } from '../../engine/base/errors.ts'
import { MetadataRequest, MetadataResponse } from '../../engine/protocol/03-metadata.ts'
import {
  FindCoordinatorRequest,
  FindCoordinatorResponse,
} from '../../engine/protocol/10-find-coordinator.ts'
import type { Infer, InferInput, Message } from '../../engine/schema/fields.ts'
import { type Address, formatAddress, parseAddresses } from './address.ts'
import { ClientConnection, type ConnectionOptions } from './client-connection.ts'
import { ConnectionFailed, RequestFailed } from './client-errors.ts'

export interface ClientOptions {
  readonly bootstrap: string
  readonly clientId?: string
  readonly timeoutMs?: number
}

export type Metadata = Infer<typeof MetadataResponse>
export type TopicMetadata = Metadata['topics'][number]

/** A connection that is being made, or was. */
interface Opening {
  readonly promise: Promise<ClientConnection>
  /** Null until it is made. */
  connection: ClientConnection | null
}

const DEFAULT_TIMEOUT_MS = 30_000
const RETRY_PAUSE_MS = 50

export class Client {
  private readonly bootstrap: readonly Address[]
  private readonly options: ConnectionOptions
  private readonly connections = new Map<string, Opening>()
  private brokers = new Map<number, Address>()
  private controllerId = -1

  constructor(options: ClientOptions) {
    this.bootstrap = parseAddresses(options.bootstrap)
    this.options = {
      clientId: options.clientId ?? 'sluice-cli',
      timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    }
  }

  /** A connection to any bootstrap address that answers. Rejects with the last failure. */
  async anyBroker(): Promise<ClientConnection> {
    let last: unknown = new RangeError('no bootstrap address given')
    for (const address of this.bootstrap) {
      try {
        return await this.connectTo(address)
      } catch (error) {
        last = error
      }
    }
    throw last
  }

  /** Asks for topics by name; null = all. Keeps the brokers it learns of. */
  async metadata(topics: readonly string[] | null, autoCreate = false): Promise<Metadata> {
    const connection = await this.anyBroker()
    const version = connection.versionOf(MetadataRequest)
    const answer = await connection.send(MetadataRequest, MetadataResponse, {
      topics: topics === null ? (version === 0 ? [] : null) : topics.map((name) => ({ name })),
      allowAutoTopicCreation: autoCreate,
    })
    this.brokers = new Map(answer.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]))
    this.controllerId = answer.controllerId
    return answer
  }

  /** Sends to the broker `nodeId`, as learnt from metadata. */
  async sendTo<Req extends Message, Res extends Message>(
    nodeId: number,
    request: Req,
    response: Res,
    body: InferInput<Req>,
    options: { version?: number; timeoutMs?: number } = {},
  ): Promise<Infer<Res>> {
    const connection = await this.broker(nodeId)
    return connection.send(request, response, body, options)
  }

  /** Sends to whichever broker answers. */
  async send<Req extends Message, Res extends Message>(
    request: Req,
    response: Res,
    body: InferInput<Req>,
    options: { version?: number; timeoutMs?: number } = {},
  ): Promise<Infer<Res>> {
    const connection = await this.anyBroker()
    return connection.send(request, response, body, options)
  }

  /** Sends to the controller. */
  async sendToController<Req extends Message, Res extends Message>(
    request: Req,
    response: Res,
    body: InferInput<Req>,
  ): Promise<Infer<Res>> {
    if (this.controllerId < 0) await this.metadata([])
    return this.sendTo(this.controllerId, request, response, body)
  }

  async broker(nodeId: number): Promise<ClientConnection> {
    if (!this.brokers.has(nodeId)) await this.metadata([])
    const address = this.brokers.get(nodeId)
    if (address === undefined)
      throw new RequestFailed(ErrorCode.BROKER_NOT_AVAILABLE, `no broker has the id ${nodeId}`)
    return this.connectAdvertised(address)
  }

  /**
   * The broker that coordinates a group, or with key type 1 a transactional id; waits while the
   * coordinator is being set up.
   */
  async coordinator(id: string, keyType: 0 | 1 = 0): Promise<ClientConnection> {
    const until = performance.now() + this.options.timeoutMs
    for (;;) {
      const connection = await this.anyBroker()
      const version = connection.versionOf(FindCoordinatorRequest)
      const answer = await connection.send(
        FindCoordinatorRequest,
        FindCoordinatorResponse,
        version >= 4 ? { keyType, coordinatorKeys: [id] } : { key: id, keyType },
      )
      const found = version >= 4 ? answer.coordinators[0] : answer
      if (found !== undefined && found.errorCode === 0)
        return this.connectAdvertised({ host: found.host, port: found.port })
      const code = found?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR
      if (!isRetriable(code) || performance.now() > until)
        throw new RequestFailed(code, found?.errorMessage ?? null)
      await new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE_MS))
    }
  }

  async close(): Promise<void> {
    const openings = [...this.connections.values()]
    this.connections.clear()
    const results = await Promise.allSettled(openings.map(({ promise }) => promise))
    for (const result of results) if (result.status === 'fulfilled') result.value.close()
  }

  /** To where a broker says that one is; a failure names who said so. */
  private async connectAdvertised(address: Address): Promise<ClientConnection> {
    try {
      return await this.connectTo(address)
    } catch (error) {
      const typed = this.bootstrap.some(
        ({ host, port }) => host === address.host && port === address.port,
      )
      if (!(error instanceof ConnectionFailed) || typed) throw error
      const told = this.bootstrap.map(formatAddress).join(',')
      throw new ConnectionFailed(error.address, error.problem, error.detail, told)
    }
  }

  /** One connection per address, whoever asks at the same time. */
  private connectTo(address: Address): Promise<ClientConnection> {
    const key = formatAddress(address)
    const known = this.connections.get(key)
    if (known !== undefined && known.connection?.usable !== false) return known.promise
    const promise = ClientConnection.connect(address, this.options)
    const opening: Opening = { promise, connection: null }
    this.connections.set(key, opening)
    promise.then(
      (connection) => {
        opening.connection = connection
      },
      () => {
        if (this.connections.get(key) === opening) this.connections.delete(key)
      },
    )
    return promise
  }
}
