/**
 * Apache Kafka 4.2 from its own jars (KAFKA_LIBS or /opt/kafka/libs): one KRaft node, the heap and the
 * collector flags of bin/kafka-run-class.sh, everything else at its defaults. It acknowledges from the
 * page cache, as sluice does with sluice.flush.mode=async.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Peer, PeerFolder } from './peer.ts'

const FOLDER = process.env['KAFKA_LIBS'] ?? '/opt/kafka/libs'
const CLASS_PATH = join(FOLDER, '*')
/** 16 bytes in base64, as `kafka-storage random-uuid` prints. */
const CLUSTER_ID = 'c2x1aWNlLWJlbmNoLWlkMA'
const COLLECTOR = [
  '-server',
  '-XX:+UseG1GC',
  '-XX:MaxGCPauseMillis=20',
  '-XX:InitiatingHeapOccupancyPercent=35',
  '-XX:+ExplicitGCInvokesConcurrent',
]

export function kafkaPeer(heapMib: number): Peer {
  return {
    name: 'kafka',
    setting: `Apache Kafka 4.2.0, ${heapMib} MiB heap, ${FOLDER}`,
    missing: () => missingKafka(),
    prepare: (where) => {
      writeFileSync(join(where.folder, 'server.properties'), properties(where))
      const file = join(where.folder, 'server.properties')
      const tool = ['-Xmx256m', '-cp', CLASS_PATH, 'kafka.tools.StorageTool']
      const args = [...tool, 'format', '-t', CLUSTER_ID, '-c', file]
      execFileSync('java', args, { stdio: 'pipe' })
    },
    command: ({ folder }) => ({
      command: 'java',
      args: [
        `-Xms${heapMib}m`,
        `-Xmx${heapMib}m`,
        ...COLLECTOR,
        '-cp',
        CLASS_PATH,
        'kafka.Kafka',
        join(folder, 'server.properties'),
      ],
    }),
  }
}

function missingKafka(): string | null {
  if (!existsSync(join(FOLDER, 'kafka_2.13-4.2.0.jar')))
    return `no Kafka 4.2 in ${FOLDER}; set KAFKA_LIBS to the folder of its jars`
  try {
    execFileSync('java', ['-version'], { stdio: 'ignore' })
    return null
  } catch {
    return 'no java on this machine'
  }
}

function properties({ folder, port, spare }: PeerFolder): string {
  const lines: Record<string, string> = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${spare}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${spare}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': join(folder, 'data'),
    'log.segment.delete.delay.ms': '100',
    'offsets.topic.replication.factor': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
  }
  return Object.entries(lines)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('')
}
