/** Our option tables against those of Kafka 4.2 (test/golden/messages/configs.json). */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { brokerOptions } from '../../engine/base/config.ts'
import { type Option, valueText } from '../../engine/base/config-option.ts'
import { topicOptionsByName } from '../../engine/base/topic-config.ts'

interface KafkaOption {
  readonly name: string
  readonly type: string
  readonly default?: unknown
  readonly valid?: string
  readonly importance: string
  readonly update?: string
  readonly internal?: boolean
  readonly required?: boolean
}

interface KafkaTables {
  readonly topic: readonly KafkaOption[]
  readonly broker: readonly KafkaOption[]
  readonly topicSynonyms: Readonly<Record<string, readonly string[]>>
}

const FILE = new URL('../golden/messages/configs.json', import.meta.url)
/** Longest longs keep their digits as text: JSON numbers would lose them. */
const kafka = JSON.parse(
  readFileSync(FILE, 'utf8').replace(/: (\d{17,})/g, ': "$1"'),
) as KafkaTables

/** Options whose default differs on purpose, with ours. */
const OTHER_DEFAULTS = new Map([
  // No temp folder: data outlives a restart of the machine.
  ['log.dir', 'sluice-data'],
  // One node can be numbered without being asked.
  ['node.id', '1'],
  // A fixed buffer ends the system's own tuning: fetches of 1 MiB at half the rate, produces at two thirds.
  ['socket.receive.buffer.bytes', '-1'],
  ['socket.send.buffer.bytes', '-1'],
])

/** Required by Kafka; not by us, who run without a file. */
const NOT_REQUIRED = ['controller.listener.names', 'node.id', 'process.roles']
/** Text that says a value may not be null or empty, which our parser says elsewhere or need not. */
const UNCHECKED_RULES = ['non-null string', 'non-empty string', 'non-empty list', '']

/** Options whose rule is narrower than Kafka's on purpose, with ours. */
const OTHER_RULES = new Map([
  // Kafka also takes the names of Java classes here, so its table states no rule; there is no class
  // to load in this broker, and a name it does not have must stop the start.
  ['group.consumer.assignors', '[uniform, range]'],
])

function kafkaDefault(option: KafkaOption): string | null {
  const value = option.default
  if (value === undefined || value === null) return null
  if (Array.isArray(value)) return value.join(',')
  if (option.type === 'double') return valueText('double', Number(value))
  return String(value)
}

function expectSame(ours: Option, theirs: KafkaOption): void {
  expect(ours.type).toBe(theirs.type)
  expect(ours.importance).toBe(theirs.importance)
  expect(ours.internal).toBe(theirs.internal ?? false)
  const expected = OTHER_DEFAULTS.get(theirs.name) ?? kafkaDefault(theirs)
  expect(valueText(ours.type, ours.default)).toBe(expected)
  const stated = theirs.valid ?? ''
  const rule = OTHER_RULES.get(theirs.name) ?? (UNCHECKED_RULES.includes(stated) ? '' : stated)
  expect(ours.rule?.text ?? '').toBe(rule)
}

describe('broker options', () => {
  test.each(kafka.broker.map((option) => [option.name, option] as const))('%s', (name, theirs) => {
    const ours = brokerOptions.get(name)
    expect(ours).toBeDefined()
    expectSame(ours!, theirs)
    expect(ours!.update).toBe(theirs.update)
  })

  test('all others are our own, under their own prefix', () => {
    const known = new Set(kafka.broker.map(({ name }) => name))
    const own = [...brokerOptions.keys()].filter((name) => !known.has(name))
    expect(own.filter((name) => !name.startsWith('sluice.'))).toEqual([])
    expect(own).toContain('sluice.shards')
  })

  test('those Kafka requires are known', () => {
    const required = kafka.broker.filter((option) => option.required === true)
    expect(required.map(({ name }) => name).sort()).toEqual(NOT_REQUIRED)
  })

  test('every one says in a line what it does, what to do instead, or why not', () => {
    for (const [name, { text }] of brokerOptions) {
      expect(text.length, name).toBeGreaterThan(10)
      expect(text, name).not.toContain('\n')
    }
  })
})

describe('topic options', () => {
  test.each(kafka.topic.map((option) => [option.name, option] as const))('%s', (name, theirs) => {
    const ours = topicOptionsByName.get(name)
    expect(ours).toBeDefined()
    expectSame(ours!, theirs)
    expect(ours!.brokerNames).toEqual(kafka.topicSynonyms[name] ?? [])
  })

  test('all others are our own, under their own prefix', () => {
    const known = new Set(kafka.topic.map(({ name }) => name))
    const own = [...topicOptionsByName.keys()].filter((name) => !known.has(name))
    expect(own).toEqual(['sluice.flush.mode', 'sluice.records.validation'])
  })

  test('the broker options behind them exist and have their type', () => {
    for (const { brokerNames, type } of topicOptionsByName.values()) {
      for (const [index, brokerName] of brokerNames.entries()) {
        const option = brokerOptions.get(brokerName)
        expect(option, brokerName).toBeDefined()
        // Hours and minutes are ints in Kafka's tables; they are scaled when they are read.
        if (index === 0) expect(option!.type, brokerName).toBe(type)
      }
    }
  })
})
