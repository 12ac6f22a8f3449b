/**
 * Broker options changed at run time. What is in force for the broker is one BrokerConfig computed from
 * three levels, weakest first: static, the cluster's dynamic ones, the broker's own; whoever reads an
 * option that can change reads it from `effectiveConfig` of the image at hand.
 *
 * Source: Kafka's DynamicBrokerConfig, whose checks, order and words `dynamicConfigProblem` keeps.
 * Names that are no option are taken, as Kafka takes them for the plug-ins of a broker; so are options
 * with a listener prefix. `idleSettings` names what was taken and has no effect.
 *
 * differs from Kafka: `listeners` and listener.security.protocol.map need a restart.
 */

import { type BrokerConfig, brokerOptions, camelCase } from './config.ts'
import { nearestName } from './config-names.ts'
import { atLeast, LONG_MAX, long, type Option, parseOption, served } from './config-option.ts'
import { requirementProblem, zeroProblem } from './config-relations.ts'
import type { DynamicSettings } from './topic-config.ts'

/** Set by kafka-reassign-partitions; in Kafka's DynamicConfig, not in its table of the broker. */
const THROTTLE = served(
  long(LONG_MAX, atLeast(0)),
  'medium cluster-wide',
  'Bytes per second for moving replicas; one broker has none to move.',
)
const throttles: ReadonlyMap<string, Option> = new Map(
  [
    'leader.replication.throttled.rate',
    'follower.replication.throttled.rate',
    'replica.alter.log.dirs.io.max.bytes.per.second',
  ].map((name) => [name, THROTTLE]),
)

const LISTENER_PREFIX = /^listener\.name\.[^.]+\.(.+)$/

export interface DynamicOption {
  /** Without the listener prefix. */
  readonly baseName: string
  readonly prefixed: boolean
  /** A throttle, which Kafka's table of the broker does not have. */
  readonly outside: boolean
  readonly option: Option
}

/** The option a dynamic setting stands for; null for a name that means nothing here. */
export function dynamicOption(name: string): DynamicOption | null {
  const baseName = LISTENER_PREFIX.exec(name)?.[1] ?? name
  const prefixed = baseName !== name
  const option = brokerOptions.get(baseName)
  // A prefix makes a setting of its own of what can change at run time only.
  if (option !== undefined && !(prefixed && option.update === 'read-only'))
    return { baseName, prefixed, outside: false, option }
  const throttle = throttles.get(name)
  if (throttle === undefined) return null
  return { baseName, prefixed, outside: true, option: throttle }
}

/** Kafka's sentence about what is wrong with everything that shall be set on one level, or null. */
export function dynamicConfigProblem(
  config: BrokerConfig,
  level: 'broker' | 'cluster',
  settings: ReadonlyMap<string, string>,
  before: DynamicSettings,
): string | null {
  const found = [...settings.keys()].map((name) => ({ name, of: dynamicOption(name) }))
  const fixed = found.filter(({ of }) => of?.option.update === 'read-only')
  if (fixed.length > 0)
    return `Cannot update these configs dynamically: ${scalaSet(fixed.map(({ name }) => name))}`
  const unprefixed = found.filter(({ name, of }) => of?.prefixed === false && STORES.test(name))
  if (unprefixed.length > 0)
    return (
      'These security configs can be dynamically updated only per-listener using the listener ' +
      `prefix: HashSet(${unprefixed.map(({ name }) => name).join(', ')})`
    )
  for (const [name, text] of settings) {
    const problem = valueProblem(name, text)
    if (problem !== null) return problem
  }
  const own = found.filter(({ of }) => of?.option.update === 'per-broker')
  if (level === 'cluster' && own.length > 0)
    return (
      'Cannot update these configs at default cluster level, broker id must be specified: ' +
      scalaSet(own.map(({ name }) => name))
    )
  const restart = restartProblem(config, settings)
  if (restart !== null) return restart
  const dynamic: DynamicSettings = { ...before, [level]: settings }
  return (
    threadsProblem(config, before, dynamic) ??
    cleanersProblem(effectiveConfig(config, before), effectiveConfig(config, dynamic)) ??
    relationProblem(effectiveConfig(config, dynamic))
  )
}

/** Kafka's pools of threads, which grow and shrink by a factor of two at most. */
const THREAD_POOLS: readonly string[] = [
  'background.threads',
  'num.io.threads',
  'num.network.threads',
  'num.recovery.threads.per.data.dir',
  'num.replica.fetchers',
]

function threadsProblem(
  config: BrokerConfig,
  before: DynamicSettings,
  after: DynamicSettings,
): string | null {
  for (const name of THREAD_POOLS) {
    const current = numberInForce(name, config, before)
    const next = numberInForce(name, config, after)
    const limit =
      next > current * 2
        ? `value should not be greater than double the current value ${current}`
        : next < Math.floor(current / 2)
          ? `value should be at least half the current value ${current}`
          : null
    if (limit !== null)
      return refusedChange(
        `Dynamic thread count update validation failed for ${name}=${next}, ${limit}`,
      )
  }
  return null
}

