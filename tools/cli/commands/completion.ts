/**
 * `sluice completion bash|zsh|fish`: a script for the shell, made from the commands themselves. It knows
 * nouns, verbs and flags; what follows a flag is left to the shell's file names.
 */
import type { Command } from 'commander'
import type { OwnCommand } from '../commands.ts'
import { CommandFailure, ExitCode } from '../failure.ts'
import type { CommandIo } from '../io.ts'
import { kafkaTools } from '../kafka-tools.ts'

/** What may follow the words of a command. */
interface Choice {
  /** `topic create`; empty: nothing yet. */
  readonly path: string
  readonly words: readonly string[]
}

export const completionCommand: OwnCommand = {
  register(program: Command, io: CommandIo): Command {
    return program
      .command('completion <shell>')
      .description('print a completion script for bash, zsh or fish')
      .action((shell: string) => {
        io.stdout.write(scriptFor(shell, choicesOf(program)))
      })
  },
}

function scriptFor(shell: string, choices: readonly Choice[]): string {
  switch (shell) {
    case 'bash':
      return bashScript(choices)
    case 'zsh':
      // zsh runs bash's functions once told to.
      return `autoload -U +X bashcompinit && bashcompinit\n${bashScript(choices)}`
    case 'fish':
      return fishScript(choices)
    default:
      throw new CommandFailure(
        ExitCode.usage,
        `there is no completion for '${shell}'`,
        null,
        'use bash, zsh or fish, as: source <(sluice completion bash)',
      )
  }
}

/** Every command with what can follow it, the whole program first. */
export function choicesOf(program: Command): Choice[] {
  const choices: Choice[] = []
  const visit = (command: Command, path: string): void => {
    const verbs = command.commands.map((child) => child.name())
    const flags = command.options.flatMap(({ long }) => (long == null ? [] : [long]))
    const tools = path === '' ? kafkaTools.map(({ name }) => name) : []
    choices.push({ path, words: [...verbs, ...tools, ...flags, '--help'] })
    for (const child of command.commands)
      visit(child as Command, path === '' ? child.name() : `${path} ${child.name()}`)
  }
  visit(program, '')
  return choices
}

function bashScript(choices: readonly Choice[]): string {
  const cases = choices
    .filter(({ path }) => path !== '')
    .map(({ path, words }) => `    '${path}') words='${words.join(' ')}' ;;`)
  const [whole] = choices
  return `_sluice() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path='' word words i
  for ((i = 1; i < COMP_CWORD && i < 3; i++)); do
    word="\${COMP_WORDS[i]}"
    case "$word" in -*) break ;; esac
    path="\${path:+$path }$word"
  done
  while :; do
    case "$path" in
    '') words='${whole?.words.join(' ') ?? ''}' ;;
${cases.join('\n')}
    *)
      case "$path" in
      *' '*) path="\${path% *}"; continue ;;
      *) words='' ;;
      esac
      ;;
    esac
    break
  done
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _sluice sluice
`
}

function fishScript(choices: readonly Choice[]): string {
  const lines = choices.flatMap(({ path, words }) => {
    const [noun, verb] = path.split(' ')
    const when =
      path === ''
        ? '__fish_use_subcommand'
        : verb === undefined
          ? `__fish_seen_subcommand_from ${noun}`
          : `__fish_seen_subcommand_from ${noun}; and __fish_seen_subcommand_from ${verb}`
    return words.map((word) =>
      word.startsWith('--')
        ? `complete -c sluice -n '${when}' -l ${word.slice(2)}`
        : `complete -c sluice -n '${when}' -f -a ${word}`,
    )
  })
  return `${lines.join('\n')}\n`
}
