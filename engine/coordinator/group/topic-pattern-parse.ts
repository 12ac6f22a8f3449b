/**
 * Reads a pattern of topic names into a tree; topic-pattern.ts lists the syntax and matches. The
 * problems are told in the words of RE2/J, which clients get to see.
 */
import { classMember, perlClass, posixClass, unicodeClass } from './topic-pattern-class.ts'

export type CharTest = (code: number) => boolean

export type PatternNode =
  | { readonly kind: 'char'; readonly test: CharTest }
  | { readonly kind: 'assert'; readonly holds: (name: string, at: number) => boolean }
  | { readonly kind: 'sequence'; readonly nodes: readonly PatternNode[] }
  | { readonly kind: 'choice'; readonly nodes: readonly PatternNode[] }
  | {
      readonly kind: 'repeat'
      readonly node: PatternNode
      readonly min: number
      /** Null: without end. */
      readonly max: number | null
    }

export type ParsedPattern = { readonly node: PatternNode } | { readonly problem: string }

/** Thrown inside the parser only. */
class PatternProblem extends Error {}

/** The most a `{n,m}` may say. */
const REPEAT_MAX = 1_000
/** Groups within groups; deeper is refused, as RE2/J does. */
const DEPTH_MAX = 1_000

interface Flags {
  readonly ignoreCase: boolean
  readonly dotAll: boolean
  readonly multiline: boolean
}

export function parsePattern(source: string): ParsedPattern {
  try {
    return { node: new PatternParser(source).parse() }
  } catch (error) {
    if (error instanceof PatternProblem) return { problem: error.message }
    throw error
  }
}

class PatternParser {
  private readonly source: string
  private at: number
  private depth: number
  private flags: Flags

  constructor(source: string) {
    this.source = source
    this.at = 0
    this.depth = 0
    this.flags = { ignoreCase: false, dotAll: false, multiline: false }
  }

  parse(): PatternNode {
    const node = this.choice()
    if (this.at < this.source.length) this.fail('regexp/syntax: internal error')
    return node
  }

  private fail(problem: string): never {
    throw new PatternProblem(problem)
  }

  private peek(text: string): boolean {
    return this.source.startsWith(text, this.at)
  }

  private take(text: string): boolean {
    if (!this.peek(text)) return false
    this.at += text.length
    return true
  }

  private choice(): PatternNode {
    // Flags set inside a group end with it.
    const { flags } = this
    const nodes = [this.sequence()]
    while (this.take('|')) nodes.push(this.sequence())
    this.flags = flags
    return nodes.length === 1 ? nodes[0]! : { kind: 'choice', nodes }
  }

  private sequence(): PatternNode {
    const nodes: PatternNode[] = []
    while (this.at < this.source.length && !this.peek('|') && !this.peek(')')) {
      if (this.take('\\Q')) {
        const quoted = this.quoted()
        const last = quoted.pop()
        nodes.push(...quoted)
        if (last !== undefined) nodes.push(this.repeated(last))
        continue
      }
      const atom = this.atom()
      if (atom === null) continue
      nodes.push(this.repeated(atom))
    }
    return { kind: 'sequence', nodes }
  }

  private quoted(): PatternNode[] {
    const end = this.source.indexOf('\\E', this.at)
    const text = this.source.slice(this.at, end === -1 ? undefined : end)
    this.at = end === -1 ? this.source.length : end + 2
    return [...Array(text.length).keys()].map((index) => this.literal(text.charCodeAt(index)))
  }

  /** One repetition at most; `x**` is refused as RE2/J does. */
  private repeated(atom: PatternNode): PatternNode {
    const bounds = this.quantifier()
    if (bounds === null) return atom
    const first = this.at
    this.take('?')
    const second = this.at
    if (this.quantifier() !== null || (second > first && this.take('?')))
      this.fail('invalid nested repetition operator')
    return { kind: 'repeat', node: atom, ...bounds }
  }

  private quantifier(): { min: number; max: number | null } | null {
    if (this.take('*')) return { min: 0, max: null }
    if (this.take('+')) return { min: 1, max: null }
    if (this.take('?')) return { min: 0, max: 1 }
    const braces = /^\{(\d+)(,(\d*))?\}/.exec(this.source.slice(this.at, this.at + 32))
    if (braces === null) return null
    this.at += braces[0].length
    const min = Number(braces[1])
    const max = braces[2] === undefined ? min : braces[3] === '' ? null : Number(braces[3])
    if (min > REPEAT_MAX || (max !== null && (max > REPEAT_MAX || max < min)))
      this.fail('invalid repeat count')
    return { min, max }
  }

  /** Null when nothing is left to repeat: flags, an empty quote. */
  private atom(): PatternNode | null {
    const char = this.source[this.at]!
    switch (char) {
      case '(':
        return this.group()
      case '[':
        return { kind: 'char', test: this.charClass() }
      case '.':
        this.at++
        return { kind: 'char', test: this.flags.dotAll ? () => true : (code) => code !== 10 }
      case '^':
        this.at++
        return this.edge('start', this.flags.multiline)
      case '$':
        this.at++
        return this.edge('end', this.flags.multiline)
      case '*':
      case '+':
      case '?':
        return this.fail('missing argument to repetition operator')
      case '\\':
        return this.escape()
      default:
        this.at++
        return this.literal(char.charCodeAt(0))
    }
  }

