/**
 * Works a simulated broker as its clients and operators would, one planned operation after another, and
 * tells the world what was asked and what was answered. Answers are not waited for unless an operation
 * says so: power may go at any call to the disk in between.
 */
import { ErrorCode, errorName } from '../../engine/base/errors.ts'
import type { Logger } from '../../engine/base/logger.ts'
import { type Disk, DiskError } from '../../engine/log/disk.ts'
import { partitionKey } from '../../engine/metadata/image.ts'
import type { Partition } from '../../engine/partition/partition.ts'
import {
  OffsetCommitRequest,
  OffsetCommitResponse,
} from '../../engine/protocol/08-offset-commit.ts'
import { buildBatch } from '../../engine/record/build.ts'
import { buildEndTransactionMarker } from '../../engine/record/control.ts'
import { decoderFor, encoderFor } from '../../engine/schema/codec.ts'
import { Reader } from '../../engine/schema/reader.ts'
import { Writer } from '../../engine/schema/writer.ts'
import { OFFSETS_TOPIC } from '../../engine/shard-coordinators.ts'
import type { AppendOptions, ReadResult } from '../../engine/shard-port.ts'
import { NOW_MS, type TestClock } from '../support/log-rig.ts'
import { type SeededRandom, seededRandom } from '../support/seeded-random.ts'
import { SimulatedBroker, settled } from '../support/simulated-broker.ts'
import { ControlDriver, GONE } from './control-driver.ts'
import type { OperationKind, PlannedOperation, Shape } from './shape.ts'
import { KnownPartition, type World } from './world.ts'

const GROUPS = ['g0', 'g1']
const PRODUCERS = 3
const OPTIONS: AppendOptions = {
  acks: -1,
  timeoutMs: 1_000,
  produceVersion: 12,
  internalAllowed: false,
}
/** Two ticks of the timer wheel: a sync may begin that much after it is due. */
const TICKS_MS = 10

export interface DriverParts {
  readonly disk: Disk
  readonly clock: TestClock
  readonly logger: Logger
  readonly shape: Shape
  readonly world: World
  readonly seed: number
  /** Producer ids from here on are its own. */
  readonly producerBase: number
  /**
   * Answers that do not count as a failure, for a data folder or (null) the control state: of injected
   * faults. Default: none.
   */
  readonly tolerates?: (errorCode: number, folder: string | null) => boolean
}

/** The bytes begin with a batch that was appended where it says. */
function isBatchOf(known: KnownPartition, bytes: Buffer): boolean {
  const batch = known.batches.get(Number(bytes.readBigInt64BE(0)))?.at(-1)
  const size = Math.min(bytes.length, batch?.bytes.length ?? 0)
  return batch !== undefined && batch.bytes.compare(bytes, 0, size, 0, size) === 0
}

/** What a producer sent to one partition. */
interface Sequence {
  next: number
  inTransaction: boolean
}

export class Driver {
  broker!: SimulatedBroker
  /** Answers that should not have been given; the workload fails with the first. */
  readonly surprises: string[] = []
  private readonly parts: DriverParts
  private sequences = new Map<string, Sequence>()
  private producerBase: number
  private starts = 0
  private readonly control: ControlDriver
  /** Commits that wait for the background sync. */
  private commits: { readonly key: string; readonly value: number; readonly atMs: number }[] = []

  constructor(parts: DriverParts) {
    this.parts = parts
    this.producerBase = parts.producerBase
    this.control = new ControlDriver({
      world: parts.world,
      shape: parts.shape,
      broker: () => this.broker,
      onChanged: () => this.adopt(false),
      surprise: (errorCode, what) => this.surprise(errorCode, what, null),
      complain: (what) => void this.surprises.push(what),
    })
  }

  /** Starts the broker on what is on the disk; the world takes what it finds for the truth. */
  async start(): Promise<void> {
    const { disk, clock, logger, shape, world, seed } = this.parts
    const { folders, settings, metaFoldBytes } = shape
    const more = { folders, settings, metaFoldBytes, seed: seed + this.starts++ }
    this.broker = await SimulatedBroker.start({ disk, clock, logger, ...more })
    world.incarnation = this.broker.controller.image.incarnation
    this.sequences = new Map()
    this.producerBase += PRODUCERS
    this.commits = []
    this.control.started()
    this.adopt(true)
    await settled()
    await this.control.makeOffsetsTopic()
  }

  async run(operation: PlannedOperation): Promise<void> {
    const random = seededRandom(operation.seed)
    await this.operations[operation.kind](random)
    for (let turns = random.int(4); turns > 0; turns--) await null
  }

