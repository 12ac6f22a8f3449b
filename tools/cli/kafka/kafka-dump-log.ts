/**
 * kafka-dump-log by its own flags (kafka.tools.DumpLogSegments, 4.2): what is in the files of a
 * partition folder, Kafka's and ours alike. Compared with test/golden/cli/kafka-dump-log.txt and
 * test/golden/logs/dump.
 *
 * Differs from Kafka's: a file that cannot be read ends the run with a sentence, where Kafka's ends
 * with a stack trace; remote log metadata is not decoded.
 */
import { basename, extname, resolve } from 'node:path'
import { DumpFailed } from '../dump/batch-file.ts'
import { ALL_BYTES, type DumpOptions, dumpBatches } from '../dump/dump-batches.ts'
import {
  baseOffsetOf,
  dumpOffsetIndex,
  dumpSnapshot,
  dumpTimeIndex,
  dumpTransactionIndex,
  type IndexOptions,
} from '../dump/dump-indexes.ts'
import { DumpProblems } from '../dump/dump-problems.ts'
import {
  type ContentDecoder,
  contentDecoder,
  contentDecoderNamed,
  offsetsDecoder,
  type RecordDecoder,
  shareStateDecoder,
  transactionDecoder,
} from '../dump/record-decoders.ts'
import type { CommandIo } from '../io.ts'
import { LineWriter } from '../line-writer.ts'
import {
  type Flags,
  type FlagTable,
  KafkaToolExit,
  KafkaToolUsage,
  numberFlag,
  requireFlag,
  runTool,
} from './flags.ts'

const FLAGS: FlagTable = {
  files: 'value',
  'print-data-log': 'flag',
  'deep-iteration': 'flag',
  'verify-index-only': 'flag',
  'index-sanity-check': 'flag',
  'max-message-size': 'value',
  'max-bytes': 'value',
  'offsets-decoder': 'flag',
  'transaction-log-decoder': 'flag',
  'cluster-metadata-decoder': 'flag',
  'share-group-state-decoder': 'flag',
  'remote-log-metadata-decoder': 'flag',
  'skip-record-metadata': 'flag',
  'key-decoder-class': 'optional',
  'value-decoder-class': 'optional',
}

const DEFAULT_MESSAGE_SIZE = 5 * 1024 * 1024
const STRING_DECODER = 'org.apache.kafka.tools.api.StringDecoder'
const DECODER_FLAGS = [
  'offsets-decoder',
  'transaction-log-decoder',
  'cluster-metadata-decoder',
  'remote-log-metadata-decoder',
  'share-group-state-decoder',
  'key-decoder-class',
  'value-decoder-class',
] as const

const ABOUT =
  'This tool helps to parse a log file and dump its contents to the console, useful for debugging ' +
  'a seemingly corrupt log segment.'

export function kafkaDumpLog(args: readonly string[], io: CommandIo): Promise<number> {
  return runTool(args, io, { about: ABOUT, flags: FLAGS }, (flags) => dumpLog(flags, io))
}

async function dumpLog(flags: Flags, io: CommandIo): Promise<number> {
  const files = requireFlag(flags, 'files')
    .split(',')
    .filter((file) => file !== '')
  const options = await dumpOptions(flags)
  const index = {
    sanityOnly: flags.has('index-sanity-check'),
    verifyOnly: flags.has('verify-index-only'),
    maxMessageSize: numberFlag(flags, 'max-message-size', DEFAULT_MESSAGE_SIZE),
  }
  const problems = new DumpProblems((message) => io.stderr.write(`${message}\n`))
  const output = new LineWriter(io)
  try {
    for (const file of files) {
      await output.line(`Dumping ${file}`)
      for (const line of linesOf(file, resolve(io.cwd, file), options, index, problems, io)) {
        await output.line(line)
        if (output.closed) return 0
      }
    }
  } catch (error) {
    if (!(error instanceof DumpFailed)) throw error
    await output.flush()
    throw new KafkaToolExit(
      error.hint === null ? error.message : `${error.message}\n  next: ${error.hint}`,
    )
  }
  await output.flush()
  for (const line of problems.lines()) io.stderr.write(`${line}\n`)
  return 0
}

