import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, it } from 'vitest'
import { ApiVersionsRequest, ApiVersionsResponse } from '../../engine/protocol/18-api-versions.ts'
import type { Handler } from '../../net/handler.ts'
import {
  ListenError,
  Listener,
  type ListeningSocket,
  type ListenOptions,
  type ListenWay,
  openListeningSocket,
} from '../../net/listener.ts'
import { closeNative, nativeSocketsAvailable } from '../../net/native-sockets.ts'
import {
  ManualClock,
  MemoryLogger,
  RawClient,
  requestFrame,
  testConnectionServices,
} from '../support/connection-rig.ts'
import { testGate } from '../support/test-gate.ts'

const options: ListenOptions = {
  shards: 1,
  backlog: 50,
  sendBufferBytes: 102_400,
  receiveBufferBytes: -1,
}
const cleanups: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const apiVersions: Handler<ApiVersionsRequest, ApiVersionsResponse> = {
  apiKey: 18,
  versions: [0, 4],
  pipelined: false,
  request: ApiVersionsRequest,
  response: ApiVersionsResponse,
  handle: ({ connection }) => ({
    errorCode: 0,
    apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: connection.advertised.port & 0x7fff }],
  }),
}

async function accept(
  socket: ListeningSocket,
  shard = 0,
  connectionsMax = 100,
  openFilesMax = Number.POSITIVE_INFINITY,
): Promise<{ listener: Listener; logger: MemoryLogger }> {
  const logger = new MemoryLogger()
  const services = testConnectionServices({
    handlers: [apiVersions],
    clock: new ManualClock(),
    logger,
  })
  let ids = 0
  const listener = new Listener({
    name: socket.spec.name,
    advertised: { host: 'told', port: socket.port },
    services,
    nextId: () => ids++,
    gate: testGate({ maxConnections: connectionsMax }),
    openFilesMax,
  })
  await listener.start({
    fd: socket.fds[shard] ?? -1,
    server: shard === 0 ? socket.server : null,
    closable: true,
    early: socket.early,
  })
  cleanups.push(() => {
    listener.stopAccepting()
    listener.destroyConnections()
  })
  return { listener, logger }
}

async function connected(port: number, host = '127.0.0.1'): Promise<Socket> {
  const socket = connect(port, host)
  await once(socket, 'connect')
  // A thread that ends resets its connections.
  socket.on('error', () => {})
  cleanups.push(() => socket.destroy())
  return socket
}

/** Connects and waits until that has failed or been cut off. */
function turnedAway(port: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.on('close', () => resolve())
  })
}

/** A thread of TypeScript: tsx registers itself in the main thread only. */
function typescriptWorker(file: URL, workerData: object): Worker {
  const start = `import('tsx/esm/api').then(({ register }) => {
    register()
    return import(${JSON.stringify(file.href)})
  })`
  return new Worker(start, { eval: true, workerData })
}

const spec = { name: 'PLAINTEXT', host: '127.0.0.1', port: 0 }

const ways: ListenWay[] = nativeSocketsAvailable() ? ['reuseport', 'shared'] : ['shared']

