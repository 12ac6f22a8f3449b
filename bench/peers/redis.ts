/**
 * Redis Streams under redis-benchmark: another protocol, another client. `redis` logs to its
 * append-only file and syncs each second, `redis-always` before it answers.
 */
import type { OwnTool, Peer } from './peer.ts'
import { hasCommand } from './peer-command.ts'

/** Cells of the same shape: clients, requests in flight each, bytes, how many. */
const RUNS: Readonly<Record<string, readonly [number, number, number, number]>> = {
  'one-record-1x1': [1, 1, 100, 40_000],
  'one-record-10x1': [10, 1, 100, 200_000],
  'one-record-10x10': [10, 10, 100, 1_000_000],
  'produce-64k-1': [1, 5, 65_536, 20_000],
  'produce-64k-4': [4, 5, 65_536, 20_000],
}
const SYNC_RUNS: typeof RUNS = {
  'sync-one-record-10x10': [10, 10, 100, 200_000],
  'sync-64k-4': [4, 5, 65_536, 5_000],
}

export function redisPeer(name: 'redis' | 'redis-always'): Peer {
  const always = name === 'redis-always'
  const settings = ['--save', '', '--appendonly', 'yes']
  return {
    name,
    setting: `redis-server, appendfsync ${always ? 'always' : 'everysec'}, XADD by redis-benchmark`,
    syncConfigs: [],
    servesClients: false,
    compilesInTime: false,
    ownTool: tool(always ? SYNC_RUNS : RUNS),
    missing: async () => hasCommand('redis-server', 'redis-benchmark'),
    prepare: () => {},
    command: ({ folder, port }) => ({
      command: 'redis-server',
      args: [
        ...['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, ...settings],
        ...['--appendfsync', always ? 'always' : 'everysec'],
      ],
    }),
  }
}

function tool(runs: typeof RUNS): OwnTool {
  return {
    protocol: 'RESP, redis-benchmark',
    runOf: (cell, port) => {
      const run = runs[cell]
      if (run === undefined) return null
      const [clients, depth, bytes, count] = run
      const load = ['-c', `${clients}`, '-P', `${depth}`, '-n', `${count}`, '-q']
      const words = ['XADD', 'bench', 'MAXLEN', '~', '1000000', '*', 'v', 'x'.repeat(bytes)]
      return {
        command: 'redis-benchmark',
        args: ['-p', `${port}`, ...load, ...words],
        rateIn: (said) =>
          Number([...said.matchAll(/([\d.]+) requests per second/g)].at(-1)?.[1] ?? Number.NaN),
        messageBytes: bytes,
      }
    },
  }
}
