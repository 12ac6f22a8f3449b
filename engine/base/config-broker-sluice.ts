/** Broker options of our own, under `sluice.`; those of the same name for a topic win over them. */
import {
  atLeast,
  between,
  boolean,
  int,
  long,
  oneOf,
  served,
  text,
  unset,
} from './config-option.ts'
import { limits } from './limits.ts'

const MIB = 1_048_576

export const sluiceOptions = {
  'sluice.cluster.id': served(
    unset('string'),
    'high read-only',
    'Id of the cluster a fresh data folder is made for; 22 characters as kafka-storage ' +
      'random-uuid prints. Unset: a random one.',
  ),
  'sluice.flush.mode': served(
    text('async', oneOf('async', 'group')),
    'high read-only',
    'async: a record is acknowledged once written and synced within log.flush.interval.ms. ' +
      'group: it is acknowledged once synced, with all that arrived meanwhile.',
  ),
  'sluice.give.way': served(
    boolean(true),
    'low read-only',
    'Whether a thread that several clients keep busy gives the processor to whoever waits for it before it ' +
      'sleeps, for as long as that finds the next requests. Needs native calls. false: it sleeps at once.',
  ),
  'sluice.log.format': served(
    text('text', oneOf('text', 'json')),
    'low read-only',
    "Log lines on stdout: text is Kafka's layout, [date] LEVEL message (part); json is one object " +
      'a line with time, level, source and message.',
  ),
  'sluice.log.level': served(
    text('info', oneOf('info', 'warn', 'error')),
    'low cluster-wide',
    'Log lines of this level and above are written. What tools wait for at the start is info.',
  ),
  'sluice.native.calls': served(
    boolean(true),
    'medium read-only',
    'Sockets and sends by system calls that Node.js does not offer: even listening, moving connections ' +
      'between threads, sendfile. false: plain Node.js, a little slower. Without koffi it is false.',
  ),
  'sluice.page.cache.bytes': served(
    long(256 * MIB, atLeast(64 * MIB)),
    'medium read-only',
    'With sluice.page.cache.policy=bounded: bytes of memory that the newest records of the logs of one ' +
      'thread stay in; readers not far behind have as much again kept for them.',
  ),
  'sluice.page.cache.policy': served(
    text('off', oneOf('off', 'bounded')),
    'medium read-only',
    'off: appended bytes stay in memory until the system needs it. bounded: they are written out early, ' +
      'and what is older than sluice.page.cache.bytes is dropped, for brokers that take in more than memory ' +
      'holds; readers far behind then wait for the device. Needs native calls.',
  ),
  'sluice.records.validation': served(
    text('header', oneOf('header', 'full')),
    'medium read-only',
    'full: every record of a batch is checked, as Kafka does. header: only the batch header ' +
      'and its CRC.',
  ),
  'sluice.shards': served(
    unset('int', between(1, limits.shardsMax)),
    'high read-only',
    'Threads that accept, serve and own partitions. Unset: one per available core, without native ' +
      'calls one per two.',
  ),
  'sluice.spin.us': served(
    int(50, between(0, 1_000)),
    'low read-only',
    'Microseconds that a thread goes on looking at its sockets for a single client that sends its next ' +
      'request as soon as it has an answer, before it sleeps; one thread at a time. 0: never.',
  ),
} as const
