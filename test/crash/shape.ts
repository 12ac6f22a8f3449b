/**
 * What one workload is made of, drawn from its seed: options of the broker and its topics, and how often
 * each operation comes. Every workload is different (swarm): some only append, some delete all the time.
 * An operation carries a seed of its own, so that a failure still fails with others left out.
 */
import { type SeededRandom, seededRandom } from '../support/seeded-random.ts'

export const OPERATIONS = [
  'produce',
  'fetch',
  'marker',
  'settle',
  'pass',
  'passLong',
  'createTopic',
  'deleteTopic',
  'growTopic',
  'topicOptions',
  'brokerOptions',
  'quotas',
  'producerIds',
  'deleteRecords',
  'commitOffsets',
  'checkpoint',
  'moveReplica',
  'stop',
  'kill',
] as const
export type OperationKind = (typeof OPERATIONS)[number]

export interface PlannedOperation {
  readonly kind: OperationKind
  readonly seed: number
}

export interface Shape {
  readonly folders: readonly string[]
  /** Broker options. */
  readonly settings: Readonly<Record<string, string>>
  readonly topicOptions: Readonly<Record<string, string>>
  /** Flush modes that topics are made with. */
  readonly flushModes: readonly ('async' | 'group')[]
  readonly weights: Readonly<Record<OperationKind, number>>
  readonly valueBytesMax: number
  /** The log of control state is folded into its snapshot beyond it; undefined: hardly ever, as in life. */
  readonly metaFoldBytes: number | undefined
}

/** How often each comes when nothing is drawn. */
const WEIGHTS: Record<OperationKind, number> = {
  produce: 100,
  fetch: 6,
  marker: 8,
  settle: 12,
  pass: 16,
  passLong: 6,
  createTopic: 3,
  deleteTopic: 2,
  growTopic: 1,
  topicOptions: 3,
  brokerOptions: 1,
  quotas: 1,
  producerIds: 1,
  deleteRecords: 5,
  commitOffsets: 8,
  checkpoint: 4,
  moveReplica: 1,
  stop: 2,
  kill: 1,
}

/** A few changes. */
const META_FOLD_BYTES = 1_000

const SHARED_SETTINGS = {
  'log.retention.check.interval.ms': '200',
  'log.flush.offset.checkpoint.interval.ms': '2000',
  'num.partitions': '1',
}

export function drawShape(seed: number): Shape {
  const random = seededRandom(seed ^ 0x5eed)
  const folders = random.chance(0.3) ? ['/d0', '/d1'] : ['/d0']
  const weights = { ...WEIGHTS }
  // A third of the operations rare or absent, a few common.
  for (const kind of OPERATIONS) {
    const draw = random.int(10)
    if (kind === 'produce') continue
    if (draw < 3) weights[kind] = 0
    else if (draw === 9) weights[kind] *= 5
  }
  if (folders.length === 1) weights.moveReplica = 0
  const valueBytesMax = [20, 150, 600][random.int(3)]!
  const flushModes = ([['async'], ['group'], ['async', 'group']] as const)[random.int(3)]!
  return {
    metaFoldBytes: seed % 2 === 0 ? META_FOLD_BYTES : undefined,
    folders,
    settings: {
      ...SHARED_SETTINGS,
      'sluice.flush.mode': random.chance(0.5) ? 'group' : 'async',
      'offsets.topic.segment.bytes': '1048576',
    },
    topicOptions: {
      'internal.segment.bytes': String(segmentBytesFor(valueBytesMax, random)),
      'index.interval.bytes': String([0, 100, 300][random.int(3)]),
      'file.delete.delay.ms': String([0, 50, 500][random.int(3)]),
      'flush.ms': String([20, 100, 1000][random.int(3)]),
      ...(random.chance(0.5) ? { 'retention.bytes': String(800 + random.int(3000)) } : {}),
      ...(random.chance(0.3) ? { 'retention.ms': String(1_000 + random.int(20_000)) } : {}),
    },
    flushModes,
    weights,
    valueBytesMax,
  }
}

/** Room for the largest batch of three records, and some. */
export function segmentBytesFor(valueBytesMax: number, random: SeededRandom): number {
  return 200 + valueBytesMax * 4 + random.int(1_000)
}

export function drawOperations(seed: number, count: number, shape: Shape): PlannedOperation[] {
  const random = seededRandom(seed)
  const total = OPERATIONS.reduce((sum, kind) => sum + shape.weights[kind], 0)
  return Array.from({ length: count }, () => ({
    kind: pick(random, shape.weights, total),
    seed: random.int(0x7fffffff),
  }))
}

function pick(random: SeededRandom, weights: Shape['weights'], total: number): OperationKind {
  let at = random.fraction() * total
  for (const kind of OPERATIONS) {
    at -= weights[kind]
    if (at < 0) return kind
  }
  return 'produce'
}
