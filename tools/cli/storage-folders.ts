/**
 * Data folders before a broker runs on them: what `kafka-storage` and `sluice storage` do. A formatted
 * folder holds meta.properties, as the broker itself would make at its first start; it says whose
 * folder it is (engine/log/meta-properties.ts).
 */
import { randomBytes } from 'node:crypto'
import { statSync } from 'node:fs'
import { CorruptFile } from '../../engine/log/corrupt-file.ts'
import {
  META_PROPERTIES_FILE,
  type MetaProperties,
  readMetaProperties,
  writeMetaProperties,
} from '../../engine/log/meta-properties.ts'
import { NodeDisk } from '../../engine/log/node-disk.ts'

export interface FolderState {
  readonly path: string
  readonly kind: 'absent' | 'no folder' | 'not formatted' | 'unreadable' | 'formatted'
  readonly meta: MetaProperties | null
  /** What is wrong with an unreadable one. */
  readonly detail: string | null
}

/** A word Kafka's format takes ids from: 16 random bytes in 22 characters, none beginning with `-`. */
export function randomUuid(): string {
  for (;;) {
    const text = randomBytes(16).toString('base64url')
    if (!text.startsWith('-')) return text
  }
}

export async function folderState(path: string): Promise<FolderState> {
  const state = (
    kind: FolderState['kind'],
    meta: MetaProperties | null = null,
    detail: string | null = null,
  ): FolderState => ({ path, kind, meta, detail })
  const kind = kindOf(path)
  if (kind !== 'folder') return state(kind)
  try {
    const meta = await readMetaProperties(new NodeDisk(), path)
    return meta === null ? state('not formatted') : state('formatted', meta)
  } catch (error) {
    if (!(error instanceof CorruptFile)) throw error
    return state('unreadable', null, error.message)
  }
}

function kindOf(path: string): 'folder' | 'no folder' | 'absent' {
  try {
    return statSync(path).isDirectory() ? 'folder' : 'no folder'
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    // ENOTDIR: something above it is a file.
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'absent'
    throw error
  }
}

/** Marks a folder, making it when it is absent. Throws DiskError. */
export async function formatFolder(
  path: string,
  owner: { readonly clusterId: string; readonly nodeId: number },
): Promise<void> {
  const disk = new NodeDisk()
  await disk.makeDir(path)
  await writeMetaProperties(
    disk,
    path,
    { version: 1, ...owner, directoryId: randomUuid() },
    Date.now(),
  )
}

/** The same problems Kafka's tool sees among folders of one node. */
export function mismatches(states: readonly FolderState[]): string[] {
  const metas = states.flatMap(({ meta }) => (meta === null ? [] : [meta]))
  const [first] = metas
  if (first === undefined) return []
  if (metas.some(({ clusterId }) => clusterId !== first.clusterId))
    return ['Mismatched cluster IDs between storage directories.']
  if (metas.some(({ nodeId }) => nodeId !== first.nodeId))
    return ['Mismatched node IDs between storage directories.']
  return []
}

export function folderProblem({ path, kind, detail }: FolderState): string | null {
  switch (kind) {
    case 'absent':
      return `${path} does not exist`
    case 'no folder':
      return `${path} is not a directory`
    case 'not formatted':
      return `${path} is not formatted.`
    case 'unreadable':
      return `Error loading ${path}/${META_PROPERTIES_FILE}: ${detail}`
    case 'formatted':
      return null
  }
}
