/**
 * What the quick start shows against one broker address: write real text with one public client, read
 * it back in a group of two with another, compare count, order and a hash per key, then probe latency.
 */
import { SingleBar } from 'cli-progress'
import { type KeyedDigest, linesBelow } from './corpus.ts'
import { Readers } from './readers.ts'
import { Writer } from './writer.ts'

export const QUICKSTART_TOPIC = 'quickstart'
const GROUP = 'quickstart-readers'
const PARTITIONS = 3
const MEMBERS = 2
/** Paced produce-to-consume round trips after the bulk run. */
const PROBES = 300
const PROBE_INTERVAL_MS = 5
const TICK_MS = 100
/** No record for this long means that something is broken, not slow. */
const STALL_MS = 30_000

export interface Demonstration {
  readonly recordsBefore: number
  readonly records: number
  readonly keys: number
  readonly seconds: number
  readonly recordsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Keys whose order or content differs; empty when all is well. */
  readonly differing: readonly string[]
  readonly recordsRead: number
}

/** Leaves nothing open, however it ends; throws the signal's reason when that comes first. */
export async function demonstrate(
  address: string,
  textRoot: string,
  signal: AbortSignal,
): Promise<Demonstration> {
  const writer = new Writer(address, QUICKSTART_TOPIC)
  try {
    const ranges = await writer.start(PARTITIONS)
    const startOffsets = new Map(ranges.map(({ partition, high }) => [partition, high]))
    const readers = new Readers(address, QUICKSTART_TOPIC, GROUP, startOffsets, MEMBERS)
    try {
      await readers.start()
      const recordsBefore = ranges.reduce((sum, { low, high }) => sum + high - low, 0)
      return { recordsBefore, ...(await writeAndRead(writer, readers, textRoot, signal)) }
    } finally {
      await readers.stop()
    }
  } finally {
    await writer.stop()
  }
}

async function writeAndRead(
  writer: Writer,
  readers: Readers,
  textRoot: string,
  signal: AbortSignal,
): Promise<Omit<Demonstration, 'recordsBefore'>> {
  const lines = [...linesBelow(textRoot)]
  signal.throwIfAborted()
  const bar = progressBar(lines.length)
  const ticker = setInterval(() => bar?.update(readers.digest.count), TICK_MS)
  const started = performance.now()
  let written: KeyedDigest
  try {
    const reading = readers.until(() => readers.digest.count >= lines.length, STALL_MS, signal)
    ;[written] = await Promise.all([writer.writeAll(lines, signal), reading])
    bar?.update(readers.digest.count)
  } finally {
    clearInterval(ticker)
    bar?.stop()
  }
  const seconds = (performance.now() - started) / 1000
  await probe(writer, readers, signal)
  const latencies = readers.probeLatenciesMs.sort((a, b) => a - b)
  return {
    records: lines.length,
    keys: written.keys,
    seconds,
    recordsPerSecond: lines.length / seconds,
    p50Ms: latencies[Math.floor(latencies.length * 0.5)] ?? 0,
    p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? 0,
    differing: written.differences(readers.digest),
    recordsRead: readers.digest.count,
  }
}

async function probe(writer: Writer, readers: Readers, signal: AbortSignal): Promise<void> {
  const arrived = readers.until(() => readers.probeLatenciesMs.length >= PROBES, STALL_MS, signal)
  const sent = (async () => {
    for (let sequence = 0; sequence < PROBES; sequence++) {
      signal.throwIfAborted()
      await writer.probe(sequence)
      await new Promise((resolve) => setTimeout(resolve, PROBE_INTERVAL_MS))
    }
  })()
  await Promise.all([sent, arrived])
}

/** A bar on a terminal only: logs and pipes get the closing lines. */
function progressBar(total: number): SingleBar | null {
  if (process.stderr.isTTY !== true) return null
  const bar = new SingleBar({
    format: 'reading |{bar}| {percentage}% {value}/{total} records',
    stream: process.stderr,
    hideCursor: true,
  })
  bar.start(total, 0)
  return bar
}
