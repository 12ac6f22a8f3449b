/**
 * What is seen once per start of a peer: time to its first answer, memory and CPU at rest, a topic of
 * many partitions until all of them can be used, and a start after kill -9 with a log to go through.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { type IdleFigures, measureIdle } from './idle-figures.ts'
import { BenchTopics } from './load/bench-topics.ts'
import type { LoadProcesses } from './load/load-process.ts'
import { defaultMeasure, fillPlan, producePlan } from './measure-cell.ts'
import type { PeerProcess } from './peers/peer-process.ts'

export interface StartFigures {
  readonly startMs: number
  readonly idle: IdleFigures | null
  readonly topicAnsweredMs: number
  readonly topicUsableMs: number
  /** From the start after kill -9 until every partition answers with all that was acknowledged. */
  readonly restartMs: number
}

export interface StartOptions {
  /** 0: not measured. */
  readonly idleSeconds: number
  /** Partitions of the topic whose creation is timed; 0: not measured. */
  readonly topicPartitions: number
  /** GiB of log at the kill; 0: not measured. */
  readonly restartGib: number
}

/** V8 tidies its heap about 8 s after a start; half of the idle time, and at most this, is not measured. */
const SETTLE_MS_MAX = 10_000
const RESTART_PARTITIONS = 4
const RESTART_BATCH_BYTES = 65_536
const POLL_MS = 2
const RECOVERY_LIMIT_MS = 120_000

export async function measureStart(
  broker: PeerProcess,
  options: StartOptions,
  clients: LoadProcesses,
): Promise<StartFigures> {
  const { startMs } = broker
  const { idleSeconds } = options
  if (idleSeconds > 0) await pause(Math.min(SETTLE_MS_MAX, idleSeconds * 500))
  const idle = idleSeconds > 0 ? await measureIdle(broker.pid, idleSeconds) : null
  const none = { answeredMs: Number.NaN, usableMs: Number.NaN }
  const kafka = broker.peer.ownTool === undefined
  const topic = kafka ? await timeTopic(broker, options.topicPartitions) : none
  const restartMs =
    options.restartGib > 0 && broker.peer.servesClients
      ? await timeRestart(broker, options.restartGib, clients)
      : Number.NaN
  return {
    startMs,
    idle,
    topicAnsweredMs: topic.answeredMs,
    topicUsableMs: topic.usableMs,
    restartMs,
  }
}

async function timeTopic(broker: PeerProcess, partitions: number) {
  if (partitions === 0) return { answeredMs: Number.NaN, usableMs: Number.NaN }
  const topics = new BenchTopics(broker.address)
  try {
    const times = await topics.create('bench-many-partitions', partitions)
    await topics.delete('bench-many-partitions')
    return times
  } finally {
    await topics.close()
  }
}

async function timeRestart(
  broker: PeerProcess,
  gib: number,
  clients: LoadProcesses,
): Promise<number> {
  const topic = 'bench-restart'
  const wanted = await fill(broker, topic, gib, clients)
  const start = performance.now()
  await broker.crashAndStart()
  while (performance.now() - start < RECOVERY_LIMIT_MS) {
    const ends = await endsOf(broker.address, topic)
    const complete = ends?.every((end, partition) => end >= (wanted[partition] ?? 0)) === true
    if (complete) return performance.now() - start
    await pause(POLL_MS)
  }
  throw new Error(`not all of ${topic} was back within ${RECOVERY_LIMIT_MS / 1000} s`)
}

/** Log ends by partition, all of it acknowledged. */
async function fill(broker: PeerProcess, topic: string, gib: number, clients: LoadProcesses) {
  const topics = new BenchTopics(broker.address)
  try {
    await topics.create(topic, RESTART_PARTITIONS)
    const shape = { bytes: RESTART_BATCH_BYTES, connections: RESTART_PARTITIONS, depth: 5 }
    const plan = producePlan(broker, shape, topic, RESTART_PARTITIONS, defaultMeasure)
    const { problem } = await clients.run(fillPlan(plan, gib * 2 ** 30))
    if (problem !== null) throw new Error(`filling ${topic}: ${problem}`)
    const ends = await topics.endOffsets(topic, RESTART_PARTITIONS)
    if (ends === null) throw new Error(`${topic} has no end offsets`)
    return ends
  } finally {
    await topics.close()
  }
}

/** Null while the broker cannot tell. */
async function endsOf(address: string, topic: string): Promise<number[] | null> {
  const topics = new BenchTopics(address)
  try {
    return await topics.endOffsets(topic, RESTART_PARTITIONS)
  } catch {
    // A broker that starts may hang up or not know the topic yet: asked again by the caller.
    return null
  } finally {
    await topics.close()
  }
}
