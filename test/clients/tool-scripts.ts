/**
 * Command lines of Kafka's tools, run in order by both-ways.ts. `@name` is a name of the way that
 * runs, ADDRESS the broker's address (put in front when it is not there), FOLDER/ the folder of files.
 */

export interface Line {
  readonly line: string
  /** Standard input. */
  readonly input?: string
  /** Written before the line runs. */
  readonly file?: { readonly name: string; readonly text: string }
  /** Why our broker's answer is another than Kafka's: then only the two tools must agree on it. */
  readonly differs?: string
  /** Run again until it says so, for some seconds. */
  readonly until?: RegExp
  /** Why ours tells it in other words: then only the exit code must be the same. */
  readonly words?: string
}

export interface ToolScript {
  readonly name: string
  readonly lines: readonly Line[]
  /** Wants the groups of LIVE_GROUPS. */
  readonly live?: boolean
}

/** Groups with a member, by protocol. */
export const LIVE_GROUPS = [
  ['live-classic', 'classic'],
  ['live-consumer', 'consumer'],
] as const

const lines = (tool: string, ...all: string[]): Line[] =>
  all.map((args) => ({ line: `${tool} ${args}`.trim() }))

const json = (value: unknown): string => JSON.stringify(value)

const topics: ToolScript = {
  name: 'kafka-topics',
  lines: [
    ...lines(
      'kafka-topics',
      '--create --topic @a --partitions 3 --replication-factor 1',
      '--create --topic @a --partitions 3',
      '--create --if-not-exists --topic @a',
      '--create --topic @b.c --config retention.ms=3600000 --config cleanup.policy=compact',
      '--create --topic @d --replica-assignment 1,1',
      '--create --topic @bad/name',
      '--create --topic @e --replication-factor 3',
      '--create --topic @e --partitions 0',
      '--create --topic @e --partitions x',
      '--create --topic @e --config no.such=1',
      '--create --topic @e --config retention.ms=abc',
      '--create',
      '--list --topic @.*',
      '--list --exclude-internal --topic @.*',
      '--describe --topic @a',
      '--describe --topic @.*',
      '--describe --topic @missing',
      '--describe --if-exists --topic @missing',
      '--describe --under-replicated-partitions --topic @.*',
      '--describe --unavailable-partitions --topic @.*',
      '--describe --under-min-isr-partitions --topic @.*',
      '--describe --at-min-isr-partitions --topic @a',
      '--describe --topics-with-overrides --topic @.*',
      '--describe --topic-id AAAAAAAAAAAAAAAAAAAAAQ',
      '--alter --topic @a --partitions 4',
      '--alter --topic @a --partitions 2',
      '--alter --topic @missing --partitions 2',
      '--alter --topic @a --config retention.ms=1',
      '--alter --topic @a',
      '--delete --topic @d',
      '--delete --topic @missing',
      '--delete --if-exists --topic @missing',
      '--delete',
      '--bogus',
      '--list --describe',
      '--list --partitions 3',
      '--list --topic @.*',
    ),
  ],
}

