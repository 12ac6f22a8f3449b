/**
 * Patterns of topic names in RE2's syntax, matched in time linear in name and pattern: all states
 * that the name may be in are followed at once, so no pattern can be made to backtrack. Source: the
 * syntax page of RE2 (Kafka uses RE2/J, Pattern.matches: the whole name has to match).
 *
 *   . [a-z] [^a-z] [[:alpha:]] \d \D \w \W \s \S \pL \p{Greek} \Q...\E \x{41} \041 \t \n \r \f \v \a
 *   x* x+ x? x{2} x{2,} x{2,5} and their lazy forms, (x) (?:x) (?P<name>x) (?<name>x) (?i) (?i:x)
 *   x|y ^ $ \A \z \b \B
 *
 * Refused, as there: back references, look-around, possessive forms, repetition above 1000.
 * A match needs no order of preference, so greedy and lazy are the same here.
 */
import { limits } from '../../base/limits.ts'
import { type PatternNode, parsePattern } from './topic-pattern-parse.ts'

/** One step of the program; states are indexes into it. */
type Step =
  | { readonly kind: 'char'; readonly test: (code: number) => boolean }
  | { readonly kind: 'jump'; readonly to: number }
  | { readonly kind: 'split'; readonly to: readonly number[] }
  | { readonly kind: 'assert'; readonly holds: (name: string, at: number) => boolean }
  | { readonly kind: 'match' }

export interface TopicPattern {
  matches(name: string): boolean
}

export type CompiledPattern =
  | { readonly pattern: TopicPattern }
  /** What is wrong, in RE2/J's words. */
  | { readonly problem: string }

export function compilePattern(source: string): CompiledPattern {
  if (source.length > limits.groupRegexCharsMax) return { problem: 'expression too long' }
  const parsed = parsePattern(source)
  if ('problem' in parsed) return parsed
  const steps: Step[] = []
  if (!emit(parsed.node, steps)) return { problem: 'expression too large' }
  steps.push({ kind: 'match' })
  return { pattern: { matches: (name) => run(steps, name) } }
}

/** Appends the program of a node; false when it grows beyond the bound. */
function emit(node: PatternNode, steps: Step[]): boolean {
  if (steps.length > limits.groupRegexStepsMax) return false
  switch (node.kind) {
    case 'char':
      steps.push({ kind: 'char', test: node.test })
      return true
    case 'assert':
      steps.push({ kind: 'assert', holds: node.holds })
      return true
    case 'sequence':
      return node.nodes.every((part) => emit(part, steps))
    case 'choice':
      return emitChoice(node.nodes, steps)
    case 'repeat':
      return emitRepeat(node, steps)
  }
}

function emitChoice(nodes: readonly PatternNode[], steps: Step[]): boolean {
  const split = steps.length
  const starts: number[] = []
  const ends: number[] = []
  steps.push({ kind: 'split', to: starts })
  for (const node of nodes) {
    starts.push(steps.length)
    if (!emit(node, steps)) return false
    ends.push(steps.length)
    steps.push({ kind: 'jump', to: split })
  }
  for (const end of ends) steps[end] = { kind: 'jump', to: steps.length }
  return true
}

function emitRepeat(
  { node, min, max }: Extract<PatternNode, { kind: 'repeat' }>,
  steps: Step[],
): boolean {
  for (let count = 0; count < min; count++) {
    const start = steps.length
    if (!emit(node, steps)) return false
    // What takes no step once takes none a thousand times.
    if (steps.length === start) break
  }
  if (max === null) {
    const loop = steps.length
    steps.push({ kind: 'split', to: [] })
    if (!emit(node, steps)) return false
    steps.push({ kind: 'jump', to: loop })
    steps[loop] = { kind: 'split', to: [loop + 1, steps.length] }
    return true
  }
  const splits: number[] = []
  for (let count = min; count < max; count++) {
    splits.push(steps.length)
    steps.push({ kind: 'split', to: [] })
    if (!emit(node, steps)) return false
  }
  for (const split of splits) steps[split] = { kind: 'split', to: [split + 1, steps.length] }
  return true
}

function run(steps: readonly Step[], name: string): boolean {
  let states = new Set<number>()
  follow(steps, 0, name, 0, states)
  for (let at = 0; at < name.length && states.size > 0; at++) {
    const code = name.charCodeAt(at)
    const next = new Set<number>()
    for (const state of states) {
      const step = steps[state]!
      if (step.kind === 'char' && step.test(code)) follow(steps, state + 1, name, at + 1, next)
    }
    states = next
  }
  for (const state of states) if (steps[state]!.kind === 'match') return true
  return false
}

/** Adds a state and all that it leads to without taking a character. */
function follow(
  steps: readonly Step[],
  from: number,
  name: string,
  at: number,
  into: Set<number>,
): void {
  const open = [from]
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    if (into.has(state)) continue
    into.add(state)
    const step = steps[state]!
    if (step.kind === 'jump') open.push(step.to)
    else if (step.kind === 'split') open.push(...step.to)
    else if (step.kind === 'assert' && step.holds(name, at)) open.push(state + 1)
  }
}
