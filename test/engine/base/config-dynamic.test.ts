/** What is in force when options are set on several levels, and what is told of those without effect. */
import { describe, expect, it } from 'vitest'
import { type BrokerConfig, parseBrokerConfig } from '../../../engine/base/config.ts'
import {
  dynamicConfigProblem,
  effectiveConfig,
  idleSettings,
} from '../../../engine/base/config-dynamic.ts'
import { topicConfig } from '../../../engine/base/topic-config.ts'

type Settings = Readonly<Record<string, string>>

function config(settings: Settings = {}): BrokerConfig {
  const { config: parsed, errors } = parseBrokerConfig(new Map(Object.entries(settings)))
  expect(errors).toEqual([])
  return parsed
}

function dynamic(cluster: Settings, broker: Settings = {}) {
  return { cluster: new Map(Object.entries(cluster)), broker: new Map(Object.entries(broker)) }
}

function problem(level: 'broker' | 'cluster', settings: Settings, before = dynamic({})) {
  return dynamicConfigProblem(config(), level, new Map(Object.entries(settings)), before)
}

describe('a change that would keep everybody out, or work undone', () => {
  const change = (text: string) =>
    `Invalid value org.apache.kafka.common.config.ConfigException: ${text} for configuration ` +
    'Invalid dynamic configuration'

  // As a real Kafka 4.2 says it; log.cleaner.threads=0 is '/ by zero' there.
  it.each<[setting: string, value: string, sentence: string]>([
    ['max.connections', '0', change('Invalid max.connections 0')],
    ['max.connection.creation.rate', '0', change('Invalid max.connection.creation.rate 0')],
    ['log.cleaner.threads', '0', change('Log cleaner threads should be at least 1')],
    ['log.roll.ms', '0', 'requirement failed: log.roll.ms must be greater than or equal to 1'],
    [
      'log.cleaner.dedupe.buffer.size',
      '1000',
      'requirement failed: log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner thread.',
    ],
    [
      'max.connections.per.ip',
      '0',
      'requirement failed: max.connections.per.ip can be set to zero only if ' +
        'max.connections.per.ip.overrides property is set.',
    ],
  ])('%s=%s is refused, and so is a start with it', (name, value, sentence) => {
    for (const level of ['broker', 'cluster'] as const)
      expect(problem(level, { [name]: value })).toBe(sentence)
    const { errors } = parseBrokerConfig(new Map([[name, value]]))
    expect(errors).toHaveLength(1)
  })

  it('compaction takes half to double the threads it has', () => {
    const five = dynamic({}, { 'log.cleaner.threads': '5' })
    const half = change(
      'Log cleaner threads cannot be reduced to less than half the current value 5',
    )
    expect(problem('broker', { 'log.cleaner.threads': '1' }, five)).toBe(half)
    expect(problem('broker', { 'log.cleaner.threads': '2' }, five)).toBeNull()
    expect(problem('broker', { 'log.cleaner.threads': '11' }, five)).toMatch(/more than double/)
    // The broker's own value stays in force.
    expect(problem('cluster', { 'log.cleaner.threads': '0' }, five)).toBeNull()
  })
})

describe('what is in force', () => {
  it('is the static configuration itself while nothing is set at run time', () => {
    const fixed = config({ 'max.connections': '7' })
    expect(effectiveConfig(fixed, dynamic({}))).toBe(fixed)
  })

  it("is the broker's own value, else that of all brokers, else the static one", () => {
    const fixed = config({ 'max.connections': '7', 'max.connections.per.ip': '5' })
    const both = dynamic(
      { 'max.connections': '8', 'message.max.bytes': '99' },
      { 'max.connections': '9' },
    )
    const inForce = effectiveConfig(fixed, both)
    expect(inForce.maxConnections).toBe(9)
    expect(inForce.messageMaxBytes).toBe(99)
    expect(inForce.maxConnectionsPerIp).toBe(5)
    expect(effectiveConfig(fixed, dynamic({ 'max.connections': '8' })).maxConnections).toBe(8)
  })

  it('keeps the static settings apart, and is computed once for the same dynamic ones', () => {
    const fixed = config({ 'max.connections': '7' })
    const changed = dynamic({ 'max.connections': '8' })
    const inForce = effectiveConfig(fixed, changed)
    expect(inForce.settings.get('max.connections')).toBe('7')
    expect(effectiveConfig(fixed, changed)).toBe(inForce)
    expect(effectiveConfig(config(), changed)).not.toBe(inForce)
  })

  it('leaves out what cannot change at run time, means nothing, or no longer parses', () => {
    const fixed = config()
    const odd = dynamic({ 'num.partitions': '9', 'no.such': '1', 'max.connections': 'many' })
    expect(effectiveConfig(fixed, odd)).toBe(fixed)
    const listeners = dynamic({}, { listeners: 'PLAINTEXT://:1' })
    expect(effectiveConfig(fixed, listeners).listeners).toEqual(fixed.listeners)
  })

  it('reaches topics: their limits and the expiry of producers', () => {
    const set = dynamic({ 'message.max.bytes': '99', 'producer.id.expiration.ms': '1000' })
    const resolved = topicConfig(config(), new Map(), set)
    expect(resolved.maxMessageBytes).toBe(99)
    expect(resolved.producerIdExpirationMs).toBe(1_000)
  })

  it('takes any negative retention of the broker as none, as Kafka does', () => {
    expect(
      topicConfig(config(), new Map(), dynamic({ 'log.retention.ms': '-5' })).retentionMs,
    ).toBe(-1)
  })
})

describe('a change', () => {
  it('of the listeners needs a restart, unless it changes nothing', () => {
    const listeners = 'PLAINTEXT://127.0.0.1:1'
    const fixed = config({ listeners })
    const set = (text: string) =>
      dynamicConfigProblem(fixed, 'broker', new Map([['listeners', text]]), dynamic({}))
    expect(set(listeners)).toBeNull()
    expect(set('PLAINTEXT://:2')).toMatch(/listeners cannot change .* restart the broker/)
  })

  it('of a thread pool at most doubles or halves it', () => {
    expect(problem('cluster', { 'num.recovery.threads.per.data.dir': '4' })).toBeNull()
    expect(problem('cluster', { 'num.recovery.threads.per.data.dir': '5' })).toMatch(
      /=5, value should not be greater than double the current value 2/,
    )
    const four = dynamic({ 'num.recovery.threads.per.data.dir': '4' })
    expect(problem('cluster', { 'num.recovery.threads.per.data.dir': '8' }, four)).toBeNull()
    expect(problem('cluster', { 'num.recovery.threads.per.data.dir': '1' }, four)).toMatch(/half/)
  })

  it('is checked with what the other level has in force', () => {
    const zero = { 'log.retention.ms': '0' }
    expect(problem('cluster', zero)).toMatch(/greater than or equal to 1/)
    expect(problem('cluster', zero, dynamic({}, { 'log.retention.ms': '5' }))).toBeNull()
  })
})

describe('a setting without effect', () => {
  it('is told with its reason or the likely slip', () => {
    const lines = idleSettings([
      'max.connections',
      'max.connection',
      'listener.name.internal.max.connections',
      'num.io.threads',
    ])
    expect(lines).toHaveLength(3)
    expect(lines[0]).toMatch(/max.connection was set .* did you mean max.connections\?/)
    expect(lines[1]).toMatch(/options per listener have no effect here/)
    expect(lines[2]).toMatch(/num.io.threads .* has no effect: /)
  })
})
