/**
 * Who may import whom. Imports point net → workers → engine and never back; think before editing
 * this table: each row is a promise that the folder can be understood without what lies above it.
 */

/** First matching row wins; `allow` are path prefixes, besides the file's own folder. */
interface Row {
  readonly from: string
  readonly allow: readonly string[]
  /** node: modules the folder may use; undefined = any. */
  readonly node?: readonly string[]
}

const BASE = 'engine/base/'
const PURE_NODE = ['node:buffer', 'node:module']

export const importTable: readonly Row[] = [
  { from: 'engine/base/', allow: [], node: PURE_NODE },
  { from: 'engine/schema/', allow: [BASE], node: PURE_NODE },
  { from: 'engine/metadata/', allow: [BASE], node: PURE_NODE },
  { from: 'engine/record/', allow: [BASE], node: [...PURE_NODE, 'node:zlib'] },
  { from: 'engine/protocol/', allow: ['engine/schema/'], node: PURE_NODE },
  {
    from: 'engine/log/disk',
    allow: [BASE],
    node: [...PURE_NODE, 'node:fs', 'node:fs/promises', 'node:path', 'node:util'],
  },
  {
    from: 'engine/log/node-disk',
    allow: [BASE],
    node: [...PURE_NODE, 'node:fs', 'node:fs/promises', 'node:path', 'node:util'],
  },
  { from: 'engine/log/', allow: [BASE, 'engine/record/'], node: PURE_NODE },
  // The embedded store writes through the Disk port and so stands on the log's disk alone.
  {
    from: 'engine/metastore/',
    allow: [BASE, 'engine/schema/', 'engine/log/disk'],
    node: PURE_NODE,
  },
  {
    from: 'engine/partition/',
    allow: [BASE, 'engine/record/', 'engine/metadata/', 'engine/log/', 'engine/shard-port.ts'],
    node: PURE_NODE,
  },
  {
    from: 'engine/coordinator/',
    allow: [
      BASE,
      'engine/schema/',
      'engine/protocol/',
      'engine/record/',
      'engine/metadata/',
      'engine/metastore/',
      'engine/partition/partition.ts',
    ],
    node: PURE_NODE,
  },
  { from: 'engine/', allow: ['engine/'], node: PURE_NODE },
  // A background job is engine work on a pool thread with the real disk: the only such file kind.
  { from: 'workers/jobs/', allow: ['engine/'] },
  // Implements a port of the engine's with the threads of the job pool.
  { from: 'workers/compactors.ts', allow: ['engine/', 'workers/'] },
  { from: 'workers/worker.ts', allow: ['engine/', 'workers/'] },
  {
    from: 'workers/',
    allow: [BASE, 'engine/schema/', 'engine/metadata/', 'engine/shard-port.ts', 'workers/'],
  },
  { from: 'net/thread.ts', allow: ['engine/', 'workers/', 'net/'] },
  // The composition root: builds disk, store and controller and hands them in.
  { from: 'net/broker.ts', allow: ['engine/', 'workers/', 'net/'] },
  // What the broker does to its data folders before and beside serving.
  { from: 'net/storage.ts', allow: ['engine/', 'workers/', 'net/'] },
  { from: 'net/data-folders.ts', allow: ['engine/', 'workers/', 'net/'] },
  { from: 'net/folder-checkpoints.ts', allow: ['engine/', 'net/'] },
  { from: 'net/checkpointer.ts', allow: ['engine/', 'workers/', 'net/'] },
  { from: 'net/duplicate-folders.ts', allow: ['engine/', 'workers/', 'net/'] },
  { from: 'net/unadopted-folder.ts', allow: ['engine/', 'workers/', 'net/'] },
  { from: 'net/folder-watch.ts', allow: ['engine/', 'workers/', 'net/'] },
  // The own client builds and reads records as any client does.
  {
    from: 'net/client/',
    allow: [BASE, 'engine/schema/', 'engine/protocol/', 'engine/record/'],
  },
  {
    from: 'net/',
    allow: [
      BASE,
      'engine/schema/',
      'engine/protocol/',
      'engine/record/batch.ts',
      'engine/metadata/',
      'engine/shard-port.ts',
      // Words of the group coordinator, none of its state: which partition, how to split and merge.
      'engine/coordinator/group/split.ts',
      'engine/coordinator/group/refuse.ts',
      'engine/coordinator/group/requests.ts',
      'workers/',
      'net/',
    ],
  },
  { from: 'bench/', allow: [''] },
  // The history checker judges brokers from outside: it knows nothing of any.
  { from: 'test/history/', allow: [] },
  { from: 'test/', allow: [''] },
  { from: 'tools/', allow: [''] },
]

const OUTSIDE = ['bench/', 'test/', 'tools/']
/** The load generator is a product of its own and the command line starts it. */
const OUTSIDE_EXCEPTION = 'bench/load/'

/** Why `from` may not import `to` (a repository path or a node:/package name); null when it may. */
export function importProblem(from: string, to: string): string | null {
  const row = importTable.find((candidate) => from.startsWith(candidate.from))
  if (row === undefined) return null
  if (to.startsWith('node:')) {
    return row.node !== undefined && !row.node.includes(to) ? `${row.from} may not use ${to}` : null
  }
  const isFile = /\.(ts|mjs|js|json)$/.test(to)
  if (!isFile) return null
  const inside = OUTSIDE.some((folder) => from.startsWith(folder))
  if (!inside && OUTSIDE.some((folder) => to.startsWith(folder)))
    return `nothing imports ${to.split('/')[0]}/`
  if (from.startsWith('tools/') && (to.startsWith('test/') || to.startsWith('bench/')))
    return to.startsWith(OUTSIDE_EXCEPTION) ? null : 'tools may not import tests or benches'
  const ownFolder = from.slice(0, from.lastIndexOf('/') + 1)
  const allowed =
    to.startsWith(row.from) ||
    to.startsWith(ownFolder) ||
    row.allow.some((prefix) => to.startsWith(prefix))
  return allowed ? null : `${row.from} may not import ${to}`
}
