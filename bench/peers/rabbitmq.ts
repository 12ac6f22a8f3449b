/**
 * RabbitMQ streams under stream-perf-test (its jar by RABBITMQ_STREAM_PERF): another protocol, another
 * client. Confirms come from the page cache, as RabbitMQ does for streams.
 */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Peer } from './peer.ts'
import { hasCommand } from './peer-command.ts'

const JAR = process.env['RABBITMQ_STREAM_PERF'] ?? ''
const SECONDS = 6

/** Cells of the same shape: producers, unconfirmed messages, messages a frame, bytes. */
const RUNS: Readonly<Record<string, readonly [number, number, number, number]>> = {
  'one-record-1x1': [1, 1, 1, 100],
  'one-record-10x1': [10, 1, 1, 100],
  'one-record-10x10': [10, 10, 1, 100],
}

export const rabbitmqPeer: Peer = {
  name: 'rabbitmq',
  setting: 'RabbitMQ with its stream plugin, by stream-perf-test',
  syncConfigs: [],
  servesClients: false,
  compilesInTime: true,
  async missing() {
    if (!existsSync(JAR)) return 'set RABBITMQ_STREAM_PERF to the jar of stream-perf-test'
    return hasCommand('rabbitmq-server', 'java')
  },
  prepare({ folder, port, spare }) {
    const lines = [
      `stream.listeners.tcp.1 = 127.0.0.1:${port}`,
      `listeners.tcp.1 = 127.0.0.1:${spare}`,
    ]
    writeFileSync(join(folder, 'rabbitmq.conf'), `${lines.join('\n')}\n`)
    writeFileSync(join(folder, 'enabled_plugins'), '[rabbitmq_stream].\n')
  },
  command: ({ folder, port, spare }) => ({
    command: 'rabbitmq-server',
    args: [],
    env: {
      HOME: folder,
      RABBITMQ_NODENAME: `bench${port}@localhost`,
      RABBITMQ_NODE_PORT: `${spare}`,
      RABBITMQ_DIST_PORT: `${spare + 1}`,
      RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
      RABBITMQ_MNESIA_BASE: join(folder, 'data'),
      RABBITMQ_LOG_BASE: folder,
    },
  }),
  ownTool: {
    protocol: 'RabbitMQ streams, stream-perf-test',
    runOf: (cell, port) => {
      const run = RUNS[cell]
      if (run === undefined) return null
      const [producers, depth, batch, bytes] = run
      const load = ['-x', `${producers}`, '-y', '0', '-c', `${depth}`, '-b', `${batch}`]
      const more = ['-s', `${bytes}`, '-z', `${SECONDS}`]
      return {
        command: 'java',
        args: [
          '-jar',
          JAR,
          '-u',
          `rabbitmq-stream://guest:guest@127.0.0.1:${port}/%2f`,
          ...load,
          ...more,
        ],
        rateIn: (said) =>
          Number(
            /published ([\d]+) msg\/s/.exec(said.split('Summary').at(-1) ?? '')?.[1] ?? Number.NaN,
          ),
        messageBytes: bytes,
      }
    },
  },
}