const configs: ToolScript = {
  name: 'kafka-configs',
  lines: [
    ...lines('kafka-topics', '--create --topic @t --config retention.ms=3600000'),
    ...lines(
      'kafka-configs',
      '--describe --topic @t',
      '--alter --topic @t --add-config cleanup.policy=[compact,delete],max.message.bytes=2000000',
      '--describe --entity-type topics --entity-name @t',
      '--alter --topic @t --delete-config max.message.bytes',
      '--alter --topic @t --delete-config max.message.bytes',
      '--alter --topic @t --add-config segment.bytes=5',
      '--alter --topic @t --add-config cleanup.policy=bogus',
      '--alter --topic @t --add-config no.such=1',
      '--alter --topic @t --add-config retention.ms=5 --delete-config retention.ms',
      '--alter --topic @missing --add-config retention.ms=1',
      '--describe --topic @missing',
      '--describe --topic @missing --all',
      '--alter --broker 1 --add-config log.cleaner.threads=2',
    ),
    // A broker takes up its new options behind the answer.
    { line: 'kafka-configs --describe --broker 1', until: /^ {2}log\.cleaner\.threads=2/m },
    ...lines(
      'kafka-configs',
      '--alter --broker 1 --add-config log.dirs=/x',
      '--alter --broker 1 --add-config log.cleaner.threads=x',
    ),
    {
      line: 'kafka-configs --alter --broker 1 --delete-config log.cleaner.threads',
      until: /^Completed/,
    },
    ...lines(
      'kafka-configs',
      '--describe --broker 9',
      '--alter --entity-type brokers --entity-default --add-config message.max.bytes=2000000',
    ),
    {
      line: 'kafka-configs --alter --broker-defaults --delete-config message.max.bytes',
      until: /^Completed/,
    },
    ...lines(
      'kafka-configs',
      '--alter --client @c --add-config producer_byte_rate=1048576',
      '--describe --client @c',
      '--alter --user @u --client @c --add-config request_percentage=50',
      '--describe --user @u --client @c',
      '--describe --entity-type users --entity-name @u --entity-type clients',
      '--describe --user @u',
      '--alter --user @u --client @c --delete-config request_percentage',
      '--alter --client @c --delete-config producer_byte_rate,producer_byte_rate',
      '--alter --client @c --delete-config producer_byte_rate',
      '--alter --client @c --delete-config producer_byte_rate',
      '--alter --user @u --add-config producer_byte_rate=-3',
      '--alter --user @u --add-config producer_byte_rate=1.5',
      '--alter --user @u --add-config bogus=1',
      '--alter --ip 127.0.0.9 --add-config connection_creation_rate=3',
      '--describe --ip 127.0.0.9',
      '--alter --ip 127.0.0.9 --delete-config connection_creation_rate',
      '--alter --group @g --add-config consumer.session.timeout.ms=50000',
      '--describe --group @g',
      '--alter --group @g --add-config consumer.session.timeout.ms=5',
      '--alter --group @g --delete-config consumer.session.timeout.ms',
      '--alter --client-metrics @m --add-config interval.ms=1000,metrics=[a.,b.]',
      '--describe --client-metrics @m',
      '--alter --client-metrics @m --add-config interval.ms=1',
      '--alter --client-metrics @m --delete-config interval.ms,metrics',
      '--describe --client-metrics @m',
      '--describe --broker-logger 9x',
      '--describe',
      '--describe --entity-type topic',
      '--describe --topic @t --broker 1',
      '--alter --topic @t',
    ),
    {
      line: 'kafka-configs --alter --topic @t --add-config-file FOLDER/c.properties',
      file: { name: 'c.properties', text: '# mine\nretention.ms=7000\nflush.ms=9000\n' },
    },
    ...lines('kafka-configs', '--describe --topic @t'),
    { line: 'kafka-configs --describe --group @g', differs: 'a group without options is none' },
    {
      line: 'kafka-configs --alter --user @u --add-config SCRAM-SHA-256=[iterations=8192,password=x]',
      differs: 'no SCRAM credentials',
      words: 'what a broker does not serve',
    },
    { line: 'kafka-configs --describe --user @u', differs: 'no SCRAM credentials' },
    {
      line: 'kafka-configs --alter --user @u --delete-config SCRAM-SHA-256',
      differs: 'no SCRAM credentials',
      words: 'what a broker does not serve',
    },
    ...lines('kafka-configs', '--alter --user @u --add-config SCRAM-SHA-256=x'),
  ],
}

const reset = (rest: string): string => `--reset-offsets --group @g ${rest}`

const groups: ToolScript = {
  name: 'kafka-consumer-groups, kafka-groups: groups without members',
  lines: [
    ...lines('kafka-topics', '--create --topic @t --partitions 2', '--create --topic @s'),
    { line: 'kafka-console-producer --topic @s', input: 'a\nb\nc\nd\n' },
    {
      line: 'kafka-console-consumer --topic @s --group @g --from-beginning --max-messages 4 --timeout-ms 20000',
    },
    ...lines(
      'kafka-consumer-groups',
      '--describe --group @g',
      '--describe --group @g --state',
      '--describe --group @g --state --verbose',
      '--describe --group @g --members',
      '--describe --group @g --members --verbose',
      '--describe --group @g --offsets --verbose',
      '--describe --group @missing',
      '--describe --group @missing --state',
      '--describe --group @missing --members',
      reset('--topic @s --to-earliest'),
      reset('--topic @s --to-earliest --dry-run'),
      reset('--topic @s --to-offset 2 --execute'),
      reset('--topic @s:0 --shift-by -1 --execute'),
      reset('--topic @s --shift-by 100 --dry-run'),
      reset('--all-topics --to-offset 99 --dry-run'),
      reset('--topic @s --to-datetime 2020-01-01T00:00:00.000 --dry-run'),
      reset('--topic @s --to-datetime 2020-01-01T00:00:00.000Z --dry-run --export'),
      reset('--topic @s --by-duration PT1H --dry-run'),
      reset('--all-topics --to-current --export --dry-run'),
      reset('--topic @s --topic @t --to-latest --execute'),
      reset('--topic @missing --to-latest --execute'),
      reset('--topic @s:7 --to-latest --execute'),
      reset('--to-latest --execute'),
      reset('--topic @s --execute'),
      reset('--topic @s --to-latest --to-earliest --execute'),
      reset('--topic @s --to-latest --execute --dry-run'),
      reset('--topic @s --by-duration 1h --dry-run'),
      reset('--topic @s --to-datetime noon --dry-run'),
    ),
    {
      line: `kafka-consumer-groups ${reset('--topic @s --shift-by x --dry-run')}`,
      words: "Java's stack",
    },
    {
      line: `kafka-consumer-groups ${reset('--from-file FOLDER/plan.csv --dry-run')}`,
      file: { name: 'plan.csv', text: '@s,0,3\n@t,1,0\n' },
    },
    ...lines('kafka-consumer-groups', reset('--from-file FOLDER/plan.csv --execute')),
    ...lines(
      'kafka-consumer-groups',
      '--describe --group @g --offsets',
      '--delete-offsets --group @g --topic @t:1',
      '--delete-offsets --group @g --topic @missing',
      '--delete-offsets --group @g --topic @s:9',
      '--delete-offsets --group @missing --topic @s',
      '--delete-offsets --group @g',
      '--describe --group @g --offsets',
      '--describe',
      '--describe --group @g --state --members',
      '--describe --group @g --all-groups',
      '--list --state Odd',
      '--list --type Odd',
      '--list --members',
      '--validate-regex a.*',
      '--validate-regex a(',
      '--delete --group @missing',
      '--delete --group @g --group @missing',
      '--delete --group @g',
      '--delete',
      '--bogus',
      '',
    ),
    ...lines(
      'kafka-groups',
      '--list --consumer --share',
      '--list --group-type odd',
      '--list --share',
      '--list --streams',
    ),
  ],
}

