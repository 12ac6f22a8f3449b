/** What `npm run build` ends with: the bundle must find its threads and jobs beside itself. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bundle, cacheCode } from '../../tools/bundle.ts'
import { VERSION } from '../../tools/cli/version.ts'
import { packageRoot } from '../../tools/package-root.ts'
import { collect, endChild, runCommand, startChild } from '../support/child-processes.ts'
import { runCli } from '../support/cli.ts'

const LIMIT_MS = 30_000
// Inside the package, so that the packages left outside are found.
const cache = join(packageRoot, 'node_modules/.cache')
mkdirSync(cache, { recursive: true })
const target = mkdtempSync(join(cache, 'sluice-bundle-'))
const dataFolder = mkdtempSync(join(tmpdir(), 'sluice-bundle-data-'))

beforeAll(async () => {
  await bundle(packageRoot, 'ts', target)
  await cacheCode(target)
})
afterAll(() => {
  rmSync(target, { recursive: true })
  rmSync(dataFolder, { recursive: true })
})

interface Started {
  readonly child: ChildProcess
  readonly output: () => string
  readonly address: string
}

async function serve(): Promise<Started> {
  const pairs = ['listeners=PLAINTEXT://127.0.0.1:0', `log.dirs=${dataFolder}`, 'sluice.shards=2']
  const args = pairs.flatMap((pair) => ['--override', pair])
  const child = startChild(process.execPath, [join(target, 'sluice.cjs'), 'serve', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const output = collect(child.stdout)
  while (!/Kafka Server started/.test(output())) await once(child.stdout ?? child, 'data')
  return { child, output, address: /advertised as (\S+)/.exec(output())?.[1] ?? '' }
}

describe('the bundle', () => {
  it('is the command line', async () => {
    const result = await runCommand(process.execPath, [join(target, 'sluice.cjs'), '--version'], {
      limitMs: LIMIT_MS,
    })
    expect(result).toMatchObject({ code: 0, stdout: `${VERSION}\n`, stderr: '' })
  })

  it('serves with all its shards, and recovers after a kill with its job threads', async () => {
    const first = await serve()
    expect(first.output()).toMatch(/2 shards/)
    await runCli(['topic', 'create', 't', '-p', '4', '-b', first.address])
    const input = Array.from({ length: 1_000 }, (_, at) => `${at}:${at}\n`).join('')
    const wrote = await runCli(['produce', 't', '-k', ':', '-b', first.address], { input })
    expect(wrote.code).toBe(0)
    await endChild(first.child, 'SIGKILL')

    const second = await serve()
    expect(second.output()).toMatch(/recovered 4 of 4 logs/)
    const read = await runCli(['consume', 't', '--from-beginning', '-e', '-b', second.address])
    expect(read.stdout.trimEnd().split('\n')).toHaveLength(1_000)
    await endChild(second.child, 'SIGTERM')
    expect(second.child.exitCode).toBe(0)
  })
})
