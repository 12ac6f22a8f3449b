/**
 * What a broker costs over a window: CPU of its process and all below it, resident memory and its peak,
 * bytes it had written. NaN throughout where it runs out of sight.
 */
import {
  peakResidentBytes,
  processCpuSeconds,
  processTree,
  residentBytes,
  restartPeak,
  writtenBytes,
} from './process-meter.ts'

export class BrokerMeter {
  private readonly pids: readonly number[]

  /** The tree is looked up once: brokers start what they need before they are measured. */
  constructor(pid: number | null) {
    this.pids = pid === null ? [] : processTree(pid)
  }

  cpuSeconds(): number {
    return this.sum(processCpuSeconds)
  }

  residentBytes(): number {
    return this.sum(residentBytes)
  }

  restartPeak(): void {
    for (const pid of this.pids) restartPeak(pid)
  }

  peakBytes(): number {
    return this.sum(peakResidentBytes)
  }

  writtenBytes(): number {
    return this.sum(writtenBytes)
  }

  /** Of the first process and those below it that are still there. */
  private sum(of: (pid: number) => number): number {
    const [first, ...below] = this.pids
    if (first === undefined) return Number.NaN
    return below.reduce((total, pid) => total + (of(pid) || 0), of(first))
  }
}
