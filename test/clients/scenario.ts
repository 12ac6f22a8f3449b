/**
 * The client lane's frame: a scenario is a client (or a fault), made of checks. A check runs within
 * its time limit, says what it counted, fails by throwing and skips by throwing Skip: loudly, with a
 * reason. Whatever a check leaves running is closed behind it.
 */
import type { KafkaJars } from '../support/kafka-jars.ts'
import type { ManagedBroker } from '../support/managed-broker.ts'

/** What a check needs is not to be had here; the reason is printed. */
export class Skip extends Error {}

/** How much real text the checks move. */
export interface Sizes {
  /** Through each codec: a million in CI. */
  readonly lines: number
  /** For the other checks. */
  readonly fewerLines: number
  /** That flow through a group while its members change. */
  readonly groupRecords: number
}

/** What every check is handed. */
export interface Lane {
  /** host:port of the broker under test. */
  readonly address: string
  /** Scratch space of this run. */
  readonly folder: string
  readonly sizes: Sizes
  /**
   * A broker of the kind under test that the check owns; Skip when the run was given an address
   * only. Stopped behind the check.
   */
  startBroker(overrides?: Record<string, string>): Promise<ManagedBroker>
  /** A real Kafka 4.2 of the check's own. */
  startKafka(overrides?: Record<string, string>): Promise<ManagedBroker>
  /** Kafka's jars; Skip when there are none. */
  jars(): Promise<KafkaJars>
  /** Runs behind the check, last registered first, whatever its end. */
  defer(close: () => Promise<unknown> | unknown): void
}

export interface Check {
  readonly name: string
  readonly limitMs: number
  /** Takes long, or waits on its client's own timers: left out of `npm test`. */
  readonly slow?: boolean
  /** Resolves with what it counted, in words. */
  run(lane: Lane): Promise<string>
}

export interface Scenario {
  readonly name: string
  readonly checks: readonly Check[]
}

export interface Totals {
  passed: number
  failed: number
  skipped: number
}

const CLOSING_LIMIT_MS = 20_000

/** Runs one check and prints one line; `makeLane` gets the list its deferred closings go to. */
export async function runCheck(
  scenario: string,
  check: Check,
  makeLane: (closings: (() => unknown)[]) => Lane,
  totals: Totals,
): Promise<void> {
  const closings: (() => unknown)[] = []
  const label = `${scenario}: ${check.name}`
  const started = performance.now()
  const seconds = (): string => `${((performance.now() - started) / 1000).toFixed(1)} s`
  try {
    const counted = await within(check.limitMs, check.run(makeLane(closings)))
    totals.passed++
    console.log(`ok    ${label} (${counted}; ${seconds()})`)
  } catch (error) {
    if (error instanceof Skip) {
      totals.skipped++
      console.log(`SKIP  ${label}: ${error.message}`)
    } else {
      totals.failed++
      console.log(`FAIL  ${label} (${seconds()})\n${describe(error).replace(/^/gm, '      ')}`)
    }
  }
  for (const close of closings.reverse())
    await within(CLOSING_LIMIT_MS, Promise.resolve().then(close)).catch((error: unknown) =>
      console.log(`      closing after ${label}: ${String(error)}`),
    )
}

/** With the causes that clients wrap their errors around. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const inner = error instanceof AggregateError ? error.errors : [error.cause]
  const causes = inner.filter((cause) => cause !== undefined).map((cause) => describe(cause))
  return [error.stack ?? error.message, ...causes].join('\ncaused by ')
}

async function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${limitMs / 1000} s`)), limitMs)
  })
  try {
    return await Promise.race([work, limit])
  } finally {
    clearTimeout(timer)
  }
}

/** Throws with the message unless the condition holds. */
export function check(condition: boolean, message: () => string): asserts condition {
  if (!condition) throw new Error(message())
}

/** 1234567 as 1,234,567. */
export function grouped(count: number): string {
  return count.toLocaleString('en-US')
}
