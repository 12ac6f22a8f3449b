/** Texts and sources are those of Apache Kafka 4.2. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ErrorCode } from '../../../engine/base/errors.ts'
import type { DescribeConfigsResponse } from '../../../engine/protocol/32-describe-configs.ts'
import { describeConfigs } from '../../../net/handlers/32-describe-configs.ts'
import { type ControlRig, controlRig } from '../../support/control-rig.ts'

type Result = DescribeConfigsResponse['results'][number]
type Config = Result['configs'][number]

const TOPIC = 2
const BROKER = 4

async function described(
  rig: ControlRig,
  resourceType: number,
  resourceName: string,
  configurationKeys: string[] | null = null,
  flags = { includeSynonyms: true, includeDocumentation: false },
): Promise<Result> {
  const response = await rig.ask(describeConfigs, 4, {
    resources: [{ resourceType, resourceName, configurationKeys }],
    ...flags,
  })
  const [result] = response.results
  if (result === undefined) throw new Error('one result per resource')
  return result
}

const named = (result: Result, name: string): Config | undefined =>
  result.configs.find((config) => config.name === name)

const sources = (config: Config | undefined): string[] =>
  config?.synonyms.map(({ name, value, source }) => `${source} ${name}=${value}`) ?? []

describe('a topic', () => {
  it('prints in kafka-configs as on Kafka, but for options of our own', async () => {
    const rig = await controlRig()
    await rig.create('cli.dotted', 1, { 'cleanup.policy': 'compact', 'retention.ms': '3600000' })
    const { configs } = await described(rig, TOPIC, 'cli.dotted')
    expect(
      configs
        .filter(({ name }) => !name.startsWith('sluice.') && name !== 'min.insync.replicas')
        .map(printed)
        .sort(),
    ).toEqual(goldenLines('--entity-type topics --entity-name cli.dotted --all'))
  })

  it('shows every level that sets an option, strongest first', async () => {
    const rig = await controlRig({ 'log.segment.bytes': '2097152', 'log.retention.hours': '24' })
    await rig.create('t', 1, { 'segment.bytes': '1048576' })
    const result = await described(rig, TOPIC, 't')
    expect(named(result, 'segment.bytes')).toMatchObject({ value: '1048576', configSource: 1 })
    expect(sources(named(result, 'segment.bytes'))).toEqual([
      '1 segment.bytes=1048576',
      '4 log.segment.bytes=2097152',
      '5 log.segment.bytes=1073741824',
    ])
    // The value is that of the hours, and yet they are no synonym of the milliseconds.
    expect(named(result, 'retention.ms')).toMatchObject({
      value: '86400000',
      configSource: 5,
      synonyms: [],
    })
  })

  it('shows options changed at run time, those of the broker before those of all', async () => {
    const rig = await controlRig()
    await rig.create('t', 1)
    rig.router.metadata = {
      ...rig.router.metadata,
      dynamicConfigs: {
        cluster: new Map([
          ['log.retention.ms', '7'],
          ['message.max.bytes', '70'],
        ]),
        broker: new Map([['message.max.bytes', '80']]),
      },
    }
    const result = await described(rig, TOPIC, 't')
    expect(named(result, 'retention.ms')).toMatchObject({ value: '7', configSource: 3 })
    expect(named(result, 'max.message.bytes')).toMatchObject({ value: '80', configSource: 2 })
    expect(sources(named(result, 'max.message.bytes'))).toEqual([
      '2 message.max.bytes=80',
      '3 message.max.bytes=70',
      '5 message.max.bytes=1048588',
    ])
    const broker = await described(rig, BROKER, '1')
    expect(named(broker, 'message.max.bytes')).toMatchObject({ value: '80', configSource: 2 })
    const all = await described(rig, BROKER, '')
    expect(all.configs.map(({ name, value }) => `${name}=${value}`)).toEqual([
      'log.retention.ms=7',
      'message.max.bytes=70',
    ])
  })

  it('shows values as they count, longs in full', async () => {
    const rig = await controlRig()
    await rig.create('t', 1, { 'retention.ms': ' 5 ', 'flush.ms': '9007199254740995' })
    const result = await described(rig, TOPIC, 't')
    expect(named(result, 'retention.ms')?.value).toBe('5')
    expect(named(result, 'flush.ms')?.value).toBe('9007199254740995')
    expect(named(result, 'flush.messages')?.value).toBe('9223372036854775807')
  })

  it('shows an option that is hidden when it is set, else not', async () => {
    const rig = await controlRig()
    await rig.create('plain', 1)
    await rig.create('small', 1, { 'internal.segment.bytes': '1000' })
    const hidden = 'internal.segment.bytes'
    expect(named(await described(rig, TOPIC, 'plain'), hidden)).toBeUndefined()
    expect(named(await described(rig, TOPIC, 'small'), hidden)?.value).toBe('1000')
  })

  it('shows only the options asked for, none for an empty list or an unknown name', async () => {
    const rig = await controlRig()
    await rig.create('t', 1)
    const names = async (keys: string[]) =>
      (await described(rig, TOPIC, 't', keys)).configs.map(({ name }) => name)
    expect(await names(['segment.ms', 'no.such', 'retention.ms'])).toEqual([
      'retention.ms',
      'segment.ms',
    ])
    expect(await names([])).toEqual([])
  })

  it('tells synonyms and documentation only when asked', async () => {
    const rig = await controlRig()
    await rig.create('t', 1)
    const bare = { includeSynonyms: false, includeDocumentation: false }
    const plain = await described(rig, TOPIC, 't', null, bare)
    expect(plain.configs.every(({ synonyms }) => synonyms.length === 0)).toBe(true)
    expect(plain.configs.every(({ documentation }) => documentation === null)).toBe(true)
    const full = await described(rig, TOPIC, 't', null, { ...bare, includeDocumentation: true })
    expect(named(full, 'retention.ms')?.documentation).toContain('Age at which segments go')
    expect(named(full, 'preallocate')?.documentation).toContain('Has no effect here')
  })
})

describe('a broker', () => {
  it('shows what was set and what can change', async () => {
    const rig = await controlRig({ 'num.partitions': '4', 'broker.id': '3' })
    const result = await described(rig, BROKER, '3')
    expect(named(result, 'num.partitions')).toMatchObject({
      value: '4',
      configSource: 4,
      readOnly: true,
      configType: 3,
    })
    expect(named(result, 'message.max.bytes')?.readOnly).toBe(false)
    expect(named(result, 'log.retention.ms')).toMatchObject({ value: null, configSource: 5 })
    expect(named(result, 'node.id')?.value).toBe('3')
  })

  it('never shows a password', async () => {
    const rig = await controlRig({ 'ssl.key.password': 'hunter2' })
    const result = await described(rig, BROKER, '1')
    expect(named(result, 'ssl.key.password')).toMatchObject({ value: null, isSensitive: true })
    expect(JSON.stringify(result)).not.toContain('hunter2')
  })
})

describe('a resource', () => {
  const other = 'Unexpected broker id, expected 1'
  it.each([
    [TOPIC, '', ErrorCode.INVALID_TOPIC_EXCEPTION, 'the empty string is not allowed'],
    [TOPIC, 'bad!', ErrorCode.INVALID_TOPIC_EXCEPTION, "'bad!' contains one or more"],
    [TOPIC, 'nosuch', ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, ''],
    [BROKER, '2', ErrorCode.INVALID_REQUEST, `${other} or empty string, but received 2`],
    [BROKER, 'x', ErrorCode.INVALID_REQUEST, 'Broker id must be an integer, but it is: x'],
    [8, '', ErrorCode.INVALID_REQUEST, 'Broker id must not be empty'],
    [8, '2', ErrorCode.INVALID_REQUEST, `${other} but received 2`],
    [8, 'x', ErrorCode.INVALID_REQUEST, 'Broker id must be an integer, but it is: x'],
    [16, '', ErrorCode.INVALID_REQUEST, 'Client metrics subscription name must not be empty'],
    [32, '', ErrorCode.INVALID_REQUEST, 'Group name must not be empty'],
    [1, 'x', ErrorCode.INVALID_REQUEST, 'Unexpected resource type 1 for resource x'],
  ])('of type %i named "%s" is refused', async (type, name, errorCode, text) => {
    const result = await described(await controlRig(), type, name)
    expect(result).toMatchObject({ resourceType: type, resourceName: name, configs: [] })
    expect(result.errorCode).toBe(errorCode)
    expect(result.errorMessage).toContain(text)
  })

  it.each([
    [BROKER, '01'],
    [8, '1'],
    [16, 'm'],
    [32, 'g'],
  ])('of type %i named "%s" is described', async (type, name) => {
    const result = await described(await controlRig(), type, name)
    expect([result.errorCode, result.errorMessage]).toEqual([0, ''])
    expect(result.configs.length).toBe({ 4: 320 + 11, 8: 0, 16: 3, 32: 11 }[type])
  })
})

const SOURCES: Record<number, string> = { 1: 'DYNAMIC_TOPIC_CONFIG', 5: 'DEFAULT_CONFIG' }

/** A line of kafka-configs --describe. */
function printed({ name, value, isSensitive, synonyms }: Config): string {
  const list = synonyms.map((each) => `${SOURCES[each.source]}:${each.name}=${each.value}`)
  return `${name}=${value} sensitive=${isSensitive} synonyms={${list.join(', ')}}`
}

function goldenLines(command: string): string[] {
  const file = new URL('../../golden/cli/kafka-configs.txt', import.meta.url)
  const block = readFileSync(file, 'utf8')
    .split('\n$ ')
    .find((text) => (text.split('\n')[0] ?? '').endsWith(command))
  if (block === undefined) throw new Error(`no golden run of ${command}`)
  return block
    .split('\n')
    .filter((line) => line.startsWith('  ') && !line.includes('min.insync.replicas'))
    .map((line) => line.trim())
    .sort()
}
