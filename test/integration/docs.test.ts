/** The examples of docs/ run as they are written; what is generated there: test/tools/docs.test.ts. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { packageRoot } from '../../tools/package-root.ts'
import { connectPageScenario } from '../clients/connect-page.ts'
import { startBroker } from '../support/broker-process.ts'
import { runCommand } from '../support/child-processes.ts'
import { shellBlocks } from '../support/page-snippets.ts'
import { testProgram } from '../support/program.ts'
import { describeScenarios } from '../support/small-lane.ts'

const LIMIT_MS = 60_000

describe('quick-start.md', () => {
  it('its commands run one after the other', async () => {
    const dataFolder = mkdtempSync(join(tmpdir(), 'sluice-docs-'))
    const broker = await startBroker({ dataFolder })
    try {
      const outputs: string[] = []
      for (const line of shellBlocks('quick-start.md').flat())
        outputs.push(await shell(line, broker.address))
      expect(outputs.join('')).toMatch(/hello\n[\s\S]*Topic: orders\t.*PartitionCount: 3/)
    } finally {
      await broker.stop()
      rmSync(dataFolder, { recursive: true })
    }
  })
})

/** A line of the page with this build of sluice and this broker in it. */
async function shell(line: string, address: string): Promise<string> {
  const program = [process.execPath, ...testProgram()].join(' ')
  const command = line.includes('localhost:9092')
    ? line.replaceAll('localhost:9092', address)
    : `${line} -b ${address}`
  const result = await runCommand('sh', ['-c', command.replaceAll('npx sluice', program)], {
    limitMs: LIMIT_MS,
    cwd: packageRoot,
  })
  expect([line, result.code]).toEqual([line, 0])
  return result.stdout
}

describeScenarios([connectPageScenario])
