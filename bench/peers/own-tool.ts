/**
 * Peers of another protocol, measured by the load tool their own project ships: a command, and the
 * figure in what it prints. Its client is not ours, so such figures are neighbours, not ratios.
 */
import { spawn } from 'node:child_process'
import type { Cell } from '../cells.ts'
import { BrokerMeter } from '../load/broker-meter.ts'
import { machineCpuSeconds } from '../load/process-meter.ts'
import { type CellFigures, NO_FIGURES } from '../measure-cell.ts'
import type { MeasuredBroker } from './peer-process.ts'

const RUN_LIMIT_MS = 60_000
const OUTPUT_TAIL = 400

export interface ToolRun {
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Messages a second in what the tool printed or by its run time, NaN when it is not there. */
  rateIn(output: string, seconds: number): number
  readonly messageBytes: number
}

export async function measureWithTool(
  broker: MeasuredBroker,
  cell: Cell,
  run: ToolRun,
): Promise<CellFigures> {
  const meter = new BrokerMeter(broker.pid)
  meter.restartPeak()
  const [start, cpu, machine, written] = [
    performance.now(),
    meter.cpuSeconds(),
    machineCpuSeconds(),
    meter.writtenBytes(),
  ]
  const output = await outputOf(run)
  const seconds = (performance.now() - start) / 1000
  const cpuSeconds = meter.cpuSeconds() - cpu
  const rate = run.rateIn(output, seconds)
  if (!Number.isFinite(rate))
    throw new Error(`${run.command} says no rate for ${cell.name}: ${output.slice(-OUTPUT_TAIL)}`)
  return {
    ...NO_FIGURES,
    requestsPerSecond: rate,
    megabytesPerSecond: (rate * run.messageBytes) / 1e6,
    // Over the tool's whole life, start-up included: an upper bound.
    cpuMicrosecondsPerRequest: (cpuSeconds * 1e6) / (rate * seconds),
    cpuSecondsPerGigabyte: cpuSeconds / ((rate * seconds * run.messageBytes) / 1e9),
    brokerCores: cpuSeconds / seconds,
    machineCores: (machineCpuSeconds() - machine) / seconds,
    peakMegabytes: meter.peakBytes() / 1e6,
    writtenMegabytes: (meter.writtenBytes() - written) / 1e6,
  }
}

/** Both of its outputs. Rejects when it fails or takes too long. */
export function outputOf(
  run: Pick<ToolRun, 'command' | 'args' | 'env'>,
  limitMs = RUN_LIMIT_MS,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(run.command, run.args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: limitMs,
      env: { ...process.env, ...run.env },
    })
    let said = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        said += chunk
      })
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (code === 0) resolve(said)
      else
        reject(
          new Error(`${run.command} ended with ${code ?? signal}: ${said.slice(-OUTPUT_TAIL)}`),
        )
    })
  })
}
