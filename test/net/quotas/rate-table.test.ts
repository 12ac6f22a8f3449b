import { readFileSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { TokenBucket } from '../../../engine/coordinator/controller/mutation-quota.ts'
import { RateTable, rateTableMemory, rateWindow } from '../../../net/quotas/rate-table.ts'
import { threadEntry } from '../../../workers/thread-entry.ts'

interface Step {
  readonly samples: number
  readonly windowMs: number
  readonly nowMs: number
  readonly value: number
  readonly rate: number
  readonly spanMs: number
  readonly tokens: number
}

const steps = readFileSync(new URL('../../golden-data/quota-rates.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Step)

/** The recorded load of one configuration. */
function shapes(): Map<string, Step[]> {
  const all = new Map<string, Step[]>()
  for (const step of steps) {
    const key = `${step.samples} samples of ${step.windowMs} ms`
    all.set(key, [...(all.get(key) ?? []), step])
  }
  return all
}

function table(samples = 11, windowSeconds = 1, slots = 8): RateTable {
  const window = rateWindow(samples, windowSeconds)
  return new RateTable(rateTableMemory(window, slots), window)
}

describe('a rate', () => {
  for (const [name, load] of shapes())
    it(`is what Kafka's own Rate says of 250 steps with ${name}`, () => {
      const { samples, windowMs } = load[0] as Step
      const rates = table(samples, windowMs / 1000)
      const handle = rates.handle('x', load[0]?.nowMs ?? 0)
      for (const { nowMs, value, rate, spanMs } of load) {
        rates.record(handle, value, Number.POSITIVE_INFINITY, nowMs)
        const measured = rates.measure(handle, nowMs)
        expect(measured.spanMs).toBe(spanMs)
        expect(measured.rate).toBeCloseTo(rate, 6)
      }
    })

  for (const [name, load] of shapes())
    it(`of tokens is what Kafka's own TokenBucket says with ${name}`, () => {
      const { samples, windowMs } = load[0] as Step
      const bucket = new TokenBucket({ samples, windowSeconds: windowMs / 1000 })
      for (const { nowMs, value, tokens } of load) {
        bucket.take(100, value / 20, nowMs)
        expect(bucket.level(100, nowMs)).toBeCloseTo(tokens, 6)
      }
    })

  it('over its limit asks for the time that brings it back', () => {
    const rates = table()
    const handle = rates.handle('x', 0)
    // 20,000 bytes over 10 s are 2,000 a second: twice the limit, so as long again.
    expect(rates.record(handle, 10_000, 1_000, 0)).toBe(0)
    expect(rates.record(handle, 10_000, 1_000, 0)).toBe(10_000)
    // After that time it is at the limit, and the next byte is over it.
    expect(rates.measure(handle, 10_000).rate).toBeCloseTo(2_000)
    expect(rates.measure(handle, 11_000).rate).toBe(0)
  })

  it('forgets what was taken back', () => {
    const rates = table()
    const handle = rates.handle('x', 0)
    rates.record(handle, 5_000, 1, 0)
    rates.unrecord(handle, 5_000, 0)
    expect(rates.measure(handle, 0).rate).toBe(0)
  })

  it('never throttles for a limit that is no number', () => {
    const rates = table()
    const handle = rates.handle('x', 0)
    expect(rates.record(handle, 1e12, Number.NaN, 0)).toBe(0)
  })
})

describe('a table of rates', () => {
  it('gives one rate to one key, whoever asks', () => {
    const window = rateWindow(11, 1)
    const memory = rateTableMemory(window, 8)
    const [one, other] = [new RateTable(memory, window), new RateTable(memory, window)]
    one.record(one.handle('a', 0), 500, 1e9, 0)
    other.record(other.handle('a', 0), 500, 1e9, 0)
    other.record(other.handle('b', 0), 7, 1e9, 0)
    expect(one.measure(one.handle('a', 0), 0).rate).toBeCloseTo(100)
  })

  it('hands a slot out of use to the next key, and its old holder finds another', () => {
    const rates = table(11, 1, 3)
    const a = rates.handle('a', 0)
    const b = rates.handle('b', 0)
    rates.record(a, 1_000, 1e9, 0)
    rates.record(b, 1_000, 1e9, 20_000)
    const c = rates.handle('c', 20_000)
    expect(c.slot).toBe(1)
    expect(rates.measure(c, 20_000).rate).toBe(0)
    rates.record(c, 300, 1e9, 20_000)
    // a's slot is c's now and nothing is out of use: a counts among those without a slot.
    rates.record(a, 100, 1e9, 20_000)
    expect(a.slot).toBe(0)
    expect(rates.measure(c, 20_000).rate).toBeCloseTo(30)
    expect(rates.measure(b, 20_000).rate).toBeCloseTo(100)
  })

  it('lets keys beyond its slots share one rate', () => {
    const rates = table(11, 1, 3)
    for (const key of ['a', 'b']) rates.record(rates.handle(key, 0), 10, 1e9, 0)
    const [c, d] = [rates.handle('c', 0), rates.handle('d', 0)]
    expect([c.slot, d.slot]).toEqual([0, 0])
    rates.record(c, 100, 1e9, 0)
    rates.record(d, 100, 1e9, 0)
    expect(rates.measure(c, 0).rate).toBeCloseTo(20)
  })

  it('loses no count between threads', async () => {
    const window = rateWindow(11, 1)
    const memory = rateTableMemory(window, 8)
    const rates = new RateTable(memory, window)
    const entry = threadEntry('../../support/rate-counter-thread', import.meta.url)
    const worker = new Worker(entry.url, {
      workerData: { memory, window },
      execArgv: [...entry.execArgv],
    })
    const heard = (): Promise<unknown> =>
      new Promise((resolve, reject) => {
        worker.once('message', resolve)
        worker.once('error', reject)
      })
    await heard()
    const done = heard()
    worker.postMessage('go')
    const handle = rates.handle('shared', 0)
    for (let i = 0; i < 50_000; i++) rates.record(handle, 1, 1e9, 0)
    await done
    await worker.terminate()
    expect(rates.measure(handle, 0).rate).toBeCloseTo(10_000)
  })
})
