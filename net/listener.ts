/**
 * Where clients connect. Every shard accepts and serves; two ways to get there:
 *
 *   reuseport  one socket per shard on the same port, made natively (native-sockets.ts): the kernel
 *              spreads connections by hash, and each shard may close its own;
 *   shared     one socket made by Node in shard 0, listened to by number in all shards: whichever
 *              wakes first accepts. Threads share descriptor numbers, so closing it in one would
 *              close it in all, and later perhaps another file under the same number: with more
 *              than one shard it is never closed; stopping refuses, the end of the process closes.
 *
 * `ListeningSocket.way` says which one runs.
 */
import { once } from 'node:events'
import { type AddressInfo, createServer, isIP, type Server, type Socket } from 'node:net'
import { assert } from '../engine/base/assert.ts'
import { Connection, type ConnectionServices } from './connection.ts'
import { connectionDescriptorEnd, openFilesMax } from './descriptor-limit.ts'
import type { ClientConnection } from './handler.ts'
import { leavePacing } from './loopback-pacing.ts'
import { lookupName } from './name-lookup.ts'
import { closeNative, nativeSocketsAvailable, openNativeListeners } from './native-sockets.ts'
import type { ConnectionGate } from './quotas/connection-gate.ts'
import { descriptorOf } from './socket-handle.ts'

export type ListenWay = 'reuseport' | 'shared'

/** One entry of `listeners`. */
export interface ListenerSpec {
  readonly name: string
  /** '' = every address of the machine. */
  readonly host: string
  /** 0 = any free one. */
  readonly port: number
}

export interface ListenOptions {
  readonly shards: number
  /** socket.listen.backlog.size */
  readonly backlog: number
  /** socket.send.buffer.bytes, -1 = the kernel's choice. Only the native way can set it. */
  readonly sendBufferBytes: number
  /** socket.receive.buffer.bytes, likewise. */
  readonly receiveBufferBytes: number
  /** Forces a way, for tests and for measuring. */
  readonly way?: ListenWay
}

/** A port that is open, and what each shard needs to accept on it. */
export interface ListeningSocket {
  readonly spec: ListenerSpec
  /** As bound. */
  readonly port: number
  readonly way: ListenWay
  /** By shard: the descriptor to listen on. */
  readonly fds: readonly number[]
  /** The plain way's server, which shard 0 goes on using. */
  readonly server: Server | null
  /** What that server accepted before anybody served: in order, to be taken over. */
  readonly early: Socket[]
}

/** Why a listener could not be opened: what happened, why, and what to do. */
export class ListenError extends Error {
  override name = 'ListenError'
}

const EVERY_ADDRESS = '::'

/** Opens one port for all shards. Throws ListenError. */
export async function openListeningSocket(
  spec: ListenerSpec,
  options: ListenOptions,
): Promise<ListeningSocket> {
  const way = options.way ?? (nativeSocketsAvailable() ? 'reuseport' : 'shared')
  try {
    return way === 'reuseport' ? await openNative(spec, options) : await openShared(spec, options)
  } catch (error) {
    throw explain(spec, error)
  }
}

/** Takes back a socket that no shard has begun to serve. */
export function closeListeningSocket(socket: ListeningSocket): void {
  for (const accepted of socket.early.splice(0)) accepted.destroy()
  if (socket.server !== null) socket.server.close()
  else for (const fd of socket.fds) closeNative(fd)
}

async function openNative(spec: ListenerSpec, options: ListenOptions): Promise<ListeningSocket> {
  const address = await addressOf(spec.host)
  const open = (at: string) =>
    openNativeListeners({
      address: at,
      port: spec.port,
      count: options.shards,
      backlog: options.backlog,
      sendBufferBytes: options.sendBufferBytes,
      receiveBufferBytes: options.receiveBufferBytes,
    })
  let sockets: ReturnType<typeof open>
  try {
    sockets = open(address)
  } catch (error) {
    // A machine without IPv6 has no '::'.
    if (address !== EVERY_ADDRESS || codeOf(error) !== 'EAFNOSUPPORT') throw error
    sockets = open('0.0.0.0')
  }
  return { spec, port: sockets.port, way: 'reuseport', fds: sockets.fds, server: null, early: [] }
}

async function openShared(spec: ListenerSpec, options: ListenOptions): Promise<ListeningSocket> {
  const server = newServer()
  // Node accepts as soon as it listens; until a shard serves, connections wait here.
  const early: Socket[] = []
  server.on('connection', (accepted) => early.push(accepted))
  const host = spec.host === '' ? {} : { host: spec.host }
  server.listen({ ...host, port: spec.port, backlog: options.backlog })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const fd = descriptorOf(server)
  const shareable = fd >= 0 || options.shards === 1
  if (!shareable) throw new Error('this Node does not tell descriptors: set sluice.shards=1')
  const fds = new Array<number>(options.shards).fill(fd)
  return { spec, port, way: 'shared', fds, server, early }
}

function newServer(): Server {
  return createServer({ pauseOnConnect: true, noDelay: true, keepAlive: true })
}

async function addressOf(host: string): Promise<string> {
  if (host === '') return EVERY_ADDRESS
  return isIP(host) === 0 ? (await lookupName(host)).address : host
}

