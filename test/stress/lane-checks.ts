/** A lane's own checks: a line per check as it ends, some side by side, and the sums at the end. */

export class LaneChecks {
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

function seconds(sinceMs: number): string {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`
}
