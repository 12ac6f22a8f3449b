/**
 * The words in which options are declared, and how their text becomes a value. Types, checks and
 * error texts are those of org.apache.kafka.common.config.ConfigDef, since clients see them.
 *
 * int, short, long and double become numbers, list becomes strings, class and password stay text. A
 * long above 2^53 − 1 is read as 2^53 − 1 (LONG_MAX stands for "never" and "no limit" there); its
 * text is kept apart and shown unchanged.
 */

export type ConfigType =
  | 'boolean'
  | 'string'
  | 'int'
  | 'short'
  | 'long'
  | 'double'
  | 'list'
  | 'class'
  | 'password'

export type ConfigValue = boolean | number | string | readonly string[] | null

/** Kafka's Long.MAX_VALUE as far as a number can hold it. */
export const LONG_MAX = Number.MAX_SAFE_INTEGER
const LONG_MAX_TEXT = '9223372036854775807'
export const INT_MAX = 2_147_483_647
export const DOUBLE_MAX = Number.MAX_VALUE

/** What a value must satisfy. `text` is how Kafka's tables print it. */
export interface ConfigRule {
  readonly text: string
  /** Lists are checked element by element unless this is set. */
  readonly wholeList?: boolean
  /** The complaint, or null; `{name}` in it becomes the option's name. */
  check(value: Exclude<ConfigValue, null>): string | null
}

/**
 * served: works. ignored: accepted with a warning, which is the option's text. refused: setting it
 * to anything but its default stops the start, for the reason its text gives.
 */
export type Support = 'served' | 'ignored' | 'refused'
export type Importance = 'high' | 'medium' | 'low'
/**
 * Whether it can change at run time, and where: for this broker only, or also for all brokers at
 * once.
 */
export type UpdateMode = 'read-only' | 'per-broker' | 'cluster-wide'

/** Type, default and rule of an option; made by the builders below. */
export interface ValueSpec<T extends ConfigValue = ConfigValue> {
  readonly type: ConfigType
  readonly default: T
  readonly rule: ConfigRule | null
}

export interface Option<T extends ConfigValue = ConfigValue, S extends Support = Support>
  extends ValueSpec<T> {
  readonly support: S
  readonly importance: Importance
  readonly update: UpdateMode
  /** One line: what it does, what to do instead, or why it is refused; by `support`. */
  readonly text: string
  /** Kafka's tables mark it internal: not listed by DescribeConfigs. */
  readonly internal: boolean
}

export type OptionTable = { readonly [name: string]: Option }

type Widen<T> = T extends boolean
  ? boolean
  : T extends number
    ? number
    : T extends string
      ? string
      : T extends readonly string[]
        ? readonly string[]
        : T

function spec<T extends ConfigValue>(type: ConfigType) {
  return <const D extends T>(value: D, rule: ConfigRule | null = null): ValueSpec<Widen<D>> => ({
    type,
    default: value as Widen<D>,
    rule,
  })
}

export const boolean = spec<boolean>('boolean')
export const int = spec<number>('int')
export const short = spec<number>('short')
export const long = spec<number>('long')
export const double = spec<number>('double')
export const text = spec<string>('string')
export const className = spec<string>('class')
export const list = spec<readonly string[]>('list')

/** The same without a default: null until set. */
export function unset<
  T extends 'int' | 'long' | 'short' | 'string' | 'class' | 'password' | 'list',
>(
  type: T,
  rule: ConfigRule | null = null,
): ValueSpec<
  | (T extends 'list' ? readonly string[] : T extends 'int' | 'long' | 'short' ? number : string)
  | null
> {
  return { type, default: null, rule }
}

/** `'medium cluster-wide'`: importance and update mode in the words of Kafka's tables. */
export type TraitWords = `${Importance} ${UpdateMode}` | `${Importance} ${UpdateMode} internal`

function option<S extends Support>(support: S) {
  return <T extends ConfigValue>(
    value: ValueSpec<T>,
    traits: TraitWords,
    line: string,
  ): Option<T, S> => {
    const [importance, update, internal] = traits.split(' ') as [Importance, UpdateMode, string?]
    return { ...value, importance, update, support, text: line, internal: internal !== undefined }
  }
}

export const served = option('served')
export const ignored = option('ignored')
export const refused = option('refused')

export function atLeast(min: number): ConfigRule {
  return {
    text: `[${min},...]`,
    check: (value) => (Number(value) < min ? `Value must be at least ${min}` : null),
  }
}

export function between(min: number, max: number): ConfigRule {
  return {
    text: `[${min},...,${max}]`,
    check(value) {
      if (Number(value) < min) return `Value must be at least ${min}`
      return Number(value) > max ? `Value must be no more than ${max}` : null
    },
  }
}

/**
 * For compression.gzip.level: a range, or the one value outside it that means "the codec's own".
 */
export function betweenOr(min: number, max: number, other: number): ConfigRule {
  return {
    text: `[${min},...,${max}] or ${other}`,
    check(value) {
      const number = Number(value)
      if (number === other || (number >= min && number <= max)) return null
      return `Value must be between ${min} and ${max} or equal to ${other}`
    },
  }
}

