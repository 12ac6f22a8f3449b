/**
 * NATS JetStream under `nats bench`: another protocol, another client. Its file store answers from the
 * page cache, as the others do.
 */
import type { Peer } from './peer.ts'
import { hasCommand } from './peer-command.ts'

/** Cells of the same shape: clients, messages before they wait for answers, bytes, how many. */
const RUNS: Readonly<Record<string, readonly [number, number, number, number]>> = {
  'one-record-1x1': [1, 1, 100, 30_000],
  'one-record-10x1': [10, 1, 100, 150_000],
  'one-record-10x10': [10, 10, 100, 300_000],
  'produce-64k-1': [1, 5, 65_536, 20_000],
  'produce-64k-4': [4, 5, 65_536, 20_000],
}

export const natsPeer: Peer = {
  name: 'nats',
  setting: 'nats-server -js, file storage, one replica, by nats bench',
  syncConfigs: [],
  servesClients: false,
  compilesInTime: false,
  missing: async () => hasCommand('nats-server', 'nats'),
  prepare: () => {},
  command: ({ folder, port }) => ({
    command: 'nats-server',
    args: ['-js', '-a', '127.0.0.1', '-p', `${port}`, '-sd', folder],
  }),
  ownTool: {
    protocol: 'NATS, nats bench',
    runOf: (cell, port) => {
      const run = RUNS[cell]
      if (run === undefined) return null
      const [clients, depth, bytes, count] = run
      const how = depth === 1 ? ['--syncpub'] : ['--pubbatch', `${depth}`]
      const load = ['--pub', `${clients}`, '--size', `${bytes}`, '--msgs', `${count}`]
      // The tool makes the stream of its own name alone; a name of ours it would take as made.
      const stream = ['--js', '--purge', '--storage', 'file', '--maxbytes', '4GB', '--no-progress']
      return {
        command: 'nats',
        args: ['-s', `nats://127.0.0.1:${port}`, 'bench', 'bench', ...load, ...how, ...stream],
        rateIn: (said) =>
          Number(
            /Pub stats: ([\d,]+) msgs\/sec/.exec(said)?.[1]?.replaceAll(',', '') ?? Number.NaN,
          ),
        messageBytes: bytes,
      }
    },
  },
}
