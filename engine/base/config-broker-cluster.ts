/**
 * Broker options about controllers, replication and tiered storage. Names, types, defaults and
 * rules are those of Kafka 4.2 (test/golden/messages/configs.json); where a default differs on
 * purpose, the test of this table says so.
 */
import {
  atLeast,
  between,
  boolean,
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
const NO_CONTROLLERS = 'sluice keeps its metadata itself and needs no controllers; remove it'
const TIERED = 'counts only with tiered storage, which is not built yet'

export const clusterOptions = {
  'alter.log.dirs.replication.quota.window.num': ignored(
    int(11, atLeast(1)),
    'low read-only',
    ALONE,
  ),
  'alter.log.dirs.replication.quota.window.size.seconds': ignored(
    int(1, atLeast(1)),
    'low read-only',
    ALONE,
  ),
  'auto.leader.rebalance.enable': ignored(boolean(true), 'high read-only', ALONE),
  'broker.heartbeat.interval.ms': ignored(int(2_000), 'medium read-only', NO_CONTROLLERS),
  'broker.session.timeout.ms': ignored(int(9_000), 'medium read-only', NO_CONTROLLERS),
  'controlled.shutdown.enable': ignored(boolean(true), 'medium read-only', ALONE),
  'controller.performance.always.log.threshold.ms': ignored(
    long(2_000, atLeast(0)),
    'medium read-only internal',
    NO_CONTROLLERS,
  ),
  'controller.performance.sample.period.ms': ignored(
    long(60_000, atLeast(100)),
    'medium read-only internal',
    NO_CONTROLLERS,
  ),
  'controller.quorum.append.linger.ms': ignored(
    int(25, atLeast(0)),
    'medium read-only',
    NO_CONTROLLERS,
  ),
  'controller.quorum.auto.join.enable': ignored(boolean(false), 'low read-only', NO_CONTROLLERS),
  'controller.quorum.bootstrap.servers': ignored(list([]), 'high read-only', NO_CONTROLLERS),
  'controller.quorum.election.backoff.max.ms': ignored(
    int(1_000, atLeast(0)),
    'high read-only',
    NO_CONTROLLERS,
  ),
  'controller.quorum.election.timeout.ms': ignored(
    int(1_000, atLeast(0)),
    'high read-only',
    NO_CONTROLLERS,
  ),
  'controller.quorum.fetch.timeout.ms': ignored(
    int(2_000, atLeast(0)),
    'high read-only',
    NO_CONTROLLERS,
  ),
  'controller.quorum.request.timeout.ms': ignored(
    int(2_000, atLeast(0)),
    'medium read-only',
    NO_CONTROLLERS,
  ),
  'controller.quorum.retry.backoff.ms': ignored(
    int(20, atLeast(0)),
    'low read-only',
    NO_CONTROLLERS,
  ),
  'controller.quorum.voters': ignored(list([]), 'high read-only', NO_CONTROLLERS),
  'controller.socket.timeout.ms': ignored(int(30_000), 'medium read-only', NO_CONTROLLERS),
  'initial.broker.registration.timeout.ms': ignored(
    int(60_000),
    'medium read-only',
    NO_CONTROLLERS,
  ),
  'inter.broker.listener.name': served(
    unset('string'),
    'medium read-only',
    'Name of the listener that brokers use among themselves. It must be one of listeners; this ' +
      'broker is alone and has no other use for it.',
  ),
  'internal.metadata.delete.delay.millis': ignored(
    long(60_000),
    'low read-only internal',
    NO_CONTROLLERS,
  ),
  'internal.metadata.log.segment.bytes': ignored(
    unset('int'),
    'low read-only internal',
    NO_CONTROLLERS,
  ),
  'internal.metadata.max.batch.size.in.bytes': ignored(
    int(8_388_608),
    'low read-only internal',
    NO_CONTROLLERS,
  ),
  'internal.metadata.max.fetch.size.in.bytes': ignored(
    int(8_388_608),
    'low read-only internal',
    NO_CONTROLLERS,
  ),
  'leader.imbalance.check.interval.seconds': ignored(
    long(300, atLeast(1)),
    'high read-only',
    ALONE,
  ),
  'metadata.log.dir': ignored(unset('string'), 'high read-only', NO_CONTROLLERS),
  'metadata.log.max.record.bytes.between.snapshots': ignored(
    long(20_971_520, atLeast(1)),
    'high read-only',
    NO_CONTROLLERS,
  ),
  'metadata.log.max.snapshot.interval.ms': ignored(
    long(3_600_000, atLeast(0)),
    'high read-only',
    NO_CONTROLLERS,
  ),
  'metadata.log.segment.bytes': ignored(
    int(1_073_741_824, atLeast(8_388_608)),
    'high read-only',
    NO_CONTROLLERS,
  ),
  'metadata.log.segment.ms': ignored(long(604_800_000), 'high read-only', NO_CONTROLLERS),
  'metadata.max.idle.interval.ms': ignored(int(500, atLeast(0)), 'low read-only', NO_CONTROLLERS),
  'metadata.max.retention.bytes': ignored(long(104_857_600), 'high read-only', NO_CONTROLLERS),
  'metadata.max.retention.ms': ignored(long(604_800_000), 'high read-only', NO_CONTROLLERS),
  'num.replica.alter.log.dirs.threads': ignored(unset('int'), 'high read-only', ALONE),
  'num.replica.fetchers': ignored(int(1, atLeast(1)), 'high cluster-wide', ALONE),
  'process.roles': ignored(
    unset('list', oneOf('broker', 'controller')),
    'high read-only',
    NO_CONTROLLERS,
  ),
  'remote.fetch.max.wait.ms': ignored(int(500, atLeast(1)), 'medium cluster-wide', TIERED),
  'remote.list.offsets.request.timeout.ms': ignored(
    long(30_000, atLeast(1)),
    'medium cluster-wide',
    TIERED,
  ),
  'remote.log.index.file.cache.total.size.bytes': ignored(
    long(1_073_741_824, atLeast(1)),
    'low cluster-wide',
    TIERED,
  ),
  'remote.log.manager.copier.thread.pool.size': ignored(
    int(10, atLeast(1)),
    'medium cluster-wide',
    TIERED,
  ),
  'remote.log.manager.copy.max.bytes.per.second': ignored(
    long(LONG_MAX, atLeast(1)),
    'medium cluster-wide',
    TIERED,
  ),
  'remote.log.manager.copy.quota.window.num': ignored(
    int(11, atLeast(1)),
    'medium read-only',
    TIERED,
  ),
  'remote.log.manager.copy.quota.window.size.seconds': ignored(
    int(1, atLeast(1)),
    'medium read-only',
    TIERED,
  ),
  'remote.log.manager.expiration.thread.pool.size': ignored(
    int(10, atLeast(1)),
    'medium cluster-wide',
    TIERED,
  ),
  'remote.log.manager.fetch.max.bytes.per.second': ignored(
    long(LONG_MAX, atLeast(1)),
    'medium cluster-wide',
    TIERED,
  ),
  'remote.log.manager.fetch.quota.window.num': ignored(
    int(11, atLeast(1)),
    'medium read-only',
    TIERED,
  ),
  'remote.log.manager.fetch.quota.window.size.seconds': ignored(
    int(1, atLeast(1)),
    'medium read-only',
    TIERED,
  ),
  'remote.log.manager.follower.thread.pool.size': ignored(
    int(2, atLeast(1)),
    'medium cluster-wide',
    TIERED,
  ),
  'remote.log.manager.task.interval.ms': ignored(long(30_000, atLeast(1)), 'low read-only', TIERED),
  'remote.log.manager.task.retry.backoff.max.ms': ignored(
    long(30_000, atLeast(1)),
    'low read-only internal',
    TIERED,
  ),
  'remote.log.manager.task.retry.backoff.ms': ignored(
    long(500, atLeast(1)),
    'low read-only internal',
    TIERED,
  ),
  'remote.log.manager.task.retry.jitter': ignored(
    double(0.2, between(0, 0.5)),
    'low read-only internal',
    TIERED,
  ),
  'remote.log.manager.thread.pool.size': ignored(int(2, atLeast(1)), 'medium read-only', TIERED),
  'remote.log.metadata.custom.metadata.max.bytes': ignored(
    int(128, atLeast(0)),
    'low read-only',
    TIERED,
  ),
  'remote.log.metadata.manager.class.name': ignored(
    text('org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager'),
    'medium read-only',
    TIERED,
  ),
  'remote.log.metadata.manager.class.path': ignored(unset('string'), 'medium read-only', TIERED),
  'remote.log.metadata.manager.impl.prefix': ignored(
    text('rlmm.config.'),
    'medium read-only',
    TIERED,
  ),
  'remote.log.metadata.manager.listener.name': ignored(unset('string'), 'medium read-only', TIERED),
  'remote.log.reader.max.pending.tasks': ignored(int(100, atLeast(1)), 'medium read-only', TIERED),
  'remote.log.reader.threads': ignored(int(10, atLeast(1)), 'medium cluster-wide', TIERED),
  'remote.log.storage.manager.class.name': ignored(unset('string'), 'medium read-only', TIERED),
  'remote.log.storage.manager.class.path': ignored(unset('string'), 'medium read-only', TIERED),
  'remote.log.storage.manager.impl.prefix': ignored(
    text('rsm.config.'),
    'medium read-only',
    TIERED,
  ),
  'remote.log.storage.system.enable': refused(
    boolean(false),
    'medium read-only',
    'tiered storage is not built yet',
  ),
  'replica.fetch.backoff.ms': ignored(int(1_000, atLeast(0)), 'medium read-only', ALONE),
  'replica.fetch.max.bytes': ignored(int(1_048_576, atLeast(0)), 'medium read-only', ALONE),
  'replica.fetch.min.bytes': ignored(int(1), 'high read-only', ALONE),
  'replica.fetch.response.max.bytes': ignored(
    int(10_485_760, atLeast(0)),
    'medium read-only',
    ALONE,
  ),
  'replica.fetch.wait.max.ms': ignored(int(500), 'high read-only', ALONE),
  'replica.high.watermark.checkpoint.interval.ms': ignored(
    long(5_000),
    'high read-only',
    'the high watermark of a lone broker follows from its logs',
  ),
  'replica.lag.time.max.ms': ignored(long(30_000), 'high read-only', ALONE),
  'replica.selector.class': ignored(unset('string'), 'medium read-only', ALONE),
  'replica.socket.receive.buffer.bytes': ignored(int(65_536), 'high read-only', ALONE),
  'replica.socket.timeout.ms': ignored(int(30_000), 'high read-only', ALONE),
  'replication.quota.window.num': ignored(int(11, atLeast(1)), 'low read-only', ALONE),
  'replication.quota.window.size.seconds': ignored(int(1, atLeast(1)), 'low read-only', ALONE),
  'request.timeout.ms': ignored(int(30_000), 'high read-only', ALONE),
  'server.max.startup.time.ms': ignored(
    long(LONG_MAX, atLeast(0)),
    'medium read-only internal',
    NO_CONTROLLERS,
  ),
  'socket.connection.setup.timeout.max.ms': ignored(long(30_000), 'medium read-only', ALONE),
  'socket.connection.setup.timeout.ms': ignored(long(10_000), 'medium read-only', ALONE),
  'unclean.leader.election.interval.ms': ignored(
    long(300_000, atLeast(1)),
    'medium read-only internal',
    ALONE,
  ),
  'unstable.api.versions.enable': ignored(
    boolean(false),
    'high read-only internal',
    NO_CONTROLLERS,
  ),
  'unstable.feature.versions.enable': ignored(
    boolean(false),
    'high read-only internal',
    NO_CONTROLLERS,
  ),
} as const
