import { defineConfig } from 'vitest/config'

/** One project per lane; `npm test` runs all of them (test/run.ts), a lane alone with `npx vitest run --project unit`. */
const lane = (name: string, include: string[], testTimeout: number) => ({
  test: { name, include, testTimeout, hookTimeout: testTimeout, pool: 'forks' as const },
})

export default defineConfig({
  test: {
    projects: [
      lane('unit', ['test/{engine,workers,net,tools,bench,history}/**/*.test.ts'], 30_000),
      lane('golden', ['test/golden-data/**/*.test.ts'], 60_000),
      lane('property', ['test/property/**/*.test.ts'], 60_000),
      lane('crash', ['test/crash/**/*.test.ts'], 120_000),
      lane('integration', ['test/integration/**/*.test.ts'], 120_000),
    ],
  },
})
