/**
 * What shard 0 does about data folders that fail while the broker runs (KIP-112; Kafka's
 * LogDirFailureChannel and its handler): every shard takes its partitions of the folder offline, one line
 * says so, the metadata image shows them without a leader. The broker ends when no folder is left, or when
 * the first one fails, since that holds the metadata.
 */

import type { Logger } from '../engine/base/logger.ts'
import type { Controller } from '../engine/coordinator/controller/controller.ts'
import type { Disk } from '../engine/log/disk.ts'
import { partitionKey } from '../engine/metadata/image.ts'
import type { EmbeddedMetaStore } from '../engine/metastore/embedded-store.ts'
import { type DataFolders, type FolderReport, failsFolder } from '../engine/shard-folders.ts'
import { calls } from '../workers/messages.ts'
import type { Router } from '../workers/router.ts'
import type { UnfinishedMove } from './data-folders.ts'

export interface FolderWatchParts {
  /** It lives in the first folder: when it fails, so does that. */
  readonly store: Pick<EmbeddedMetaStore, 'onFailed'>
  /** Of shard 0's own files: checkpoints and the metadata. */
  readonly disk: Pick<Disk, 'refuseChanges'>
  readonly dataFolders: Pick<DataFolders, 'folders' | 'failed'>
  readonly controller: Pick<Controller, 'takeOffline'>
  /** To be taken up again. */
  readonly unfinishedMoves: readonly UnfinishedMove[]
  readonly logger: Logger
  /** Ends the process. */
  exit(code: number): void
}

type ShardsRouter = Pick<Router, 'shards' | 'image' | 'call' | 'ownerOf'>

export interface WatchedShards {
  readonly router: ShardsRouter
  /** Checkpoints are due: a partition lives in another folder now. */
  checkpoint(): Promise<void>
}

export class FolderWatch {
  private readonly parts: FolderWatchParts
  private readonly failed: Set<string>
  /** Folders with a log that did not end as it should. */
  private readonly unclean = new Set<string>()
  private readonly shards: Promise<WatchedShards>
  private begun: (shards: WatchedShards) => void = () => {}
  private working: Promise<void> = Promise.resolve()

  constructor(parts: FolderWatchParts) {
    this.parts = parts
    this.failed = new Set(parts.dataFolders.failed.keys())
    parts.store.onFailed = (error) => {
      const [folder = ''] = parts.dataFolders.folders
      if (failsFolder(error))
        this.report({ folder, failed: true, reason: error.message, offlineKeys: [], moved: false })
    }
    this.shards = new Promise((resolve) => {
      this.begun = resolve
    })
  }

  /** The shards serve: reports are worked off from now on. */
  begin(shards: WatchedShards): void {
    this.begun(shards)
    for (const move of this.parts.unfinishedMoves)
      this.moveAgain(shards.router, move).catch((error: unknown) => {
        this.parts.logger.warn(`the move of ${move.partition} did not begin anew: ${error}`)
      })
  }

  hasFailed(folder: string): boolean {
    return this.failed.has(folder)
  }

  /** All logs in the folder ended as they should, so it may be marked as cleanly stopped. */
  isClean(folder: string): boolean {
    return !this.failed.has(folder) && !this.unclean.has(folder)
  }

  /** One after the other, in order. */
  report(report: FolderReport): void {
    const isNews = report.failed && !this.failed.has(report.folder)
    if (report.failed) {
      this.failed.add(report.folder)
      this.parts.disk.refuseChanges(report.folder)
    }
    if (report.offlineKeys.length > 0) this.unclean.add(report.folder)
    if (isNews) this.endIfNothingLeft(report)
    this.working = this.working.then(() =>
      this.workOff(report, isNews).catch((error: unknown) => {
        this.parts.logger.error(`the failure of ${report.folder} is not told to all: ${error}`)
      }),
    )
  }

  private async moveAgain(
    router: ShardsRouter,
    { partition, folder }: UnfinishedMove,
  ): Promise<void> {
    const dash = partition.lastIndexOf('-')
    const topic = router.image().topics.get(partition.slice(0, dash))
    const index = Number(partition.slice(dash + 1))
    if (topic?.partitions[index] === undefined) return
    const key = partitionKey(topic.ordinal, index)
    await router.call(router.ownerOf(key), calls.moveReplicas, {
      partitions: [{ key, folder: this.parts.dataFolders.folders.indexOf(folder) }],
    })
  }

  private endIfNothingLeft({ folder, reason }: FolderReport): void {
    const { dataFolders, logger, exit } = this.parts
    const [first] = dataFolders.folders
    const left = dataFolders.folders.filter((each) => !this.failed.has(each))
    if (left.length > 0 && folder !== first) return
    const why =
      left.length === 0
        ? `no data folder is left: ${dataFolders.folders.join(', ')} failed`
        : 'it holds the metadata of the broker'
    logger.error(
      `the data folder ${folder} failed: ${reason}. The broker stops, since ${why}. Mend or replace the ` +
        'disk, then start again: what was acknowledged before is stored.',
    )
    exit(1)
  }

  private async workOff(report: FolderReport, isNews: boolean): Promise<void> {
    const { controller, dataFolders, logger } = this.parts
    const { router, checkpoint } = await this.shards
    const keys = [...report.offlineKeys]
    if (isNews) {
      const { folder, reason } = report
      for (let shard = 0; shard < router.shards; shard++)
        keys.push(...(await router.call(shard, calls.failFolder, { folder, reason })).offlineKeys)
      const left = dataFolders.folders.filter((each) => !this.failed.has(each))
      logger.error(
        `the data folder ${folder} failed: ${reason}. Its ${keys.length} partitions are offline until ` +
          `the next start; those in ${left.join(', ')} are served. Mend or replace the disk, then restart.`,
      )
    }
    if (keys.length > 0) await controller.takeOffline(keys)
    if (report.moved) await checkpoint()
  }
}
