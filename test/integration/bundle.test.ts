/**
 * The two ways our program is started: the bundle that `npm run build` ends with, which must find its
 * threads and jobs beside itself, and the sources. The other tests of processes use the bundle alone.
 */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { VERSION } from '../../tools/cli/version.ts'
import { sluiceProgram } from '../../tools/package-root.ts'
import { collect, endChild, runCommand, startChild } from '../support/child-processes.ts'
import { runCli } from '../support/cli.ts'
import { testProgram } from '../support/program.ts'

const LIMIT_MS = 30_000
const folder = mkdtempSync(join(tmpdir(), 'sluice-bundle-data-'))
afterAll(() => rmSync(folder, { recursive: true }))

interface Started {
  readonly child: ChildProcess
  readonly output: () => string
  readonly address: string
}

describe.each([
  ['the bundle', testProgram(), /sluice\.cjs$/],
  ['the sources', sluiceProgram(), /sluice\.ts$/],
])('%s', (name, program, file) => {
  const dataFolder = join(folder, name)

  async function serve(): Promise<Started> {
    const pairs = ['listeners=PLAINTEXT://127.0.0.1:0', `log.dirs=${dataFolder}`, 'sluice.shards=2']
    const args = pairs.flatMap((pair) => ['--override', pair])
    const child = startChild(process.execPath, [...program, 'serve', ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const output = collect(child.stdout)
    while (!/Kafka Server started/.test(output())) await once(child.stdout ?? child, 'data')
    return { child, output, address: /advertised as (\S+)/.exec(output())?.[1] ?? '' }
  }

  it('is the command line', async () => {
    expect(program.at(-1)).toMatch(file)
    const result = await runCommand(process.execPath, [...program, '--version'], {
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
