/**
 * T8: the power of a broker's file system is cut under live producers, and the broker killed; the file
 * system is mounted again, the broker recovers, and everything is read. Three topics: flush=group,
 * flush=async, and a compacted one with flush=group whose cleaner has work all the time. A volume lives
 * for some cycles, then comes a new one with other mount options.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { checkLog } from '../../engine/log/check.ts'
import { NodeDisk } from '../../engine/log/node-disk.ts'
import { KafkaAdmin, quietKafkajs } from '../clients/kafka-admin.ts'
import { type ReadLane, type ReadRecord, readTopic } from '../clients/read-topic.ts'
import { askCommitted } from '../live/ask.ts'
import { KafkajsMember } from '../live/readers.ts'
import { Recorder } from '../live/recorder.ts'
import { BatchWriter, kafkajsPlain, platformaticPlain } from '../live/writers.ts'
import { BrokerProcess } from '../support/broker-process.ts'
import type { CycleOptions } from '../support/cycle-lane.ts'
import { type SeededRandom, seededRandom } from '../support/seeded-random.ts'
import { Ext4Volume } from './ext4-volume.ts'
import { compactedKey, judgeAsync, judgeCompacted, judgeGroup } from './judge.ts'

export interface PowerLossResult {
  cycles: number
  volumes: number
  acknowledged: number
  asyncLost: number
  asyncOldestMs: number
  /** Records of the compacted topic that were gone in a reading: the cleaner was at work. */
  compactedAway: number
  topics: number
  commits: number
  slowestStartMs: number
  readonly problems: string[]
}

const PARTITIONS = 2
const CYCLES_PER_VOLUME = 6
const UPTIME_MIN_MS = 200
const UPTIME_SPREAD_MS = 900
const FLUSH_MS = 500
/** A sync is due after flush.ms and then takes its time; a busy machine is no loss. */
const ASYNC_WINDOW_MS = FLUSH_MS + 2_000
const GROUP = 'readers'
/** writeback: a file may have grown without its data, which then reads as zeros. */
const MOUNT_OPTIONS = ['', 'data=writeback', 'commit=1', 'commit=1,data=writeback']

const SETTINGS = {
  'sluice.flush.mode': 'group',
  'log.flush.offset.checkpoint.interval.ms': '300',
  'log.cleaner.backoff.ms': '100',
}
const SMALL = { 'internal.segment.bytes': '150000' }
const TOPICS = {
  group: { ...SMALL, 'sluice.flush.mode': 'group' },
  async: { ...SMALL, 'sluice.flush.mode': 'async', 'flush.ms': `${FLUSH_MS}` },
  compacted: {
    'internal.segment.bytes': '4000',
    'sluice.flush.mode': 'group',
    'cleanup.policy': 'compact',
    'min.cleanable.dirty.ratio': '0.01',
  },
}

export async function runPowerLoss(options: CycleOptions): Promise<PowerLossResult> {
  const result: PowerLossResult = {
    cycles: 0,
    volumes: 0,
    acknowledged: 0,
    asyncLost: 0,
    asyncOldestMs: 0,
    compactedAway: 0,
    topics: 0,
    commits: 0,
    slowestStartMs: 0,
    problems: [],
  }
  const random = seededRandom(options.seed)
  const untilMs = performance.now() + options.forMs
  const goesOn = (): boolean =>
    performance.now() < untilMs && result.cycles < options.cyclesMax && result.problems.length === 0
  while (goesOn()) {
    const life = new VolumeLife(options, result, random)
    try {
      await life.run(goesOn)
    } catch (error) {
      // A broker that does not start again, or does not answer: found by these cycles.
      result.problems.push(error instanceof Error ? error.message : String(error))
    } finally {
      await life.close()
    }
  }
  return result
}

class VolumeLife {
  private readonly options: CycleOptions
  private readonly result: PowerLossResult
  private readonly random: SeededRandom
  private readonly volume: Ext4Volume
  private readonly broker: BrokerProcess
  private readonly recorders = {
    group: new Recorder('group', PARTITIONS),
    async: new Recorder('async', PARTITIONS),
    compacted: new Recorder('compacted', PARTITIONS),
  }
  /** Topics whose creation was acknowledged. */
  private readonly created: string[] = []

