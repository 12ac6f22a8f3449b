/** `sluice aliases`: links by which the binary answers to Kafka's names. */
import { lstatSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { kafkaTools } from '../../../tools/cli/kafka-tools.ts'
import { runCli } from '../../support/cli.ts'

const work = mkdtempSync(join(tmpdir(), 'sluice-aliases-'))
afterAll(() => rmSync(work, { recursive: true, force: true }))

describe('sluice aliases', () => {
  it('lists every tool by both its names', async () => {
    const { stdout } = await runCli(['aliases', 'list', '--no-header'])
    const names = stdout.trim().split('\n')
    expect(names).toEqual(
      expect.arrayContaining(['kafka-topics', 'kafka-topics.sh', 'kafka-dump-log.sh']),
    )
    for (const { name } of kafkaTools) expect(names).toContain(name)
  })

  it('links them in a folder, again without complaint, to the binary', async () => {
    for (const _time of [1, 2]) {
      const { code } = await runCli(['aliases', 'install', 'bin'], { cwd: work })
      expect(code).toBe(0)
    }
    expect(readdirSync(join(work, 'bin')).length).toBeGreaterThanOrEqual(kafkaTools.length)
    expect(readlinkSync(join(work, 'bin', 'kafka-topics.sh'))).toMatch(/bin\/sluice\.js$/)
  })

  it('leaves a real Kafka alone, unless forced', async () => {
    rmSync(join(work, 'bin', 'kafka-topics.sh'))
    writeFileSync(join(work, 'bin', 'kafka-topics.sh'), '#!/bin/sh\n')
    const refused = await runCli(['aliases', 'install', 'bin'], { cwd: work })
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('kafka-topics.sh')])
    expect(lstatSync(join(work, 'bin', 'kafka-topics.sh')).isSymbolicLink()).toBe(false)
    const forced = await runCli(['aliases', 'install', 'bin', '--force'], { cwd: work })
    expect(forced.code).toBe(0)
    expect(lstatSync(join(work, 'bin', 'kafka-topics.sh')).isSymbolicLink()).toBe(true)
  })

  it.each(['file/x', '/proc/x/y'])('says why %s cannot be the folder', async (folder) => {
    writeFileSync(join(work, 'file'), '')
    const { code, stderr } = await runCli(['aliases', 'install', folder], { cwd: work })
    expect([code, stderr]).toEqual([1, expect.stringMatching(/why: [\s\S]*next:/)])
  })
})
