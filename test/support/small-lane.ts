/** The client lane's scenarios as vitest tests, in small and without what is no npm package. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import { type Lane, type Scenario, Skip } from '../clients/scenario.ts'
import { type BrokerProcess, startBroker } from './broker-process.ts'

const SIZES = { lines: 1000, fewerLines: 1000, groupRecords: 6000 }

/** Registers a test per check; they share one broker, started before and stopped cleanly after. */
export function describeScenarios(scenarios: readonly Scenario[]): void {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-integration-'))
  const closings: (() => unknown)[] = []
  let shared: BrokerProcess
  const newBroker = (overrides: Record<string, string> = {}): Promise<BrokerProcess> =>
    startBroker({ overrides, dataFolder: mkdtempSync(join(folder, 'data-')) })

  beforeAll(async () => {
    shared = await newBroker()
  })
  afterEach(async () => {
    for (const close of closings.splice(0).reverse()) await close()
  })
  afterAll(async () => {
    await shared.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const absent = (): Promise<never> => Promise.reject(new Skip('only in .ci/run'))
  const lane = (): Lane => ({
    address: shared.address,
    folder,
    sizes: SIZES,
    async startBroker(overrides) {
      const broker = await newBroker(overrides)
      closings.push(() => broker.kill())
      return broker
    },
    startKafka: absent,
    jars: absent,
    defer: (close) => closings.push(close),
  })
  for (const { name, checks } of scenarios)
    describe(name, () => {
      for (const check of checks.filter(({ slow }) => slow !== true))
        it(check.name, async () => {
          await check.run(lane())
        })
    })
}
