/**
 * Recovery of partition folders for the judge: done, checked against the rules and done again for each
 * content that was not met before; taken from memory when the same folder comes with the same options.
 * Recovery of a folder depends on nothing else, and most outcomes of a power cut differ in few folders.
 */

import { silentLogger } from '../../engine/base/logger.ts'
import { checkLog } from '../../engine/log/check.ts'
import type { Disk } from '../../engine/log/disk.ts'
import { recoverLog } from '../../engine/log/recovery.ts'
import {
  type RecoverLogInput,
  type RecoverLogOutcome,
  recoverLogOn,
} from '../../workers/jobs/recover-log.ts'
import { SimulatedDisk } from '../support/simulated-disk.ts'
import {
  folderAt,
  folderChange,
  folderKey,
  type KeptFolder,
  keepFolder,
  putFolder,
} from '../support/simulated-folder.ts'
import type { DirNode } from '../support/simulated-tree.ts'

interface Recovered {
  readonly outcome: RecoverLogOutcome
  readonly problems: readonly string[]
  readonly content: KeptFolder
}

/** Contents kept; the oldest make room. */
const KEPT_MAX = 5_000

export class RecoveryMemo {
  /** Folders recovered and checked. */
  recoveries = 0
  /** Folders met before. */
  repeats = 0
  /** What was wrong with the folders of the present state. */
  problems: string[] = []
  private readonly kept = new Map<string, Recovered>()

  readonly recoverLog = async (disk: Disk, input: RecoverLogInput): Promise<RecoverLogOutcome> => {
    if (!(disk instanceof SimulatedDisk) || disk.options.plain !== true)
      return await recoverLogOn(disk, input)
    const dir = folderAt(disk, input.dir)
    if (dir === null) return await recoverLogOn(disk, input)
    return (await this.recoverFolder(disk, dir, input)).outcome
  }

  /** The outcome, and whether this content came for the first time. */
  async recoverFolder(
    disk: SimulatedDisk,
    dir: DirNode,
    input: RecoverLogInput,
  ): Promise<{ readonly outcome: RecoverLogOutcome; readonly isNew: boolean }> {
    const { recoveryPoint, logStartOffset, indexIntervalBytes, gapsAllowed } = input.options
    const options = `${input.dir} ${recoveryPoint} ${logStartOffset} ${indexIntervalBytes} ${gapsAllowed}`
    const key = `${options} ${folderKey(dir)}`
    let known = this.kept.get(key)
    const isNew = known === undefined
    if (known === undefined) {
      known = await this.recover(disk, input)
      if (this.kept.size >= KEPT_MAX) this.kept.clear()
      this.kept.set(key, known)
    } else {
      this.repeats++
      putFolder(dir, known.content)
    }
    this.problems.push(...known.problems)
    return { outcome: known.outcome, isNew }
  }

  private async recover(disk: SimulatedDisk, input: RecoverLogInput): Promise<Recovered> {
    this.recoveries++
    const outcome = await recoverLogOn(disk, input)
    const dir = folderAt(disk, input.dir)!
    const content = keepFolder(dir)
    if (outcome.kind !== 'recovered')
      return { outcome, content, problems: [`${input.dir}: ${outcome.message}`] }
    const { indexIntervalBytes, gapsAllowed } = input.options
    const report = await checkLog(disk, input.dir, {
      indexIntervalBytes,
      gapsAllowed: gapsAllowed === true,
      producers: gapsAllowed !== true,
    })
    const problems = [...report.problems]
    await recoverLog(disk, input.dir, { ...input.options, logger: silentLogger })
    const changed = folderChange(dir, content)
    if (changed !== null) problems.push(`a second recovery changed ${input.dir}: ${changed}`)
    putFolder(dir, content)
    return { outcome, content, problems }
  }
}
