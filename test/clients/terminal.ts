/** A broker in the foreground of a terminal that is closed stops cleanly instead of going on unseen. */
import { existsSync, mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { packageRoot, sluiceProgram } from '../../tools/package-root.ts'
import { describeResult, runCommand } from '../support/child-processes.ts'
import { check, type Scenario, Skip } from './scenario.ts'

const LIMIT_MS = 60_000
const SIGHUP = 1
const SCRIPT = fileURLToPath(new URL('in_terminal.py', import.meta.url))

export const terminalScenario: Scenario = {
  name: 'terminal',
  checks: [
    {
      name: 'a broker whose terminal is closed',
      limitMs: LIMIT_MS,
      async run(lane) {
        const data = mkdtempSync(join(lane.folder, 'terminal-'))
        const settings = ['listeners=PLAINTEXT://127.0.0.1:0', `log.dirs=${data}`]
        const overrides = settings.flatMap((pair) => ['--override', pair])
        const broker = [process.execPath, ...sluiceProgram(), 'serve', ...overrides]
        const result = await runCommand('python3', [SCRIPT, packageRoot, 'started in', ...broker], {
          limitMs: LIMIT_MS,
        })
        if (result.stderr.includes('ENOENT')) throw new Skip('python3 is not installed')
        check(result.code === 0, () => describeResult('in_terminal.py', result))
        const { signal } = JSON.parse(result.stdout) as { signal: number }
        check(signal === SIGHUP, () => `it ended with signal ${signal}: ${result.stdout}`)
        check(existsSync(join(data, '.kafka_cleanshutdown')), () => 'the stop was not a clean one')
        return 'ended by SIGHUP, behind a clean stop'
      },
    },
  ],
}
