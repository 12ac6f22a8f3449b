/**
 * Broker options about topics and logs, most of them the defaults behind topic options. Names,
 * types, defaults and rules are those of Kafka 4.2 (test/golden/messages/configs.json); where a
 * default differs on purpose, the test of this table says so.
 */
import {
  atLeast,
  between,
  betweenOr,
  boolean,
  DOUBLE_MAX,
  double,
  ignored,
  int,
  LONG_MAX,
  list,
  long,
  oneOf,
  refused,
  served,
  text,
  unset,
} from './config-option.ts'

const ALONE = 'counts only among several brokers; this one is alone'
const TIERED = 'counts only with tiered storage, which is not built yet'

export const logOptions = {
  'alter.config.policy.class.name': refused(
    unset('class'),
    'low read-only',
    'Java classes cannot be loaded, and without the policy all changes would pass',
  ),
  'auto.create.topics.enable': served(
    boolean(true),
    'high read-only',
    'Asking for the metadata of an unknown topic creates it.',
  ),
  'compression.gzip.level': served(
    int(-1, betweenOr(1, 9, -1)),
    'medium cluster-wide',
    "Level used when gzip is the topic's compression.type; -1 is the codec's own.",
  ),
  'compression.lz4.level': served(
    int(9, between(1, 17)),
    'medium cluster-wide',
    "Level used when lz4 is the topic's compression.type.",
  ),
  'compression.type': served(
    text('producer', oneOf('uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer')),
    'high cluster-wide',
    'Codec batches are stored with; producer keeps the one they came with.',
  ),
  'compression.zstd.level': served(
    int(3, between(-131_072, 22)),
    'medium cluster-wide',
    "Level used when zstd is the topic's compression.type.",
  ),
  'create.topic.policy.class.name': refused(
    unset('class'),
    'low read-only',
    'Java classes cannot be loaded, and without the policy all topics would pass',
  ),
  'default.replication.factor': served(
    int(1),
    'medium read-only',
    'Replicas of topics created without a count.',
  ),
  'delete.topic.enable': served(boolean(true), 'high read-only', 'Topics can be deleted.'),
  'log.cleaner.backoff.ms': served(
    long(15_000, atLeast(0)),
    'medium cluster-wide',
    'How long after a look at dirty logs the next one follows.',
  ),
  'log.cleaner.dedupe.buffer.size': served(
    long(134_217_728),
    'medium cluster-wide',
    'Bytes in which compaction remembers keys, over all its threads: 16 a key. A full one takes more passes.',
  ),
  'log.cleaner.delete.retention.ms': served(
    long(86_400_000, atLeast(0)),
    'medium cluster-wide',
    'How long tombstones stay after the first compaction that met them.',
  ),
  'log.cleaner.enable': served(
    boolean(true),
    'medium read-only',
    'Topics with the policy compact are compacted.',
  ),
  'log.cleaner.io.buffer.load.factor': served(
    double(0.9),
    'medium cluster-wide',
    'How full the memory for keys may get; fuller holds more keys and finds them slower.',
  ),
  'log.cleaner.io.buffer.size': ignored(
    int(524_288, atLeast(0)),
    'medium cluster-wide',
    'compaction reads and writes in pieces of one MiB',
  ),
  'log.cleaner.io.max.bytes.per.second': served(
    double(DOUBLE_MAX),
    'medium cluster-wide',
    'Bytes a second that compaction reads and writes, over all its threads.',
  ),
  'log.cleaner.max.compaction.lag.ms': served(
    long(LONG_MAX, atLeast(1)),
    'medium cluster-wide',
    'A record waits for its compaction this long at most.',
  ),
  'log.cleaner.min.cleanable.ratio': served(
    double(0.5, between(0, 1)),
    'medium cluster-wide',
    'Share of not yet compacted bytes from which a log is compacted.',
  ),
  'log.cleaner.min.compaction.lag.ms': served(
    long(0, atLeast(0)),
    'medium cluster-wide',
    'Records younger than this are not compacted.',
  ),
  'log.cleaner.threads': served(
    int(1, atLeast(0)),
    'medium cluster-wide',
    'Logs that are compacted at the same time.',
  ),
  'log.cleanup.policy': served(
    list(['delete'], oneOf('compact', 'delete')),
    'medium cluster-wide',
    'What happens to old records: delete by age or size, compact by key, or both.',
  ),
  'log.dir': served(
    list(['sluice-data']),
    'high read-only',
    'The data folder, when log.dirs is not set. Relative to the working directory.',
  ),
  'log.dir.failure.timeout.ms': ignored(long(30_000, atLeast(1)), 'low read-only', ALONE),
  'log.dirs': served(unset('list'), 'high read-only', 'The data folders, by comma.'),
  'log.flush.interval.messages': served(
    long(LONG_MAX, atLeast(1)),
    'high cluster-wide',
    'A log is synced to disk after this many records.',
  ),
  'log.flush.interval.ms': served(
    unset('long'),
    'high cluster-wide',
    'A record is synced to disk at the latest after this time; where unset, within a second ' +
      'all the same.',
  ),
  'log.flush.offset.checkpoint.interval.ms': served(
    int(60_000, atLeast(0)),
    'high read-only',
    'How often the recovery points are written down.',
  ),
  'log.flush.scheduler.interval.ms': served(
    long(LONG_MAX),
    'high read-only',
    'Stands in for log.flush.interval.ms where that is not set.',
  ),
  'log.flush.start.offset.checkpoint.interval.ms': served(
    int(60_000, atLeast(0)),
    'high read-only',
    'How often the log start offsets are written down.',
  ),
  'log.index.interval.bytes': served(
    int(4_096, atLeast(0)),
    'medium cluster-wide',
    'Bytes of records between two entries of an offset index.',
  ),
  'log.index.size.max.bytes': served(
    int(10_485_760, atLeast(4)),
    'medium cluster-wide',
    'Largest offset or time index; a full one starts a new segment.',
  ),
  'log.initial.task.delay.ms': ignored(
    long(30_000, atLeast(0)),
    'low read-only internal',
    'background work starts by itself; remove it',
  ),
  'log.local.retention.bytes': ignored(long(-2, atLeast(-2)), 'medium cluster-wide', TIERED),
  'log.local.retention.ms': ignored(long(-2, atLeast(-2)), 'medium cluster-wide', TIERED),
  'log.message.timestamp.after.max.ms': served(
    long(3_600_000, atLeast(0)),
    'medium cluster-wide',
    "How far in the future a record's timestamp may lie.",
  ),
  'log.message.timestamp.before.max.ms': served(
    long(LONG_MAX, atLeast(0)),
    'medium cluster-wide',
    "How far in the past a record's timestamp may lie.",
  ),
  'log.message.timestamp.type': served(
    text('CreateTime', oneOf('CreateTime', 'LogAppendTime')),
    'medium cluster-wide',
    "Whether records carry their producer's time or the time of their append.",
  ),
  'log.preallocate': ignored(
    boolean(false),
    'medium cluster-wide',
    'segments grow as they are written; remove it',
  ),
  'log.retention.bytes': served(
    long(-1),
    'high cluster-wide',
    'Size a partition may grow to before old segments go; -1 is no limit.',
  ),
  'log.retention.check.interval.ms': served(
    long(300_000, atLeast(1)),
    'medium read-only',
    'How often old segments are looked for.',
  ),
  'log.retention.hours': served(
    int(168),
    'high read-only',
    'Age at which segments go, in hours; log.retention.ms and .minutes win over it.',
  ),
  'log.retention.minutes': served(
    unset('int'),
    'high read-only',
    'The same in minutes; wins over hours.',
  ),
  'log.retention.ms': served(
    unset('long'),
    'high cluster-wide',
    'The same in milliseconds; wins over minutes and hours. -1 is no limit.',
  ),
  'log.roll.hours': served(
    int(168, atLeast(1)),
    'high read-only',
    'Age at which a new segment begins, in hours.',
  ),
  'log.roll.jitter.hours': served(
    int(0, atLeast(0)),
    'high read-only',
    'New segments begin up to this much earlier at random, in hours.',
  ),
  'log.roll.jitter.ms': served(
    unset('long'),
    'high cluster-wide',
    'The same in milliseconds; wins over hours.',
  ),
  'log.roll.ms': served(
    unset('long'),
    'high cluster-wide',
    'Age at which a new segment begins, in milliseconds; wins over hours.',
  ),
  'log.segment.bytes': served(
    int(1_073_741_824, atLeast(1_048_576)),
    'high cluster-wide',
    'Size at which a new segment begins.',
  ),
  'log.segment.delete.delay.ms': served(
    long(60_000, atLeast(0)),
    'high cluster-wide',
    'Deleted segments stay on disk this long, for readers that have them open.',
  ),
  'message.max.bytes': served(
    int(1_048_588, atLeast(0)),
    'high cluster-wide',
    'Largest batch accepted, as sent.',
  ),
  'min.insync.replicas': served(
    int(1, atLeast(1)),
    'high cluster-wide',
    'With acks=all, fewer replicas in sync than this refuse the append.',
  ),
  'num.partitions': served(
    int(1, atLeast(1)),
    'medium read-only',
    'Partitions of topics created without a count.',
  ),
  'num.recovery.threads.per.data.dir': served(
    int(2, atLeast(1)),
    'high cluster-wide',
    'Partitions checked at once per data folder when starting after a crash.',
  ),
  'unclean.leader.election.enable': ignored(boolean(false), 'high cluster-wide', ALONE),
} as const
