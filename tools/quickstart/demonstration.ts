/**
 * What the quick start shows against one broker address: write real text with one public client, read
 * it back in a group of two with another, compare count, order and a hash per key, then probe latency.
 */
import { randomUUID } from 'node:crypto'
import { SingleBar } from 'cli-progress'
import { linesBelow } from './corpus.ts'
import { Readers } from './readers.ts'
import { Writer } from './writer.ts'

export const QUICKSTART_TOPIC = 'quickstart'
const GROUP = 'quickstart-readers'
const PARTITIONS = 3
const MEMBERS = 2
/** Paced produce-to-consume round trips after the bulk run. */
const PROBES = 300
const PROBE_INTERVAL_MS = 5
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

export async function demonstrate(address: string, textRoot: string): Promise<Demonstration> {
  const run = randomUUID()
  const writer = new Writer(address, QUICKSTART_TOPIC)
  const recordsBefore = await writer.start(PARTITIONS)
  const lines = [...linesBelow(textRoot)]
  const readers = new Readers(address, QUICKSTART_TOPIC, GROUP, run, MEMBERS)
  await readers.start()

  const bar = progressBar(lines.length)
  const started = performance.now()
  const ticker = setInterval(() => bar?.update(readers.digest.count), 100)
  const reading = readers.until(() => readers.digest.count >= lines.length, STALL_MS)
  const [written] = await Promise.all([writer.writeAll(lines, run, () => {}), reading]).finally(
    () => clearInterval(ticker),
  )
  const seconds = (performance.now() - started) / 1000
  bar?.update(readers.digest.count)
  bar?.stop()

  await probe(writer, readers, run)
  const latencies = readers.probeLatenciesMs.sort((a, b) => a - b)
  const differing = written.differences(readers.digest)
  await Promise.all([writer.stop(), readers.stop()])
  return {
    recordsBefore,
    records: lines.length,
    keys: written.keys,
    seconds,
    recordsPerSecond: lines.length / seconds,
    p50Ms: latencies[Math.floor(latencies.length * 0.5)] ?? 0,
    p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? 0,
    differing,
    recordsRead: readers.digest.count,
  }
}

async function probe(writer: Writer, readers: Readers, run: string): Promise<void> {
  const arrived = readers.until(() => readers.probeLatenciesMs.length >= PROBES, STALL_MS)
  for (let sequence = 0; sequence < PROBES; sequence++) {
    await writer.probe(run, sequence)
    await new Promise((resolve) => setTimeout(resolve, PROBE_INTERVAL_MS))
  }
  await arrived
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
