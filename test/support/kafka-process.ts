/** A real Kafka 4.2 in KRaft mode, one node, random ports: what our scenarios are proved against. */
import type { ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { collect, describeResult, endChild, startChild } from './child-processes.ts'
import type { KafkaJars } from './kafka-jars.ts'
import { freePort, type ManagedBroker } from './managed-broker.ts'
import { answersAt } from './raw-connection.ts'

const START_LIMIT_MS = 60_000
/** Base64 of 16 bytes, as `kafka-storage random-uuid` prints. */
const CLUSTER_ID = 'c2x1aWNlLXRlc3QtaWQwMA'

export async function startKafka(
  jars: KafkaJars,
  overrides: Record<string, string> = {},
  folder = mkdtempSync(join(tmpdir(), 'sluice-kafka-')),
): Promise<ManagedBroker> {
  const [port, controllerPort] = [await freePort(), await freePort()]
  const dataFolder = join(folder, 'data')
  mkdirSync(dataFolder, { recursive: true })
  const properties = join(folder, 'server.properties')
  const settings: Record<string, string> = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': dataFolder,
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '5',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    ...overrides,
  }
  const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}`)
  writeFileSync(properties, `${lines.join('\n')}\n`)
  const formatted = await jars.run(
    'kafka-storage',
    ['format', '-t', CLUSTER_ID, '-c', properties, '--ignore-formatted'],
    { limitMs: START_LIMIT_MS },
  )
  if (formatted.code !== 0) throw new Error(describeResult('kafka-storage format', formatted))
  const broker = new KafkaProcess(jars, properties, dataFolder, `127.0.0.1:${port}`)
  await broker.start()
  return broker
}

class KafkaProcess implements ManagedBroker {
  readonly address: string
  readonly dataFolder: string
  private readonly jars: KafkaJars
  private readonly properties: string
  private child: ChildProcess | null = null
  private readonly outputs: (() => string)[] = []

  constructor(jars: KafkaJars, properties: string, dataFolder: string, address: string) {
    this.jars = jars
    this.properties = properties
    this.dataFolder = dataFolder
    this.address = address
  }

  output(): string {
    return this.outputs.map((text) => text()).join('')
  }

  async start(): Promise<void> {
    const classPath = join(this.jars.folder, '*')
    const child = startChild(
      'java',
      ['-Xmx512m', '-cp', classPath, 'kafka.Kafka', this.properties],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    this.child = child
    this.outputs.push(collect(child.stdout), collect(child.stderr))
    const died = new Promise<never>((_resolve, reject) => {
      child.once('exit', (code) =>
        reject(new Error(`Kafka ended with ${code} at start: ${this.output().slice(-2000)}`)),
      )
    })
    // The jars bring no logging back end, so that it answers is the only sign that it is up.
    await Promise.race([answersAt(this.address, START_LIMIT_MS), died])
    died.catch(() => {})
  }

  async stop(): Promise<void> {
    if (this.child !== null) await endChild(this.child, 'SIGTERM', 60_000)
  }

  async kill(): Promise<void> {
    if (this.child !== null) await endChild(this.child, 'SIGKILL')
  }

  async discard(): Promise<void> {
    await this.kill()
    rmSync(dirname(this.properties), { recursive: true, force: true })
  }
}
