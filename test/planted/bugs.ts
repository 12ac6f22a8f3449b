/**
 * Bugs that brokers have had, as changes of one text in a copy of the sources: each must be found by the
 * suite it names. A text that is not there exactly once fails the run, so that the list stays true.
 */
import type { SuiteName } from './suites.ts'

export interface PlantedBug {
  readonly name: string
  /** What it breaks: a rule of the house, in words. */
  readonly breaks: string
  readonly file: string
  readonly from: string
  readonly to: string
  readonly suite: SuiteName
}

const durability: readonly PlantedBug[] = [
  {
    name: 'acknowledged before it is synced',
    breaks: 'flush=group: an answer waits for the sync',
    file: 'engine/partition/partition.ts',
    from: "if (this.log.options.flushMode === 'group') this.syncThenAdvance()",
    to: 'if (this.log.logEndOffset < 0) this.syncThenAdvance()',
    suite: 'power loss on ext4',
  },
  {
    name: 'the sync of the log does nothing',
    breaks: 'flush=group survives a power loss',
    file: 'engine/log/flush.ts',
    from: '        await segment.files.log.sync()\n',
    to: '',
    suite: 'power loss on ext4',
  },
  {
    name: 'a sync counts for what was written after it began',
    breaks: 'a sync covers only what was complete before it',
    file: 'engine/log/flush.ts',
    from: 'state.offsets.setSynced(logEndOffset)',
    to: 'state.offsets.setSynced(state.offsets.logEndOffset)',
    suite: 'crash: log',
  },
  {
    name: 'a new segment without a sync of its folder',
    breaks: 'a file counts once its name is durable',
    file: 'engine/log/flush.ts',
    from: 'await names?.sync()',
    to: 'names?.closeSoon()',
    suite: 'crash: log',
  },
  {
    name: 'rename without a sync of the file',
    breaks: 'a small file is old or new, never half',
    file: 'engine/log/disk.ts',
    from: '    await file.sync()\n  } finally {\n    await file.close()\n  }\n  await disk.rename',
    to: '  } finally {\n    await file.close()\n  }\n  await disk.rename',
    suite: 'unit: small files',
  },
  {
    name: 'a failed sync is tried again',
    breaks: 'after a failed sync the log takes no more',
    file: 'engine/log/flush.ts',
    from: '      names?.closeSoon()\n      throw state.fail(error)\n    }\n    state.offsets.setSynced',
    to: '      return await this.run()\n    }\n    state.offsets.setSynced',
    suite: 'unit: flush',
  },
  {
    name: 'appends go on after a write error',
    breaks: 'the first I/O error ends the log in the same turn',
    file: 'engine/log/log-state.ts',
    from: '    this.failed ??= error\n',
    to: '    if (this.failed !== null) this.failed = error\n',
    suite: 'unit: flush',
  },
  {
    name: 'a full disk leaves half a batch',
    breaks: 'a short write is cut back to where it began',
    file: 'engine/log/disk.ts',
    from: '    if (written > 0 && isOutOfRoom(error)) file.truncateSync(position)\n',
    to: '',
    suite: 'unit: disk',
  },
  {
    name: 'the recovery point passes what is synced',
    breaks: 'a checkpoint never passes what it relies on',
    file: 'engine/log/log.ts',
    from: '    return this.state.offsets.recoveryPoint\n',
    to: '    return this.state.offsets.logEndOffset\n',
    suite: 'crash: log',
  },
  {
    name: 'the marker of a clean stop is left',
    breaks: 'it goes, durably, before the first append',
    file: 'engine/log/clean-shutdown.ts',
    from: '  await disk.unlink(path)\n',
    to: '',
    suite: 'unit: checkpoints',
  },
  {
    name: 'a roll without room leaves files',
    breaks: 'the files of a new segment are made all or none',
    file: 'engine/log/segment.ts',
    from: '      for (const path of made) disk.unlinkSync(path)\n',
    to: '',
    suite: 'unit: flush',
  },
  {
    name: 'a segment begins while a turn is undone',
    breaks: 'a snapshot holds only what was written',
    file: 'engine/log/log-roll.ts',
    from: '  if (state.suspended !== null) return false\n',
    to: '',
    suite: 'unit: flush',
  },
  {
    name: 'a folder that failed is synced again',
    breaks: 'whoever has a step under way learns of a failed folder',
    file: 'engine/shard-partitions.ts',
    from: '    disk.refuseChanges(folder)\n',
    to: '',
    suite: 'unit: folders',
  },
  {
    name: 'checkpoints of a deleted topic count',
    breaks: 'a new topic of the same name begins anew',
    file: 'net/folder-checkpoints.ts',
    from: 'owned.has(name)',
    to: 'owned.size >= 0',
    suite: 'unit: folders',
  },
  {
    name: 'a failed sync of a new folder is followed by another',
    breaks: 'what a failed sync left is never called durable',
    file: 'engine/log/log-open.ts',
    from:
      '  state.throwIfFailed()\n  if (state.segments.count === 0) await makeFolder(state, place)\n' +
      '  state.throwIfFailed()\n',
    to: '  if (state.segments.count === 0) await makeFolder(state, place)\n',
    suite: 'unit: flush',
  },
  {
    name: 'a new folder beside checkpoints of a deleted topic',
    breaks: 'no folder is made where checkpoints lag behind a deletion',
    file: 'net/checkpointer.ts',
    from: '    this.parts.hold.hold(folder)\n',
    to: '',
    suite: 'crash: full disk',
  },
  {
    name: 'no room is kept for control state',
    breaks: 'a full disk lets topics be deleted',
    file: 'engine/metastore/embedded-store.ts',
    from: '      const full = this.fillReserve()\n',
    to: '      const full = null\n',
    suite: 'unit: control state',
  },
  {
    name: 'one wrong read of a base offset is believed',
    breaks: 'no single read decides where a log ends',
    file: 'engine/log/segment-scan.ts',
    from: '      agree(this.file, ',
    to: '      if (this.position < 0) agree(this.file, ',
    suite: 'unit: wrong reads',
  },
]