describe.each(ways)('a listener by way of %s', (way) => {
  it('picks a free port, serves on it, and tells where clients shall go', async () => {
    const socket = await openListeningSocket(spec, { ...options, way })
    expect(socket.port).toBeGreaterThan(0)
    expect(socket.way).toBe(way)
    const { listener } = await accept(socket)
    const client = new RawClient(await connected(socket.port))
    client.send(requestFrame(ApiVersionsRequest, 1, 5, {}))
    await client.answered(1)
    expect(client.order).toEqual([5])
    expect(client.answers[0]?.readInt16BE(14)).toBe(socket.port & 0x7fff)
    expect(listener.connectionCount).toBe(1)
  })

  it('listens on every address when no host is given', async () => {
    const socket = await openListeningSocket({ ...spec, host: '' }, { ...options, way })
    const { listener } = await accept(socket)
    await connected(socket.port)
    await connected(socket.port, 'localhost')
    while (listener.connectionCount < 2) await new Promise((resolve) => setImmediate(resolve))
  })

  it('says what, why and what to do when the port is taken, by whatever program', async () => {
    const taken = createServer()
    taken.listen(0, '127.0.0.1')
    await once(taken, 'listening')
    cleanups.push(() => taken.close())
    const { port } = taken.address() as AddressInfo
    const failed = openListeningSocket({ ...spec, port }, { ...options, way })
    await expect(failed).rejects.toThrow(ListenError)
    await expect(failed).rejects.toThrow(
      new RegExp(`127.0.0.1:${port}: port ${port} is in use .* --override listeners=PLAINTEXT://`),
    )
  })

  it('does not share its port with a second broker of the same user', async () => {
    const first = await openListeningSocket(spec, { ...options, way })
    await accept(first)
    const second = openListeningSocket({ ...spec, port: first.port }, { ...options, way })
    await expect(second).rejects.toThrow(/in use/)
  })

  it('explains a host that is not ours and a name nobody knows', async () => {
    await expect(
      openListeningSocket({ ...spec, host: '192.0.2.7' }, { ...options, way }),
    ).rejects.toThrow(/192.0.2.7 is no address of this machine.*advertised.listeners/)
    await expect(
      openListeningSocket({ ...spec, host: 'no-such-host.invalid' }, { ...options, way }),
    ).rejects.toThrow(/no-such-host.invalid cannot be resolved/)
  })

  it('refuses new connections once stopped, while those there are served on', async () => {
    const socket = await openListeningSocket(spec, { ...options, way })
    const { listener } = await accept(socket)
    const client = new RawClient(await connected(socket.port))
    client.send(requestFrame(ApiVersionsRequest, 1, 1, {}))
    await client.answered(1)
    listener.stopAccepting()
    await turnedAway(socket.port)
    client.send(requestFrame(ApiVersionsRequest, 1, 2, {}))
    await client.answered(2)
    expect(client.order).toEqual([1, 2])
  })

  it('refuses connections beyond its bound with one line', async () => {
    const socket = await openListeningSocket(spec, { ...options, way })
    const { logger } = await accept(socket, 0, 2)
    const clients = [await connected(socket.port), await connected(socket.port)]
    await turnedAway(socket.port)
    expect(clients.every((client) => !client.destroyed)).toBe(true)
    expect(logger.lines).toEqual([expect.stringMatching(/refused .* raise max.connections/)])
  })

  it('leaves the last descriptors to files, and says so once', async () => {
    const socket = await openListeningSocket(spec, { ...options, way })
    // Any connection's descriptor is above what so few allow.
    const { listener, logger } = await accept(socket, 0, 100, 8)
    for (let left = 3; left > 0; left--) await turnedAway(socket.port)
    expect(listener.connectionCount).toBe(0)
    expect(logger.lines).toEqual([expect.stringMatching(/too many open files: .* may have 8/)])
  })

  it('gives every connection to one thread, and evenly by reuseport', async () => {
    const shards = 2
    const socket = await openListeningSocket(spec, { ...options, way, shards })
    const workers = await Promise.all(
      socket.fds.map(async (fd) => {
        const file = new URL('../support/listener-worker.ts', import.meta.url)
        const worker = typescriptWorker(file, { fd, closable: way === 'reuseport' })
        await once(worker, 'message')
        return worker
      }),
    )
    const clients = 100
    for (let i = 0; i < clients; i++) await connected(socket.port)
    const ask = (): Promise<number[]> =>
      Promise.all(
        workers.map(async (worker) => {
          worker.postMessage('count')
          const [count] = (await once(worker, 'message')) as [number]
          return count
        }),
      )
    // A connection is there for its client before a thread has taken it.
    let counts = await ask()
    // In the shared way this thread's server listens too, and whoever wakes first takes one.
    const total = () => counts.reduce((sum, count) => sum + count, socket.early.length)
    while (total() < clients) counts = await ask()
    // Ending a thread closes its descriptors, which are everybody's numbers in the shared way.
    for (const worker of workers)
      if (way === 'reuseport') await worker.terminate()
      else worker.unref()
    console.log(`${way}: ${counts.join(' : ')} of ${clients} connections`)
    expect(total()).toBe(clients)
    if (way === 'reuseport') for (const count of counts) expect(count).toBeGreaterThan(clients / 5)
  })
})

it.runIf(nativeSocketsAvailable())('opens IPv6 addresses natively', async () => {
  const socket = await openListeningSocket(
    { ...spec, host: '::1' },
    { ...options, way: 'reuseport' },
  )
  await accept(socket)
  const client = await connected(socket.port, '::1')
  expect(client.remoteAddress).toBe('::1')
  closeNative(-1)
})