function* linesOf(
  shown: string,
  path: string,
  options: DumpOptions,
  index: IndexOptions,
  problems: DumpProblems,
  io: CommandIo,
): Generator<string> {
  switch (suffixOf(shown)) {
    case '.log':
      yield `Log starting offset: ${baseOffsetOf(path)}`
      return yield* dumpBatches(path, options, (...gap) => problems.gap(path, ...gap))
    case '.checkpoint':
      yield checkpointHead(path)
      return yield* dumpBatches(path, options, (...gap) => problems.gap(path, ...gap))
    case '.index':
      return yield* dumpOffsetIndex(path, shown, index, problems)
    case '.timeindex':
      return yield* dumpTimeIndex(path, shown, index, problems)
    case '.txnindex':
      return yield* dumpTransactionIndex(path)
    case '.snapshot':
      return yield* dumpSnapshot(path, problems)
    default:
      io.stderr.write(`Ignoring unknown file ${shown}\n`)
  }
}

function suffixOf(file: string): string {
  const suffix = extname(basename(file))
  if (suffix !== '') return suffix
  throw new DumpFailed(
    `${file}: the name has no suffix, and the suffix says what a file is`,
    'text files such as leader-epoch-checkpoint can be read as they are; this tool reads .log, ' +
      '.index, .timeindex, .txnindex, .snapshot and .checkpoint',
  )
}

/** Snapshots of KRaft's metadata log are named by the offset and epoch where they end. */
function checkpointHead(path: string): string {
  if (basename(path) === 'bootstrap.checkpoint') return 'KRaft bootstrap snapshot'
  const match = /^(\d{20})-(\d{10})\./.exec(basename(path))
  if (match === null)
    throw new DumpFailed(
      `${path}: the name is not that of a metadata snapshot`,
      'snapshots are named like 00000000000000000010-0000000001.checkpoint, and bootstrap.checkpoint',
    )
  return `Snapshot end offset: ${Number(match[1])}, epoch: ${Number(match[2])}`
}

async function dumpOptions(flags: Flags): Promise<DumpOptions> {
  const decodes = DECODER_FLAGS.some((name) => flags.has(name))
  const prints = flags.has('print-data-log') || decodes
  return {
    deep: flags.has('deep-iteration') || prints,
    decoder: prints ? await decoderOf(flags) : null,
    skipRecordMetadata: flags.has('skip-record-metadata'),
    maxBytes: numberFlag(flags, 'max-bytes', ALL_BYTES),
  }
}

async function decoderOf(flags: Flags): Promise<RecordDecoder> {
  if (flags.has('offsets-decoder')) return offsetsDecoder
  if (flags.has('transaction-log-decoder')) return transactionDecoder
  if (flags.has('cluster-metadata-decoder')) {
    const { clusterMetadataDecoder } = await import('../dump/metadata-decoder.ts')
    return clusterMetadataDecoder
  }
  if (flags.has('share-group-state-decoder')) return shareStateDecoder
  if (flags.has('remote-log-metadata-decoder'))
    throw new KafkaToolExit(
      '--remote-log-metadata-decoder: remote log metadata cannot be decoded here\n' +
        "  next: leave the flag out, or use Kafka's own kafka-dump-log on the same file",
    )
  return contentDecoder(contentClass(flags, 'key'), contentClass(flags, 'value'))
}

function contentClass(flags: Flags, side: 'key' | 'value'): ContentDecoder {
  const given = flags.value(`${side}-decoder-class`)
  const decoder = contentDecoderNamed(given === undefined || given === '' ? STRING_DECODER : given)
  if (decoder !== null) return decoder
  throw new KafkaToolUsage(
    `${given}: classes cannot be loaded here; known are the String, Integer, Long and ` +
      'DefaultDecoder of org.apache.kafka.tools.api',
  )
}
