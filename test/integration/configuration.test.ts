/** How a broker as a process is configured and watched: sources, listeners, log lines, a manager. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { packageRoot } from '../../tools/package-root.ts'
import { collect, endChild, runCommand, startChild } from '../support/child-processes.ts'
import { listenDatagrams } from '../support/datagram-socket.ts'
import { testProgram } from '../support/program.ts'
import { requestFrame } from '../support/raw-connection.ts'

const LIMIT_MS = 60_000
const STARTED = /started in \d+ ms/

const folder = mkdtempSync(join(tmpdir(), 'sluice-configuration-'))
afterAll(() => rmSync(folder, { recursive: true }))

const children: ChildProcess[] = []
afterEach(async () => {
  for (const child of children.splice(0)) await endChild(child, 'SIGKILL')
})

interface Started {
  readonly child: ChildProcess
  readonly output: () => string
  /** Resolves when its output matches. */
  said(what: RegExp): Promise<RegExpExecArray>
}

function start(args: string[], env: NodeJS.ProcessEnv = {}): Started {
  const child = startChild(process.execPath, [...testProgram(), ...args], {
    cwd: packageRoot,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.push(child)
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)]
  const output = (): string => stdout() + stderr()
  return {
    child,
    output,
    async said(what) {
      for (;;) {
        const found = what.exec(output())
        if (found !== null) return found
        if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}: ${output()}`)
        await once(child.stdout ?? child, 'data')
      }
    },
  }
}

function newFolder(): string {
  return mkdtempSync(join(folder, 'data-'))
}

const LOCAL = ['--override', 'listeners=PLAINTEXT://127.0.0.1:0']

/** What one command of ours prints against this address. */
async function cli(address: string, ...args: string[]): Promise<string> {
  const line = [...testProgram(), ...args, '--bootstrap-server', address]
  const result = await runCommand(process.execPath, line, { limitMs: LIMIT_MS, cwd: packageRoot })
  expect(result.stderr).toBe('')
  return result.stdout
}

describe('sources', () => {
  it('the environment wins over the file, and an override over both', async () => {
    const data = newFolder()
    const file = join(folder, 'old.properties')
    writeFileSync(
      file,
      `broker.id=3\nzookeeper.connect=zk:2181/kafka\nnum.partitions=2\nlog.dirs=/nowhere\n` +
        'listeners=PLAINTEXT://:9092\n',
    )
    const broker = start(['kafka-server-start', file, '--override', `log.dirs=${data}`], {
      KAFKA_LISTENERS: 'PLAINTEXT://127.0.0.1:0',
      KAFKA_NUM_PARTITIONS: '4',
      KAFKA_LOG_DIRS: '/nowhere/else',
      CLUSTER_ID: 'Wq7sKz4fRbuHn2p0yXvLcA',
    })
    const [, address = ''] = await broker.said(/advertised as (\S+)/)
    await broker.said(STARTED)
    expect(readFileSync(join(data, 'meta.properties'), 'utf8')).toMatch(
      /node\.id=3\n[\s\S]*cluster\.id=Wq7sKz4fRbuHn2p0yXvLcA/,
    )
    expect(broker.output()).toMatch(/WARN zookeeper\.connect has no effect: .*ZooKeeper/)
    await cli(address, 'kafka-topics', '--create', '--topic', 't')
    expect(await cli(address, 'kafka-topics', '--describe', '--topic', 't')).toMatch(
      /PartitionCount: 4/,
    )
  })
})

describe('several listeners', () => {
  it('each tells its own clients its own address; the controller listener stays shut', async () => {
    const broker = start([
      'serve',
      ...['--override', `log.dirs=${newFolder()}`],
      ...['--override', 'listeners=IN://127.0.0.1:0,OUT://[::1]:0,ALL://0.0.0.0:0,CTL://:9093'],
      ...['--override', 'controller.listener.names=CTL'],
      ...['--override', 'inter.broker.listener.name=IN'],
      ...[
        '--override',
        'advertised.listeners=IN://127.0.0.1:0,OUT://out.example.org:19092,ALL://:0',
      ],
      ...[
        '--override',
        'listener.security.protocol.map=IN:PLAINTEXT,OUT:PLAINTEXT,ALL:PLAINTEXT,CTL:PLAINTEXT',
      ],
    ])
    await broker.said(STARTED)
    const log = broker.output()
    expect(log).toMatch(/the listener CTL:\/\/:9093 has no effect: .*needs no controllers/)
    const port = (name: string): number =>
      Number(new RegExp(`listening on ${name}://\\S*?:(\\d+), `).exec(log)?.[1])
    expect(await brokersSeenFrom('127.0.0.1', port('IN'))).toBe(`127.0.0.1:${port('IN')}`)
    expect(await brokersSeenFrom('::1', port('OUT'))).toBe('out.example.org:19092')
    expect(await brokersSeenFrom('127.0.0.1', port('ALL'))).toMatch(
      new RegExp(`^[^:]+:${port('ALL')}$`),
    )
    expect(log).toMatch(/listening on OUT:\/\/\[::1\]:\d+, advertised as out\.example\.org:19092/)
  })
})

