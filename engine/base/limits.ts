/**
 * Every bound of the house, with what happens when it is reached. The relations between them are
 * asserted at load. Sizes are bytes, times are milliseconds, counts are counts.
 */
import { assert } from './assert.ts'

const KIB = 1024
const MIB = 1024 * KIB

export const limits = {
  /**
   * The last offset, timestamp or other 64-bit number (S18): those beyond are read as it, and where a
   * number would be kept it is refused.
   */
  safeInteger: Number.MAX_SAFE_INTEGER,

  // --- frames and decoding (N1, N2): violations close the connection
  /** Smallest legal frame body: api key, version, correlation id. */
  frameBytesMin: 8,
  /** Array elements and tagged fields one decoded message of the house's own may have. */
  messageElementsMax: 1_000_000,
  /**
   * The same of one request of a client: a megabyte can hold a million, and decoding, answering and
   * encoding that many holds a shard's loop for seconds.
   */
  requestElementsMax: 100_000,
  /** Tagged fields in one section. */
  taggedFieldsMax: 1_000,
  /** Longest string field (int16 length in the old encoding). */
  stringBytesMax: 32_767,
  /** Short strings, and as many UUIDs, kept for reuse by the decoder; newer ones push older ones out. */
  rememberedTexts: 1_024,

  // --- ends of turns (net/turn.ts)
  /** Reads of one connection in a row, all that asked for an end, before it comes right behind them. */
  loneReadsMin: 16,

  // --- spinning for a client that asks again at once (net/spin.ts), per shard
  /** Turns for it alone before the first spin; more after each time that this was in vain, up to the second. */
  spinTurnsMin: 16,
  spinTurnsMax: 256,
  /** From the end of one such turn to the end of the next; a longer one starts the count over. */
  spinCycleMsMax: 0.2,
  /** Once it spins: turns after which their time is held against that with sleeps, the share it must be below. */
  spinTrialTurns: 64,
  spinCycleShare: 0.9,
  /** Good trials in a row before it sleeps again for a while, to know what that takes. */
  spinTrialsMax: 64,
  /** A spin in vain weighs as much as so many that caught a turn; with more against it than for it the gate shuts. */
  spinsPerMiss: 8,
  /** Caught ones that count at most. */
  spinCreditMax: 32,

  // --- giving way to clients in place of sleeping (net/give-way.ts), per shard
  /** Turns in time before the first; more after each time that this was in vain, up to the second. */
  giveWayTurnsMin: 16,
  giveWayTurnsMax: 4_096,
  /** From the end of one such turn to the end of the next. */
  giveWayCycleMsMax: 1,
  /** With as many turns in a row for one client it is left to spinning. */
  giveWayAloneMax: 8,
  /** Times that a thread gives way and looks at its sockets before it sleeps. */
  giveWayLooks: 2,
  /** One that keeps the processor for longer is not a client that sends a request. */
  giveWayMsMax: 1,
  /** What it costs when nothing came, and when the processor was kept, against 1 for each turn that it caught. */
  giveWayPerMiss: 2,
  giveWayPerStall: 160,
  giveWayCreditMax: 640,
  /** Turns caught in one go after which it opens again as soon as at first. */
  giveWayWorth: 1_024,

  // --- receiving, per shard
  /** Receive arena: reads of one loop turn land here one behind the other; a full one flushes the turn. */
  receiveArenaBytes: 1 * MIB,
  /** A read is offered at least this much room. */
  receiveReadBytesMin: 64 * KIB,
  /** Unfinished frames up to this size wait in a spill copy; larger ones get a slab of exact size class. */
  spillBytesMax: 16 * KIB,
  /** Slab memory in use per shard; at the bound, sockets that need a slab pause until one is free. */
  slabBytesMax: 256 * MIB,
  /** Size classes up to this are small: an ordinary request. Larger ones share slabLargeBytesMax. */
  slabSmallBytesMax: 4 * MIB,
  /** Slab memory in use by large ones together, or by a single one that is larger; others wait. */
  slabLargeBytesMax: 128 * MIB,
  /** Slab memory kept for reuse per shard; above it freed slabs go back to the runtime. */
  slabIdleBytesMax: 32 * MIB,

  /** The part of the arena sockets read into; the rest holds small reads until the turn is flushed. */
  receiveScratchBytes: 256 * KIB,
  /** Whole frames of one read up to this size are copied aside; more are worked where they landed. */
  receiveCopyBytesMax: 16 * KIB,

  // --- sending, per shard
  /** Piece of a large reply in flight on one connection: what one slow reader can pin. */
  replyChunkBytes: 256 * KIB,
  /** Record bytes of one reply read straight into the turn's write; more are streamed in chunks. */
  replyInlineBytesMax: 64 * KIB,
  /** The same where ranges go from the page cache to the socket without a copy … */
  replyInlineDirectBytesMax: 24 * KIB,
  /** … which pays from this length of a range on. */
  replyDirectBytesMin: 16 * KIB,
  /** Written the ordinary way when the kernel takes no more: the write ends when there is room. */
  replyBridgeBytes: 16 * KIB,
  /** Chunk buffers kept for reuse per shard. */
  replyChunksIdleMax: 16,
  /** Reads of uncached ranges in flight per shard; further ones queue, one per connection at most. */
  coldReadsMax: 2,

  /** An ordered stop waits this long for clients to take their last answers and leave. */
  stopDrainMs: 5_000,

  // --- notices about clients, per shard
  /** One log line per address and kind in this time. */
  noticeIntervalMs: 60_000,
  /** Addresses remembered for that; at the bound the oldest is forgotten. */
  noticeAddressesMax: 1_024,

  /** Descriptors kept for files: a connection that would take one of the last is refused. */
  descriptorReserve: 64,

  // --- one connection
  /** Requests received but not answered; at the bound the socket is paused. */
  connectionRequestsMax: 64,
  /** Bytes of those requests; at the bound the socket is paused. */
  connectionRequestBytesMax: 8 * MIB,
  /** Reply bytes not yet taken by the socket; above it no further request of the connection is started. */
  connectionReplyBytesMax: 1 * MIB,
  /** A frame once begun must complete within this time, else the connection is closed (N5). */
  frameDeadlineMs: 30_000,
  /**
   * While others wait for the slab memory that a frame holds it must come at this many bytes a second
   * from slowFrameMs on, else its connection is closed: announcing megabytes costs a peer nothing.
   */
  frameBytesPerSecondMin: 64 * KIB,
  slowFrameMs: 1_000,
  /** A peer that takes no reply byte for this long is closed (N7). */
  drainDeadlineMs: 60_000,

  // --- rings between shards, per ordered pair and lane
  /** Descriptors in a ring; a full ring makes the sender queue, bounded by ringBacklogMax. */
  ringDescriptors: 1024,
  /** Payload bytes beside the descriptors. */
  ringPayloadBytes: 1 * MIB,
  /** Payload of one message in a ring; a larger one travels in a slab. */
  ringMessageBytesMax: 256 * KIB,
  /**
   * Requests a sender may hold back for a full ring. From half of it on sources are asked to pause;
   * at the bound appends are answered REQUEST_TIMED_OUT and reads REPLICA_NOT_AVAILABLE.
   */
  ringBacklogMax: 4096,
  /** Payload bytes of those, copied aside; same effect. */
  ringBacklogBytesMax: 16 * MIB,
  /** Requests to one other shard that await their reply; same effect as a full backlog. */
  pendingRequestsMax: 65_536,
  /** Fetch answers whose files a shard keeps for one other shard; then a fetch answers without data. */
  remoteLeasesMax: 65_536,
  /** Releases of leases that may lie in a ring before its reader is woken for them alone … */
  quietReleasesMax: 256,
  /** … and how long they may, in milliseconds: a deleted segment's file is kept open as long. */
  quietReleaseMs: 100,
  /** Smallest slab; sizes are powers of two from here to slabBytesMax. */
  slabBytesMin: 64 * KIB,
  /** Slab requests waiting for memory, one per connection and forwarded call; then our own assert. */
  slabWaitersMax: 1_000_000,

  // --- waits between shards (R4: every wait has a deadline)
  /** A forwarded append is answered REQUEST_TIMED_OUT after its own time-out, but not before this. */
  appendDeadlineMsMin: 5_000,
  /** And not after this, whatever the producer asks for. */
  appendDeadlineMsMax: 900_000,
  /** How long after its own deadline a forwarded fetch may still be answered by its owner. */
  readGraceMs: 5_000,
  /** Calls to another shard (listing offsets, control requests and the like). */
  callDeadlineMs: 60_000,
  /** Group requests: a join waits for the rebalance time-out, which the client chooses. */
  coordinateDeadlineMs: 3_600_000,

  // --- threads
  /** Shards of one process. */
  shardsMax: 128,
  /** From a thread's start until it says it is ready; includes opening its logs. */
  shardStartMs: 600_000,
  /** Until every shard has taken up a new metadata image. */
  imageApplyMs: 30_000,
  /** One stage of an ordered stop; then the next one is begun all the same, with a warning. */
  stopStageMs: 60_000,
  /** From the order to end until a thread is cut off: it may be loading its code. */
  threadEndMs: 5_000,
  /** Checkpoints that could not be written after a deletion are tried again after this. */
  checkpointRetryMs: 1_000,
  /** Background jobs waiting for a thread of the job pool; further ones are refused. */
  jobsQueuedMax: 100_000,
  /** A job pool without work is given up after this. */
  jobsIdleMs: 2_000,

  // --- partitions
  /** Fetches parked on one shard; at the bound a fetch is answered at once with what there is. */
  parkedFetchesMax: 100_000,
  /** Parked fetches of a partition that come before the appends they waited for; others come after. */
  readersBeforeAcksMax: 4,
  /** Appends of one partition that wait for their sync; beyond it they get NOT_ENOUGH_REPLICAS. */
  pendingAcksMax: 100_000,
  /** Appends held back while a partition changes folders; beyond either they get NOT_ENOUGH_REPLICAS. */
  heldAppendsMax: 10_000,
  heldAppendBytesMax: 32 * MIB,
  /** Piece in which a partition on its way to another data folder is copied. */
  moveChunkBytes: 1 * MIB,
  /** Bytes of such a copy between two syncs. */
  moveSyncBytes: 32 * MIB,
  /** So much may be missing in the copy when its partition's appends are held back for the rest. */
  moveTailBytes: 1 * MIB,
  /** Piece in which compaction reads and writes: what it holds in memory beside its map, a few times. */
  compactPieceBytes: 1 * MIB,
  /** A shard asks again after this, at the latest, when all threads of compaction are taken. */
  compactRetryMs: 1_000,
  /** Bytes of a compacted segment between two syncs. */
  compactSyncBytes: 16 * MIB,
  /** Partitions of one shard on their way to other data folders; above it REQUEST_TIMED_OUT. */
  movesMax: 100_000,
  /** Partitions of one topic. */
  topicPartitionsMax: 100_000,
  /** New partitions one request may ask for; above it all its topics get POLICY_VIOLATION (as Kafka). */
  requestPartitionsMax: 10_000,
  /** Bytes at a log's end read synchronously because they are in the page cache for certain. */
  hotTailBytes: 64 * MIB,
  /** Bytes of a log, at least, that are written out and dropped together where the page cache is bounded. */
  pageWindowPieceBytes: 8 * MIB,
  /** Such pieces, and ends of segments, of a shard on either side of the write; beyond it the oldest go on. */
  pageWindowPiecesMax: 256,
  /** A reader that has at most so far to go to the oldest of them has what lies before it kept … */
  pageWindowReadAheadBytes: 64 * MIB,
  /** … until it has not read for this long. */
  pageWindowReaderMs: 1_000,
  /** Segment files kept open per shard besides the active ones. */
  openSegmentsMax: 2_000,
  /** Partition folders that a shard makes at a time, for first records; the others wait. */
  foldersMadeMax: 64,
  /** Newest entries of an active segment's index kept in memory once written; older ones are read. */
  indexTailEntries: 4_096,
  /** Record times further ahead of the wall clock than this do not count for retention (S14). */
  recordTimeAheadMsMax: 3_600_000,
  /** A wall clock that parts from the monotonic one by more than this suspends deletion by age (S14). */
  wallClockJumpMs: 60_000,
  /** The clocks must agree for this long before a jump is believed. */
  wallClockSettleMs: 600_000,
  /** Producers remembered per partition; above it the longest idle ones are forgotten, as if expired. */
  producersPerPartitionMax: 100_000,

  /** Topics without flush.ms of their own are synced in the background this long after a write (P1). */
  backgroundSyncMs: 1_000,
  /** Logs a shard opens or closes at the same time; more wait their turn. */
  partitionsOpenedAtOnce: 64,
  /** Changes of control state that wait for the one being written; beyond it they are refused. */
  metaTransactionsMax: 10_000,
  /**
   * Room kept for changes of control state when the disk is full, so that topics can be deleted and options
   * lowered: some hundred changes. Beyond it they are refused until there is room.
   */
  metaReserveBytes: 64 * 1024,
  /** Options set for one resource (topic, broker, group, subscription); more are refused. */
  configEntriesMax: 1_000,
  /** Groups, and client metrics subscriptions, with options of their own; further ones are refused. */
  configResourcesMax: 100_000,

  // --- client quotas
  /** Entities with quotas of their own; a further one is refused with POLICY_VIOLATION. */
  clientQuotasMax: 10_000,
  /** Rates of clients under byte and time quotas that the shards track; clients beyond share one rate. */
  quotaRatesMax: 4_096,
  /** Client ids whose quotas a shard remembers; above it all are looked up anew. */
  quotaClientsMax: 10_000,
  /** Clients whose rate of topic changes is tracked; the one unused longest is forgotten. */
  mutationRatesMax: 10_000,
  /** Host names one AlterClientQuotas may have looked up; further ones count as unknown. */
  hostLookupsMax: 100,
  /** Samples of a rate; options that ask for more are cut to this. */
  quotaSamplesMax: 100,
  /** Client addresses whose connections are counted; connections from further ones are refused. */
  connectionAddressesMax: 65_536,
  /** Connections a shard holds back for their rate; further ones are closed at once. */
  connectionsHeldMax: 10_000,

  // --- decompression (N3)
  /** Output of one decompressed batch is at most max(this, max.message.bytes). */
  inflateBytesMax: 32 * MIB,
  /** And at most this many times its compressed size. */
  inflateRatioMax: 1_000,
  /** Outputs up to this size are never judged by ratio: a batch of equal bytes is legal and shrinks far more. */
  inflateRatioFreeBytes: 4 * MIB,

  // --- record validation
  /** Per-record errors listed in one produce reply; the rest of a bad batch is refused unlisted. */
  recordErrorsMax: 100,

  // --- coordinators, per internal partition
  /** Unanswered requests (parked joins and syncs count); then COORDINATOR_NOT_AVAILABLE. */
  coordinatorRequestsMax: 100_000,
  /** Groups kept; at the bound new ones are refused with COORDINATOR_NOT_AVAILABLE. */
  groupsMax: 100_000,
  /** Members of one group whatever group.max.size says; then GROUP_MAX_SIZE_REACHED. */
  groupMembersMax: 10_000,
  /** Member ids handed out to one group and not yet joined with; then GROUP_MAX_SIZE_REACHED. */
  groupPendingMembersMax: 10_000,
  /** Protocols one member may offer; then INCONSISTENT_GROUP_PROTOCOL. */
  groupProtocolsMax: 1_000,
  /** Committed and pending offsets of one group; then INVALID_COMMIT_OFFSET_SIZE per partition. */
  groupOffsetsMax: 1_000_000,
  /** Tombstones in one batch of expiry or topic deletion; the rest follows in further ones. */
  groupTombstonesPerBatchMax: 10_000,
  /** Characters of a subscription's pattern; then INVALID_REGULAR_EXPRESSION. */
  groupRegexCharsMax: 1_000,
  /** Steps of a pattern's program, repetitions written out; then INVALID_REGULAR_EXPRESSION. */
  groupRegexStepsMax: 2_000,
} as const

