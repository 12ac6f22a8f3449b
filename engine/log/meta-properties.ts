/**
 * Whose data folder this is (meta.properties; org.apache.kafka.metadata.properties.MetaProperties),
 * a Java properties file:
 *
 *   #
 *   #Sun Nov 22 19:54:23 UTC 2026
 *   node.id=1                            broker.id in version 0
 *   directory.id=<22 characters>         of this folder, absent in version 0
 *   version=1
 *   cluster.id=<22 characters>
 *
 * Checked at start: a folder of another cluster or broker stops the start with both values named.
 */
import { CorruptFile } from './corrupt-file.ts'
import type { Disk } from './disk.ts'

export const META_PROPERTIES_FILE = 'meta.properties'

export interface MetaProperties {
  readonly version: number
  readonly clusterId: string
  readonly nodeId: number
  /** null in version 0. */
  readonly directoryId: string | null
}

/** `wallMs` becomes the comment line with the time of writing. */
export function formatMetaProperties(properties: MetaProperties, wallMs: number): string {
  const { version, clusterId, nodeId, directoryId } = properties
  const lines = ['#', `#${javaDate(wallMs)}`]
  lines.push(`${version === 0 ? 'broker.id' : 'node.id'}=${nodeId}`)
  if (directoryId !== null) lines.push(`directory.id=${directoryId}`)
  lines.push(`version=${version}`, `cluster.id=${clusterId}`)
  return `${lines.join('\n')}\n`
}

/** Throws CorruptFile. */
export function parseMetaProperties(content: Buffer, path: string): MetaProperties {
  const values = new Map<string, string>()
  for (const line of content.toString('latin1').split(/\r?\n/)) {
    const match = /^\s*([^#!\s:=][^\s:=]*)\s*[:=]\s*(.*?)\s*$/.exec(line)
    if (match !== null) values.set(match[1]!, match[2]!.replace(/\\(.)/g, '$1'))
  }
  const number = (key: string, value: string | undefined): number => {
    if (value === undefined) throw new CorruptFile(path, `${key} is missing`)
    if (!/^\d{1,10}$/.test(value)) throw new CorruptFile(path, `${key}=${value} is no number`)
    return Number(value)
  }
  const version = number('version', values.get('version') ?? '0')
  if (version > 1) throw new CorruptFile(path, `version ${version} is newer than this program`)
  const clusterId = values.get('cluster.id')
  if (clusterId === undefined || clusterId === '')
    throw new CorruptFile(path, 'cluster.id is missing')
  return {
    version,
    clusterId,
    nodeId: number('node.id', values.get('node.id') ?? values.get('broker.id')),
    directoryId: values.get('directory.id') ?? null,
  }
}

/**
 * What is different from the configured identity, as a message for the operator; null = nothing.
 */
export function metaPropertiesProblem(
  found: MetaProperties,
  expected: { readonly clusterId: string | null; readonly nodeId: number },
  path: string,
): string | null {
  if (expected.clusterId !== null && found.clusterId !== expected.clusterId)
    return `${path} belongs to cluster.id ${found.clusterId}, but this broker is of cluster.id ${expected.clusterId}. Point log.dirs to this cluster's folder, or correct the id.`
  if (found.nodeId !== expected.nodeId)
    return `${path} belongs to node.id ${found.nodeId}, but this broker is node.id ${expected.nodeId}. Correct node.id (or broker.id), or point log.dirs to this broker's folder.`
  return null
}

/** null when the folder is new. Throws CorruptFile. */
export async function readMetaProperties(
  disk: Disk,
  dataFolder: string,
): Promise<MetaProperties | null> {
  const path = `${dataFolder}/${META_PROPERTIES_FILE}`
  const content = await disk.readFile(path)
  return content === null ? null : parseMetaProperties(content, path)
}

export function writeMetaProperties(
  disk: Disk,
  dataFolder: string,
  properties: MetaProperties,
  wallMs: number,
): Promise<void> {
  const path = `${dataFolder}/${META_PROPERTIES_FILE}`
  return disk.writeFileAtomic(path, formatMetaProperties(properties, wallMs))
}

/** As java.util.Date prints it, in UTC. */
function javaDate(wallMs: number): string {
  const [day, date, month, year, time] = new Date(wallMs).toUTCString().replace(',', '').split(' ')
  return `${day} ${month} ${date} ${time} UTC ${year}`
}
