/** Command lines in argparse4j's manner. */
import { describe, expect, it } from 'vitest'
import { type ArgumentTable, parseArguments } from '../../../../tools/cli/kafka/arguments.ts'

const TABLE: ArgumentTable = {
  name: 'tool',
  help: 'A tool.',
  arguments: [
    { name: 'server', short: 's', kind: 'value', help: '' },
    { name: 'controller', kind: 'value', help: '' },
  ],
  oneOf: [{ names: ['server', 'controller'], required: true }],
  commands: [
    {
      name: 'run',
      help: '',
      arguments: [
        { name: 'number', short: 'n', kind: 'value', integer: true, help: '' },
        { name: 'feature', kind: 'list', help: '' },
        { name: 'property', kind: 'many', help: '' },
        { name: 'dry-run', kind: 'flag', help: '' },
      ],
    },
    { name: 'stop', help: '', arguments: [] },
  ],
}

function parsed(line: string) {
  const result = parseArguments(TABLE, line.split(' '))
  return result === null ? null : { command: result.command, flags: result.flags }
}

describe('a command line', () => {
  it('takes long, short, attached and shortened names', () => {
    for (const line of [
      '--server a run --number -5',
      '-s a run -n -5',
      '--server=a run --num=-5',
      'run -n -5 --serv a',
    ]) {
      const result = parsed(line)
      expect(result?.command).toBe('run')
      expect(result?.flags.value('server')).toBe('a')
      expect(result?.flags.value('number')).toBe('-5')
    }
  })

  it('gathers what may come again, and several values behind one name', () => {
    const result = parsed('-s a run --feature x=1 --feature y=2 --property p=1 q=2 --dry-run')
    expect(result?.flags.list('feature')).toEqual(['x=1', 'y=2'])
    expect(result?.flags.list('property')).toEqual(['p=1', 'q=2'])
    expect(result?.flags.has('dry-run')).toBe(true)
  })

  it('asks for help wherever it stands', () => {
    expect(parsed('run -h')).toBeNull()
    expect(parsed('--help')).toBeNull()
  })

  const wrong: readonly [line: string, says: RegExp][] = [
    ['-s a', /too few arguments/],
    ['-s a fly', /invalid choice: 'fly' \(choose from 'run', 'stop'\)/],
    ['-s a run away', /unrecognized arguments: 'away'/],
    ['-s a run --bogus', /unrecognized arguments: '--bogus'/],
    ['-s a stop --number 5', /unrecognized arguments: '--number'/],
    ['-s a run -n', /argument --number\/-n: expected one argument/],
    ['-s a run --property', /expected at least one argument/],
    ['-s a run -n five', /could not convert 'five' to Integer/],
    ['run', /one of the arguments --server\/-s --controller is required/],
    ['-s a --controller b run', /argument --controller: not allowed with argument --server\/-s/],
  ]
  for (const [line, says] of wrong)
    it(`is refused as ${line}`, () => expect(() => parsed(line)).toThrow(says))
})