/** host:port of the only broker in Metadata v1, asked for on this very connection. */
async function brokersSeenFrom(host: string, port: number): Promise<string> {
  const socket = connect(port, host)
  await once(socket, 'connect')
  const noTopics = Buffer.alloc(4)
  socket.write(requestFrame(3, 1, 7, noTopics))
  const [bytes] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  // length 4, correlation id 4, brokers 4, node id 4, host as length 2 and text, port 4
  expect([bytes.readInt32BE(4), bytes.readInt32BE(8)]).toEqual([7, 1])
  const end = 18 + bytes.readInt16BE(16)
  return `${bytes.toString('utf8', 18, end)}:${bytes.readInt32BE(end)}`
}

describe('log lines', () => {
  it('are JSON objects when asked for, from every thread', async () => {
    const args = ['--override', 'sluice.log.format=json', '--override', `log.dirs=${newFolder()}`]
    const broker = start(['serve', ...LOCAL, ...args, '--override', 'zookeeper.connect=z:1'])
    await broker.said(STARTED)
    await endChild(broker.child, 'SIGTERM')
    const lines = broker.output().trim().split('\n')
    const parsed = lines.map((line) => JSON.parse(line) as Record<string, string>)
    for (const line of parsed)
      expect(Object.keys(line)).toEqual(['time', 'level', 'source', 'message'])
    expect(parsed.some(({ message }) => message?.includes('Kafka Server started'))).toBe(true)
    expect(parsed[0]).toMatchObject({ level: 'warn', source: 'sluice' })
    expect(broker.child.exitCode).toBe(0)
  })

  it('below the level asked for are left out', async () => {
    const args = ['--log-level', 'warn', '--override', `log.dirs=${newFolder()}`]
    const broker = start(['serve', ...LOCAL, ...args, '--override', 'zookeeper.connect=z:1'])
    await broker.said(/WARN zookeeper\.connect/)
    await endChild(broker.child, 'SIGTERM')
    expect(broker.output().trim().split('\n')).toHaveLength(1)
  })
})

describe('SIGHUP', () => {
  it('reads the file again: what can change does, the rest is told', async () => {
    const file = join(folder, 'changing.properties')
    const common = `log.dirs=${newFolder()}\nlisteners=PLAINTEXT://127.0.0.1:0\nsluice.shards=2\n`
    writeFileSync(file, common)
    const broker = start(['serve', file])
    const [, address = ''] = await broker.said(/advertised as (\S+)/)
    await broker.said(STARTED)
    await cli(address, 'kafka-topics', '--create', '--topic', 't')
    writeFileSync(file, `${common}message.max.bytes=100\nnum.partitions=7\n`)
    broker.child.kill('SIGHUP')
    await broker.said(/INFO SIGHUP: changed message\.max\.bytes 1048588 → 100/)
    await broker.said(/WARN SIGHUP: needs a restart: num\.partitions 1 → 7/)
    const long = await produce(address, 'x'.repeat(200))
    expect([long.code, long.stderr]).toEqual([
      1,
      expect.stringMatching(/exceeds the maximum configured value of 100/),
    ])
    writeFileSync(file, `${common}message.max.bytes=lots\n`)
    broker.child.kill('SIGHUP')
    await broker.said(/ERROR SIGHUP: nothing is changed: Invalid value lots/)
    writeFileSync(file, `${common}sluice.log.level=error\n`)
    broker.child.kill('SIGHUP')
    await expect
      .poll(async () => (await produce(address, 'x'.repeat(200))).code, { timeout: LIMIT_MS })
      .toBe(0)
    await endChild(broker.child, 'SIGTERM')
    // The level was one of the changes.
    expect(broker.output()).not.toMatch(/stopped cleanly/)
    expect(broker.child.exitCode).toBe(0)
  })
})

