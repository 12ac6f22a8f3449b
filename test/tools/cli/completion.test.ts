/** Completion scripts do in a real shell what they say. */
import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { runCli } from '../../support/cli.ts'

function completed(script: string, words: readonly string[]): string[] {
  const line = words.map((word) => `'${word}'`).join(' ')
  const probe = `${script}
COMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}; _sluice; printf '%s\\n' "\${COMPREPLY[@]}"`
  return execFileSync('bash', ['-c', probe], { encoding: 'utf8' }).trim().split('\n')
}

describe('completion', () => {
  it('offers nouns, tools, verbs and flags in bash', async () => {
    const { stdout, code } = await runCli(['completion', 'bash'])
    expect(code).toBe(0)
    expect(completed(stdout, ['sluice', 'top'])).toContain('topic')
    expect(completed(stdout, ['sluice', 'kafka-t'])).toContain('kafka-topics')
    expect(completed(stdout, ['sluice', 'topic', 'cr'])).toEqual(['create'])
    expect(completed(stdout, ['sluice', 'topic', 'create', '--part'])).toEqual(['--partitions'])
    expect(completed(stdout, ['sluice', 'topic', 'create', 'name', '--part'])).toEqual([
      '--partitions',
    ])
    expect(completed(stdout, ['sluice', 'consume', 'name', '--from'])).toEqual(['--from-beginning'])
  })

  it('has scripts for zsh and fish, and refuses others', async () => {
    expect((await runCli(['completion', 'zsh'])).stdout).toContain('bashcompinit')
    const fish = (await runCli(['completion', 'fish'])).stdout
    expect(fish).toContain("complete -c sluice -n '__fish_use_subcommand' -f -a topic")
    const other = await runCli(['completion', 'tcsh'])
    expect([other.code, other.stderr]).toEqual([2, expect.stringContaining('bash, zsh or fish')])
  })
})
