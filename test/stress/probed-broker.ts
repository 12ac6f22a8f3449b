/** A broker of our own with a probe in each of its threads (broker-probe.cjs), and what it tells. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { residentBytes } from '../../bench/load/process-meter.ts'
import { BrokerProcess, type BrokerProcessOptions } from '../support/broker-process.ts'

const PROBE = fileURLToPath(new URL('broker-probe.cjs', import.meta.url))

/** The probe looks for the order several times in this. */
const COLLECTED_MS = 1_500

export interface LongestGap {
  readonly thread: number
  /** As clients feel it, and what the thread itself ran of it, in milliseconds. */
  readonly gapMs: number
  readonly ownMs: number
}

export interface KeptBytes {
  readonly resident: number
  /** Without V8's young generations: how large those are tells of the load, not of what is kept. */
  readonly kept: number
}

export class ProbedBroker extends BrokerProcess {
  private readonly folder: string
  private readonly probeFile: string

  constructor(options: BrokerProcessOptions) {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-stress-'))
    const probeFile = join(folder, 'probe.jsonl')
    const nodeOptions = [options.env?.['NODE_OPTIONS'] ?? '', `--require ${PROBE}`].join(' ')
    super({
      dataFolder: join(folder, 'data'),
      ...options,
      env: { ...options.env, NODE_OPTIONS: nodeOptions, SLUICE_PROBE: probeFile },
    })
    this.folder = folder
    this.probeFile = probeFile
  }

  static async launch(options: BrokerProcessOptions): Promise<ProbedBroker> {
    const broker = new ProbedBroker(options)
    await broker.start()
    return broker
  }

  /** What it keeps once all its threads have collected their garbage. */
  async keptBytes(): Promise<KeptBytes> {
    writeFileSync(`${this.probeFile}.collect`, String(performance.now()))
    await sleep(COLLECTED_MS)
    const resident = residentBytes(this.pid)
    const ofThreads = readdirSync(this.folder).filter((name) => /\.young\.\d+$/.test(name))
    const young = ofThreads.reduce(
      (sum, name) => sum + Number(readFileSync(join(this.folder, name), 'utf8')),
      0,
    )
    return { resident, kept: resident - young }
  }

  /** The longest time one of its loops was held by its own doing since the start. */
  longestGap(): LongestGap {
    let longest: LongestGap = { thread: -1, gapMs: 0, ownMs: 0 }
    for (const line of linesOf(this.probeFile)) {
      const gap = JSON.parse(line) as LongestGap
      if (gap.ownMs > longest.ownMs) longest = gap
    }
    return longest
  }

  /** Log lines of this level. */
  logLines(level: 'WARN' | 'ERROR'): string[] {
    return this.output()
      .split('\n')
      .filter((line) => line.includes(`] ${level} `))
  }

  /** Ends it if need be, and removes what it left. */
  async remove(): Promise<void> {
    await this.kill()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n').filter(Boolean)
  } catch {
    // No thread was held long enough to say so.
    return []
  }
}
