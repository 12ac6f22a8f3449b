/** What people see when there is no broker where they point: what, why, what next, and exit code 3. */
import { createServer as createHttpServer } from 'node:http'
import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import { type CliResult, runCli } from '../../support/cli.ts'
import { listen, startFakeBroker } from '../../support/fake-broker.ts'

const METADATA = 3
const closers: (() => void)[] = []

afterEach(() => {
  for (const close of closers.splice(0)) close()
})

/** A port where `server` answers for the length of a test. */
async function serving(server: Server): Promise<string> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => sockets.add(socket))
  closers.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `127.0.0.1:${await listen(server)}`
}

async function unusedAddress(): Promise<string> {
  const server = createServer()
  const port = await listen(server)
  await new Promise((resolve) => server.close(resolve))
  return `127.0.0.1:${port}`
}

/** A server that greets with these bytes before it is asked. */
function greeter(greeting: Buffer | string): Server {
  return createServer((socket) => {
    socket.on('error', () => {})
    socket.write(greeting)
  })
}

function list(address: string, ...more: string[]): Promise<CliResult> {
  return runCli(['topic', 'list', '-b', address, ...more])
}

function expectAdvice(result: CliResult, address: string, why: RegExp): void {
  expect(result.stderr).toMatch(why)
  expect(result.stderr.split('\n')).toEqual([
    `error: cannot talk to a broker at ${address}`,
    expect.stringMatching(/^ {2}why: {2}\S/),
    expect.stringMatching(/^ {2}next: \S/),
    '',
  ])
  expect(result.stderr).not.toMatch(/^\s+at /m)
  expect(result.stdout).toBe('')
  expect(result.code).toBe(3)
}

describe('a connection that cannot be', () => {
  it('is refused where nothing listens', async () => {
    const address = await unusedAddress()
    const result = await list(address)
    expectAdvice(result, address, /nothing listens on that port/)
    expect(result.stderr).toMatch(/sluice serve/)
  })

  it('is refused under a name with several addresses', async () => {
    const address = (await unusedAddress()).replace('127.0.0.1', 'localhost')
    expectAdvice(await list(address), address, /nothing listens on that port/)
  })

  it('does not speak Kafka with an HTTP server', async () => {
    const address = await serving(createHttpServer())
    expectAdvice(await list(address), address, /does not speak the Kafka protocol/)
  })

  it.each([
    ['an SMTP server', '220 mail.example.org ESMTP\r\n'],
    ['an SSH server', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['zeros', Buffer.alloc(64)],
    ['a short frame', Buffer.from([0, 0, 0, 4, 0, 0, 0, 1])],
    ['a frame for another', Buffer.from([0, 0, 0, 6, 0, 0, 0, 99, 0, 0])],
    ['a frame of nonsense', Buffer.from([0, 0, 0, 10, 0, 0, 0, 1, 0, 0, 255, 255, 255, 255])],
  ])('does not speak Kafka with %s', async (_who, greeting) => {
    const address = await serving(greeter(greeting))
    expectAdvice(await list(address), address, /does not speak the Kafka protocol/)
  })

  it('tells a TLS server', async () => {
    const address = await serving(createTlsServer())
    expectAdvice(await list(address), address, /TLS/)
  })

  it('tells a TLS server that hangs up without an alert', async () => {
    const handshakeFailure = Buffer.from([0x15, 3, 3, 0, 2, 2, 40])
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', (hello) => {
        if (hello[0] === 0x16) socket.end(handshakeFailure)
        else socket.end()
      })
    })
    const address = await serving(server)
    expectAdvice(await list(address), address, /expects TLS/)
  })

  it('times out with a silent server', async () => {
    const address = await serving(createServer(() => {}))
    expectAdvice(await list(address, '--timeout', '80'), address, /did not come in time/)
  })

  it('ends when the other side hangs up', async () => {
    const address = await serving(createServer((socket) => socket.end()))
    expectAdvice(await list(address), address, /closed the connection/)
  })

  it('fails for a name that does not exist', async () => {
    const address = 'no-such-host.invalid:9092'
    expectAdvice(await list(address, '--timeout', '5000'), address, /cannot be reached/)
  })

  it('names who advertised an address that cannot be reached', async () => {
    const [host = '', port = ''] = (await unusedAddress()).split(':')
    const broker = await startFakeBroker(({ apiKey }) =>
      apiKey === METADATA
        ? { brokers: [{ nodeId: 1, host, port: Number(port) }], controllerId: 1, topics: [] }
        : null,
    )
    closers.push(() => void broker.close())
    const result = await runCli(['topic', 'create', 'x', '-b', broker.address])
    expect(result.stderr).toMatch(`the broker at ${broker.address} sends its clients there`)
    expect(result.stderr).toMatch(/advertised\.listeners/)
    expectAdvice(result, `${host}:${port}`, /nothing listens/)
  })

  it("ends Kafka's own tools with their 1, and the same words", async () => {
    const address = await unusedAddress()
    for (const args of [
      ['kafka-topics', '--bootstrap-server', address, '--list'],
      ['kafka-console-consumer', '--bootstrap-server', address, '--topic', 'x'],
    ]) {
      const result = await runCli(args)
      expect(result.stderr).toMatch(/nothing listens on that port/)
      expect(result.code).toBe(1)
    }
    const result = await runCli(
      ['kafka-console-producer', '--bootstrap-server', address, '--topic', 'x'],
      { input: 'one\n' },
    )
    expect([result.code, /nothing listens/.test(result.stderr)]).toEqual([1, true])
  })

  it('tries every address it was given', async () => {
    const broker = await startFakeBroker(() => ({ brokers: [], controllerId: -1, topics: [] }))
    closers.push(() => void broker.close())
    const result = await list(`${await unusedAddress()},${broker.address}`)
    expect([result.code, result.stderr]).toEqual([0, ''])
  })
})
