/**
 * Command lines that cannot work, of every command: the table that test/integration/bad-lines.test.ts
 * runs. T is a topic that is there, G a group that is; ADDRESS the broker's.
 */

export interface CommandLines {
  /** Works when a broker is at ADDRESS; null: talks to none. */
  readonly good: string | null
  /** A topic, group or broker that is not there; null: names none, or makes what it names. */
  readonly unknown: string | null
  /** A number, time or value that is none, or out of its range. */
  readonly malformed: string | null
  /** Two flags of which only one can be meant, or one that wants another. */
  readonly contradictory: string | null
  /** Exit code of `unknown` when it is not 1. */
  readonly unknownCode?: number
  /** Kafka's tool tells `malformed` behind the broker's answer and ends with this code. */
  readonly malformedCode?: number
}

const at = ' -b ADDRESS'

const loads = ['produce', 'fetch', 'e2e', 'connections', 'mix'].map((load) => [
  `perf ${load}`,
  {
    good: `perf ${load} --seconds 0.1${at}`,
    unknown: null,
    malformed: `perf ${load} --seconds long${at}`,
    contradictory: `perf ${load} now${at}`,
  },
])

/** By noun and verb. */
export const ownLines: Readonly<Record<string, CommandLines>> = {
  ...Object.fromEntries(loads),
  'perf report': {
    good: null,
    unknown: 'perf report nothing.json -o page.html',
    malformed: null,
    contradictory: 'perf report nothing.json',
  },
  'topic create': {
    good: `topic create new${at}`,
    unknown: null,
    malformed: `topic create new -p many${at}`,
    contradictory: `topic create new -c retention.ms${at}`,
  },
  'topic list': {
    good: `topic list${at}`,
    unknown: null,
    malformed: `topic list --timeout soon${at}`,
    contradictory: `topic list all${at}`,
  },
  'topic describe': {
    good: `topic describe T${at}`,
    unknown: `topic describe nothing${at}`,
    malformed: `topic describe T --timeout -1${at}`,
    contradictory: 'topic describe',
  },
  'topic delete': {
    good: `topic delete T${at}`,
    unknown: `topic delete nothing${at}`,
    malformed: `topic delete T --timeout 1.5${at}`,
    contradictory: 'topic delete',
  },
  'topic alter': {
    good: `topic alter T -p 5${at}`,
    unknown: `topic alter nothing -p 5${at}`,
    malformed: `topic alter T -p 0${at}`,
    contradictory: `topic alter T${at}`,
  },
  'topic offsets': {
    good: `topic offsets T${at}`,
    unknown: `topic offsets nothing${at}`,
    malformed: `topic offsets T:x${at}`,
    contradictory: 'topic offsets',
  },
  'topic delete-records': {
    good: `topic delete-records T --before 0${at}`,
    unknown: `topic delete-records nothing --before 0${at}`,
    malformed: `topic delete-records T --before now${at}`,
    contradictory: `topic delete-records T${at}`,
  },
  'group list': {
    good: `group list${at}`,
    unknown: null,
    malformed: `group list --timeout 0${at}`,
    contradictory: `group list all${at}`,
  },
  'group describe': {
    good: `group describe G${at}`,
    unknown: `group describe nobody${at}`,
    malformed: `group describe G --timeout x${at}`,
    contradictory: 'group describe',
  },
  'group delete': {
    good: `group delete G${at}`,
    unknown: `group delete nobody${at}`,
    malformed: `group delete G --timeout x${at}`,
    contradictory: 'group delete',
  },
  'group reset-offsets': {
    good: `group reset-offsets G --to latest${at}`,
    unknown: `group reset-offsets G --to latest -t nothing${at}`,
    malformed: `group reset-offsets G --to noon${at}`,
    contradictory: `group reset-offsets G${at}`,
  },
  'group delete-offsets': {
    good: `group delete-offsets G -t T${at}`,
    unknown: `group delete-offsets nobody -t T${at}`,
    malformed: `group delete-offsets G -t T:x${at}`,
    contradictory: `group delete-offsets G${at}`,
  },
  'config describe': {
    good: `config describe topic T${at}`,
    unknown: `config describe topic nothing${at}`,
    malformed: `config describe broker one${at}`,
    contradictory: `config describe table T${at}`,
  },
  'config set': {
    good: `config set topic T retention.ms=5000${at}`,
    unknown: `config set topic nothing retention.ms=5000${at}`,
    malformed: `config set topic T segment.bytes=5${at}`,
    contradictory: `config set topic T retention.ms${at}`,
    malformedCode: 1,
  },
  'config unset': {
    good: `config unset topic T retention.ms${at}`,
    unknown: `config unset topic nothing retention.ms${at}`,
    malformed: `config unset topic T no.such.option${at}`,
    contradictory: `config unset topic T${at}`,
    malformedCode: 1,
  },
  'quota list': {
    good: `quota list${at}`,
    unknown: null,
    malformed: `quota list --timeout x${at}`,
    contradictory: `quota list --ip 127.0.0.1 --user u${at}`,
  },
  'quota set': {
    good: `quota set --client c producer_byte_rate=1000${at}`,
    unknown: null,
    malformed: `quota set --client c producer_byte_rate=much${at}`,
    contradictory: `quota set producer_byte_rate=1000${at}`,
  },
  'quota unset': {
    good: `quota unset --client c producer_byte_rate${at}`,
    unknown: null,
    malformed: `quota unset --client c rate${at}`,
    contradictory: `quota unset --ip ::1 --client c producer_byte_rate${at}`,
  },
  produce: {
    good: `produce T${at}`,
    unknown: `produce bad/name${at}`,
    malformed: `produce T -p first${at}`,
    contradictory: `produce T --input jsonl -k :${at}`,
  },
  consume: {
    good: `consume T -e${at}`,
    unknown: `consume nothing -e${at}`,
    malformed: `consume T -p 0 -o first${at}`,
    contradictory: `consume T -p 0 -o 1 --from-beginning${at}`,
  },
  'cluster describe': {
    good: `cluster describe${at}`,
    unknown: null,
    malformed: `cluster describe --timeout x${at}`,
    contradictory: `cluster describe all${at}`,
  },
  'cluster brokers': {
    good: `cluster brokers${at}`,
    unknown: null,
    malformed: `cluster brokers --timeout x${at}`,
    contradictory: `cluster brokers all${at}`,
  },
  'cluster features': {
    good: `cluster features${at}`,
    unknown: null,
    malformed: `cluster features --timeout x${at}`,
    contradictory: `cluster features all${at}`,
  },
  top: {
    good: `top --once${at}`,
    unknown: null,
    malformed: `top --interval often${at}`,
    contradictory: `top now${at}`,
  },
  check: {
    good: null,
    unknown: 'check no-such.properties',
    unknownCode: 2,
    malformed: 'check --override num.partitions=many',
    contradictory: 'check --override num.partitions',
  },
  serve: {
    good: null,
    unknown: 'serve no-such.properties',
    unknownCode: 2,
    malformed: 'serve --override num.partitions=many',
    contradictory: 'serve one.properties two.properties',
  },
  quickstart: {
    good: null,
    unknown: 'quickstart --text /no/such/folder',
    unknownCode: 2,
    malformed: null,
    contradictory: 'quickstart now',
  },
  'storage info': {
    good: null,
    unknown: 'storage info no-such.properties',
    unknownCode: 2,
    malformed: 'storage info --override node.id=one',
    contradictory: 'storage info --override node.id',
  },
  'storage format': {
    good: null,
    unknown: 'storage format no-such.properties',
    unknownCode: 2,
    malformed: 'storage format --override node.id=one',
    contradictory: 'storage format --override node.id',
  },
  'storage random-id': {
    good: null,
    unknown: null,
    malformed: null,
    contradictory: 'storage random-id two',
  },
  'storage adopt': {
    good: null,
    unknown: 'storage adopt /no/such/folder',
    malformed: null,
    contradictory: 'storage adopt',
  },
  'storage release': {
    good: null,
    unknown: 'storage release /no/such/folder',
    malformed: null,
    contradictory: 'storage release',
  },
  'log verify': {
    good: null,
    unknown: 'log verify /no/such/folder-0',
    malformed: null,
    contradictory: 'log verify',
  },
  'log rebuild-index': {
    good: null,
    unknown: 'log rebuild-index /no/such/folder-0',
    malformed: 'log rebuild-index /tmp --index-interval-bytes x',
    contradictory: 'log rebuild-index',
  },
  'log salvage': {
    good: null,
    unknown: 'log salvage /no/such/folder-0',
    malformed: 'log salvage /tmp --index-interval-bytes x',
    contradictory: 'log salvage',
  },
  'aliases list': {
    good: null,
    unknown: null,
    malformed: null,
    contradictory: 'aliases list all',
  },
  'aliases install': {
    good: null,
    unknown: 'aliases install /dev/null/folder',
    malformed: null,
    contradictory: 'aliases install',
  },
  completion: {
    good: null,
    unknown: 'completion tcsh',
    unknownCode: 2,
    malformed: null,
    contradictory: 'completion bash zsh',
  },
}