  private group(): PatternNode | null {
    this.at++
    if (++this.depth > DEPTH_MAX) this.fail('expression nests too deeply')
    if (this.take('?')) {
      const named = /^P?<([^>]*)>/.exec(this.source.slice(this.at))
      if (named !== null && !this.peek('<=') && !this.peek('<!')) {
        if (!/^\w+$/.test(named[1]!)) this.fail('invalid named capture')
        this.at += named[0].length
      } else {
        const outer = this.flags
        this.setFlags()
        if (this.take(')')) {
          this.depth--
          return null
        }
        this.at++
        const node = this.choice()
        this.flags = outer
        return this.closed(node)
      }
    }
    return this.closed(this.choice())
  }

  private closed(node: PatternNode): PatternNode {
    if (!this.take(')')) this.fail('missing closing )')
    this.depth--
    return node
  }

  /** Up to, not including, the colon or the closing parenthesis. */
  private setFlags(): void {
    let isOn = true
    for (; this.at < this.source.length && !this.peek(':') && !this.peek(')'); this.at++) {
      const flag = this.source[this.at]!
      if (flag === '-' && isOn) isOn = false
      else if (flag === 'i') this.flags = { ...this.flags, ignoreCase: isOn }
      else if (flag === 's') this.flags = { ...this.flags, dotAll: isOn }
      else if (flag === 'm') this.flags = { ...this.flags, multiline: isOn }
      else if (flag !== 'U') this.fail('invalid or unsupported Perl syntax')
    }
    if (this.at === this.source.length) this.fail('missing closing )')
  }

  private edge(side: 'start' | 'end', everyLine: boolean): PatternNode {
    const isEdge = (name: string, at: number): boolean => {
      const ends = side === 'start' ? at === 0 : at === name.length
      if (ends || !everyLine) return ends
      return name.charCodeAt(side === 'start' ? at - 1 : at) === 10
    }
    return { kind: 'assert', holds: isEdge }
  }

  private escape(): PatternNode {
    const next = this.source[this.at + 1]
    if (next === undefined) this.fail('trailing backslash at end of expression')
    const isWord = perlClass('w')!
    const isBoundary = (name: string, at: number): boolean =>
      (at > 0 && isWord(name.charCodeAt(at - 1))) !==
      (at < name.length && isWord(name.charCodeAt(at)))
    const perl = perlClass(next)
    if (perl !== null || 'AzbB'.includes(next)) this.at += 2
    if (perl !== null) return { kind: 'char', test: perl }
    if (next === 'A') return this.edge('start', false)
    if (next === 'z') return this.edge('end', false)
    if (next === 'b') return { kind: 'assert', holds: isBoundary }
    if (next === 'B') return { kind: 'assert', holds: (name, at) => !isBoundary(name, at) }
    if (next === 'p' || next === 'P') return { kind: 'char', test: this.unicode() }
    return this.literal(this.escapedCode())
  }

  private unicode(): CharTest {
    const written = /^\\[pP](?:\{\^?\w+\}|[A-Za-z])/.exec(this.source.slice(this.at))?.[0]
    const test = written === undefined ? null : unicodeClass(written)
    if (written === undefined || test === null) return this.fail('invalid character class range')
    this.at += written.length
    return test
  }

  /** A backslash and what stands for one character. */
  private escapedCode(): number {
    const rest = this.source.slice(this.at)
    const hex = /^\\x(?:\{([0-9a-fA-F]{1,6})\}|([0-9a-fA-F]{2}))/.exec(rest)
    const octal = /^\\(0[0-7]{0,2}|[1-7][0-7]{1,2})/.exec(rest)
    const found = hex ?? octal
    if (found !== null) {
      this.at += found[0].length
      return hex === null ? Number.parseInt(found[1]!, 8) : Number.parseInt(hex[1] ?? hex[2]!, 16)
    }
    const char = rest[1]
    if (char === undefined) return this.fail('trailing backslash at end of expression')
    const control = CONTROLS.get(char)
    if (control === undefined && /[0-9A-Za-z]/.test(char)) this.fail('invalid escape sequence')
    this.at += 2
    return control ?? char.charCodeAt(0)
  }

  private charClass(): CharTest {
    this.at++
    const negated = this.take('^')
    const tests: CharTest[] = []
    for (let isFirst = true; isFirst || !this.peek(']'); isFirst = false) {
      if (this.at >= this.source.length) this.fail('missing closing ]')
      tests.push(this.classItem())
    }
    this.at++
    return classMember(tests, negated, this.flags.ignoreCase)
  }

  private classItem(): CharTest {
    const posix = /^\[:(\^?)(\w+):\]/.exec(this.source.slice(this.at))
    if (posix !== null) {
      const test = posixClass(posix[2]!)
      if (test === null) return this.fail('invalid character class range')
      this.at += posix[0].length
      return posix[1] === '^' ? (code) => !test(code) : test
    }
    if (this.peek('\\')) {
      const perl = perlClass(this.source[this.at + 1] ?? '')
      if (perl !== null) {
        this.at += 2
        return perl
      }
      if (this.peek('\\p') || this.peek('\\P')) return this.unicode()
    }
    const low = this.classCode()
    if (!this.peek('-') || this.source[this.at + 1] === ']') return (code) => code === low
    this.at++
    const high = this.classCode()
    if (high < low) this.fail('invalid character class range')
    return (code) => code >= low && code <= high
  }

  private classCode(): number {
    if (this.peek('\\')) return this.escapedCode()
    if (this.at >= this.source.length) this.fail('missing closing ]')
    return this.source.charCodeAt(this.at++)
  }

  private literal(code: number): PatternNode {
    const same: CharTest = (other) => other === code
    return { kind: 'char', test: classMember([same], false, this.flags.ignoreCase) }
  }
}

const CONTROLS: ReadonlyMap<string, number> = new Map([
  ['a', 7],
  ['f', 12],
  ['t', 9],
  ['n', 10],
  ['r', 13],
  ['v', 11],
])
