/**
 * Apache Kafka 4.2 from its own jars (KAFKA_LIBS, /opt/kafka/libs, or Maven, which is asked once and
 * whose jars are kept in a cache folder): one KRaft node, the heap and the collector flags of
 * bin/kafka-run-class.sh, everything else at its defaults. It acknowledges from the page cache, as
 * sluice does with sluice.flush.mode=async.
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findKafkaJars, KAFKA_VERSION } from '../../test/support/kafka-jars.ts'
import type { Peer, PeerFolder } from './peer.ts'

/** 16 bytes in base64, as `kafka-storage random-uuid` prints. */
const CLUSTER_ID = 'c2x1aWNlLWJlbmNoLWlkMA'
const COLLECTOR = [
  '-server',
  '-XX:+UseG1GC',
  '-XX:MaxGCPauseMillis=20',
  '-XX:InitiatingHeapOccupancyPercent=35',
  '-XX:+ExplicitGCInvokesConcurrent',
]

export function kafkaPeer(name: string, heapMib: number): Peer {
  let classPath = ''
  return {
    name,
    setting: `Apache Kafka ${KAFKA_VERSION}, ${heapMib} MiB heap`,
    syncConfigs: [{ name: 'flush.messages', value: '1' }],
    servesClients: true,
    compilesInTime: true,
    async missing() {
      const jars = await findKafkaJars()
      if (typeof jars === 'string') return jars
      classPath = join(jars.folder, '*')
      return null
    },
    prepare: (where) => {
      writeFileSync(join(where.folder, 'server.properties'), properties(where))
      const file = join(where.folder, 'server.properties')
      const tool = ['-Xmx256m', '-cp', classPath, 'kafka.tools.StorageTool']
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
        classPath,
        'kafka.Kafka',
        join(folder, 'server.properties'),
      ],
    }),
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
