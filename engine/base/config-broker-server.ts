/**
 * Broker options about identity, listeners, connections, threads and the like. Names, types,
 * defaults and rules are those of Kafka 4.2 (test/golden/messages/configs.json); where a default
 * differs on purpose, the test of this table says so.
 *
 * differs from Kafka: socket.send.buffer.bytes and socket.receive.buffer.bytes are -1 unless set, the
 * system's own tuning, and not 102400, which halves the rate of large fetches and produces on a fast link.
 */
import {
  atLeast,
  type ConfigRule,
  INT_MAX,
  ignored,
  int,
  list,
  long,
  served,
  text,
  unset,
} from './config-option.ts'

const NO_PURGE = 'waiting requests are kept in timer wheels that need no purge; remove it'
const NO_CALLBACK = 'quotas are matched as Kafka matches them by default; Java classes are not run'
const NO_REPORTERS = 'metrics come over HTTP, not from Java reporters; remove it'
const THREADS = 'threads follow the machine; set sluice.shards instead'

/** host:count, … */
const HOST_COUNTS: ConfigRule = {
  // Kafka's table of options names no rule here.
  text: '',
  check: (value) =>
    String(value)
      .split(',')
      .every((entry) => entry.trim() === '' || /^\s*[^\s:].*:\s*\d{1,10}\s*$/.test(entry))
      ? null
      : 'give host:count, separated by commas, for example 10.0.0.7:100,farm.example:500',
}

export const serverOptions = {
  'advertised.listeners': served(
    unset('list'),
    'high read-only',
    'What clients are told to connect to, per listener. Empty: the same as listeners.',
  ),
  'background.threads': ignored(int(10, atLeast(1)), 'high cluster-wide', THREADS),
  'broker.id': served(
    int(-1),
    'high read-only',
    'The old name of node.id; set one of them, or both alike.',
  ),
  'broker.rack': served(
    unset('string'),
    'medium read-only',
    'Name of the rack or zone this broker stands in, told to clients.',
  ),
  'client.quota.callback.class': ignored(unset('class'), 'low read-only', NO_CALLBACK),
  'config.providers': ignored(
    list([]),
    'low cluster-wide',
    'counts only where references are read, in the file, the environment and --override',
  ),
  'connections.max.idle.ms': served(
    long(600_000),
    'medium read-only',
    'A connection without requests for this long is closed.',
  ),
  'controller.listener.names': served(
    unset('list'),
    'high read-only',
    'Names among the listeners that belong to KRaft controllers: they are not opened.',
  ),
  'controller.quota.window.num': served(
    int(11, atLeast(1)),
    'low read-only',
    'Windows of saved-up changes a client under controller_mutation_rate may make at once.',
  ),
  'controller.quota.window.size.seconds': served(
    int(1, atLeast(1)),
    'low read-only',
    'Length of one such window.',
  ),
  'delete.records.purgatory.purge.interval.requests': ignored(int(1), 'medium read-only', NO_PURGE),
  'fetch.max.bytes': served(
    int(57_671_680, atLeast(1_024)),
    'medium read-only',
    'Most record bytes in one fetch reply, whatever the client asks for.',
  ),
  'fetch.purgatory.purge.interval.requests': ignored(int(1_000), 'medium read-only', NO_PURGE),
  'kafka.metrics.polling.interval.secs': ignored(
    int(10, atLeast(1)),
    'low read-only',
    NO_REPORTERS,
  ),
  'kafka.metrics.reporters': ignored(list([]), 'low read-only', NO_REPORTERS),
  'listener.security.protocol.map': served(
    text('SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT'),
    'low per-broker',
    'Security protocol of each listener name; only PLAINTEXT is built.',
  ),
  listeners: served(
    list(['PLAINTEXT://:9092']),
    'high per-broker',
    'Where to listen: NAME://host:port, several by comma. An empty host listens on all ' +
      'addresses, port 0 picks a free one.',
  ),
  'max.connection.creation.rate': served(
    int(INT_MAX, atLeast(0)),
    'medium cluster-wide',
    'New connections per second over all listeners; those over it wait until they are opened.',
  ),
  'max.connections': served(
    int(INT_MAX, atLeast(0)),
    'medium cluster-wide',
    'Connections at once over all listeners; further ones are closed when they arrive.',
  ),
  'max.connections.per.ip': served(
    int(INT_MAX, atLeast(0)),
    'medium cluster-wide',
    'The same for one client address.',
  ),
  'max.connections.per.ip.overrides': served(
    text('', HOST_COUNTS),
    'medium cluster-wide',
    'Other numbers for some clients, by address or host name: 10.0.0.7:100,farm.example:500.',
  ),
  'max.incremental.fetch.session.cache.slots': served(
    int(1_000, atLeast(0)),
    'medium read-only',
    'Incremental fetch sessions kept; the oldest idle one gives way.',
  ),
  'max.request.partition.size.limit': served(
    int(2_000, atLeast(1)),
    'medium read-only',
    'Most partitions in one reply of DescribeTopicPartitions.',
  ),
  'metric.reporters': ignored(
    list(['org.apache.kafka.common.metrics.JmxReporter']),
    'low cluster-wide',
    NO_REPORTERS,
  ),
  'metrics.num.samples': ignored(int(2, atLeast(1)), 'low read-only', NO_REPORTERS),
  'metrics.recording.level': ignored(text('INFO'), 'low read-only', NO_REPORTERS),
  'metrics.sample.window.ms': ignored(long(30_000, atLeast(1)), 'low read-only', NO_REPORTERS),
  'node.id': served(
    int(1, atLeast(0)),
    'high read-only',
    'Number of this broker in the cluster, as meta.properties of its data folders has it.',
  ),
  'num.io.threads': ignored(int(8, atLeast(1)), 'high cluster-wide', THREADS),
  'num.network.threads': ignored(int(3, atLeast(1)), 'high cluster-wide', THREADS),
  'producer.purgatory.purge.interval.requests': ignored(int(1_000), 'medium read-only', NO_PURGE),
  'queued.max.request.bytes': ignored(
    long(-1),
    'medium read-only',
    'requests are bounded per connection and in bytes, see limits.ts; remove it',
  ),
  'queued.max.requests': ignored(
    int(500, atLeast(1)),
    'high read-only',
    'requests are bounded per connection and in bytes, see limits.ts; remove it',
  ),
  'quota.window.num': served(
    int(11, atLeast(1)),
    'low read-only',
    'Windows over which the rates of clients with quotas are measured.',
  ),
  'quota.window.size.seconds': served(
    int(1, atLeast(1)),
    'low read-only',
    'Length of one such window; a client over request_percentage waits for one at most.',
  ),
  'share.fetch.purgatory.purge.interval.requests': ignored(
    int(1_000),
    'medium read-only',
    NO_PURGE,
  ),
  'socket.listen.backlog.size': served(
    int(50, atLeast(1)),
    'medium read-only',
    'Connections the system may hold before they are accepted.',
  ),
  'socket.receive.buffer.bytes': served(
    int(-1),
    'high read-only',
    'Receive buffer asked of the system for each connection; -1: as much as it needs, within what the system gives.',
  ),
  'socket.request.max.bytes': served(
    int(104_857_600, atLeast(1)),
    'high read-only',
    'Largest request accepted; a longer one closes its connection.',
  ),
  'socket.send.buffer.bytes': served(
    int(-1),
    'high read-only',
    'Send buffer asked of the system for each connection; -1: as much as it needs, within what the system gives.',
  ),
  'telemetry.max.bytes': ignored(int(1_048_576, atLeast(1)), 'low read-only', NO_REPORTERS),
} as const