const recovery: readonly PlantedBug[] = [
  {
    name: 'an epoch file is made good before the segments are',
    breaks: 'a recovery that loses power can be repeated',
    file: 'engine/log/recovery.ts',
    from: '      if (i >= this.trustedEnd) await this.storeEpochs()\n',
    to: '      await this.storeEpochs()\n',
    suite: 'unit: recovery',
  },
  {
    name: 'corruption below the recovery point is cut off',
    breaks: 'what was synced is never cut: the partition stays offline',
    file: 'engine/log/recovery.ts',
    from: '    if (this.expected < recoveryPoint)\n      throw new CorruptLog',
    to: '    if (this.expected < 0)\n      throw new CorruptLog',
    suite: 'unit: recovery',
  },
  {
    name: 'a header of zeros is taken for a batch',
    breaks: 'a length is judged before anything else',
    file: 'engine/record/batch.ts',
    from: '  if (size < BATCH_HEADER_BYTES) return',
    to: '  if (size < 0) return',
    suite: 'unit: batches',
  },
  {
    name: 'the torn end is left in the file',
    breaks: 'a cut is made before the first append',
    file: 'engine/log/recovery.ts',
    from: '    await log.truncate(end)\n',
    to: '',
    suite: 'unit: recovery',
  },
  {
    name: 'a missing index is not made again',
    breaks: 'indexes are caches of the log',
    file: 'engine/log/segment-repair.ts',
    from: '  if (missing !== null) return missing\n',
    to: '',
    suite: 'unit: recovery',
  },
  {
    name: 'a read error is taken for the end of the file',
    breaks: 'end, short read and error are three things',
    file: 'engine/log/segment-scan.ts',
    from: '      this.filled(await readFully(this.file, missing, this.missingFrom))\n',
    to:
      '      try {\n        this.filled(await readFully(this.file, missing, this.missingFrom))\n' +
      "      } catch {\n        return { end: this.position, problem: 'the end' }\n      }\n",
    suite: 'unit: scan',
  },
  {
    name: 'producer state is lost at a restart',
    breaks: 'an idempotent producer leaves each record once',
    file: 'engine/log/recovery.ts',
    from: 'const content = encodeProducerSnapshot(this.producers.snapshot())',
    to: 'const content = encodeProducerSnapshot([])',
    suite: 'crash: log',
  },
  {
    name: 'what was not synced is cut off after a kill',
    breaks: 'flush=async survives a kill: the page cache is there',
    file: 'engine/log/recovery.ts',
    from: '    const { expected } = this\n    if (baseOffset < expected',
    to:
      "    const { expected } = this\n    if (baseOffset >= recoveryPoint) return 'not synced'\n" +
      '    if (baseOffset < expected',
    suite: 'kill loop',
  },
  {
    name: 'committed positions are forgotten at a restart',
    breaks: 'a committed position never goes back',
    file: 'engine/coordinator/runtime.ts',
    from: '          this.machine.replay({ key, value }, offset, producerId)\n',
    to: '          if (offset % 2 === 0) this.machine.replay({ key, value }, offset, producerId)\n',
    suite: 'kill loop',
  },
]

