/** The lines of a run: one per check, sums at the end; a failure tells how to see it again. */
import type { FuzzFailure } from './fuzz-target.ts'

export class FuzzReport {
  private passed = 0
  private failed = 0
  private skipped = 0

  /** Runs one check; what it returns is printed behind its name. */
  async check(name: string, run: () => Promise<string> | string): Promise<void> {
    const startedMs = performance.now()
    try {
      const counted = await run()
      this.passed++
      console.log(`ok    ${name}: ${counted} (${seconds(startedMs)})`)
    } catch (error) {
      this.failed++
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error)
      console.log(`FAIL  ${name} (${seconds(startedMs)})\n${reason.replace(/^/gm, '      ')}`)
    }
  }

  skip(name: string, reason: string): void {
    this.skipped++
    console.log(`SKIP  ${name}: ${reason}`)
  }

  /** Prints the closing line; the exit code. */
  end(): number {
    console.log(`${this.passed} passed, ${this.failed} failed, ${this.skipped} skipped`)
    return this.failed === 0 ? 0 : 1
  }
}

/** Throws with the message unless the condition holds. */
export function require(condition: boolean, message: () => string): asserts condition {
  if (!condition) throw new Error(message())
}

/** How to see a failure again: by seed and number, and by the bytes when the code has changed since. */
export function replayLines(seed: number, number: number, failure: FuzzFailure): string {
  return (
    `${failure.message}\n` +
    `again:  node --import tsx test/fuzz/run.ts --seed ${seed} --frame ${number}\n` +
    `to keep it, add to test/fuzz/corpus/frames.jsonl:\n` +
    JSON.stringify({ note: '', frames: [failure.bytes.toString('base64')] })
  )
}

function seconds(sinceMs: number): string {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`
}
