/**
 * kcat (librdkafka): real lines in and out through every codec with equal md5, a group of two that
 * reads everything once, and what `-L` and `-Q` say.
 */
import type { ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import {
  collect,
  describeResult,
  endChild,
  runCommand,
  startChild,
} from '../support/child-processes.ts'
import { KafkaAdmin } from './kafka-admin.ts'
import { digestFile, LineDigest, realLines } from './real-lines.ts'
import { type Check, check, grouped, type Lane, type Scenario, Skip } from './scenario.ts'

const LIMIT_MS = 240_000
const COMMAND_LIMIT_MS = 120_000

async function kcat(args: string[], onOutput?: (piece: Buffer) => void) {
  const options = { limitMs: COMMAND_LIMIT_MS, ...(onOutput === undefined ? {} : { onOutput }) }
  const result = await runCommand('kcat', args, options)
  if (result.stderr.includes('ENOENT')) throw new Skip('kcat is not installed')
  check(result.code === 0, () => describeResult(`kcat ${args.join(' ')}`, result))
  return result
}

function throughCodec(codec: string): Check {
  return {
    name: `${codec === 'none' ? 'no compression' : codec}, one partition`,
    limitMs: LIMIT_MS,
    async run(lane: Lane) {
      const count = lane.sizes.lines
      const path = await realLines(lane.folder, count)
      const sent = await digestFile(path)
      const topic = `kcat-${codec}-${randomUUID().slice(0, 8)}`
      await new KafkaAdmin(lane).createTopic(topic, 1)
      const startedMs = performance.now()
      const producing = [
        '-P',
        '-b',
        lane.address,
        '-t',
        topic,
        '-p',
        '0',
        '-z',
        codec,
        '-X',
        'acks=all',
      ]
      await kcat([...producing, '-l', path])
      const producedMs = performance.now()
      const received = new LineDigest()
      const consuming = ['-C', '-b', lane.address, '-t', topic, '-p', '0', '-o', 'beginning']
      await kcat([...consuming, '-e', '-q'], (piece) => received.add(piece))
      const doneMs = performance.now()
      check(
        received.md5() === sent.md5() && received.lines === sent.lines,
        () => `sent ${sent.lines} lines ${sent.md5()}, got ${received.lines} ${received.md5()}`,
      )
      const rate = (ms: number): string => `${((count / ms) * 1000).toFixed(0)}/s`
      return (
        `${grouped(received.lines)} lines, ${grouped(received.bytes)} bytes, md5 equal; ` +
        `in ${rate(producedMs - startedMs)}, out ${rate(doneMs - producedMs)}`
      )
    },
  }
}

/** A member of a group that runs until it is told to leave. */
class Member {
  readonly digest = new LineDigest(true)
  private readonly child: ChildProcess
  private readonly said: () => string

  constructor(lane: Lane, group: string, topic: string) {
    const fromStart = ['-X', 'auto.offset.reset=earliest', '-X', 'auto.commit.interval.ms=200']
    const args = ['-b', lane.address, '-G', group, '-u', ...fromStart, topic]
    this.child = startChild('kcat', args, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.child.stdout?.on('data', (piece: Buffer) => this.digest.add(piece))
    this.said = collect(this.child.stderr)
    lane.defer(() => this.leave())
  }

  /** How many partitions it was handed last. */
  get partitions(): number {
    const told =
      this.said()
        .match(/assigned: .*/g)
        ?.at(-1) ?? ''
    return told.match(/\[\d+\]/g)?.length ?? 0
  }

  async leave(): Promise<void> {
    await endChild(this.child, 'SIGTERM')
  }
}

const groupOfTwo: Check = {
  name: 'group of two members reads everything once',
  limitMs: LIMIT_MS,
  async run(lane) {
    const path = await realLines(lane.folder, lane.sizes.fewerLines)
    const sent = await digestFile(path, true)
    const topic = `kcat-group-${randomUUID().slice(0, 8)}`
    const group = `${topic}-members`
    await new KafkaAdmin(lane).createTopic(topic, 4)
    await kcat(['-V'])
    const members = [new Member(lane, group, topic), new Member(lane, group, topic)]
    await until(
      () => members.every(({ partitions }) => partitions === 2),
      () => `assigned: ${members.map(({ partitions }) => partitions)}`,
    )
    // Without this librdkafka stays with one partition for long.
    const spread = ['-p', '-1', '-X', 'sticky.partitioning.linger.ms=0', '-z', 'lz4']
    await kcat(['-P', '-b', lane.address, '-t', topic, ...spread, '-l', path])
    const got = (): number => members.reduce((sum, { digest }) => sum + digest.lines, 0)
    await until(
      () => got() >= sent.lines,
      () => `${got()} of ${sent.lines} lines`,
    )
    await Promise.all(members.map((member) => member.leave()))
    const sums = members.map(({ digest }) => BigInt(`0x${digest.sum()}`))
    const sum = BigInt.asUintN(
      64,
      sums.reduce((left, right) => left + right, 0n),
    ).toString(16)
    const shares = members.map(({ digest }) => grouped(digest.lines)).join(' + ')
    check(
      got() === sent.lines && sum === sent.sum(),
      () => `sent ${sent.lines} (${sent.sum()}), got ${shares} (${sum})`,
    )
    const again = new LineDigest()
    const args = ['-b', lane.address, '-G', group, '-e', '-q', '-X', 'auto.offset.reset=earliest']
    await kcat([...args, topic], (piece) => again.add(piece))
    check(again.lines === 0, () => `the next run of the group got ${again.lines} lines again`)
    return `${shares} lines, the next run got none`
  },
}

async function until(done: () => boolean, state: () => string): Promise<void> {
  const startedMs = performance.now()
  while (!done()) {
    check(performance.now() - startedMs < COMMAND_LIMIT_MS, state)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const metadataAndQuery: Check = {
  name: 'metadata, and offsets by timestamp',
  limitMs: 30_000,
  async run(lane) {
    const topic = `kcat-query-${randomUUID().slice(0, 8)}`
    await new KafkaAdmin(lane).createTopic(topic, 2)
    const path = await realLines(lane.folder, 1000)
    const beforeMs = Date.now()
    await kcat(['-P', '-b', lane.address, '-t', topic, '-p', '1', '-l', path])
    const listed = await kcat(['-L', '-b', lane.address, '-t', topic])
    check(listed.stdout.includes(`topic "${topic}" with 2 partitions`), () => listed.stdout)
    const query = async (timestamp: number): Promise<string> =>
      (await kcat(['-Q', '-b', lane.address, '-t', `${topic}:1:${timestamp}`])).stdout.trim()
    const answers = [await query(beforeMs - 1), await query(-1), await query(-2)]
    const offsets = answers.map((answer) => / offset (-?\d+)/.exec(answer)?.[1])
    check(offsets.join() === '0,1000,0', () => answers.join('\n'))
    return 'first at a timestamp 0, end 1000, beginning 0'
  },
}

export const kcatScenario: Scenario = {
  name: 'kcat',
  checks: [
    ...['none', 'gzip', 'snappy', 'lz4', 'zstd'].map(throughCodec),
    groupOfTwo,
    metadataAndQuery,
  ],
}