const producers: readonly PlantedBug[] = [
  {
    name: 'a window of four batches',
    breaks: 'the last five batches of a producer are recognised',
    file: 'engine/log/producer-entry.ts',
    from: 'const BATCHES_MAX = 5',
    to: 'const BATCHES_MAX = 4',
    suite: 'unit: producers',
  },
  {
    name: 'a gap in sequences is let through',
    breaks: 'no gap in an idempotent producer',
    file: 'engine/log/producer-entry.ts',
    from: '    return sequence === last + 1 || (sequence === 0 && last === SEQUENCE_MAX)',
    to: '    return sequence > last || (sequence === 0 && last === SEQUENCE_MAX)',
    suite: 'unit: producers',
  },
  {
    name: 'a marker of an old coordinator',
    breaks: 'markers carry the epoch of their coordinator',
    file: 'engine/log/producer-state.ts',
    from: '    if (entry.coordinatorEpoch > coordinatorEpoch) return ErrorCode.TRANSACTION_COORDINATOR_FENCED\n',
    to: '',
    suite: 'unit: producers',
  },
  {
    name: 'a transaction ends before its marker is visible',
    breaks: 'the last stable offset waits for the high watermark',
    file: 'engine/log/producer-state.ts',
    from: '    if (lastOffset >= this.highWatermark) this.unreplicated.set(firstOffset, lastOffset)\n',
    to: '',
    suite: 'unit: producers',
  },
]

const coordinators: readonly PlantedBug[] = [
  {
    name: 'answered before the append is committed',
    breaks: 'a coordinator answers what recovery would rebuild',
    file: 'engine/coordinator/runtime.ts',
    from: '    const turn = ++this.appended\n',
    to:
      '    const turn = ++this.appended\n    if (outcome.response !== null) reply?.(outcome.response)\n' +
      '    reply = null\n',
    suite: 'unit: coordinators',
  },
  {
    name: 'an old generation may commit',
    breaks: 'commits are fenced by generation',
    file: 'engine/coordinator/group/offset-commit.ts',
    from: '  if (generationId !== group.generationId) return ErrorCode.ILLEGAL_GENERATION\n',
    to: '',
    suite: 'unit: coordinators',
  },
  {
    name: 'two members of one partition',
    breaks: 'a partition is given only once its owner has let go',
    file: 'engine/coordinator/group/consumer-reconcile.ts',
    from: 'if (owner === undefined || owner === member.memberId) addPartition',
    to: 'if (owner !== null) addPartition',
    suite: 'property: groups',
  },
  {
    name: 'retention follows a clock that jumped',
    breaks: 'a jump of the wall clock suspends deletion by age',
    file: 'engine/log/retention.ts',
    from: 'const isClockTrusted = this.guard.trusted()',
    to: 'const isClockTrusted = this.guard.trusted() || true',
    suite: 'unit: retention',
  },
]

