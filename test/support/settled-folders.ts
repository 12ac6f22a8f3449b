/** Folders of new partitions made durable ahead of the first append, which else waits for that. */
import type { Shard } from '../../engine/shard.ts'

export async function settleFolders(shard: Shard): Promise<void> {
  for (const { identity, log, offline } of [...shard.partitions.values()])
    if (!identity.internal && offline === null) await log.createFolder()
}