assert(limits.slowFrameMs < limits.frameDeadlineMs, 'a slow frame is seen before its deadline')
assert(limits.receiveReadBytesMin <= limits.receiveArenaBytes, 'a read fits the receive arena')
assert(limits.spillBytesMax < limits.receiveReadBytesMin, 'a spilled frame fits one read')
assert(limits.slabIdleBytesMax <= limits.slabBytesMax, 'idle slabs are part of the slab budget')
assert(Number.isInteger(Math.log2(limits.ringDescriptors)), 'ring size is a power of two')
assert(limits.inflateRatioFreeBytes <= limits.inflateBytesMax, 'ratio-free output is bounded too')
assert(
  limits.receiveScratchBytes + limits.receiveReadBytesMin <= limits.receiveArenaBytes,
  'scratch leaves room for copied reads',
)
assert(limits.receiveCopyBytesMax <= limits.receiveReadBytesMin, 'a copied read fits the arena')
assert(limits.receiveReadBytesMin <= limits.receiveScratchBytes, 'scratch takes a whole read')
assert(Number.isInteger(Math.log2(limits.connectionRequestsMax)), 'reply slots are a power of two')
assert(
  limits.ringMessageBytesMax * 4 <= limits.ringPayloadBytes,
  'a ring holds several messages of the largest size',
)
assert(limits.pendingRequestsMax <= 65_536, 'a request between shards is numbered with 16 bits')
assert(Number.isInteger(Math.log2(limits.slabBytesMin)), 'slab classes are powers of two')
assert(Number.isInteger(Math.log2(limits.slabBytesMax)), 'the largest slab is a power of two')
assert(Number.isInteger(Math.log2(limits.slabSmallBytesMax)), 'a small slab is a whole class')
assert(limits.slabBytesMin <= limits.slabSmallBytesMax, 'the smallest slab is a small one')
assert(
  limits.slabSmallBytesMax * 2 <= limits.slabLargeBytesMax,
  'the share of large slabs takes the smallest of them',
)
assert(
  limits.slabLargeBytesMax + 16 * limits.slabSmallBytesMax <= limits.slabBytesMax,
  'beside large slabs there is room for small ones of many connections',
)
assert(limits.ringMessageBytesMax >= limits.slabBytesMin, 'slabs are for what is large')
assert(Number.isInteger(Math.log2(limits.rememberedTexts)), 'remembered texts are a power of two')
