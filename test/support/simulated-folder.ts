/**
 * One directory of a simulated disk as a value: what lies in it as a text to compare by, a copy to keep,
 * and putting a kept copy in its place. For harnesses that meet the same content again and again.
 */
import { crc32c } from '../../engine/base/crc32c.ts'
import type { SimulatedDisk } from './simulated-disk.ts'
import { type Content, type DirNode, FileNode } from './simulated-tree.ts'

export type KeptFolder = ReadonlyMap<
  string,
  { readonly content: Content; readonly modifiedMs: number }
>

export function folderAt(disk: SimulatedDisk, path: string): DirNode | null {
  let node: DirNode = disk.tree.root
  for (const name of path.split('/')) {
    if (name === '') continue
    const next = node.entries.get(name)
    if (next === undefined || next.kind !== 'dir') return null
    node = next
  }
  return node
}

/** Equal for equal names, sizes and sums of the files in the directory. */
export function folderKey(dir: DirNode): string {
  const parts: string[] = []
  for (const [name, node] of dir.entries) {
    if (node.kind === 'dir') parts.push(`${name}/`)
    else {
      const bytes = node.cache.view()
      parts.push(`${name} ${bytes.length} ${crc32c(bytes)}`)
    }
  }
  return parts.sort().join('|')
}

/** The files as they are now; later changes do not reach the copy. */
export function keepFolder(dir: DirNode): KeptFolder {
  const kept = new Map<string, { content: Content; modifiedMs: number }>()
  for (const [name, node] of dir.entries)
    if (node.kind === 'file')
      kept.set(name, { content: node.cache.fork(), modifiedMs: node.modifiedMs })
  return kept
}

/** Makes the directory of a plain disk hold exactly what was kept. */
export function putFolder(dir: DirNode, kept: KeptFolder): void {
  dir.entries.clear()
  for (const [name, { content, modifiedMs }] of kept) {
    const file = new FileNode(content.fork(), false)
    file.modifiedMs = modifiedMs
    dir.entries.set(name, file)
  }
}

/** null, or how the directory differs from what was kept. */
export function folderChange(dir: DirNode, kept: KeptFolder): string | null {
  for (const [name, node] of dir.entries) {
    if (node.kind !== 'file') continue
    const before = kept.get(name)
    if (before === undefined) return `${name} is new`
    if (node.cache.sharesWith(before.content)) continue
    const [was, is] = [before.content.view(), node.cache.view()]
    if (!was.equals(is)) return `${name}: ${show(was)} became ${show(is)}`
  }
  for (const name of kept.keys()) if (!dir.entries.has(name)) return `${name} is gone`
  return null
}

/** Short enough for one line; small files of text as text. */
function show(bytes: Buffer): string {
  return JSON.stringify(bytes.subarray(0, 200).toString('latin1'))
}
