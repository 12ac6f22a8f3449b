/** Character classes of topic patterns (RE2's syntax) as tests of one UTF-16 unit. */
import type { CharTest } from './topic-pattern-parse.ts'

const between =
  (low: string, high: string): CharTest =>
  (code) =>
    code >= low.charCodeAt(0) && code <= high.charCodeAt(0)
const anyOf =
  (...tests: readonly CharTest[]): CharTest =>
  (code) =>
    tests.some((test) => test(code))

const digit = between('0', '9')
const lower = between('a', 'z')
const upper = between('A', 'Z')
const alpha = anyOf(lower, upper)
const alnum = anyOf(digit, alpha)
const word = anyOf(alnum, (code) => code === 95)
const perlSpace: CharTest = (code) => [9, 10, 12, 13, 32].includes(code)
const graph = between('!', '~')

const PERL: ReadonlyMap<string, CharTest> = new Map([
  ['d', digit],
  ['w', word],
  ['s', perlSpace],
])

const POSIX: ReadonlyMap<string, CharTest> = new Map([
  ['alnum', alnum],
  ['alpha', alpha],
  ['ascii', (code) => code < 128],
  ['blank', (code) => code === 9 || code === 32],
  ['cntrl', (code) => code < 32 || code === 127],
  ['digit', digit],
  ['graph', graph],
  ['lower', lower],
  ['print', between(' ', '~')],
  ['punct', (code) => graph(code) && !alnum(code)],
  ['space', anyOf(perlSpace, (code) => code === 11)],
  ['upper', upper],
  ['word', word],
  ['xdigit', anyOf(digit, between('A', 'F'), between('a', 'f'))],
])

/** \d \w \s and their negations; null for any other letter. */
export function perlClass(letter: string): CharTest | null {
  const test = PERL.get(letter.toLowerCase())
  if (test === undefined || letter.length !== 1) return null
  return letter === letter.toLowerCase() ? test : (code) => !test(code)
}

/** The name between [: and :]. */
export function posixClass(name: string): CharTest | null {
  return POSIX.get(name) ?? null
}

/** A class as `\pL` or `\P{^Greek}`; null when there is no category or script of that name. */
export function unicodeClass(written: string): CharTest | null {
  const braced = written.length > 3
  const inner = braced ? written.slice(3, -1) : written.slice(2)
  const negated = inner.startsWith('^') !== written.startsWith('\\P')
  const name = inner.replace('^', '')
  for (const property of [name, `Script=${name}`]) {
    const expression = propertyTest(property)
    if (expression !== null) return (code) => expression.test(String.fromCharCode(code)) !== negated
  }
  return null
}

/** One character against one property: nothing here can backtrack. */
function propertyTest(property: string): RegExp | null {
  try {
    return new RegExp(`^\\p{${property}}$`, 'u')
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

/** A whole class: one of the tests, or none of them; in either case of a letter when asked. */
export function classMember(
  tests: readonly CharTest[],
  negated: boolean,
  ignoreCase: boolean,
): CharTest {
  const single = tests.length === 1 && !negated ? tests[0]! : null
  const matches: CharTest = single ?? ((code) => tests.some((test) => test(code)) !== negated)
  if (!ignoreCase) return matches
  const plain: CharTest = single ?? ((code) => tests.some((test) => test(code)))
  return (code) => (plain(code) || plain(otherCase(code))) !== negated
}

function otherCase(code: number): number {
  const char = String.fromCharCode(code)
  const other = char === char.toLowerCase() ? char.toUpperCase() : char.toLowerCase()
  return other.length === 1 ? other.charCodeAt(0) : code
}
