/**
 * A data folder of Apache Kafka that nobody adopted: serving it would move every topic aside as unknown,
 * so the start is refused with what to do instead. Seen by its metadata log where our store is not.
 */
import { CLUSTER_METADATA_FOLDER } from '../engine/log/data-folder.ts'
import type { Disk } from '../engine/log/disk.ts'
import { META_LOG_FILE, META_SNAPSHOT_FILE } from '../engine/metastore/embedded-store.ts'

/** What to tell the operator; null: go on. */
export async function unadoptedProblem(
  disk: Disk,
  dataFolders: readonly string[],
): Promise<string | null> {
  for (const file of [META_LOG_FILE, META_SNAPSHOT_FILE])
    if (((await disk.stat(`${dataFolders[0]}/${file}`))?.size ?? 0) > 0) return null
  for (const folder of dataFolders)
    if ((await disk.stat(`${folder}/${CLUSTER_METADATA_FOLDER}`)) !== null)
      return (
        `${folder} is a data folder of Apache Kafka, whose topics this broker does not know yet. ` +
        `Take it over with: sluice storage adopt ${dataFolders.join(' ')} (sluice storage release ` +
        'gives it back), or point log.dirs to another folder.'
      )
  return null
}
