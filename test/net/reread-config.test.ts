import { describe, expect, test } from 'vitest'
import { parseBrokerConfig } from '../../engine/base/config.ts'
import { effectiveConfig } from '../../engine/base/config-dynamic.ts'
import { topicConfig } from '../../engine/base/topic-config.ts'
import { brokerConfigEntries } from '../../engine/metadata/config-entries.ts'
import { type KnownConfig, rereadConfig } from '../../net/reread-config.ts'

function known(
  settings: Record<string, string>,
  written: Record<string, string> = {},
): KnownConfig {
  const { config, errors } = parseBrokerConfig(new Map(Object.entries(settings)))
  expect(errors).toEqual([])
  return { config, written: new Map(Object.entries(written)) }
}

const none = new Map<string, string>()

describe('a configuration that was read again', () => {
  test('changes what can change, and keeps the rest as it was at the start', () => {
    const started = known({ 'log.retention.ms': '5000', 'num.partitions': '2' })
    const next = known({ 'message.max.bytes': '2000', 'num.partitions': '3', 'broker.rack': 'a' })
    const reread = rereadConfig(started, started, next)
    expect([...reread.changed].sort()).toEqual([
      'log.retention.ms 5000 → unset',
      'message.max.bytes 1048588 → 2000',
    ])
    expect([...reread.restart].sort()).toEqual(['broker.rack unset → a', 'num.partitions 2 → 3'])
    expect(Object.fromEntries(reread.settings)).toEqual({
      'message.max.bytes': '2000',
      'num.partitions': '2',
    })
  })

  test('is compared with what was read the last time, restarts with the start', () => {
    const started = known({})
    const once = known({ 'message.max.bytes': '2000', 'num.partitions': '3' })
    const again = rereadConfig(started, once, once)
    expect([again.changed, again.restart]).toEqual([[], ['num.partitions 1 → 3']])
    const back = rereadConfig(started, once, started)
    expect([back.changed, back.restart]).toEqual([['message.max.bytes 2000 → 1048588'], []])
    expect([...back.settings]).toEqual([])
  })

  test('shows references as they are written', () => {
    const started = known({ 'broker.rack': 'old' }, { 'broker.rack': '{file:a:b}' })
    const { restart } = rereadConfig(started, started, known({ 'broker.rack': 'new' }))
    expect(restart).toEqual(['broker.rack {file:a:b} → new'])
  })

  test('is weaker than what was set at run time, and stands in for the static settings', () => {
    const { config } = known({ 'log.retention.ms': '5000', 'max.connections': '7' })
    const file = new Map([
      ['log.retention.ms', '7200000'],
      ['message.max.bytes', '2000'],
    ])
    const dynamic = { cluster: new Map([['message.max.bytes', '3000']]), broker: none, file }
    const inForce = effectiveConfig(config, dynamic)
    expect(inForce).toMatchObject({
      logRetentionMs: 7_200_000,
      messageMaxBytes: 3_000,
      maxConnections: 2_147_483_647,
      settings: file,
    })
    expect(topicConfig(config, none, dynamic)).toMatchObject({
      retentionMs: 7_200_000,
      maxMessageBytes: 3_000,
    })
  })

  test('is what DescribeConfigs calls static', () => {
    const { config } = known({ 'message.max.bytes': '1000', 'max.connections': '7' })
    const file = new Map([['message.max.bytes', '2000']])
    const entries = brokerConfigEntries({ config, dynamic: { cluster: none, broker: none, file } })
    const entry = (name: string) => entries.find((found) => found.name === name)
    expect(entry('message.max.bytes')).toMatchObject({ value: '2000', configSource: 4 })
    expect(entry('max.connections')).toMatchObject({ value: '2147483647', configSource: 5 })
  })
})
