/**
 * Options of client metrics subscriptions (KIP-714). Names, ranges and words are those of Kafka 4.2's
 * ClientMetricsConfigs. They are kept and shown; metrics themselves are not taken yet.
 */
import { int, list, parseOption, type ValueSpec } from './config-option.ts'
import { ErrorCode } from './errors.ts'

const INTERVAL_MIN_MS = 100
const INTERVAL_MAX_MS = 3_600_000

export const clientMetricsOptions: ReadonlyMap<string, ValueSpec> = new Map<string, ValueSpec>([
  ['interval.ms', int(300_000)],
  ['match', list([])],
  ['metrics', list([])],
])

const SELECTORS: ReadonlySet<string> = new Set([
  'client_id',
  'client_instance_id',
  'client_software_name',
  'client_software_version',
  'client_source_address',
  'client_source_port',
])

/** What is wrong with everything set for one subscription, or null. */
export function clientMetricsProblem(
  settings: ReadonlyMap<string, string>,
): { readonly errorCode: number; readonly errorMessage: string } | null {
  for (const [name, text] of settings) {
    const option = clientMetricsOptions.get(name)
    if (option === undefined)
      return {
        errorCode: ErrorCode.INVALID_REQUEST,
        errorMessage: `Unknown client metrics configuration: ${name}`,
      }
    const parsed = parseOption(name, option, text)
    if ('problem' in parsed)
      return { errorCode: ErrorCode.INVALID_CONFIG, errorMessage: parsed.problem }
    if (name === 'interval.ms') {
      const intervalMs = Number(parsed.value)
      if (intervalMs < INTERVAL_MIN_MS || intervalMs > INTERVAL_MAX_MS)
        return {
          errorCode: ErrorCode.INVALID_REQUEST,
          errorMessage:
            `Invalid value ${intervalMs} for interval.ms, interval must be between ` +
            `${INTERVAL_MIN_MS} and ${INTERVAL_MAX_MS} (1 hour)`,
        }
    }
    if (name === 'match')
      for (const pattern of parsed.value as readonly string[])
        if (!isMatchPattern(pattern))
          return {
            errorCode: ErrorCode.INVALID_CONFIG,
            errorMessage: `Illegal client matching pattern: ${pattern}`,
          }
  }
  return null
}

/** `selector=regular expression`. */
function isMatchPattern(pattern: string): boolean {
  const [selector, expression, ...rest] = pattern.split('=').map((part) => part.trim())
  if (rest.length > 0 || expression === undefined || !SELECTORS.has(selector ?? '')) return false
  return isExpression(expression)
}

function isExpression(source: string): boolean {
  try {
    new RegExp(source)
    return true
  } catch (error) {
    if (error instanceof SyntaxError) return false
    throw error
  }
}
