import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { LaneReporter } from './test/support/lane-reporter.ts'

/**
 * One project per lane; `npm test` runs all of them (test/run.ts), a lane alone with
 * `npx vitest run --project unit`.
 *
 * Files of a lane share their imports: loading them again for each file was two fifths of the unit
 * lane's CPU time. A file that replaces a module (vi.mock) would be seen by the next one: hand the
 * double in instead.
 */
const lane = (name: string, include: string[], testTimeout: number, ownProcesses = false) => ({
  test: {
    name,
    include,
    testTimeout,
    hookTimeout: testTimeout,
    pool: 'forks' as const,
    isolate: false,
    // One more than cores: many tests wait for a timer or a process.
    maxWorkers: availableParallelism() + 1,
    ...(ownProcesses ? { globalSetup: ['test/support/program.ts'] } : {}),
  },
})

export default defineConfig({
  test: {
    // In a log only what failed, and the sums.
    reporters: [process.stdout.isTTY ? 'default' : 'minimal', new LaneReporter()],
    projects: [
      lane('unit', ['test/{engine,workers,net,tools,bench,history}/**/*.test.ts'], 30_000),
      lane('golden', ['test/golden-data/**/*.test.ts'], 60_000),
      lane('property', ['test/property/**/*.test.ts'], 60_000),
      lane('crash', ['test/crash/**/*.test.ts'], 120_000),
      // Not part of `npm test`: needs Kafka's jars and kcat, which .ci/run installs.
      lane('outside', ['test/outside/**/*.test.ts'], 120_000, true),
      lane('integration', ['test/integration/**/*.test.ts'], 120_000, true),
    ],
  },
})
