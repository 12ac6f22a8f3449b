/** A Kafka server made of given answers, for clients: one TCP port, one function per API. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { apis } from '../../engine/protocol/index.ts'
import { decoderFor, encoderFor } from '../../engine/schema/codec.ts'
import { Reader } from '../../engine/schema/reader.ts'
import { Writer } from '../../engine/schema/writer.ts'

const API_VERSIONS = 18
const LENGTH_BYTES = 4

export interface FakeRequest {
  readonly apiKey: number
  readonly version: number
  readonly body: Record<string, unknown>
}

export interface FakeBroker {
  readonly port: number
  readonly address: string
  /** Connections taken since the start. */
  readonly connections: () => number
  close(): Promise<void>
}

/**
 * `answer` gives a body, null to say nothing, or 'close' to hang up. ApiVersions is answered here:
 * `versions` in the place of all that we know, `features` as levels that are switched on.
 */
export async function startFakeBroker(
  answer: (request: FakeRequest) => object | null | 'close',
  versions: Readonly<Record<number, readonly [number, number]>> = {},
  features: Readonly<Record<string, number>> = {},
): Promise<FakeBroker> {
  let connections = 0
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    connections++
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    let buffered = Buffer.alloc(0)
    socket.on('data', (chunk) => {
      buffered = Buffer.concat([buffered, chunk])
      while (buffered.length >= LENGTH_BYTES) {
        const end = LENGTH_BYTES + buffered.readInt32BE(0)
        if (buffered.length < end) return
        serve(socket, buffered.subarray(LENGTH_BYTES, end), answer, announced(versions, features))
        buffered = buffered.subarray(end)
      }
    })
  })
  const port = await listen(server)
  return {
    port,
    address: `127.0.0.1:${port}`,
    connections: () => connections,
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Listens on a free port of the loopback address. */
export async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

function serve(
  socket: Socket,
  frame: Buffer,
  answer: Parameters<typeof startFakeBroker>[0],
  announcement: object,
): void {
  const apiKey = frame.readInt16BE(0)
  const version = frame.readInt16BE(2)
  const api = apis.get(apiKey)
  if (api === undefined) throw new Error(`the client asks for API ${apiKey}`)
  const reader = new Reader(frame, 8)
  reader.stringOrNull()
  if (version >= api.request.flexibleSince) reader.unsignedVarint()
  const body = decoderFor(api.request, version)(reader) as Record<string, unknown>
  const given = apiKey === API_VERSIONS ? announcement : answer({ apiKey, version, body })
  if (given === 'close') socket.destroy()
  if (given === 'close' || given === null) return
  const writer = new Writer()
  const at = writer.reserve(LENGTH_BYTES)
  writer.int32(frame.readInt32BE(4))
  if (version >= api.response.flexibleSince && apiKey !== API_VERSIONS) writer.unsignedVarint(0)
  encoderFor(api.response, version)(writer, given)
  writer.patchInt32(at, writer.size - LENGTH_BYTES)
  socket.write(writer.take())
}

function announced(
  versions: Readonly<Record<number, readonly [number, number]>>,
  features: Readonly<Record<string, number>>,
): object {
  const all = [...apis.values()].map(({ apiKey, request }) => {
    const [minVersion, maxVersion] = versions[apiKey] ?? [request.minVersion, request.maxVersion]
    return { apiKey, minVersion, maxVersion }
  })
  const finalizedFeatures = Object.entries(features).map(([name, maxVersionLevel]) => {
    return { name, maxVersionLevel, minVersionLevel: maxVersionLevel }
  })
  return {
    errorCode: 0,
    apiKeys: all.filter(({ maxVersion }) => maxVersion >= 0),
    finalizedFeatures,
  }
}