  /** Everything asked is answered, and nothing is under way. */
  async quiesce(): Promise<void> {
    this.broker.shard.flush()
    await settled()
    await this.control.idle()
    this.noteQuiet()
  }

  private readonly operations: Record<
    OperationKind,
    (random: SeededRandom) => Promise<void> | void
  > = {
    produce: (random) => this.produce(random),
    fetch: (random) => this.fetch(random),
    marker: (random) => this.endTransaction(random),
    settle: () => this.quiesce(),
    pass: (random) => this.pass(1 + random.int(40)),
    passLong: (random) => this.pass(200 + random.int(2_000)),
    createTopic: (random) => this.control.createTopic(random),
    deleteTopic: (random) => this.control.deleteTopic(random),
    growTopic: (random) => this.control.growTopic(random),
    topicOptions: (random) => this.control.alterTopic(random),
    brokerOptions: (random) => this.control.alterBroker(random),
    quotas: (random) => this.control.alterQuotas(random),
    producerIds: (random) => this.control.allocate(random),
    deleteRecords: (random) => this.deleteRecords(random),
    commitOffsets: (random) => this.commitOffsets(random),
    checkpoint: () => void this.broker.checkpointer.writeOrWarn(),
    moveReplica: (random) => this.moveReplica(random),
    stop: () => this.restart('stop'),
    kill: () => this.restart('kill'),
  }

  // --- partitions

  /** Learns of new partitions, and listens to what their logs take. */
  private adopt(isRestart: boolean): void {
    const { world } = this.parts
    const seen = new Set<string>()
    for (const partition of this.broker.shard.partitions.values()) {
      const { topic, topicId, index } = partition.identity
      const key = `${topicId}-${index}`
      seen.add(key)
      let known = world.partitions.get(key)
      if (known !== undefined && known.partition === partition) continue
      if (known === undefined) {
        known = new KnownPartition(topic, topicId, index, partition)
        world.partitions.set(key, known)
        const { logStartOffset } = partition.log
        if (!isRestart && logStartOffset !== 0)
          this.surprises.push(`${known.name} is new and starts at ${logStartOffset}`)
      } else if (isRestart) {
        if (partition.log.logEndOffset < known.ackedEnd)
          this.surprises.push(
            `${known.name} ends at ${partition.log.logEndOffset} after a restart, ` +
              `${known.ackedEnd} was acknowledged`,
          )
        known.restarted(partition, world.moment)
      }
      this.listen(known, partition)
    }
    const { topicsById } = this.broker.controller.image
    // One that is damaged, or in a folder that failed, is still owed its records.
    for (const [key, { topicId }] of [...world.partitions])
      if (!seen.has(key) && !topicsById.has(topicId)) world.partitions.delete(key)
  }

  private listen(known: KnownPartition, { log }: Partition): void {
    const { world } = this.parts
    const append = log.append.bind(log)
    log.append = (batch, origin) => {
      const result = append(batch, origin)
      if (result.errorCode === 0 && !result.duplicate) known.staged(batch, ++world.moment)
      return result
    }
  }

  private clientPartitions(): KnownPartition[] {
    const { shard } = this.broker
    return [...this.parts.world.partitions.values()].filter(
      ({ partition: { identity } }) =>
        !identity.internal && shard.partition(identity.key) !== undefined,
    )
  }

  private drawPartition(random: SeededRandom): KnownPartition | null {
    const all = this.clientPartitions()
    return all.length === 0 ? null : all[random.int(all.length)]!
  }

  // --- records

  private produce(random: SeededRandom): Promise<void> | void {
    if (this.clientPartitions().length === 0) return this.control.createTopic(random)
    for (let count = 1 + random.int(4); count > 0; count--) {
      const known = this.drawPartition(random)!
      this.append(known, this.nextBatch(known, random))
    }
    if (random.chance(0.85)) this.broker.shard.flush()
  }

  /** A batch to each partition; resolves when all were answered that will be. */
  async appendToAll(): Promise<void> {
    const records = [{ key: null, value: Buffer.from('to all'), timestamp: NOW_MS }]
    for (const known of this.clientPartitions()) this.append(known, buildBatch({ records }))
    await this.quiesce()
  }

  private append(known: KnownPartition, batch: Buffer): void {
    const { key } = known.partition.identity
    this.broker.shard.append(key, batch, OPTIONS, (errorCode) => {
      if (errorCode === ErrorCode.NONE) this.acked(known, batch)
      else this.surprise(errorCode, `an append to ${known.name}`, known.partition.log.dataFolder)
    })
  }

