/**
 * Broker options about groups, offsets, transactions, producers and their internal topics. Names,
 * types, defaults and rules are those of Kafka 4.2 (test/golden/messages/configs.json); where a
 * default differs on purpose, the test of this table says so.
 */
import {
  atLeast,
  between,
  boolean,
  INT_MAX,
  ignored,
  int,
  list,
  long,
  oneOf,
  oneOfAnyCase,
  served,
  short,
  text,
} from './config-option.ts'

const NO_LINGER = 'records of one loop turn are written together in any case; remove it'
const NO_SHARE_GROUPS = 'share groups are not served yet'
const NO_STREAMS_GROUPS =
  'streams groups are not served yet; Kafka Streams uses the classic protocol'
const NO_TRANSACTIONS = 'transactions are not served yet'
const THREADS = 'threads follow the machine; set sluice.shards instead'

export const coordinatorOptions = {
  'add.partitions.to.txn.retry.backoff.max.ms': ignored(
    int(100, atLeast(0)),
    'high read-only',
    NO_TRANSACTIONS,
  ),
  'add.partitions.to.txn.retry.backoff.ms': ignored(
    int(20, atLeast(1)),
    'high read-only',
    NO_TRANSACTIONS,
  ),
  'group.consumer.assignors': served(
    list(['uniform', 'range'], oneOf('uniform', 'range')),
    'medium read-only',
    'Server-side assignors of consumer groups (KIP-848), the first being the default.',
  ),
  'group.consumer.heartbeat.interval.ms': served(
    int(5_000, atLeast(1)),
    'medium read-only',
    'Pause between heartbeats of members of consumer groups.',
  ),
  'group.consumer.max.heartbeat.interval.ms': served(
    int(15_000, atLeast(1)),
    'medium read-only',
    'Longest heartbeat interval a consumer group may be given.',
  ),
  'group.consumer.max.session.timeout.ms': served(
    int(60_000, atLeast(1)),
    'medium read-only',
    'Longest session timeout a consumer group may be given.',
  ),
  'group.consumer.max.size': served(
    int(INT_MAX, atLeast(1)),
    'medium read-only',
    'Most members of a consumer group.',
  ),
  'group.consumer.migration.policy': served(
    text('bidirectional', oneOfAnyCase('DISABLED', 'DOWNGRADE', 'UPGRADE', 'BIDIRECTIONAL')),
    'medium read-only',
    'Which way groups change online between the classic and the consumer protocol.',
  ),
  'group.consumer.min.heartbeat.interval.ms': served(
    int(5_000, atLeast(1)),
    'medium read-only',
    'Shortest heartbeat interval a consumer group may be given.',
  ),
  'group.consumer.min.session.timeout.ms': served(
    int(45_000, atLeast(1)),
    'medium read-only',
    'Shortest session timeout a consumer group may be given.',
  ),
  'group.consumer.regex.refresh.interval.ms': served(
    int(600_000, atLeast(10_000)),
    'medium read-only internal',
    'How often patterns are matched with the topics anew.',
  ),
  'group.consumer.session.timeout.ms': served(
    int(45_000, atLeast(1)),
    'medium read-only',
    'After which silence a member of a consumer group is taken out.',
  ),
  'group.coordinator.append.linger.ms': ignored(
    int(-1, atLeast(-1)),
    'medium read-only',
    NO_LINGER,
  ),
  'group.coordinator.rebalance.protocols': served(
    list(['classic', 'consumer', 'streams'], oneOf('consumer', 'classic', 'share', 'streams')),
    'medium read-only',
    'Group protocols that are served; without consumer, groups are classic.',
  ),
  'group.coordinator.threads': ignored(int(4, atLeast(1)), 'high read-only', THREADS),
  'group.initial.rebalance.delay.ms': served(
    int(3_000),
    'medium read-only',
    'How long an empty group waits for more members before its first rebalance.',
  ),
  'group.max.session.timeout.ms': served(
    int(1_800_000),
    'medium read-only',
    'Longest session timeout a member may ask for.',
  ),
  'group.max.size': served(
    int(INT_MAX, atLeast(1)),
    'medium read-only',
    'Most members of a group.',
  ),
  'group.min.session.timeout.ms': served(
    int(6_000),
    'medium read-only',
    'Shortest session timeout a member may ask for.',
  ),
  'group.share.assignors': ignored(list(['simple']), 'medium read-only', NO_SHARE_GROUPS),
  'group.share.delivery.count.limit': ignored(
    int(5, between(2, 10)),
    'medium read-only',
    NO_SHARE_GROUPS,
  ),
  'group.share.enable': ignored(boolean(false), 'medium read-only internal', NO_SHARE_GROUPS),
  'group.share.heartbeat.interval.ms': ignored(
    int(5_000, atLeast(1)),
    'medium read-only',
    NO_SHARE_GROUPS,
  ),
  'group.share.initialize.retry.interval.ms': ignored(
    int(30_000, atLeast(1)),
    'low read-only internal',
    NO_SHARE_GROUPS,
  ),
  'group.share.max.heartbeat.interval.ms': ignored(
    int(15_000, atLeast(1)),
    'medium read-only',
    NO_SHARE_GROUPS,
  ),
  'group.share.max.record.lock.duration.ms': ignored(
    int(60_000, between(30_000, 3_600_000)),
    'medium read-only',
    NO_SHARE_GROUPS,
  ),
  'group.share.max.session.timeout.ms': ignored(
    int(60_000, atLeast(1)),
    'medium read-only',
    NO_SHARE_GROUPS,
  ),
  'group.share.max.share.sessions': ignored(
    int(2_000, atLeast(1)),
    'medium read-only',
    NO_SHARE_GROUPS,
  ),
  'group.share.max.size': ignored(int(200, between(1, 1_000)), 'medium read-only', NO_SHARE_GROUPS),
  'group.share.min.heartbeat.interval.ms': ignored(
    int(5_000, atLeast(1)),
    'medium read-only',
    NO_SHARE_GROUPS,
  ),
  'group.share.min.record.lock.duration.ms': ignored(
    int(15_000, between(1_000, 30_000)),
    'medium read-only',
    NO_SHARE_GROUPS,
  ),
  'group.share.min.session.timeout.ms': ignored(
    int(45_000, atLeast(1)),
    'medium read-only',
    NO_SHARE_GROUPS,
  ),
  'group.share.partition.max.record.locks': ignored(
    int(2_000, between(100, 10_000)),
    'medium read-only',
    NO_SHARE_GROUPS,
  ),
  'group.share.persister.class.name': ignored(
    text('org.apache.kafka.server.share.persister.DefaultStatePersister'),
    'medium read-only internal',
    NO_SHARE_GROUPS,
  ),
  'group.share.record.lock.duration.ms': ignored(
    int(30_000, between(1_000, 3_600_000)),
    'medium read-only',
    NO_SHARE_GROUPS,
  ),
  'group.share.session.timeout.ms': ignored(
    int(45_000, atLeast(1)),
    'medium read-only',
    NO_SHARE_GROUPS,
  ),
  'group.streams.heartbeat.interval.ms': ignored(
    int(5_000, atLeast(1)),
    'medium read-only',
    NO_STREAMS_GROUPS,
  ),
  'group.streams.initial.rebalance.delay.ms': ignored(
    int(3_000, atLeast(0)),
    'medium read-only',
    NO_STREAMS_GROUPS,
  ),
  'group.streams.max.heartbeat.interval.ms': ignored(
    int(15_000, atLeast(1)),
    'medium read-only',
    NO_STREAMS_GROUPS,
  ),
  'group.streams.max.session.timeout.ms': ignored(
    int(60_000, atLeast(1)),
    'medium read-only',
    NO_STREAMS_GROUPS,
  ),
  'group.streams.max.size': ignored(
    int(INT_MAX, atLeast(1)),
    'medium read-only',
    NO_STREAMS_GROUPS,
  ),
  'group.streams.max.standby.replicas': ignored(
    int(2, atLeast(0)),
    'medium read-only',
    NO_STREAMS_GROUPS,
  ),
  'group.streams.min.heartbeat.interval.ms': ignored(
    int(5_000, atLeast(1)),
    'medium read-only',
    NO_STREAMS_GROUPS,
  ),
  'group.streams.min.session.timeout.ms': ignored(
    int(45_000, atLeast(1)),
    'medium read-only',
    NO_STREAMS_GROUPS,
  ),
  'group.streams.num.standby.replicas': ignored(
    int(0, atLeast(0)),
    'medium read-only',
    NO_STREAMS_GROUPS,
  ),
  'group.streams.session.timeout.ms': ignored(
    int(45_000, atLeast(1)),
    'medium read-only',
    NO_STREAMS_GROUPS,
  ),
  'offset.metadata.max.bytes': served(
    int(4_096),
    'high read-only',
    'Longest text a client may attach to a committed offset.',
  ),
  'offsets.commit.timeout.ms': ignored(
    int(5_000, atLeast(1)),
    'high read-only',
    'commits wait for the flush mode of __consumer_offsets alone; remove it',
  ),
  'offsets.load.buffer.size': ignored(
    int(5_242_880, atLeast(1)),
    'high read-only',
    'internal topics are read and written without such settings; remove it',
  ),
  'offsets.retention.check.interval.ms': served(
    long(600_000, atLeast(1)),
    'high read-only',
    'How often expired offsets are looked for.',
  ),
  'offsets.retention.minutes': served(
    int(10_080, atLeast(1)),
    'high read-only',
    'Committed offsets of an empty group are forgotten after this time.',
  ),
  'offsets.topic.compression.codec': ignored(
    int(0),
    'high read-only',
    'internal topics are read and written without such settings; remove it',
  ),
  'offsets.topic.num.partitions': served(
    int(50, atLeast(1)),
    'high read-only',
    'Partitions of __consumer_offsets, fixed when it is created.',
  ),
  'offsets.topic.replication.factor': served(
    short(3, atLeast(1)),
    'high read-only',
    'Replicas of __consumer_offsets, at most the number of brokers.',
  ),
  'offsets.topic.segment.bytes': served(
    int(104_857_600, atLeast(1)),
    'high read-only',
    'Segment size of __consumer_offsets.',
  ),
  'producer.id.expiration.check.interval.ms': ignored(
    int(600_000, atLeast(1)),
    'low read-only internal',
    'producers are looked through when retention runs; remove it',
  ),
  'producer.id.expiration.ms': served(
    int(86_400_000, atLeast(1)),
    'low cluster-wide',
    'An idempotent producer that is silent for this long is forgotten by the partition.',
  ),
  'share.coordinator.append.linger.ms': ignored(
    int(-1, atLeast(-1)),
    'medium read-only',
    NO_LINGER,
  ),
  'share.coordinator.cold.partition.snapshot.interval.ms': ignored(
    int(300_000, atLeast(1)),
    'low read-only internal',
    NO_SHARE_GROUPS,
  ),
  'share.coordinator.load.buffer.size': ignored(
    int(5_242_880, atLeast(1)),
    'high read-only',
    NO_SHARE_GROUPS,
  ),
  'share.coordinator.snapshot.update.records.per.snapshot': ignored(
    int(500, atLeast(0)),
    'medium read-only',
    NO_SHARE_GROUPS,
  ),
  'share.coordinator.state.topic.compression.codec': ignored(
    int(0),
    'high read-only',
    NO_SHARE_GROUPS,
  ),
  'share.coordinator.state.topic.min.isr': served(
    short(2, atLeast(1)),
    'high read-only',
    'min.insync.replicas of __share_group_state, at most the number of brokers.',
  ),
  'share.coordinator.state.topic.num.partitions': served(
    int(50, atLeast(1)),
    'high read-only',
    'Partitions of __share_group_state, fixed when it is created.',
  ),
  'share.coordinator.state.topic.prune.interval.ms': ignored(
    int(300_000, atLeast(1)),
    'low read-only internal',
    NO_SHARE_GROUPS,
  ),
  'share.coordinator.state.topic.replication.factor': served(
    short(3, atLeast(1)),
    'high read-only',
    'Replicas of __share_group_state, at most the number of brokers.',
  ),
  'share.coordinator.state.topic.segment.bytes': served(
    int(104_857_600, atLeast(1)),
    'high read-only',
    'Segment size of __share_group_state.',
  ),
  'share.coordinator.threads': ignored(int(1, atLeast(1)), 'medium read-only', THREADS),
  'share.coordinator.write.timeout.ms': ignored(
    int(5_000, atLeast(1)),
    'high read-only',
    NO_SHARE_GROUPS,
  ),
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': ignored(
    int(10_000, atLeast(1)),
    'low read-only',
    NO_TRANSACTIONS,
  ),
  'transaction.max.timeout.ms': ignored(
    int(900_000, atLeast(1)),
    'high read-only',
    NO_TRANSACTIONS,
  ),
  'transaction.partition.verification.enable': ignored(
    boolean(true),
    'low cluster-wide',
    NO_TRANSACTIONS,
  ),
  'transaction.remove.expired.transaction.cleanup.interval.ms': ignored(
    int(3_600_000, atLeast(1)),
    'low read-only',
    NO_TRANSACTIONS,
  ),
  'transaction.state.log.load.buffer.size': ignored(
    int(5_242_880, atLeast(1)),
    'high read-only',
    NO_TRANSACTIONS,
  ),
  'transaction.state.log.min.isr': served(
    int(2, atLeast(1)),
    'high read-only',
    'min.insync.replicas of __transaction_state, at most the number of brokers.',
  ),
  'transaction.state.log.num.partitions': served(
    int(50, atLeast(1)),
    'high read-only',
    'Partitions of __transaction_state, fixed when it is created.',
  ),
  'transaction.state.log.replication.factor': served(
    short(3, atLeast(1)),
    'high read-only',
    'Replicas of __transaction_state, at most the number of brokers.',
  ),
  'transaction.state.log.segment.bytes': served(
    int(104_857_600, atLeast(1)),
    'high read-only',
    'Segment size of __transaction_state.',
  ),
  'transaction.two.phase.commit.enable': ignored(boolean(false), 'low read-only', NO_TRANSACTIONS),
  'transactional.id.expiration.ms': ignored(
    int(604_800_000, atLeast(1)),
    'high read-only',
    NO_TRANSACTIONS,
  ),
} as const