function produce(address: string, value: string) {
  const args = [...testProgram(), 'produce', 't', '-b', address]
  return runCommand(process.execPath, args, { limitMs: LIMIT_MS, cwd: packageRoot, input: value })
}

describe('a stop', () => {
  it('that is waited for is cut short by a second signal, which is told', async () => {
    const args = ['--override', `log.dirs=${newFolder()}`, '--override', 'sluice.shards=1']
    const broker = start(['serve', ...LOCAL, ...args])
    const [, port] = await broker.said(/advertised as 127\.0\.0\.1:(\d+)/)
    await broker.said(STARTED)
    const client = await clientThatDoesNotRead(Number(port))
    const ended = once(broker.child, 'exit')
    broker.child.kill('SIGTERM')
    await broker.said(/stopping: /)
    const again = setInterval(() => broker.child.kill('SIGINT'), 1_100)
    const [code] = await ended
    clearInterval(again)
    client.destroy()
    expect(broker.output()).toMatch(/WARN a further SIGINT: ended at once/)
    expect(code).toBe(130)
  })
})

/** Asks for far more than the buffers between us and the broker hold, and reads nothing. */
async function clientThatDoesNotRead(port: number): Promise<Socket> {
  const address = `127.0.0.1:${port}`
  await cli(address, 'kafka-topics', '--create', '--topic', 'wide', '--partitions', '300')
  const client = connect(port, '127.0.0.1')
  client.on('error', () => {})
  await once(client, 'connect')
  client.pause()
  // Metadata v1 of all topics: 8 kB an answer.
  const everything = requestFrame(3, 1, 1, Buffer.from([255, 255, 255, 255]))
  client.write(Buffer.concat(new Array(4_000).fill(everything)))
  // Answers to others show that the broker went on, and what it owes this one is waiting.
  for (let turn = 0; turn < 50; turn++) await brokersSeenFrom('127.0.0.1', port)
  return client
}

describe('a service manager', () => {
  it('hears when the broker is ready, alive and stopping', async () => {
    const path = join(folder, 'notify')
    const manager = listenDatagrams(path)
    const broker = start(['serve', ...LOCAL, '--override', `log.dirs=${newFolder()}`], {
      NOTIFY_SOCKET: path,
      WATCHDOG_USEC: '200000',
    })
    const heard = (): string => manager.received().join('|')
    await expect
      .poll(heard, { timeout: LIMIT_MS })
      .toMatch(/READY=1\nSTATUS=serving PLAINTEXT on port \d+\|WATCHDOG=1\|WATCHDOG=1/)
    expect(heard()).toMatch(/^EXTEND_TIMEOUT_USEC=60000000/)
    await endChild(broker.child, 'SIGTERM')
    expect(heard()).toMatch(/\|STOPPING=1\nSTATUS=stopping/)
    manager.close()
  })
})

describe('-daemon', () => {
  it('one a folder: a second is refused, and the pid file goes with the broker', async () => {
    const cwd = newFolder()
    const args = ['kafka-server-start', '-daemon', join(cwd, 'empty.properties'), ...LOCAL]
    writeFileSync(join(cwd, 'empty.properties'), '')
    const daemon = (...more: string[]) =>
      runCommand(process.execPath, [...testProgram(), ...args, ...more], {
        limitMs: LIMIT_MS,
        cwd,
        env: { LOG_DIR: join(cwd, 'var') },
      })
    // Told by its channel, so that a level without the usual line does not matter.
    const first = await daemon('--override', 'sluice.log.level=error')
    const pidFile = join(cwd, 'var/sluice.pid')
    const pid = Number(readFileSync(pidFile, 'utf8'))
    try {
      expect(first.stderr).toMatch(`broker ${pid} serves`)
      const second = await daemon('--override', `log.dirs=${newFolder()}`)
      expect(second.stderr).toMatch(new RegExp(`runs in the background here already.*${pid}`))
      expect(second.code).toBe(1)
      expect(Number(readFileSync(pidFile, 'utf8'))).toBe(pid)
    } finally {
      process.kill(pid, 'SIGTERM')
    }
    await expect.poll(() => existsSync(pidFile), { timeout: LIMIT_MS }).toBe(false)
  })
})