  constructor(options: CycleOptions, result: PowerLossResult, random: SeededRandom) {
    this.options = options
    this.result = result
    this.random = random
    const mountOptions = MOUNT_OPTIONS[result.volumes % MOUNT_OPTIONS.length] ?? ''
    this.volume = new Ext4Volume(options.folder, `volume-${result.volumes++}`, mountOptions)
    const { compiled } = options
    this.broker = new BrokerProcess({
      dataFolder: join(this.volume.mountPoint, 'data'),
      compiled,
      overrides: SETTINGS,
    })
  }

  async run(goesOn: () => boolean): Promise<void> {
    const { volume, broker, result } = this
    volume.mount()
    await broker.start()
    await this.asking(async (lane) => {
      for (const [topic, configs] of Object.entries(TOPICS))
        await new KafkaAdmin(lane).createTopic(topic, PARTITIONS, configs)
    })
    // It lives through the losses: leaving its group would wait for a broker that is gone.
    const member = new KafkajsMember(broker.address, this.recorders.group, GROUP)
    await member.start()
    try {
      for (let cycle = 0; cycle < CYCLES_PER_VOLUME && goesOn(); cycle++) {
        await this.cycle()
        result.cycles++
        this.options.onCycle?.(result.cycles)
      }
    } finally {
      await member.stop()
      result.commits += member.commits
    }
    await broker.stop()
    await this.checkFolders()
    for (const recorder of Object.values(this.recorders))
      if (result.problems.length > 0)
        recorder.write(join(this.options.folder, `history-${recorder.topic}.jsonl`))
  }

  private async cycle(): Promise<void> {
    const { volume, broker, random, result } = this
    this.begunMs = performance.now()
    const stopClients = await this.startClients()
    await sleep(UPTIME_MIN_MS + random.int(UPTIME_SPREAD_MS))
    const { beforeMs, afterMs } = volume.cutPower(random.chance(0.25) ? 'journal' : 'nothing')
    // For a moment the broker lives on a disk that is gone: nothing it says now may be a promise.
    await sleep(random.int(60))
    await broker.kill()
    await stopClients()
    volume.unmount()
    volume.mount()
    const recoveryPoints = this.readRecoveryPoints()
    const startedMs = performance.now()
    await broker.start()
    result.slowestStartMs = Math.max(result.slowestStartMs, performance.now() - startedMs)
    await this.asking((lane) => this.judge(lane, beforeMs, afterMs, recoveryPoints))
  }

  /** Resolves with what stops them. */
  private async startClients(): Promise<() => Promise<void>> {
    const { address } = this.broker
    const { group, async, compacted } = this.recorders
    const options = { batch: 5, pauseMs: 3, partitions: [0, 1] }
    const keyed = await kafkajsPlain(address, compacted.topic, compactedKey)
    const writers = [
      new BatchWriter(await kafkajsPlain(address, group.topic), group, options),
      new BatchWriter(platformaticPlain(address, group.topic), group, options),
      new BatchWriter(await kafkajsPlain(address, async.topic), async, options),
      new BatchWriter(platformaticPlain(address, async.topic), async, options),
      new BatchWriter(keyed, compacted, { ...options, batch: 20 }),
    ]
    const creating = this.createTopics()
    return async () => {
      this.stopped = true
      await Promise.all(writers.map((writer) => writer.stop()))
      await creating
    }
  }
  private stopped = false
  private begunMs = 0