/** One listener in one shard: accepts, and keeps its connections. */
export class Listener {
  private readonly client: Omit<ClientConnection, 'id' | 'clientHost'>
  private readonly services: ConnectionServices
  private readonly nextId: () => number
  private readonly gate: ConnectionGate
  private readonly onConnectionClosed: () => void
  private readonly filesMax: number
  private readonly connections = new Set<Connection>()
  private server: Server | null = null
  private closable = false
  private refusing = false

  constructor(p: {
    name: string
    advertised: ClientConnection['advertised']
    services: ConnectionServices
    nextId: () => number
    gate: ConnectionGate
    onConnectionClosed?: () => void
    /** Files and connections the process may have open; default: as the system says. */
    openFilesMax?: number
  }) {
    this.client = { listenerName: p.name, advertised: p.advertised }
    this.services = p.services
    this.nextId = p.nextId
    this.gate = p.gate
    this.onConnectionClosed = p.onConnectionClosed ?? (() => {})
    this.filesMax = p.openFilesMax ?? openFilesMax()
  }

  get name(): string {
    return this.client.listenerName
  }

  get connectionCount(): number {
    return this.connections.size
  }

  /** Accepts from now on, on a descriptor or on the server that opened it in this thread. */
  async start(socket: {
    fd: number
    server: Server | null
    closable: boolean
    early?: Socket[]
  }): Promise<void> {
    assert(this.server === null, `listener ${this.client.listenerName} starts once`)
    this.closable = socket.closable
    const server = socket.server ?? newServer()
    this.server = server
    server.removeAllListeners('connection')
    server.on('connection', (accepted) => this.accept(accepted))
    // One that could not be accepted; the next one may be.
    server.on('error', (error) => this.refused('', `it could not be accepted: ${error.message}`))
    for (const accepted of socket.early?.splice(0) ?? []) this.accept(accepted)
    if (socket.server !== null) return
    server.listen({ fd: socket.fd })
    await once(server, 'listening')
  }

  /** Goes on with a connection of another shard, which counted it already; false: not any more. */
  adopt(fd: number, clientHost: string, received: Buffer): boolean {
    if (this.refusing) return false
    this.open(fd, clientHost).begin(received)
    return true
  }

  /** Takes no new connection; those there are go on. */
  stopAccepting(): void {
    this.refusing = true
    if (this.closable) this.server?.close()
    else this.server?.unref()
  }

  /** Pressure has eased: connections that stopped reading go on. */
  reconsider(): void {
    for (const connection of this.connections) connection.reconsider()
  }

  /** No connection takes a further request; each ends when its last answer is sent. */
  drain(): void {
    for (const connection of this.connections) connection.drain()
  }

  /** Ends every connection at once. */
  destroyConnections(): void {
    for (const connection of [...this.connections]) connection.destroy()
  }

  private accept(accepted: Socket): void {
    const address = accepted.remoteAddress
    if (this.refusing || address === undefined) {
      accepted.destroy()
      return
    }
    const clientHost = address.startsWith('::ffff:') ? address.slice(7) : address
    if (descriptorOf(accepted) >= connectionDescriptorEnd(this.filesMax)) {
      accepted.destroy()
      this.refused(
        clientHost,
        `too many open files: this process may have ${this.filesMax}, and the last ` +
          'are kept for its data; raise its limit (ulimit -n, LimitNOFILE=)',
      )
      return
    }
    this.gate.arrive({
      socket: accepted,
      address: clientHost,
      open: () => void this.open(accepted, clientHost),
      refused: (why) => this.refused(clientHost, why),
    })
  }

  private refused(clientHost: string, why: string): void {
    const from = clientHost === '' ? '' : ` from ${clientHost}`
    this.services.notices.warn(clientHost, 'connections', `refused a connection${from}: ${why}`)
  }

  private open(accepted: Socket | number, clientHost: string): Connection {
    // A connection that moved here was told where it was accepted.
    if (typeof accepted !== 'number') leavePacing(descriptorOf(accepted), clientHost)
    const client: ClientConnection = { ...this.client, id: this.nextId(), clientHost }
    const connection = new Connection(accepted, client, this.services, (closed) => {
      this.connections.delete(closed)
      if (!closed.moved) this.gate.leave(clientHost)
      this.onConnectionClosed()
    })
    this.connections.add(connection)
    return connection
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

function explain(spec: ListenerSpec, error: unknown): ListenError {
  const { name, host, port } = spec
  const where = `${name}://${host}:${port}`
  const another = `listeners=${name}://${host}:${port + 1}`
  switch (codeOf(error)) {
    case 'EADDRINUSE':
      return new ListenError(
        `cannot listen on ${where}: port ${port} is in use by another program. ` +
          `Stop it, or choose another port, for example --override ${another}`,
      )
    case 'EACCES':
      return new ListenError(
        `cannot listen on ${where}: this user may not open port ${port}. ` +
          `Choose one from 1024 on, for example --override listeners=${name}://${host}:9092`,
      )
    case 'EADDRNOTAVAIL':
      return new ListenError(
        `cannot listen on ${where}: ${host} is no address of this machine. ` +
          'Put the address clients shall use into advertised.listeners, and leave the host of ' +
          `listeners empty: listeners=${name}://:${port}`,
      )
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new ListenError(
        `cannot listen on ${where}: the name ${host} cannot be resolved. ` +
          `Use an IP address, or leave it empty: listeners=${name}://:${port}`,
      )
    default: {
      const detail = error instanceof Error ? error.message : String(error)
      return new ListenError(`cannot listen on ${where}: ${detail}`)
    }
  }
}
