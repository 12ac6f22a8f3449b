/** `sluice check`: what it measures, what it says of a bad machine, and its exit codes. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { checkFreeSpace, checkOpenFiles, checkSync } from '../../../tools/cli/health-checks.ts'
import { runCli } from '../../support/cli.ts'

const root = mkdtempSync(join(tmpdir(), 'sluice-check-'))
afterAll(() => rmSync(root, { recursive: true }))

describe('the checks of a machine', () => {
  it('judge the limit of open files', () => {
    const limits = (soft: string): string =>
      `Max open files            ${soft}    1048576   files\n`
    expect(checkOpenFiles(limits('1024')).status).toBe('fail')
    expect(checkOpenFiles(limits('20000'))).toMatchObject({ status: 'warn', current: '20000' })
    expect(checkOpenFiles(limits('1048576'))).toMatchObject({ status: 'ok', advice: null })
    expect(checkOpenFiles(limits('unlimited')).status).toBe('ok')
    expect(checkOpenFiles('').status).toBe('warn')
  })

  it('judge free space', () => {
    const space = (bavail: number) => ({ bsize: 4096, bavail, blocks: 10_000_000 })
    expect(checkFreeSpace(root, space(5_000_000)).status).toBe('ok')
    expect(checkFreeSpace(root, space(500_000)).status).toBe('warn')
    expect(checkFreeSpace(root, space(1_000)).status).toBe('fail')
  })

  it('measure syncs in the folder or its nearest parent, and leave nothing behind', () => {
    const measured = checkSync(join(root, 'not/there/yet'))
    expect(measured.current).toMatch(/^p50 [\d.]+ ms, p99 [\d.]+ ms$/)
    expect(checkSync('/proc/no/such')).toMatchObject({ status: 'fail' })
  })
})

describe('sluice check', () => {
  it('prints a row per check, and fails with 6 when one does', async () => {
    const good = await runCli([
      'check',
      '--override',
      `log.dirs=${join(root, 'data')}`,
      '--format',
      'json',
    ])
    const rows = JSON.parse(good.stdout) as { check: string; status: string }[]
    expect(rows.map(({ check }) => check)).toEqual([
      'open files',
      `sync in ${join(root, 'data')}`,
      `free space in ${join(root, 'data')}`,
      'CRC-32C',
      'codecs',
    ])
    expect(good.code).toBe(rows.some(({ status }) => status === 'fail') ? 6 : 0)
    const bad = await runCli(['check', '--override', 'log.dirs=/proc/none'])
    expect([bad.code, bad.stdout]).toEqual([6, expect.stringContaining('fail')])
  })

  it('says what is wrong with a broker that is not there', async () => {
    const args = ['check', '--override', `log.dirs=${root}`, '-b', '127.0.0.1:1']
    const result = await runCli(args)
    expect(result.code).toBe(3)
    expect(result.stderr).toContain('127.0.0.1:1')
  })
})