const compaction: readonly PlantedBug[] = [
  {
    name: 'compaction drops a marker whose data stays',
    breaks: 'a marker stays while any record of its transaction does',
    file: 'engine/log/compact-transactions.ts',
    from: 'return { empty: !this.committing.delete(producerId), aborted: null }',
    to: 'return { empty: this.committing.delete(producerId) || true, aborted: null }',
    suite: 'unit: compaction',
  },
  {
    name: 'compaction keeps what was aborted',
    breaks: 'aborted records never come back as committed ones',
    file: 'engine/log/compact-transactions.ts',
    from: '    aborting.seen = true\n    return true\n',
    to: '    aborting.seen = true\n    return false\n',
    suite: 'unit: compaction',
  },
]

const network: readonly PlantedBug[] = [
  {
    name: 'a count from the wire is not checked',
    breaks: 'nothing is allocated from a number on the wire',
    file: 'engine/schema/reader.ts',
    from: '    if (count * elementBytesMin > this.end - this.position)\n',
    to: '    if (count * elementBytesMin > Number.MAX_SAFE_INTEGER)\n',
    suite: 'unit: decoders',
  },
  {
    name: 'gzip without a limit',
    breaks: 'output is bounded before it is made',
    file: 'engine/record/codec-gzip.ts',
    from: '{ maxOutputLength: Math.max(1, maxBytes), chunkSize: CHUNK_BYTES }',
    to: '{ maxOutputLength: Math.max(2 ** 30, maxBytes), chunkSize: CHUNK_BYTES }',
    suite: 'unit: codecs',
  },
  {
    name: 'replies out of order',
    breaks: 'replies keep the order of requests',
    file: 'net/reply-queue.ts',
    from: '      const slot = this.slots[this.head]\n      if (slot === undefined || !slot.done) return null\n',
    to:
      '      for (let at = 1; at < this.count; at++) {\n        const next = (this.head + at) & MASK\n' +
      '        if (this.slots[this.head]?.done === true || this.slots[next]?.done !== true) continue\n' +
      '        const first = this.slots[this.head]\n        this.slots[this.head] = this.slots[next]\n' +
      '        this.slots[next] = first\n      }\n' +
      '      const slot = this.slots[this.head]\n      if (slot === undefined || !slot.done) return null\n',
    suite: 'unit: connections',
  },
  {
    name: 'a waiting fetch is not woken',
    breaks: 'new records end a wait',
    file: 'engine/partition/partition.ts',
    from: '    const more = this.ports.onVisible(this, limits.readersBeforeAcksMax)\n',
    to: '    const more = false\n',
    suite: 'unit: shard',
  },
  {
    name: 'a thread is cut off amid its work',
    breaks: 'a stop never aborts the process',
    file: 'workers/pool.ts',
    from: '  thread.postMessage(order)\n  await gone\n',
    to: "  if (order.kind === 'end') void thread.terminate()\n  await gone\n",
    suite: 'integration: threads',
  },
  {
    name: 'small requests wait for claims of megabytes',
    breaks: 'who only announces holds nobody up',
    file: 'workers/slab-turns.ts',
    from: '      : this.small.length === 0 && this.dueNumber === NOT_DUE\n',
    to: '      : this.waiting === 0\n',
    suite: 'unit: slabs',
  },
  {
    name: 'a locked folder is used',
    breaks: 'one process per data folder',
    file: 'net/folder-lock.ts',
    from: '    if (holder !== null) throw new FolderLocked(folder, holder)\n    const content',
    to: '    if (holder === null) lockedHere.delete(folder)\n    const content',
    suite: 'unit: folder lock',
  },
]

export const plantedBugs: readonly PlantedBug[] = [
  ...durability,
  ...recovery,
  ...producers,
  ...coordinators,
  ...compaction,
  ...network,
]
