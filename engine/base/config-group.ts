/**
 * Options of single groups (KIP-848, KIP-932, KIP-1071): set with AlterConfigs on a group, else those
 * of the broker. Names, types, ranges and words are those of Kafka 4.2's GroupConfig.
 */
import { assert } from './assert.ts'
import { type BrokerConfig, brokerOptions } from './config.ts'
import {
  atLeast,
  type ConfigRule,
  type ConfigValue,
  int,
  oneOf,
  parseOption,
  text,
  type ValueSpec,
  valueText,
} from './config-option.ts'

interface GroupOption extends ValueSpec {
  /** The broker option that gives the default. */
  readonly brokerName: string | null
  /** Broker options that bound the value. */
  readonly minName: string | null
  readonly maxName: string | null
  /** One line: what it does, or that it does nothing yet. */
  readonly text: string
}

const KIND_TEXTS: Readonly<Record<string, string>> = {
  consumer: 'Counts for groups of the newer consumer protocol.',
  share: 'Share groups are not served yet; it has no effect.',
  streams: 'Streams groups are not served yet; it has no effect.',
}

function bounded(value: ValueSpec, kind: string, rest: string): GroupOption {
  return {
    ...value,
    brokerName: `group.${kind}.${rest}`,
    minName: `group.${kind}.min.${rest}`,
    maxName: `group.${kind}.max.${rest}`,
    text: KIND_TEXTS[kind] ?? '',
  }
}

function free(value: ValueSpec, kind: string, brokerName: string | null = null): GroupOption {
  return { ...value, brokerName, minName: null, maxName: null, text: KIND_TEXTS[kind] ?? '' }
}

/** java.time.Duration as by_duration takes it, not negative. */
const DURATION = /^P(?=.)(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+([.,]\d{0,9})?S)?)?$/i

const shareReset: ConfigRule = {
  text: '[latest, earliest, by_duration:PnDTnHnMn.nS]',
  check(value) {
    const word = String(value)
    if (word === 'earliest' || word === 'latest') return null
    const [head, duration] = word.split(':')
    if (head === 'by_duration' && duration !== undefined && DURATION.test(duration)) return null
    return (
      `Invalid value \`${word}\` for configuration {name}. The value must be either 'earliest', ` +
      "'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'."
    )
  },
}

const table = {
  'consumer.heartbeat.interval.ms': bounded(
    int(5_000, atLeast(1)),
    'consumer',
    'heartbeat.interval.ms',
  ),
  'consumer.session.timeout.ms': bounded(int(45_000, atLeast(1)), 'consumer', 'session.timeout.ms'),
  'share.auto.offset.reset': free(text('latest', shareReset), 'share'),
  'share.heartbeat.interval.ms': bounded(int(5_000, atLeast(1)), 'share', 'heartbeat.interval.ms'),
  'share.isolation.level': free(
    text('read_uncommitted', oneOf('read_committed', 'read_uncommitted')),
    'share',
  ),
  'share.record.lock.duration.ms': bounded(
    int(30_000, atLeast(1_000)),
    'share',
    'record.lock.duration.ms',
  ),
  'share.session.timeout.ms': bounded(int(45_000, atLeast(1)), 'share', 'session.timeout.ms'),
  'streams.heartbeat.interval.ms': bounded(
    int(5_000, atLeast(1)),
    'streams',
    'heartbeat.interval.ms',
  ),
  'streams.initial.rebalance.delay.ms': free(
    int(3_000, atLeast(0)),
    'streams',
    'group.streams.initial.rebalance.delay.ms',
  ),
  'streams.num.standby.replicas': {
    ...free(int(0, atLeast(0)), 'streams', 'group.streams.num.standby.replicas'),
    maxName: 'group.streams.max.standby.replicas',
  },
  'streams.session.timeout.ms': bounded(int(45_000, atLeast(1)), 'streams', 'session.timeout.ms'),
} as const satisfies Readonly<Record<string, GroupOption>>

type GroupOptionName = keyof typeof table

export const groupOptions: ReadonlyMap<string, GroupOption> = new Map(Object.entries(table))

/** What holds for a group with these settings of its own, which were checked when they were set. */
export function groupOptionText(
  name: string,
  config: BrokerConfig,
  own: ReadonlyMap<string, string> | undefined,
): string {
  const option = groupOptions.get(name)
  assert(option !== undefined, `${name} is no group option`)
  const set = own?.get(name)
  if (set !== undefined) {
    const parsed = parseOption(name, option, set)
    if ('value' in parsed) return valueText(option.type, parsed.value) ?? ''
  }
  return valueText(option.type, brokerDefault(option, config)) ?? ''
}

/** The same of one that is a number. */
function groupOptionNumber(
  name: GroupOptionName,
  config: BrokerConfig,
  own: ReadonlyMap<string, string> | undefined,
): number {
  return Number(groupOptionText(name, config, own))
}

/** Kafka's sentence about what is wrong with everything set for one group, or null. */
export function groupConfigProblem(
  config: BrokerConfig,
  settings: ReadonlyMap<string, string>,
): string | null {
  for (const name of settings.keys())
    if (!groupOptions.has(name)) return `Unknown group config name: ${name}`
  for (const [name, option] of groupOptions) {
    const text = settings.get(name)
    if (text === undefined) continue
    const parsed = parseOption(name, option, text)
    if ('problem' in parsed) return parsed.problem
  }
  for (const [name, option] of groupOptions) {
    const problem = boundProblem(name, option, config, settings.get(name))
    if (problem !== null) return problem
  }
  return heartbeatProblem(config, settings)
}

function boundProblem(
  name: string,
  { minName, maxName }: GroupOption,
  config: BrokerConfig,
  text: string | undefined,
): string | null {
  if (text === undefined) return null
  const value = Number(text)
  if (minName !== null && value < brokerNumber(minName, config))
    return `${name} must be greater than or equal to ${minName}`
  if (maxName !== null && value > brokerNumber(maxName, config))
    return `${name} must be less than or equal to ${maxName}`
  return null
}

function heartbeatProblem(
  config: BrokerConfig,
  settings: ReadonlyMap<string, string>,
): string | null {
  for (const kind of ['consumer', 'share', 'streams'] as const) {
    const session = `${kind}.session.timeout.ms` as const
    const heartbeat = `${kind}.heartbeat.interval.ms` as const
    const sessionMs = groupOptionNumber(session, config, settings)
    if (sessionMs <= groupOptionNumber(heartbeat, config, settings))
      return `${session} must be greater than ${heartbeat}`
  }
  return null
}

function brokerDefault(option: GroupOption, config: BrokerConfig): ConfigValue {
  return option.brokerName === null ? option.default : brokerValue(option.brokerName, config)
}

function brokerNumber(name: string, config: BrokerConfig): number {
  return Number(brokerValue(name, config))
}

/** Also of options that are not served, which have no field. */
function brokerValue(name: string, config: BrokerConfig): ConfigValue {
  const option = brokerOptions.get(name)
  if (option === undefined) return null
  const text = config.settings.get(name)
  if (text === undefined) return option.default
  const parsed = parseOption(name, option, text)
  return 'value' in parsed ? parsed.value : option.default
}