const liveGroups: ToolScript = {
  name: 'kafka-consumer-groups: groups with members, classic and KIP-848',
  live: true,
  lines: [
    ...lines('kafka-groups', '--list', '--list --group-type classic', '--list --consumer'),
    ...lines(
      'kafka-consumer-groups',
      '--list',
      '--list --state',
      '--list --type',
      '--list --state Stable --type consumer',
      '--list --type classic',
      ...LIVE_GROUPS.flatMap(([group]) => [
        `--describe --group ${group}`,
        `--describe --group ${group} --offsets`,
        `--describe --group ${group} --offsets --verbose`,
        `--describe --group ${group} --members`,
        `--describe --group ${group} --members --verbose`,
        `--describe --group ${group} --state`,
        `--describe --group ${group} --state --verbose`,
        `--reset-offsets --group ${group} --topic live-topic --to-earliest --execute`,
        `--reset-offsets --group ${group} --topic live-topic --to-earliest --dry-run`,
        `--delete-offsets --group ${group} --topic live-topic`,
        `--delete --group ${group}`,
      ]),
      '--describe --all-groups --state',
      '--describe --all-groups --members',
    ),
  ],
}

const offsets: ToolScript = {
  name: 'kafka-get-offsets, kafka-delete-records',
  lines: [
    ...lines('kafka-topics', '--create --topic @t --partitions 2', '--create --topic @s'),
    { line: 'kafka-console-producer --topic @s', input: 'a\nb\nc\n' },
    ...lines('kafka-topics', '--create --topic @one'),
    { line: 'kafka-console-producer --topic @one', input: 'a\n' },
    ...lines(
      'kafka-get-offsets',
      '--topic @s',
      '--topic @.*',
      '--topic @s --time earliest',
      '--topic @s --time -1',
      '--topic @one --time max-timestamp',
      '--topic @s --time earliest-local',
      '--topic @s --time latest-tiered',
      '--topic @s --time 1000',
      '--topic @s --time 99999999999999',
      '--topic @t --partitions 1',
      '--topic-partitions @t:0-1,@s:0',
      '--topic-partitions @t:x',
      '--topic @missing',
      '--topic @s --time bogus',
      '--topic @s --partitions x',
      '--topic @s --topic-partitions @s:0',
      '--topic @s --exclude-internal-topics',
      '--bogus',
    ),
    {
      line: 'kafka-delete-records --offset-json-file FOLDER/del.json',
      file: {
        name: 'del.json',
        text: json({ version: 1, partitions: [{ topic: '@s', partition: 0, offset: 2 }] }),
      },
    },
    {
      line: 'kafka-delete-records --offset-json-file FOLDER/far.json',
      file: {
        name: 'far.json',
        text: json({ partitions: [{ topic: '@s', partition: 0, offset: 99 }] }),
      },
    },
    ...lines('kafka-get-offsets', '--topic @s --time earliest'),
    ...lines('kafka-delete-records', ''),
  ],
}

