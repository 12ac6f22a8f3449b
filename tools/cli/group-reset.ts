/**
 * Where a group's positions go when they are reset: one plan for `kafka-consumer-groups
 * --reset-offsets` and `sluice group reset-offsets` (org.apache.kafka.tools.OffsetsUtils, 4.2).
 * Offsets out of a partition's range are moved to its nearest end, as there.
 */
import type { Client } from '../../net/client/client.ts'
import { RequestFailed } from '../../net/client/client-errors.ts'
import { type CommittedOffset, committedOffsets } from './group-admin.ts'
import { errorWords } from './kafka/java-errors.ts'
import { listOffsets, OffsetTime, type PartitionOf, partitionKey } from './offsets-admin.ts'

export type ResetTo =
  | { readonly kind: 'earliest' | 'latest' | 'current' }
  | { readonly kind: 'offset' | 'shift' | 'timestamp'; readonly value: number }
  | { readonly kind: 'plan'; readonly offsets: readonly PlannedOffset[] }

export interface PlannedOffset extends PartitionOf {
  readonly offset: number
}

/** A reset that cannot be planned, in a sentence. */
export class ResetRefused extends Error {
  override name = 'ResetRefused'
}

export interface TopicWords {
  readonly topic: string
  /** Absent: all. */
  readonly numbers: readonly number[] | undefined
}

/** `topic` or `topic:0,1`; throws ResetRefused. */
export function parseTopicWords(words: readonly string[]): TopicWords[] {
  return words.map((word) => {
    const [topic = '', list, ...more] = word.split(':')
    if (topic === '' || more.length > 0)
      throw new ResetRefused(`Invalid topic arg '${word}', expected topic name and partitions`)
    const numbers = list?.split(',').map((text) => {
      if (/^\d+$/.test(text)) return Number(text)
      throw new ResetRefused(`Invalid partition '${text}' specified in topic arg '${word}''`)
    })
    return { topic, numbers }
  })
}

/** The partitions there are of what is named; throws ResetRefused. */
export async function partitionsNamed(
  client: Client,
  words: readonly string[],
): Promise<PartitionOf[]> {
  const parsed = parseTopicWords(words)
  const { topics } = await client.metadata([...new Set(parsed.map(({ topic }) => topic))])
  const wanted = parsed.flatMap(({ topic, numbers }) => {
    const known = topics.find(({ name }) => name === topic)
    if (known === undefined || known.errorCode !== 0)
      throw new ResetRefused(errorWords(known?.errorCode ?? UNKNOWN_TOPIC))
    const all = known.partitions.map(({ partitionIndex }) => partitionIndex)
    return (numbers ?? all).map((partition) => ({
      topic,
      partition,
      there: all.includes(partition),
    }))
  })
  const absent = wanted.filter(({ there }) => !there)
  if (absent.length > 0)
    throw new ResetRefused(`The partitions "${absent.map(partitionKey).join(',')}" do not exist`)
  return wanted.map(({ topic, partition }) => ({ topic, partition }))
}

const UNKNOWN_TOPIC = 3

/** New positions of `partitions`; null: of all that have one. */
export async function planReset(
  client: Client,
  groupId: string,
  partitions: readonly PartitionOf[] | null,
  to: ResetTo,
): Promise<PlannedOffset[]> {
  const committed = await committedOffsets(client, groupId)
  const chosen = partitions ?? committed
  if (to.kind === 'plan') return clamp(client, to.offsets)
  if (to.kind === 'earliest') return atTime(client, chosen, OffsetTime.earliest)
  if (to.kind === 'latest') return atTime(client, chosen, OffsetTime.latest)
  if (to.kind === 'timestamp') return fromTimestamp(client, chosen, to.value)
  if (to.kind === 'offset')
    return clamp(
      client,
      chosen.map((partition) => ({ ...partition, offset: to.value })),
    )
  const current = new Map(committed.map((entry) => [partitionKey(entry), entry]))
  if (to.kind === 'shift') return shifted(client, chosen, current, to.value)
  const known = chosen.flatMap((partition) => current.get(partitionKey(partition)) ?? [])
  const others = chosen.filter((partition) => !current.has(partitionKey(partition)))
  const kept = await clamp(client, known)
  return [...kept, ...(await atTime(client, others, OffsetTime.latest))]
}

async function shifted(
  client: Client,
  partitions: readonly PartitionOf[],
  current: ReadonlyMap<string, CommittedOffset>,
  by: number,
): Promise<PlannedOffset[]> {
  const planned = partitions.map(({ topic, partition }) => {
    const from = current.get(partitionKey({ topic, partition }))
    if (from === undefined)
      throw new ResetRefused(
        `Cannot shift offset for partition ${topic}-${partition} since there is no current ` +
          'committed offset',
      )
    return { topic, partition, offset: from.offset + by }
  })
  return clamp(client, planned)
}

async function fromTimestamp(
  client: Client,
  partitions: readonly PartitionOf[],
  timestamp: number,
): Promise<PlannedOffset[]> {
  const found = await atTime(client, partitions, timestamp)
  const late = found.filter(({ offset }) => offset < 0)
  const ends = new Map(
    (await atTime(client, late, OffsetTime.latest)).map((end) => [partitionKey(end), end]),
  )
  return found.map((entry) => ends.get(partitionKey(entry)) ?? entry)
}

async function clamp(client: Client, offsets: readonly PlannedOffset[]): Promise<PlannedOffset[]> {
  const [starts, ends] = await Promise.all([
    atTime(client, offsets, OffsetTime.earliest),
    atTime(client, offsets, OffsetTime.latest),
  ])
  return offsets.map(({ topic, partition, offset }, at) => ({
    topic,
    partition,
    offset: Math.max(starts[at]?.offset ?? 0, Math.min(offset, ends[at]?.offset ?? 0)),
  }))
}

/** In the order asked; -1 where nothing is that late. */
async function atTime(
  client: Client,
  partitions: readonly PartitionOf[],
  time: number,
): Promise<PlannedOffset[]> {
  const found = await listOffsets(client, partitions, time)
  return partitions.map(({ topic, partition }) => {
    const entry = found.get(partitionKey({ topic, partition }))
    if (entry === undefined || entry.errorCode !== 0)
      throw new RequestFailed(
        entry?.errorCode ?? UNKNOWN_TOPIC,
        `the offsets of ${topic}-${partition} cannot be read`,
      )
    return { topic, partition, offset: entry.offset }
  })
}

/** `YYYY-MM-DDThh:mm:ss.sss`, UTC unless a zone follows. Null: it is none. */
export function parseDateTime(text: string): number | null {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?$/.test(text)) return null
  const zoned = /(Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`
  const milliseconds = Date.parse(zoned.replace(/([+-]\d\d)(\d\d)$/, '$1:$2'))
  return Number.isNaN(milliseconds) ? null : milliseconds
}

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** `PnDTnHnMnS` in milliseconds. Null: it is none. */
export function parseDuration(text: string): number | null {
  const match =
    /^P(?=\d|T\d)(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/i.exec(text)
  if (match === null) return null
  const [, days = 0, hours = 0, minutes = 0, seconds = 0] = match
  return (
    Number(days) * DAY_MS +
    Number(hours) * HOUR_MS +
    Number(minutes) * MINUTE_MS +
    Math.round(Number(seconds) * SECOND_MS)
  )
}
