/** What a broker costs that does nothing: memory and CPU of its process over a while. */
import { setTimeout as pause } from 'node:timers/promises'
import { processCpuSeconds, residentBytes } from './load/process-meter.ts'

export interface IdleFigures {
  readonly seconds: number
  readonly residentMegabytes: number
  /** Percent of one core. */
  readonly cpuPercent: number
}

/** Ticks are 10 ms: over 20 s the resolution is 0.05 %. */
export async function measureIdle(pid: number, seconds: number): Promise<IdleFigures> {
  const start = performance.now()
  const before = processCpuSeconds(pid)
  await pause(seconds * 1000)
  const passed = (performance.now() - start) / 1000
  return {
    seconds: passed,
    residentMegabytes: residentBytes(pid) / 1e6,
    cpuPercent: ((processCpuSeconds(pid) - before) / passed) * 100,
  }
}
