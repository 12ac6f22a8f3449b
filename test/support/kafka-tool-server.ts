/**
 * Kafka's own tools in one JVM (kafka-tool-server.java), a run after the other: a tenth of a second
 * each instead of two. Needs Java's compiler.
 */
import { type ChildProcess, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { collect, endChild, startChild } from './child-processes.ts'
import { type KafkaJars, type KafkaToolName, kafkaTools } from './kafka-jars.ts'

const SOURCE = fileURLToPath(new URL('kafka-tool-server.java', import.meta.url))

export interface ToolResult {
  /** -1: it did not end in time. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface KafkaToolRunner {
  /** One at a time. */
  run(tool: KafkaToolName, args: readonly string[], input?: string): Promise<ToolResult>
  close(): Promise<void>
}

/** A string says why there is none. */
export function startToolRunner(jars: KafkaJars): KafkaToolRunner | string {
  const modules = spawnSync('java', ['--list-modules'], { encoding: 'utf8' }).stdout ?? ''
  if (!/^jdk\.compiler\b/m.test(modules)) return 'this Java has no compiler: install a JDK'
  return new ToolServer(jars)
}

class ToolServer implements KafkaToolRunner {
  private readonly child: ChildProcess
  private readonly lines: Interface
  private readonly complaints: () => string
  private waiting: { done(result: ToolResult): void; failed(error: Error): void } | null = null

  constructor(jars: KafkaJars) {
    const classPath = join(jars.folder, '*')
    this.child = startChild(
      'java',
      ['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', classPath, SOURCE],
      { stdio: ['pipe', 'pipe', 'pipe'] },
    )
    if (this.child.stdout === null) throw new Error('no pipe to the tools')
    this.complaints = collect(this.child.stderr)
    this.lines = createInterface({ input: this.child.stdout })
    this.lines.on('line', (line) => {
      const [code = '-1', stdout = '-', stderr = '-'] = line.split(' ')
      this.waiting?.done({ code: Number(code), stdout: decoded(stdout), stderr: decoded(stderr) })
      this.waiting = null
    })
    this.child.once('close', () =>
      this.waiting?.failed(new Error(`Kafka's tools ended: ${this.complaints().slice(-2000)}`)),
    )
  }

  run(tool: KafkaToolName, args: readonly string[], input = ''): Promise<ToolResult> {
    const words = [kafkaTools[tool], input, ...args].map(encoded)
    return new Promise((done, failed) => {
      this.waiting = { done, failed }
      this.child.stdin?.write(`${words.join(' ')}\n`)
    })
  }

  async close(): Promise<void> {
    this.lines.close()
    await endChild(this.child, 'SIGKILL')
  }
}

function encoded(word: string): string {
  return word === '' ? '-' : Buffer.from(word).toString('base64')
}

function decoded(word: string): string {
  return word === '-' ? '' : Buffer.from(word, 'base64').toString()
}
