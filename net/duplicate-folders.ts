/**
 * A partition that lies in two data folders: a move between them was cut short right after it took effect
 * (engine/log/log-move.ts), or someone copied a folder by hand. The one that reaches further is served, the
 * first in log.dirs of equal ones; after a move both hold what was acknowledged. The other is kept under a
 * `-stray` name: nothing is deleted that was not asked for (R17).
 */
import type { Logger } from '../engine/base/logger.ts'
import type { Random } from '../engine/base/random.ts'
import type { Disk } from '../engine/log/disk.ts'
import { putFolderAside } from '../engine/log/log-delete.ts'
import { parseSegmentFileName, SegmentSuffix } from '../engine/log/segment-files.ts'

export interface DuplicatePorts {
  readonly disk: Disk
  readonly random: Random
  readonly logger: Logger
}

/** A partition folder that is to be put aside. */
export interface LeftFolder {
  readonly name: string
  readonly left: string
  readonly kept: string
}

/** Which of the data folders keeps the partition `name`. Throws DiskError. */
export async function chooseOne(
  disk: Disk,
  name: string,
  one: string,
  other: string,
): Promise<LeftFolder> {
  const [oneEnd, otherEnd] = [await endOf(disk, one, name), await endOf(disk, other, name)]
  const isOther =
    otherEnd.base > oneEnd.base || (otherEnd.base === oneEnd.base && otherEnd.size > oneEnd.size)
  const [kept, left] = isOther ? [other, one] : [one, other]
  return { name, left, kept }
}

/** Gives the folder that does not keep it its `-stray` name, durably. */
export async function putAside(
  { disk, random, logger }: DuplicatePorts,
  { name, left, kept }: LeftFolder,
): Promise<void> {
  const aside = await putFolderAside({ disk, random }, `${left}/${name}`, name, 'stray')
  logger.warn(
    `${name} lies in ${kept} and in ${left}, as after a move that was cut short: the one in ${kept} ` +
      `is served, the other is kept as ${aside}. Remove it when it is not needed.`,
  )
}

/** The last segment and its length. */
async function endOf(
  disk: Disk,
  dataFolder: string,
  name: string,
): Promise<{ base: number; size: number }> {
  const end = { base: -1, size: 0 }
  for (const file of await disk.list(`${dataFolder}/${name}`)) {
    const parsed = parseSegmentFileName(file)
    if (parsed?.suffix !== SegmentSuffix.log || parsed.mark !== '') continue
    if (parsed.offset <= end.base) continue
    end.base = parsed.offset
    end.size = (await disk.stat(`${dataFolder}/${name}/${file}`))?.size ?? 0
  }
  return end
}