/** Compaction has rules of its own for the same. */
function cleanersProblem(before: BrokerConfig, after: BrokerConfig): string | null {
  const zero = zeroProblem(after)
  if (zero !== null) return refusedChange(zero)
  const [current, next] = [before.logCleanerThreads, after.logCleanerThreads]
  if (next < Math.floor(current / 2))
    return refusedChange(
      `Log cleaner threads cannot be reduced to less than half the current value ${current}`,
    )
  if (next > current * 2)
    return refusedChange(
      `Log cleaner threads cannot be increased to more than double the current value ${current}`,
    )
  return null
}

function refusedChange(problem: string): string {
  return (
    `Invalid value org.apache.kafka.common.config.ConfigException: ${problem} for configuration ` +
    'Invalid dynamic configuration'
  )
}

/** Also of options that are not served. */
function numberInForce(name: string, config: BrokerConfig, dynamic: DynamicSettings): number {
  const text =
    dynamic.broker.get(name) ??
    dynamic.cluster.get(name) ??
    staticSettings(config, dynamic).get(name)
  return Number(text ?? brokerOptions.get(name)?.default)
}

function valueProblem(name: string, text: string): string | null {
  const of = dynamicOption(name)
  if (of === null) return null
  const parsed = parseOption(of.baseName, of.option, text)
  if ('problem' in parsed) return parsed.problem
  if (of.option.support !== 'refused' || parsed.value === of.option.default) return null
  return `${name} cannot be set: ${of.option.text}`
}

/** What Kafka requires of options together once a change is in force. */
function relationProblem(config: BrokerConfig): string | null {
  const problem =
    config.logRetentionMs === 0
      ? 'log.retention.ms must be unlimited (-1) or, greater than or equal to 1'
      : requirementProblem(config)
  return problem === null ? null : `requirement failed: ${problem}`
}

/** SslConfigs.RECONFIGURABLE_CONFIGS. */
const STORES = /^ssl\.(key|trust)store\.|^ssl\.key\.password$/

/** What follows from these is settled when the broker starts. */
export const NEED_RESTART: readonly string[] = ['listeners', 'listener.security.protocol.map']

function restartProblem(
  config: BrokerConfig,
  settings: ReadonlyMap<string, string>,
): string | null {
  for (const name of NEED_RESTART) {
    const text = settings.get(name)
    if (text !== undefined && text !== config.settings.get(name))
      return (
        `${name} cannot change while this broker runs: set it in the configuration file and ` +
        'restart the broker'
      )
  }
  return null
}

/** As Scala prints a set of names. */
function scalaSet(names: readonly string[]): string {
  return `${names.length > 4 ? 'HashSet' : 'Set'}(${names.join(', ')})`
}

/** One line for each of these settings that changes nothing here: a reason, a likely slip. */
export function idleSettings(names: Iterable<string>): string[] {
  const lines: string[] = []
  for (const name of names) {
    const of = dynamicOption(name)
    if (of === null) {
      const nearest = nearestName(name, brokerOptions.keys())
      const advice = nearest === null ? '' : `; did you mean ${nearest}?`
      lines.push(`${name} was set at run time and is no option of this broker${advice}`)
    } else if (of.prefixed)
      lines.push(`${name} was set at run time: options per listener have no effect here`)
    else if (of.option.support === 'ignored')
      lines.push(`${name} was set at run time and has no effect: ${of.option.text}`)
  }
  return lines
}

const effective = new WeakMap<DynamicSettings, { from: BrokerConfig; config: BrokerConfig }>()

/** What the configuration file sets: as it was at the start, or when it was last read again. */
export function staticSettings(
  config: BrokerConfig,
  dynamic: DynamicSettings,
): ReadonlyMap<string, string> {
  return dynamic.file ?? config.settings
}

/** May a served option change while the broker runs? */
export function changesAtRunTime(name: string, option: Option): boolean {
  return option.update !== 'read-only' && !NEED_RESTART.includes(name)
}

/** Fields that the file sets anew, those it no longer sets at their defaults. */
function fileValues(file: ReadonlyMap<string, string> | undefined): Record<string, unknown> {
  if (file === undefined) return {}
  const values: Record<string, unknown> = { settings: file }
  for (const [name, option] of brokerOptions) {
    if (option.support !== 'served' || !changesAtRunTime(name, option)) continue
    const text = file.get(name)
    const parsed = text === undefined ? null : parseOption(name, option, text)
    values[camelCase(name)] = parsed !== null && 'value' in parsed ? parsed.value : option.default
  }
  return values
}

/**
 * What is in force with these dynamic settings; `settings` is the static source. Computed once per
 * image; values were checked when they were set, and one that no longer parses counts as not set.
 */
export function effectiveConfig(config: BrokerConfig, dynamic: DynamicSettings): BrokerConfig {
  const known = effective.get(dynamic)
  if (known !== undefined && known.from === config) return known.config
  const changed: Record<string, unknown> = fileValues(dynamic.file)
  for (const level of [dynamic.cluster, dynamic.broker])
    for (const [name, text] of level) {
      const option = brokerOptions.get(name)
      if (option === undefined || option.support !== 'served') continue
      if (!changesAtRunTime(name, option)) continue
      const parsed = parseOption(name, option, text)
      if ('value' in parsed) changed[camelCase(name)] = parsed.value
    }
  const result: BrokerConfig =
    Object.keys(changed).length === 0 ? config : { ...config, ...changed }
  effective.set(dynamic, { from: config, config: result })
  return result
}
