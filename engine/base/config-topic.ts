/**
 * Topic options. Names, types, defaults and rules are those of Kafka 4.2's LogConfig; where a
 * default differs on purpose, the test of this table says so. Each knows the broker options that
 * stand behind it, strongest first: the topic's default is the first of them that is set.
 */
import {
  atLeast,
  between,
  betweenOr,
  boolean,
  type ConfigRule,
  type ConfigValue,
  double,
  ignored,
  int,
  LONG_MAX,
  list,
  long,
  type Option,
  oneOf,
  refused,
  type Support,
  served,
  text,
  unset,
  type ValueSpec,
} from './config-option.ts'

export interface TopicOption<T extends ConfigValue = ConfigValue, S extends Support = Support>
  extends Option<T, S> {
  readonly brokerNames: readonly string[]
}

type Make<S extends Support> = <T extends ConfigValue>(
  value: ValueSpec<T>,
  traits: 'medium cluster-wide' | 'medium cluster-wide internal',
  line: string,
) => Option<T, S>

function topic<S extends Support>(make: Make<S>) {
  return <T extends ConfigValue>(
    value: ValueSpec<T>,
    brokerNames: readonly string[],
    line: string,
  ): TopicOption<T, S> => ({ ...make(value, 'medium cluster-wide', line), brokerNames })
}

const works = topic(served)
const idle = topic(ignored)
const closed = topic(refused)

const TIERED = 'counts only with tiered storage, which is not built yet'
const ALONE = 'counts only among several brokers; this one is alone'

const throttledReplicas: ConfigRule = {
  text: '[partitionId]:[brokerId],[partitionId]:[brokerId],...',
  wholeList: true,
  check(value) {
    const parts = Array.isArray(value) ? value : []
    const all = parts.length === 1 && parts[0] === '*'
    if (all || parts.every((part) => /^\d+:\d+$/.test(part))) return null
    return (
      "{name} must be the literal '*' or a list of replicas in the following format: " +
      '[partitionId]:[brokerId],[partitionId]:[brokerId],...'
    )
  },
}