  /** One small topic after another, until the broker is gone. */
  private async createTopics(): Promise<void> {
    this.stopped = false
    const admin = quietKafkajs(this.broker.address, 'creator', 0).admin()
    try {
      await admin.connect()
      while (!this.stopped) {
        const topic = `made-${this.created.length}`
        await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: false })
        this.created.push(topic)
        await sleep(30)
      }
    } catch {
      // The one under way may be there or not: its name is not used again.
      this.created.push('')
    } finally {
      await admin.disconnect().catch(() => {})
    }
  }

  private async judge(
    lane: ReadLane,
    beforeMs: number,
    afterMs: number,
    recoveryPoints: ReadonlyMap<string, number>,
  ): Promise<void> {
    const { result } = this
    const { group, async, compacted } = this.recorders
    const problems: string[] = []
    for (const { topic, ops } of [group, async, compacted])
      for (const { i, t0, type, mops } of ops) {
        const records = mops.filter(({ f }) => f === 'send').length
        if (type !== 'ok' || t0 < this.begunMs || records === 0) continue
        result.acknowledged += records
        if (t0 > afterMs) problems.push(`${topic}: operation ${i} was acknowledged after the cut`)
      }
    await askCommitted(lane, group, GROUP)
    const [groupRecords, asyncRecords, compactedRecords] = await Promise.all([
      readTopic(lane, group.topic),
      readTopic(lane, async.topic),
      readTopic(lane, compacted.topic),
    ])
    problems.push(...judgeGroup(group, groupRecords).map((problem) => `group: ${problem}`))
    const loss = judgeAsync(async, asyncRecords, beforeMs, ASYNC_WINDOW_MS)
    problems.push(...loss.problems.map((problem) => `async: ${problem}`))
    result.asyncLost += loss.lost
    result.asyncOldestMs = Math.max(result.asyncOldestMs, loss.oldestMs)
    problems.push(
      ...judgeCompacted(compacted, compactedRecords).map((each) => `compacted: ${each}`),
    )
    for (const records of compactedRecords) {
      const end = (records.at(-1)?.offset ?? -1) + 1
      result.compactedAway = Math.max(result.compactedAway, end - records.length)
    }
    problems.push(...endsBelow(recoveryPoints, { group: groupRecords, async: asyncRecords }))
    problems.push(...(await this.missingTopics(lane)))
    result.problems.push(...problems)
  }

  private async missingTopics(lane: ReadLane): Promise<string[]> {
    const there = new Set(await new KafkaAdmin(lane).use((admin) => admin.listTopics()))
    const acknowledged = this.created.filter((topic) => topic !== '')
    this.result.topics = Math.max(this.result.topics, acknowledged.length)
    return acknowledged.filter((topic) => !there.has(topic)).map((topic) => `no topic ${topic}`)
  }

  private readRecoveryPoints(): Map<string, number> {
    const path = join(this.volume.mountPoint, 'data', 'recovery-point-offset-checkpoint')
    const points = new Map<string, number>()
    if (!existsSync(path)) return points
    const [, , ...lines] = readFileSync(path, 'utf8').split('\n')
    for (const line of lines) {
      const [topic, partition, offset] = line.split(' ')
      if (offset !== undefined) points.set(`${topic}-${partition}`, Number(offset))
    }
    return points
  }

  private async checkFolders(): Promise<void> {
    const data = join(this.volume.mountPoint, 'data')
    for (const name of readdirSync(data)) {
      if (!existsSync(join(data, name, 'partition.metadata'))) continue
      const isCompacted = name.startsWith('compacted-') || name.startsWith('__')
      const options = isCompacted ? { gapsAllowed: true, producers: false } : {}
      const { problems } = await checkLog(new NodeDisk(), join(data, name), {
        indexIntervalBytes: 4096,
        ...options,
      })
      this.result.problems.push(...problems)
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

  async close(): Promise<void> {
    await this.broker.kill()
    this.volume.remove()
  }
}

/** Recovery never ends below a recovery point: all below was synced before the point was written. */
function endsBelow(
  points: ReadonlyMap<string, number>,
  topics: Readonly<Record<string, readonly ReadRecord[][]>>,
): string[] {
  const problems: string[] = []
  for (const [topic, partitions] of Object.entries(topics))
    for (const [k, records] of partitions.entries()) {
      const end = (records.at(-1)?.offset ?? -1) + 1
      const point = points.get(`${topic}-${k}`) ?? 0
      if (end < point) problems.push(`${topic}-${k} ends at ${end}, its recovery point is ${point}`)
    }
  return problems
}