const server = '--bootstrap-server ADDRESS'
const reset = '--reset-offsets --group G --topic T'
const perf = '--num-records 1 --record-size 1 --throughput -1'

/** By name. */
export const kafkaLines: Readonly<Record<string, CommandLines>> = {
  'kafka-topics': {
    good: `${server} --list`,
    unknown: `${server} --describe --topic nothing`,
    malformed: `${server} --create --topic new --partitions many`,
    contradictory: `${server} --list --describe`,
  },
  'kafka-configs': {
    good: `${server} --describe --topic T`,
    unknown: `${server} --alter --topic nothing --add-config retention.ms=5000`,
    malformed: `${server} --alter --topic T --add-config retention.ms=long`,
    contradictory: `${server} --describe --alter --topic T`,
  },
  'kafka-console-producer': {
    good: `${server} --topic T`,
    unknown: `${server} --topic bad/name`,
    malformed: `${server} --topic T --batch-size big`,
    contradictory: server,
  },
  'kafka-console-consumer': {
    good: `${server} --topic T --max-messages 1`,
    unknown: null,
    malformed: `${server} --topic T --max-messages few`,
    contradictory: `${server} --topic T --partition 0 --offset 1 --from-beginning`,
  },
  'kafka-consumer-groups': {
    good: `${server} --list`,
    unknown: `${server} --describe --group nobody`,
    unknownCode: 0,
    malformed: `${server} ${reset} --shift-by far --dry-run`,
    malformedCode: 0,
    contradictory: `${server} ${reset} --to-latest --to-earliest --execute`,
  },
  'kafka-client-metrics': {
    good: `${server} --list`,
    unknown: null,
    malformed: `${server} --alter --name sub --interval 5`,
    contradictory: `${server} --list --name sub`,
  },
  'kafka-groups': {
    good: `${server} --list`,
    unknown: null,
    malformed: `${server} --list --group-type odd`,
    contradictory: `${server} --list --share --consumer`,
  },
  'kafka-get-offsets': {
    good: `${server} --topic T`,
    unknown: `${server} --topic nothing`,
    malformed: `${server} --topic T --partitions first`,
    contradictory: `${server} --topic T --topic-partitions T:0`,
  },
  'kafka-delete-records': {
    good: `${server} --offset-json-file good.json`,
    unknown: `${server} --offset-json-file none.json`,
    malformed: `${server} --offset-json-file bad.json`,
    contradictory: server,
  },
  'kafka-log-dirs': {
    good: `${server} --describe`,
    unknown: `${server} --describe --broker-list 7`,
    malformed: `${server} --describe --broker-list one`,
    contradictory: server,
  },
  'kafka-leader-election': {
    good: `${server} --election-type preferred --topic T --partition 0`,
    unknown: `${server} --election-type preferred --topic nothing --partition 0`,
    malformed: `${server} --election-type preferred --topic T --partition first`,
    contradictory: `${server} --election-type preferred --all-topic-partitions --topic T --partition 0`,
  },
  'kafka-reassign-partitions': {
    good: `${server} --list`,
    unknown: `${server} --execute --reassignment-json-file none.json`,
    malformed: `${server} --execute --reassignment-json-file bad.json`,
    contradictory: `${server} --list --execute`,
  },
  'kafka-cluster': {
    good: `cluster-id ${server}`,
    unknown: `unregister ${server} --id 9`,
    malformed: `unregister ${server} --id nine`,
    contradictory: `cluster-id ${server} --bootstrap-controller ADDRESS`,
  },
  'kafka-features': {
    good: `${server} describe`,
    unknown: `${server} upgrade --feature nothing=1`,
    malformed: `${server} upgrade --feature metadata.version=high`,
    contradictory: `${server} upgrade --release-version 4.2 --feature metadata.version=29`,
  },
  'kafka-metadata-quorum': {
    good: `${server} describe --status`,
    unknown: `${server} remove-controller -i 9 -d NcPymGGUSFKWG3DCOKj9Og`,
    malformed: `${server} remove-controller -i nine -d NcPymGGUSFKWG3DCOKj9Og`,
    contradictory: `${server} describe --status --replication`,
  },
  'kafka-broker-api-versions': {
    good: server,
    unknown: null,
    malformed: null,
    contradictory: '--bootstrap-server',
  },
  'kafka-producer-perf-test': {
    good: `${server} --topic T ${perf}`,
    unknown: null,
    malformed: `${server} --topic T --num-records many --record-size 1 --throughput -1`,
    contradictory: `--topic T ${perf}`,
  },
  'kafka-consumer-perf-test': {
    good: `${server} --topic T --num-records 1 --timeout 300`,
    unknown: null,
    malformed: `${server} --topic T --num-records many`,
    contradictory: `${server} --topic T`,
  },
  'kafka-verifiable-producer': {
    good: `${server} --topic T --max-messages 1`,
    unknown: null,
    malformed: `${server} --topic T --max-messages few`,
    contradictory: server,
  },
  'kafka-verifiable-consumer': {
    good: `${server} --topic T --group-id g --max-messages 1`,
    unknown: null,
    malformed: `${server} --topic T --group-id g --max-messages few`,
    contradictory: `${server} --topic T`,
  },
  'kafka-e2e-latency': {
    good: 'ADDRESS T 1 1 1',
    unknown: null,
    malformed: 'ADDRESS T one 1 1',
    contradictory: 'ADDRESS T',
  },
  'kafka-server-start': {
    good: null,
    unknown: 'no-such.properties',
    malformed: 'empty.properties --override num.partitions=many',
    contradictory: '',
  },
  'kafka-server-stop': {
    good: null,
    unknown: null,
    malformed: '--node-id=one',
    contradictory: '--process-role=nobody',
  },
  'kafka-storage': {
    good: null,
    unknown: 'info -c no-such.properties',
    malformed: 'format -t NcPymGGUSFKWG3DCOKj9Og -r 9.9 -c empty.properties',
    contradictory: 'format -c empty.properties',
  },
  'kafka-dump-log': {
    good: null,
    unknown: '--files /no/such/00000000000000000000.log',
    malformed: '--files a.log --max-message-size big',
    contradictory: '',
  },
  kcat: {
    good: '-b ADDRESS -L',
    unknown: '-b ADDRESS -C -t nothing -e',
    malformed: '-b ADDRESS -C -t T -c few',
    contradictory: '-b ADDRESS -C -e',
  },
}
