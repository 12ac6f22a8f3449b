/**
 * T7: a broker process is killed with -9 again and again, at any moment, under live producers, readers
 * and groups of kafkajs, @platformatic/kafka and kcat. Behind each start a client asks for ends and
 * committed positions; at the end everything is read once more, the history is checked, and so is every
 * partition folder.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { checkLog } from '../../engine/log/check.ts'
import { NodeDisk } from '../../engine/log/node-disk.ts'
import { KafkaAdmin } from '../clients/kafka-admin.ts'
import type { ReadLane } from '../clients/read-topic.ts'
import { check } from '../history/check.ts'
import { describeFinding, type Mode, type Verdict } from '../history/operation.ts'
import { askCommitted, askEnds, drainTopic } from '../live/ask.ts'
import { KafkajsMember, KcatReader, PlatformaticMember } from '../live/readers.ts'
import { Recorder } from '../live/recorder.ts'
import {
  BatchWriter,
  KcatWriter,
  kafkajsIdempotent,
  kafkajsPlain,
  platformaticPlain,
} from '../live/writers.ts'
import { BrokerProcess } from '../support/broker-process.ts'
import type { CycleOptions } from '../support/cycle-lane.ts'
import { seededRandom } from '../support/seeded-random.ts'

export interface KillLoopResult {
  cycles: number
  /** Of them, ended by SIGTERM, and killed while they were starting. */
  cleanStops: number
  killedWhileStarting: number
  slowestStartMs: number
  operations: number
  acknowledged: number
  unknown: number
  doubled: number
  commits: number
  readonly problems: string[]
  readonly skipped: string[]
}

const PARTITIONS = 3
/** The broker serves this long before its end, spread so that kills fall everywhere. */
const UPTIME_MIN_MS = 150
const UPTIME_SPREAD_MS = 900
const STARTING_SPREAD_MS = 250
const PROBLEMS_MAX = 20
const COMMIT_LIMIT_MS = 30_000
const CLOSING_LIMIT_MS = 3_000

const PLAIN: Mode = { isolation: 'committed', via: 'assign', idempotent: false }
const IDEMPOTENT: Mode = { isolation: 'committed', via: 'assign', idempotent: true }

export async function runKillLoop(options: CycleOptions): Promise<KillLoopResult> {
  const loop = new KillLoop(options)
  try {
    await loop.run()
  } catch (error) {
    // A broker that does not start again, a client that gives up: found by this loop.
    loop.result.problems.push(error instanceof Error ? error.message : String(error))
  } finally {
    await loop.close()
  }
  return loop.result
}

class KillLoop {
  readonly result: KillLoopResult = {
    cycles: 0,
    cleanStops: 0,
    killedWhileStarting: 0,
    slowestStartMs: 0,
    operations: 0,
    acknowledged: 0,
    unknown: 0,
    doubled: 0,
    commits: 0,
    problems: [],
    skipped: [],
  }
  private readonly options: CycleOptions
  private readonly broker: BrokerProcess
  private readonly plain = new Recorder('plain', PARTITIONS)
  private readonly numbered = new Recorder('numbered', PARTITIONS)
  private readonly closings: (() => unknown)[] = []
  /** As told last. */
  private readonly ends = new Map<Recorder, readonly number[]>()
  private readonly dataFolder: string

  constructor(options: CycleOptions) {
    this.options = options
    this.dataFolder = join(options.folder, `data-${options.seed}`)
    this.broker = new BrokerProcess({
      dataFolder: this.dataFolder,
      compiled: options.compiled,
      overrides: {
        'log.segment.bytes': '1048576',
        'log.flush.offset.checkpoint.interval.ms': '500',
      },
    })
  }

  async run(): Promise<void> {
    const { broker } = this
    await broker.start()
    const configs = { 'internal.segment.bytes': '200000' }
    await this.asking(async (lane) => {
      for (const { topic } of [this.plain, this.numbered])
        await new KafkaAdmin(lane).createTopic(topic, PARTITIONS, configs)
    })
    const { writers, member, others, readers } = await this.startClients()
    const startedMs = performance.now()
    const random = seededRandom(this.options.seed)
    const { forMs, cyclesMax } = this.options
    while (performance.now() - startedMs < forMs && this.result.cycles < cyclesMax) {
      await this.cycle(random)
      this.options.onCycle?.(this.result.cycles)
      // Clients of a log that went back may wait for ever: that is no way to end.
      if (this.result.problems.length > 0) return
    }
    for (const writer of writers) await this.stopped(writer)
    await this.asking((lane) => this.commitsGoOn(lane, member))
    await member.stop()
    for (const each of others) await each.stop()
    for (const reader of readers) await reader.stop()
    this.result.commits = others.reduce((sum, { commits }) => sum + commits, member.commits)
    await this.judge()
  }

  private async startClients() {
    const { address } = this.broker
    const { plain, numbered } = this
    const all = [0, 1, 2]
    const options = { batch: 10, pauseMs: 8, partitions: all }
    const writers: { stop(): Promise<void> }[] = [
      new BatchWriter(await kafkajsPlain(address, plain.topic), plain, options),
      new BatchWriter(platformaticPlain(address, plain.topic), plain, options),
      new BatchWriter(await kafkajsIdempotent(address, numbered.topic), numbered, options),
    ]
    const readers: KcatReader[] = []
    if (hasKcat()) {
      writers.push(new KcatWriter(address, numbered, 0), new KcatWriter(address, numbered, 1))
      readers.push(new KcatReader(address, plain, 0), new KcatReader(address, numbered, 0))
    } else this.result.skipped.push('kcat is not here: its producers and readers did not run')
    for (const writer of [...writers, ...readers])
      this.closings.push(() => writer.stop().catch(() => {}))
    const member = new KafkajsMember(address, plain, 'kafkajs-group')
    this.closings.push(() => member.stop())
    await member.start()
    const others = [0, 1].map(() => new PlatformaticMember(address, plain, 'platformatic-group'))
    for (const each of others) {
      this.closings.push(() => each.stop())
      each.start()
    }
    return { writers, member, others, readers }
  }

