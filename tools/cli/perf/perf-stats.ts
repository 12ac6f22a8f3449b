/**
 * What kafka-producer-perf-test counts, in its lines (ProducerPerformance.Stats): totals, windows while
 * it runs, percentiles over at most half a million of the latencies.
 */

const SAMPLES_MAX = 500_000
const MEGABYTE = 1024 * 1024

interface Window {
  count: number
  bytes: number
  latencySum: number
  latencyMax: number
  startedAt: number
}

export class PerfStats {
  private readonly startedAt: number
  private readonly sampling: number
  private readonly samples: Int32Array
  private readonly reportingMs: number
  private readonly write: (line: string) => void
  private readonly label: string
  private sampled = 0
  private latencySum = 0
  private latencyMax = 0
  private window: Window
  count = 0
  bytes = 0
  /** Windows are printed no more; the totals go on. */
  quiet = false

  constructor(
    records: number,
    options: { reportingMs: number; steady: boolean; now: number; write: (line: string) => void },
  ) {
    this.startedAt = options.now
    this.sampling = Math.max(1, Math.floor(records / Math.min(records, SAMPLES_MAX)))
    this.samples = new Int32Array(Math.ceil(records / this.sampling) + 1)
    this.reportingMs = options.reportingMs
    this.write = options.write
    this.label = options.steady ? ' steady state' : ''
    this.window = newWindow(options.now)
  }

  record(latencyMs: number, bytes: number, now: number): void {
    if (this.count % this.sampling === 0 && this.sampled < this.samples.length)
      this.samples[this.sampled++] = latencyMs
    this.count++
    this.bytes += bytes
    this.latencySum += latencyMs
    if (latencyMs > this.latencyMax) this.latencyMax = latencyMs
    const { window } = this
    window.count++
    window.bytes += bytes
    window.latencySum += latencyMs
    if (latencyMs > window.latencyMax) window.latencyMax = latencyMs
    if (now - window.startedAt < this.reportingMs) return
    if (!this.quiet) this.write(this.windowLine(now))
    this.window = newWindow(now)
  }

  totalLine(now: number): string {
    const [p50, p95, p99, p999] = this.percentiles([0.5, 0.95, 0.99, 0.999])
    const { rate, megabytes } = this.rates(this.count, this.bytes, now - this.startedAt)
    const average = this.count === 0 ? 0 : this.latencySum / this.count
    return (
      `${this.count}${this.label} records sent, ${rate.toFixed(6)} records/sec ` +
      `(${megabytes.toFixed(2)} MB/sec), ${average.toFixed(2)} ms avg latency, ` +
      `${this.latencyMax.toFixed(2)} ms max latency, ${p50} ms 50th, ${p95} ms 95th, ` +
      `${p99} ms 99th, ${p999} ms 99.9th.\n`
    )
  }

  private windowLine(now: number): string {
    const { count, bytes, latencySum, latencyMax, startedAt } = this.window
    const { rate, megabytes } = this.rates(count, bytes, now - startedAt)
    return (
      `${count} records sent, ${rate.toFixed(1)} records/sec (${megabytes.toFixed(2)} MB/sec), ` +
      `${(latencySum / count).toFixed(1)} ms avg latency, ` +
      `${latencyMax.toFixed(1)} ms max latency.\n`
    )
  }

  private rates(count: number, bytes: number, elapsedMs: number) {
    const seconds = Math.max(1, elapsedMs) / 1000
    return { rate: count / seconds, megabytes: bytes / seconds / MEGABYTE }
  }

  private percentiles(shares: readonly number[]): number[] {
    const sorted = this.samples.slice(0, this.sampled).sort()
    return shares.map(
      (share) => sorted[Math.min(sorted.length - 1, Math.trunc(share * sorted.length))] ?? 0,
    )
  }
}

function newWindow(startedAt: number): Window {
  return { count: 0, bytes: 0, latencySum: 0, latencyMax: 0, startedAt }
}