export function oneOf(...values: readonly string[]): ConfigRule {
  return {
    text: `[${values.join(', ')}]`,
    check: (value) =>
      values.includes(String(value)) ? null : `String must be one of: ${values.join(', ')}`,
  }
}

export function oneOfAnyCase(...values: readonly string[]): ConfigRule {
  return {
    text: `(case insensitive) [${values.join(', ')}]`,
    check: (value) =>
      values.includes(String(value).toUpperCase())
        ? null
        : `String must be one of (case insensitive): ${values.join(', ')}`,
  }
}

export type Parsed = { readonly value: ConfigValue } | { readonly problem: string }

const INT_RANGES: Readonly<Record<string, readonly [bigint, bigint]>> = {
  int: [-(2n ** 31n), 2n ** 31n - 1n],
  short: [-(2n ** 15n), 2n ** 15n - 1n],
  long: [-(2n ** 63n), 2n ** 63n - 1n],
}

/** What java.lang.Double.parseDouble takes, without hexadecimal forms. */
const JAVA_DOUBLE = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[fFdD]?$/

/** Reads `input` as the option's type and checks its rule. The problem is Kafka's full sentence. */
export function parseOption(name: string, option: ValueSpec, input: string): Parsed {
  const parsed = parseAs(option.type, input.trim(), input)
  if (isProblem(parsed)) return refusal(name, input, parsed.problem)
  const { rule } = option
  if (rule === null) return { value: parsed }
  if (Array.isArray(parsed) && !rule.wholeList) {
    for (const element of parsed) {
      const complaint = rule.check(element)
      if (complaint !== null) return refusal(name, element, complaint)
    }
    // Of what must be one of some words, the second of the same adds nothing (KIP-1161).
    return { value: [...new Set(parsed)] }
  }
  const complaint = rule.check(parsed)
  if (complaint === null) return { value: parsed }
  const shown = Array.isArray(parsed) ? `[${parsed.join(', ')}]` : valueText(option.type, parsed)
  return refusal(name, shown ?? input, complaint.replaceAll('{name}', name))
}

function refusal(name: string, shown: string, complaint: string): { readonly problem: string } {
  return { problem: `Invalid value ${shown} for configuration ${name}: ${complaint}` }
}

function isProblem(
  parsed: Exclude<ConfigValue, null> | { readonly problem: string },
): parsed is { readonly problem: string } {
  return typeof parsed === 'object' && 'problem' in parsed
}

function parseAs(
  type: ConfigType,
  trimmed: string,
  raw: string,
): Exclude<ConfigValue, null> | { readonly problem: string } {
  switch (type) {
    case 'boolean': {
      const lower = trimmed.toLowerCase()
      if (lower === 'true' || lower === 'false') return lower === 'true'
      return { problem: 'Expected value to be either true or false' }
    }
    case 'int':
    case 'short':
    case 'long':
      return parseInteger(type, trimmed)
    case 'double': {
      if (!JAVA_DOUBLE.test(trimmed)) return { problem: 'Not a number of type DOUBLE' }
      return Number(trimmed.replace(/[fFdD]$/, ''))
    }
    case 'list':
      return trimmed === '' ? [] : trimmed.split(',').map((part) => part.trim())
    case 'password':
      return raw
    default:
      return trimmed
  }
}

function parseInteger(
  type: 'int' | 'short' | 'long',
  digits: string,
): number | { problem: string } {
  if (!/^[+-]?\d+$/.test(digits)) return { problem: `Not a number of type ${type.toUpperCase()}` }
  const value = BigInt(digits.replace('+', ''))
  const [min, max] = INT_RANGES[type]!
  if (value < min || value > max) return { problem: `Not a number of type ${type.toUpperCase()}` }
  if (value > BigInt(LONG_MAX)) return LONG_MAX
  return value < -BigInt(LONG_MAX) ? -LONG_MAX : Number(value)
}

/** Kafka's text of a value (ConfigDef.convertToString); null for none. */
export function valueText(type: ConfigType, value: ConfigValue): string | null {
  if (value === null) return null
  if (Array.isArray(value)) return value.join(',')
  if (type === 'long' && value === LONG_MAX) return LONG_MAX_TEXT
  if (type === 'double') return doubleText(Number(value))
  return String(value)
}

/** As java.lang.Double.toString: always a fraction, E notation from 10^7 and below 10^-3. */
function doubleText(value: number): string {
  const size = Math.abs(value)
  const plain = size === 0 || (size >= 1e-3 && size < 1e7)
  const printed = plain ? String(value) : value.toExponential().replace('e+', 'E').replace('e', 'E')
  const [mantissa, exponent] = printed.split('E')
  const whole = mantissa!.includes('.') ? mantissa! : `${mantissa}.0`
  return exponent === undefined ? whole : `${whole}E${exponent}`
}

/** Passwords are never shown. */
export function isSensitive(option: ValueSpec): boolean {
  return option.type === 'password'
}

const CONFIG_TYPE_CODES: Readonly<Record<ConfigType, number>> = {
  boolean: 1,
  string: 2,
  int: 3,
  short: 4,
  long: 5,
  double: 6,
  list: 7,
  class: 8,
  password: 9,
}

/** The number of the type in DescribeConfigs replies. */
export function configTypeCode(type: ConfigType): number {
  return CONFIG_TYPE_CODES[type]
}
