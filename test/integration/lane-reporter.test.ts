/** What `npm test` says of a run in which not everything passed. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { packageRoot } from '../../tools/package-root.ts'
import { runCommand } from '../support/child-processes.ts'

mkdirSync(join(packageRoot, 'dist'), { recursive: true })
const folder = mkdtempSync(join(packageRoot, 'dist/reporter-'))
afterAll(() => rmSync(folder, { recursive: true }))

const FILES = {
  'vitest.config.ts': `
    import { LaneReporter } from '${packageRoot}/test/support/lane-reporter.ts'
    const config = { test: {
      reporters: ['minimal', new LaneReporter()],
      projects: [{ test: { name: 'sample', include: ['*.sample.ts'] } }],
    } }
    export { config as default }`,
  'mixed.sample.ts': `
    import { describe, expect, it } from 'vitest'
    it('passes', () => { console.log('chatter') })
    it('fails', () => { expect(1).toBe(2) })
    it('needs a moon', (context) => context.skip('no moon tonight'))
    describe('a suite', () => { it.skip('rests', () => {}) })`,
  'broken.sample.ts': `throw new Error('cannot be loaded')`,
  'hook.sample.ts': `
    import { beforeAll, it } from 'vitest'
    beforeAll(() => { throw new Error('no broker') })
    it('never runs', () => {})`,
  'stray.sample.ts': `
    import { it } from 'vitest'
    it('strays', async () => {
      setImmediate(() => { throw new Error('nobody waited for this') })
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    })`,
  'gone.sample.ts': `
    import { it } from 'vitest'
    it('ends its process', () => process.kill(process.pid, 'SIGKILL'))`,
}

it('counts what failed and was skipped, and says why, without the chatter of what passed', async () => {
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, name), text)
  const countsFile = join(folder, 'counts.json')
  const vitest = join(packageRoot, 'node_modules/vitest/vitest.mjs')
  const result = await runCommand(process.execPath, [vitest, 'run', '--root', folder], {
    limitMs: 60_000,
    cwd: folder,
    env: { SLUICE_TEST_COUNTS: countsFile, NO_COLOR: '1' },
  })
  expect(result.code).toBe(1)
  expect(JSON.parse(readFileSync(countsFile, 'utf8'))).toEqual({ passed: 2, failed: 5, skipped: 4 })
  const said = result.stdout.slice(result.stdout.indexOf('\nsample: '))
  expect(said).toMatch(/^\nsample: 5 files, 2 passed, 3 failed, 4 skipped, /)
  expect(said).toMatch(/^SKIP {2}\S+mixed\.sample\.ts: no moon tonight$/m)
  expect(said).toMatch(/^SKIP {2}\S+mixed\.sample\.ts: a suite > rests$/m)
  expect(said).toMatch(/^FAIL {2}\S+mixed\.sample\.ts > fails: expected 1 to be 2/m)
  expect(said).toMatch(/^FAIL {2}\S+broken\.sample\.ts: cannot be loaded$/m)
  expect(said).toMatch(/^FAIL {2}\S+hook\.sample\.ts: no broker$/m)
  expect(said).toMatch(
    /^FAIL {2}\S+stray\.sample\.ts > strays, outside of any call it waited for: nobody waited for this$/m,
  )
  expect(said).toMatch(/^FAIL {2}outside of any test: .*error/m)
  expect(said).toMatch(/^ {6}not ended: \S+gone\.sample\.ts$/m)
  expect(result.stdout).not.toContain('chatter')
})