  /** The batch was given its offsets in place. */
  private acked(known: KnownPartition, batch: Buffer): void {
    const { clock } = this.parts
    const isGroup = known.partition.log.options.flushMode === 'group'
    const endOffset = Number(batch.readBigInt64BE(0)) + batch.readInt32BE(23) + 1
    known.acked(endOffset, isGroup, clock.monotonicMs())
  }

  /** Reads from anywhere below the high watermark, and compares with what was appended. */
  private fetch(random: SeededRandom): void {
    const known = this.drawPartition(random)
    if (known !== null) this.fetchFrom(known, random)
  }

  fetchFrom(known: KnownPartition, random: SeededRandom): void {
    const { highWatermark, log, identity } = known.partition
    const fetchOffset = log.logStartOffset + random.int(highWatermark - log.logStartOffset + 1)
    const wanted = { key: identity.key, fetchOffset, maxBytes: 1_000 }
    const partitions = [{ ...wanted, currentLeaderEpoch: -1, lastFetchedEpoch: -1 }]
    const request = {
      partitions,
      isolation: 0,
      maxBytes: 1_000,
      minBytes: 0,
      deadlineMs: 0,
    } as const
    this.broker.shard.read(request, (results) => {
      for (const result of results) {
        // Deletion may have been faster than a read that waits for the device.
        if (result.errorCode === ErrorCode.OFFSET_OUT_OF_RANGE && fetchOffset < log.logStartOffset)
          continue
        if (result.errorCode !== ErrorCode.NONE)
          this.surprise(result.errorCode, `a fetch of ${known.name}`, log.dataFolder)
        else if (result.file !== null && result.length > 0) {
          const bytes = this.bytesOf(result, log.dataFolder)
          if (bytes !== null && !isBatchOf(known, bytes))
            if (this.parts.tolerates?.(ErrorCode.CORRUPT_MESSAGE, log.dataFolder) !== true)
              this.surprises.push(`a fetch of ${known.name} at ${fetchOffset} gave other bytes`)
        }
        result.release()
      }
    })
  }

  /** As a connection reads them; null when that failed and may. */
  private bytesOf({ file, length, position }: ReadResult, folder: string): Buffer | null {
    const bytes = Buffer.alloc(length)
    try {
      file?.readSync(bytes, position)
      return bytes
    } catch (error) {
      if (!(error instanceof DiskError)) throw error
      this.surprise(ErrorCode.KAFKA_STORAGE_ERROR, error.message, folder)
      return null
    }
  }

  private sequenceOf(known: KnownPartition, producerId: number): Sequence {
    const key = `${known.topicId}-${known.index} ${producerId}`
    let sequence = this.sequences.get(key)
    if (sequence === undefined) {
      sequence = { next: 0, inTransaction: false }
      this.sequences.set(key, sequence)
    }
    return sequence
  }

  private nextBatch(known: KnownPartition, random: SeededRandom): Buffer {
    const { shape, clock } = this.parts
    const count = 1 + random.int(3)
    const value = Buffer.alloc(4 + random.int(shape.valueBytesMax), random.int(256))
    value.writeUInt32BE(random.int(0x7fffffff))
    const timestamp = clock.wallMs() - random.int(1_000)
    const records = Array.from({ length: count }, (_, index) => ({
      key: Buffer.from([index]),
      value,
      timestamp,
    }))
    if (random.chance(0.4)) return buildBatch({ records })
    const producerId = 1_000_000 + this.producerBase + random.int(PRODUCERS)
    const sequence = this.sequenceOf(known, producerId)
    const baseSequence = sequence.next
    sequence.next += count
    sequence.inTransaction ||= random.chance(0.3)
    const isTransactional = sequence.inTransaction
    return buildBatch({ records, producerId, producerEpoch: 0, baseSequence, isTransactional })
  }

  private endTransaction(random: SeededRandom): void {
    const known = this.drawPartition(random)
    if (known === null) return
    // A coordinator writes to what is served, not to what is being deleted.
    if (!this.isServed(known)) return
    for (let i = 0; i < PRODUCERS; i++) {
      const producerId = 1_000_000 + this.producerBase + i
      const sequence = this.sequenceOf(known, producerId)
      if (!sequence.inTransaction) continue
      sequence.inTransaction = false
      const type = random.chance(0.5) ? 'abort' : 'commit'
      const fields = { producerId, producerEpoch: 0, coordinatorEpoch: 0, timestamp: NOW_MS }
      const marker = buildEndTransactionMarker({ type, ...fields })
      this.broker.shard.appendInternal(known.partition, marker, (errorCode) => {
        if (errorCode === ErrorCode.NONE) this.acked(known, marker)
        else if (this.isServed(known))
          this.surprise(errorCode, `a marker to ${known.name}`, known.partition.log.dataFolder)
      })
    }
    this.broker.shard.flush()
  }