export const topicOptions = {
  'cleanup.policy': works(
    list(['delete'], oneOf('compact', 'delete')),
    ['log.cleanup.policy'],
    'What happens to old records: delete by age or size, compact by key, or both.',
  ),
  'compression.gzip.level': works(
    int(-1, betweenOr(1, 9, -1)),
    ['compression.gzip.level'],
    "Level used when gzip is the compression.type; -1 is the codec's own.",
  ),
  'compression.lz4.level': works(
    int(9, between(1, 17)),
    ['compression.lz4.level'],
    'Level used when lz4 is the compression.type.',
  ),
  'compression.type': works(
    text('producer', oneOf('uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer')),
    ['compression.type'],
    'Codec batches are stored with; producer keeps the one they came with.',
  ),
  'compression.zstd.level': works(
    int(3, between(-131_072, 22)),
    ['compression.zstd.level'],
    'Level used when zstd is the compression.type.',
  ),
  'delete.retention.ms': works(
    long(86_400_000, atLeast(0)),
    ['log.cleaner.delete.retention.ms'],
    'How long tombstones stay after the first compaction that met them.',
  ),
  'file.delete.delay.ms': works(
    long(60_000, atLeast(0)),
    ['log.segment.delete.delay.ms'],
    'Deleted segments stay on disk this long, for readers that have them open.',
  ),
  'flush.messages': works(
    long(LONG_MAX, atLeast(1)),
    ['log.flush.interval.messages'],
    'A partition is synced to disk after this many records.',
  ),
  'flush.ms': works(
    long(LONG_MAX, atLeast(0)),
    ['log.flush.interval.ms', 'log.flush.scheduler.interval.ms'],
    'A record is synced to disk at the latest after this time; where unset, within a second ' +
      'all the same.',
  ),
  'follower.replication.throttled.replicas': idle(list([], throttledReplicas), [], ALONE),
  'index.interval.bytes': works(
    int(4_096, atLeast(0)),
    ['log.index.interval.bytes'],
    'Bytes of records between two entries of an offset index.',
  ),
  'internal.segment.bytes': {
    ...works(unset('int'), [], 'Overrides segment.bytes below its minimum, for tests.'),
    internal: true,
  },
  'leader.replication.throttled.replicas': idle(list([], throttledReplicas), [], ALONE),
  'local.retention.bytes': idle(long(-2, atLeast(-2)), ['log.local.retention.bytes'], TIERED),
  'local.retention.ms': idle(long(-2, atLeast(-2)), ['log.local.retention.ms'], TIERED),
  'max.compaction.lag.ms': works(
    long(LONG_MAX, atLeast(1)),
    ['log.cleaner.max.compaction.lag.ms'],
    'A record waits for its compaction this long at most.',
  ),
  'max.message.bytes': works(
    int(1_048_588, atLeast(0)),
    ['message.max.bytes'],
    'Largest batch accepted, as sent.',
  ),
  'message.timestamp.after.max.ms': works(
    long(3_600_000, atLeast(0)),
    ['log.message.timestamp.after.max.ms'],
    "How far in the future a record's timestamp may lie.",
  ),
  'message.timestamp.before.max.ms': works(
    long(LONG_MAX, atLeast(0)),
    ['log.message.timestamp.before.max.ms'],
    "How far in the past a record's timestamp may lie.",
  ),
  'message.timestamp.type': works(
    text('CreateTime', oneOf('CreateTime', 'LogAppendTime')),
    ['log.message.timestamp.type'],
    "Whether records carry their producer's time or the time of their append.",
  ),
  'min.cleanable.dirty.ratio': works(
    double(0.5, between(0, 1)),
    ['log.cleaner.min.cleanable.ratio'],
    'Share of not yet compacted bytes from which a log is compacted.',
  ),
  'min.compaction.lag.ms': works(
    long(0, atLeast(0)),
    ['log.cleaner.min.compaction.lag.ms'],
    'Records younger than this are not compacted.',
  ),
  'min.insync.replicas': works(
    int(1, atLeast(1)),
    ['min.insync.replicas'],
    'With acks=all, fewer replicas in sync than this refuse the append.',
  ),
  preallocate: idle(boolean(false), ['log.preallocate'], 'segments grow as they are written'),
  'remote.log.copy.disable': idle(boolean(false), [], TIERED),
  'remote.log.delete.on.disable': idle(boolean(false), [], TIERED),
  'remote.storage.enable': closed(boolean(false), [], 'tiered storage is not built yet'),
  'retention.bytes': works(
    long(-1),
    ['log.retention.bytes'],
    'Size a partition may grow to before old segments go; -1 is no limit.',
  ),
  'retention.ms': works(
    long(604_800_000, atLeast(-1)),
    ['log.retention.ms', 'log.retention.minutes', 'log.retention.hours'],
    'Age at which segments go; -1 is no limit.',
  ),
  'segment.bytes': works(
    int(1_073_741_824, atLeast(1_048_576)),
    ['log.segment.bytes'],
    'Size at which a new segment begins; no batch can be larger.',
  ),
  'segment.index.bytes': works(
    int(10_485_760, atLeast(4)),
    ['log.index.size.max.bytes'],
    'Largest offset or time index; a full one starts a new segment.',
  ),
  'segment.jitter.ms': works(
    long(0, atLeast(0)),
    ['log.roll.jitter.ms', 'log.roll.jitter.hours'],
    'New segments begin up to this much earlier at random.',
  ),
  'segment.ms': works(
    long(604_800_000, atLeast(1)),
    ['log.roll.ms', 'log.roll.hours'],
    'Age at which a new segment begins.',
  ),
  'sluice.flush.mode': works(
    text('async', oneOf('async', 'group')),
    ['sluice.flush.mode'],
    'async: a record is acknowledged once written and synced within flush.ms. group: it is ' +
      'acknowledged once synced, with all that arrived meanwhile.',
  ),
  'sluice.records.validation': works(
    text('header', oneOf('header', 'full')),
    ['sluice.records.validation'],
    'full: every record of a batch is checked, as Kafka does. header: only the batch header ' +
      'and its CRC.',
  ),
  'unclean.leader.election.enable': idle(boolean(false), ['unclean.leader.election.enable'], ALONE),
} as const

/** Hours and minutes behind an option in milliseconds. */
export function unitFactor(brokerName: string): number {
  if (brokerName.endsWith('.hours')) return 3_600_000
  return brokerName.endsWith('.minutes') ? 60_000 : 1
}