  private async cycle(random: ReturnType<typeof seededRandom>): Promise<void> {
    const { broker, result } = this
    await sleep(UPTIME_MIN_MS + random.int(UPTIME_SPREAD_MS))
    if (random.chance(0.1)) {
      result.cleanStops++
      await broker.stop()
    } else await broker.kill()
    if (random.chance(0.15)) {
      result.killedWhileStarting++
      const starting = broker.start().catch(() => {})
      await sleep(random.int(STARTING_SPREAD_MS))
      await broker.kill()
      await starting
    }
    const startedMs = performance.now()
    await broker.start()
    result.slowestStartMs = Math.max(result.slowestStartMs, performance.now() - startedMs)
    result.cycles++
    await this.asking(async (lane) => {
      await this.endsRise(lane, this.plain)
      await this.endsRise(lane, this.numbered)
      await askCommitted(lane, this.plain, 'kafkajs-group')
      await askCommitted(lane, this.plain, 'platformatic-group')
    })
  }

  /** One client that fails says so, and the others are still judged. */
  private async stopped(writer: { stop(): Promise<void> }): Promise<void> {
    await writer.stop().catch((error: Error) => {
      this.result.problems.push(error.message)
    })
  }

  /** Asks for a topic's ends; one that went back is said, and the loop is over. */
  private async endsRise(lane: ReadLane, recorder: Recorder): Promise<void> {
    const before = this.ends.get(recorder) ?? []
    const ends = await askEnds(lane, recorder)
    this.ends.set(recorder, ends)
    for (const [k, end] of ends.entries())
      if (end < (before[k] ?? 0)) {
        const problem = `${recorder.topic}: partition ${k} ended at ${before[k]}, then at ${end}`
        this.result.problems.push(problem)
      }
  }

  /** Runs with clients that are closed behind it. */
  private async asking<T>(work: (lane: ReadLane) => Promise<T>): Promise<T> {
    const closings: (() => unknown)[] = []
    const defer = (close: () => unknown): void => {
      closings.push(close)
    }
    try {
      return await work({ address: this.broker.address, defer })
    } finally {
      for (const close of closings.reverse()) await close()
    }
  }

  /** The group lives on: its member commits up to every end. */
  private async commitsGoOn(lane: ReadLane, member: KafkajsMember): Promise<void> {
    const admin = new KafkaAdmin(lane)
    const ends = await admin.endOffsets(this.plain.topic)
    const untilMs = performance.now() + COMMIT_LIMIT_MS
    for (;;) {
      const offsets = await admin.groupOffsets('kafkajs-group', this.plain.topic)
      if (ends.every((end, k) => end === 0 || (offsets[k] ?? -1) >= end)) return
      if (performance.now() > untilMs) {
        const problem = `the group stands still: ends ${ends}, committed ${offsets}`
        this.result.problems.push(`${problem}, ${member.commits} commits`)
        return
      }
      await sleep(50)
    }
  }

  private async judge(): Promise<void> {
    const { result, plain, numbered, broker } = this
    await this.asking(async (lane) => {
      await drainTopic(lane, plain)
      await drainTopic(lane, numbered)
    })
    await broker.stop()
    for (const [recorder, mode] of [
      [plain, PLAIN],
      [numbered, IDEMPOTENT],
    ] as const) {
      result.operations += recorder.ops.length
      result.acknowledged += recorder.acknowledged
      const verdict = check(recorder.ops, mode)
      result.doubled += verdict.allowed.filter(({ kind }) => kind === 'duplicate').length
      this.tell(recorder, verdict)
    }
    for (const { type, mops } of plain.ops)
      if (type === 'info') result.unknown += mops.filter(({ f }) => f === 'send').length
    await this.checkFolders()
    const errors = broker.output().match(/^.*\] (ERROR|FATAL) .*$/gm) ?? []
    result.problems.push(...errors.slice(0, PROBLEMS_MAX).map((line) => `broker: ${line}`))
  }

  private tell(recorder: Recorder, { bad }: Verdict): void {
    for (const finding of bad.slice(0, PROBLEMS_MAX))
      this.result.problems.push(`${recorder.topic}: ${describeFinding(finding)}`)
    if (bad.length === 0) return
    const path = join(this.options.folder, `history-${recorder.topic}-${this.options.seed}.jsonl`)
    recorder.write(path)
    this.result.problems.push(`${recorder.topic}: ${bad.length} findings; the history is ${path}`)
  }

  private async checkFolders(): Promise<void> {
    const disk = new NodeDisk()
    for (const name of readdirSync(this.dataFolder)) {
      if (!/-\d+$/.test(name) || !existsSync(join(this.dataFolder, name, 'partition.metadata')))
        continue
      const dir = join(this.dataFolder, name)
      const { problems } = await checkLog(disk, dir, { indexIntervalBytes: 4096 })
      this.result.problems.push(...problems.slice(0, PROBLEMS_MAX))
    }
  }

  async close(): Promise<void> {
    await this.broker.kill()
    const closed = Promise.all(this.closings.reverse().map((close) => close()))
    // With the broker gone some clients try for a minute: their time is over.
    await Promise.race([closed, sleep(CLOSING_LIMIT_MS)])
    if (this.result.problems.length === 0) rmSync(this.dataFolder, { recursive: true, force: true })
  }
}

function hasKcat(): boolean {
  return spawnSync('kcat', ['-V'], { stdio: 'ignore' }).status === 0
}