const replicas: ToolScript = {
  name: 'kafka-log-dirs, kafka-leader-election, kafka-reassign-partitions',
  lines: [
    ...lines('kafka-topics', '--create --topic @t --partitions 2'),
    ...lines(
      'kafka-leader-election',
      '--election-type preferred --topic @t --partition 0',
      '--election-type preferred --topic @missing --partition 0',
      '--election-type unclean --topic @t --partition 0',
      '--election-type preferred --topic @t',
      '--election-type preferred',
      '--topic @t --partition 0',
      '--election-type preferred --all-topic-partitions --topic @t --partition 0',
    ),
    {
      line: 'kafka-leader-election --election-type odd --topic @t --partition 0',
      words: "Java's stack",
    },
    {
      line: 'kafka-leader-election --election-type preferred --path-to-json-file FOLDER/e.json',
      file: {
        name: 'e.json',
        text: json({ partitions: [{ topic: '@t', partition: 1 }] }),
      },
    },
    {
      line: 'kafka-reassign-partitions --reassignment-json-file FOLDER/r.json --execute',
      file: {
        name: 'r.json',
        text: json({ version: 1, partitions: [{ topic: '@t', partition: 0, replicas: [1] }] }),
      },
    },
    ...lines(
      'kafka-reassign-partitions',
      '--reassignment-json-file FOLDER/r.json --verify',
      '--reassignment-json-file FOLDER/r.json --cancel',
      '--list',
    ),
    {
      line: 'kafka-reassign-partitions --topics-to-move-json-file FOLDER/m.json --broker-list 1 --generate',
      file: { name: 'm.json', text: json({ version: 1, topics: [{ topic: '@t' }] }) },
    },
    {
      line: 'kafka-reassign-partitions --reassignment-json-file FOLDER/x.json --execute',
      file: {
        name: 'x.json',
        text: json({ version: 1, partitions: [{ topic: '@t', partition: 0, replicas: [7] }] }),
      },
    },
    ...lines('kafka-reassign-partitions', '--execute', '--list --execute', '--generate', ''),
    ...lines(
      'kafka-log-dirs',
      '--describe --topic-list @missing',
      '--describe --broker-list 7 --topic-list @t',
      '--describe --broker-list x',
      '',
    ),
  ],
}

const console: ToolScript = {
  name: 'kafka-console-producer, kafka-console-consumer',
  lines: [
    ...lines('kafka-topics', '--create --topic @t'),
    { line: 'kafka-console-producer --topic @t', input: 'one\ntwo\n\nfour\n' },
    {
      line: 'kafka-console-producer --topic @t --property parse.key=true --property key.separator=:',
      input: 'k:v\nk2:v:w\n',
    },
    {
      line: 'kafka-console-producer --topic @t --property parse.key=true',
      input: 'no-separator\n',
    },
    ...lines(
      'kafka-console-consumer',
      '--topic @t --from-beginning --max-messages 6 --timeout-ms 20000',
      '--topic @t --partition 0 --offset 1 --max-messages 2 --timeout-ms 20000',
      '--topic @t --partition 0 --offset earliest --max-messages 6 --timeout-ms 20000 ' +
        ['key', 'offset', 'partition', 'timestamp']
          .map((part) => `--property print.${part}=true`)
          .join(' '),
      '--topic @t --partition 0 --offset latest --max-messages 1 --timeout-ms 500',
      '--topic @t --from-beginning --offset 1',
      '--topic @t --offset 1',
      '--topic @t --partition 0 --offset x',
      '--topic @t --partition x --offset 1',
      '--topic @t --include a',
      '--bogus',
      '',
    ),
    ...lines(
      'kafka-console-producer',
      '',
      '--topic @t --sync --bogus',
      '--topic @t --batch-size x',
    ),
  ],
}

const cluster: ToolScript = {
  name: 'kafka-cluster, kafka-features, kafka-metadata-quorum, kafka-broker-api-versions',
  lines: [
    {
      line: 'kafka-cluster cluster-id --bootstrap-server ADDRESS',
      differs: 'each cluster has its own id',
    },
    {
      line: 'kafka-cluster list-endpoints --bootstrap-server ADDRESS',
      differs: 'each broker has its own address',
    },
    {
      line: 'kafka-cluster unregister --bootstrap-server ADDRESS --id 9',
      words: "Java's stack",
    },
    { line: 'kafka-features --bootstrap-server ADDRESS describe', differs: 'fewer features' },
    {
      line: 'kafka-features --bootstrap-server ADDRESS upgrade --feature bogus=1',
      differs: 'words',
    },
    {
      line: 'kafka-features --bootstrap-server ADDRESS upgrade --feature group.version=9 --dry-run',
      differs: 'words',
    },
    {
      line: 'kafka-metadata-quorum --bootstrap-server ADDRESS describe --status',
      differs: 'each quorum has its own state',
    },
    { line: 'kafka-broker-api-versions --bootstrap-server ADDRESS', differs: 'fewer APIs' },
  ],
}

export const toolScripts: readonly ToolScript[] = [
  topics,
  configs,
  groups,
  liveGroups,
  offsets,
  replicas,
  console,
  cluster,
]