  private isServed({ partition }: KnownPartition): boolean {
    return this.broker.shard.partition(partition.identity.key) === partition
  }

  private async deleteRecords(random: SeededRandom): Promise<void> {
    const known = this.drawPartition(random)
    if (known === null) return
    const { highWatermark, log, identity } = known.partition
    const offset = log.logStartOffset + random.int(highWatermark - log.logStartOffset + 1)
    const answer = await this.broker.shard.calls.deleteRecords({
      partitions: [{ key: identity.key, offset }],
    })
    const errorCode = answer.partitions[0]?.errorCode ?? 0
    if (errorCode !== ErrorCode.NONE)
      this.surprise(errorCode, `DeleteRecords of ${known.name}`, log.dataFolder)
  }

  private async moveReplica(random: SeededRandom): Promise<void> {
    const known = this.drawPartition(random)
    if (known === null) return
    const { key } = known.partition.identity
    const folder = random.int(this.parts.shape.folders.length)
    await this.broker.shard.calls.moveReplicas({ partitions: [{ key, folder }] })
  }

  // --- offsets

  private async commitOffsets(random: SeededRandom): Promise<void> {
    const { world, clock } = this.parts
    const known = this.drawPartition(random)
    const groupId = GROUPS[random.int(GROUPS.length)]!
    if (known === null) return
    const key = `${groupId} ${known.topicId} ${known.topic} ${known.index}`
    const rising = world.offsets.get(key) ?? { acked: 0, durable: 0, issued: 0 }
    world.offsets.set(key, rising)
    rising.issued += 1 + random.int(5)
    const value = rising.issued
    const writer = new Writer()
    const partitions = [
      { partitionIndex: known.index, committedOffset: value, committedMetadata: null },
    ]
    const topics = [{ name: known.topic, partitions }]
    encoderFor(OffsetCommitRequest, 8)(writer, { groupId, memberId: '', topics })
    const request = { partition: 0, apiKey: 8, apiVersion: 8, clientId: 'c', clientHost: 'h' }
    const answered = this.broker.shard.calls.coordinate({ ...request, body: writer.take() })
    this.broker.shard.flush()
    const offsetsLog = this.offsetsPartition()?.log
    void answered.then(({ body }) => {
      const response = decoderFor(OffsetCommitResponse, 8)(new Reader(body))
      const errorCode = response.topics[0]?.partitions[0]?.errorCode ?? -1
      if (errorCode !== ErrorCode.NONE) {
        this.surprise(errorCode, `a commit of ${key}`, offsetsLog?.dataFolder ?? null)
        return
      }
      rising.acked = Math.max(rising.acked, value)
      if (offsetsLog?.options.flushMode === 'group')
        rising.durable = Math.max(rising.durable, value)
      else this.commits.push({ key, value, atMs: clock.monotonicMs() })
    })
    if (random.chance(0.5)) await answered
  }

  private offsetsPartition(): Partition | undefined {
    const topic = this.broker.controller.image.topics.get(OFFSETS_TOPIC)
    return topic === undefined
      ? undefined
      : this.broker.shard.partition(partitionKey(topic.ordinal, 0))
  }

  // --- time and ends

  private async pass(ms: number): Promise<void> {
    this.broker.shard.flush()
    this.broker.pass(ms)
    await settled()
    this.noteQuiet()
  }

  /** What was acknowledged longer ago than the background sync takes to begin is on the disk. */
  private noteQuiet(): void {
    const now = this.parts.clock.monotonicMs()
    for (const known of this.parts.world.partitions.values())
      if (known.partition.offline === null && known.partition.log.failed === null)
        known.quiet(now - known.partition.log.options.flushMs - TICKS_MS)
    const offsets = this.offsetsPartition()
    if (offsets !== undefined && offsets.offline !== null) return
    const flushMs = offsets?.log.options.flushMs ?? 0
    const due = this.commits.filter(({ atMs }) => atMs <= now - flushMs - TICKS_MS)
    for (const { key, value } of due) {
      const rising = this.parts.world.offsets.get(key)
      if (rising !== undefined) rising.durable = Math.max(rising.durable, value)
    }
    this.commits = this.commits.filter((commit) => !due.includes(commit))
  }

  private async restart(how: 'stop' | 'kill'): Promise<void> {
    await this.quiesce()
    if (how === 'stop') await this.broker.stop()
    await this.start()
  }

  private surprise(errorCode: number, what: string, folder: string | null): void {
    if (GONE.has(errorCode) || this.parts.tolerates?.(errorCode, folder) === true) return
    this.surprises.push(`${what} was answered ${errorName(errorCode)}`)
  }
}
