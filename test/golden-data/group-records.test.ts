/**
 * The __consumer_offsets partitions of a real Kafka 4.2: every record decodes, encodes to the same
 * bytes, reads as kafka-dump-log reads it, and loading them gives the groups the dump shows.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { groupRecordSchemas } from '../../engine/coordinator/group/record-schemas.ts'
import {
  decodeAnyRecord,
  decodeGroupRecord,
  encodeAnyRecord,
} from '../../engine/coordinator/group/records.ts'
import {
  batchAttributes,
  batchProducerEpoch,
  batchProducerId,
  batchSizeInBytes,
  isControl,
  isTransactional,
} from '../../engine/record/batch.ts'
import { readRecords } from '../../engine/record/iterate.ts'
import type { Fields } from '../../engine/schema/fields.ts'
import { type StoredRecord, VirtualHost } from '../support/coordinator-host.ts'
import { GroupClient } from '../support/group-client.ts'

const PARTITIONS = [0, 1, 2, 3]

function recordsOf(partition: number): StoredRecord[] {
  const file = `__consumer_offsets-${partition}/00000000000000000000.log`
  const log = readFileSync(new URL(`../golden/logs/data/${file}`, import.meta.url))
  const found: StoredRecord[] = []
  for (let at = 0; at < log.length; at += batchSizeInBytes(log, at)) {
    const attributes = batchAttributes(log, at)
    const batch = {
      producerId: batchProducerId(log, at),
      producerEpoch: batchProducerEpoch(log, at),
      isTransactional: isTransactional(attributes),
      isControl: isControl(attributes),
    }
    for (const { key, value } of readRecords(log, at)) found.push({ key, value, batch })
  }
  return found
}

const dataRecords = PARTITIONS.flatMap((partition) =>
  recordsOf(partition).flatMap(({ key, value, batch }) =>
    key === null || batch.isControl ? [] : [{ partition, key, value }],
  ),
)

/** What the dump tool printed as `key: {…} payload: …`, in order. */
function dumped(partition: number) {
  const file = `__consumer_offsets-${partition}/00000000000000000000.log.dump.txt`
  const text = readFileSync(new URL(`../golden/logs/dump/${file}`, import.meta.url), 'utf8')
  return text.split('\n').flatMap((line) => {
    const match = / key: (\{.*\}) payload: (.*)$/.exec(line)
    if (match === null) return []
    const value = match[2] === '<DELETE>' ? null : JSON.parse(match[2]!)
    return [{ key: JSON.parse(match[1]!), value }]
  })
}

interface JsonField {
  readonly name: string
  readonly type: string
  readonly versions: string
  readonly nullableVersions?: string
  readonly taggedVersions?: string
  readonly tag?: number
  readonly default?: number | string
  readonly fields?: JsonField[]
}

interface JsonStruct {
  readonly name: string
  readonly validVersions: string
  readonly flexibleVersions: string
  readonly fields: JsonField[]
  readonly commonStructs?: { readonly name: string; readonly fields: JsonField[] }[]
}

const from = (versions: string) => Number(/^\d+/.exec(versions)?.[0] ?? Number.POSITIVE_INFINITY)
const lower = (name: string) => name[0]!.toLowerCase() + name.slice(1)

/** A schema of Kafka's JSON in one line per field, as describeFields() says ours. */
function describeJson(fields: JsonField[], json: JsonStruct, indent = ''): string[] {
  return fields.flatMap((field) => {
    const isArray = field.type.startsWith('[]')
    const element = isArray ? field.type.slice(2) : field.type
    const inner =
      field.fields ?? json.commonStructs?.find(({ name }) => name === element)?.fields ?? null
    const kind = `${isArray ? '[]' : ''}${inner === null ? element : 'struct'}`
    const until = /^\d+$/.test(field.versions) ? Number(field.versions) : Number.POSITIVE_INFINITY
    const since = from(field.taggedVersions ?? field.versions)
    const line = [lower(field.name), kind, since, json.validVersions === '0' ? '-' : until]
    const nullable = field.nullableVersions === undefined ? 'never' : from(field.nullableVersions)
    const own = [...line, nullable, field.tag ?? -1, field.default ?? '-'].join(' ')
    return [indent + own, ...(inner === null ? [] : describeJson(inner, json, `${indent}  `))]
  })
}

function describeFields(fields: Fields, isV0: boolean, indent = ''): string[] {
  return Object.entries(fields).flatMap(([name, { spec }]) => {
    const inner = spec.fields ?? spec.element?.fields ?? null
    const element = spec.element?.kind ?? spec.kind
    const kind = `${spec.kind === 'array' ? '[]' : ''}${element.replace('bigint64', 'int64')}`
    const nullable = spec.nullableSince === Number.POSITIVE_INFINITY ? 'never' : spec.nullableSince
    const line = [name, kind, Math.max(spec.since, 0), isV0 ? '-' : spec.until]
    const own = [...line, nullable, spec.tag, spec.defaultValue ?? '-'].join(' ')
    return [indent + own, ...(inner === null ? [] : describeFields(inner, isV0, `${indent}  `))]
  })
}

describe("the tables of record-schemas.ts against Kafka's", () => {
  const url = new URL('../golden/messages/records/consumer-offsets.json', import.meta.url)
  const all: { recordType: number; key: JsonStruct; value: JsonStruct }[] = JSON.parse(
    readFileSync(url, 'utf8'),
  )

  it('have the same record types', () => {
    expect([...groupRecordSchemas.keys()]).toEqual(all.map(({ recordType }) => recordType))
  })

  it.each(all.map((json) => [json.value.name, json] as const))('%s', (_, json) => {
    const schema = groupRecordSchemas.get(json.recordType)!
    for (const [ours, theirs] of [
      [schema.key, json.key],
      [schema.value, json.value],
    ] as const) {
      const range = ours.minVersion === ours.maxVersion ? '0' : `0-${ours.maxVersion}`
      expect([ours.name, range]).toEqual([theirs.name, theirs.validVersions])
      expect(ours.flexibleSince).toBe(from(theirs.flexibleVersions))
      expect(describeFields(ours.fields, range === '0')).toEqual(
        describeJson(theirs.fields, theirs).map((line) => line.replace(/ (null|0)$/, ' -')),
      )
    }
  })
})

describe('every golden record of __consumer_offsets', () => {
  it('is of a known type', () => {
    expect(dataRecords.length).toBeGreaterThan(60)
    const types = new Set(dataRecords.map(({ key }) => key.readInt16BE(0)))
    expect([...types].every((type) => groupRecordSchemas.has(type))).toBe(true)
    expect(types.size).toBeGreaterThan(10)
  })

  it('decodes and encodes to the same bytes', () => {
    for (const record of dataRecords) {
      const read = decodeAnyRecord(record)
      if (read === null) throw new Error('unknown record')
      expect(encodeAnyRecord(read)).toEqual({ key: record.key, value: record.value })
    }
  })

  it('names the group and offset that the dump names', () => {
    for (const partition of PARTITIONS) {
      const mine = dataRecords.filter((record) => record.partition === partition)
      const theirs = dumped(partition)
      expect(theirs.length).toBe(mine.length)
      for (const [at, record] of mine.entries()) {
        const { key, value } = theirs[at]!
        expect(String(record.key.readInt16BE(0))).toBe(key.type)
        const read = decodeGroupRecord(record)
        if (read.kind === 'unknown') throw new Error('unknown record')
        if (read.kind === 'consumer') {
          expect(read.record.groupId).toBe(key.data.groupId)
          expect(read.record.value === null).toBe(value === null)
          continue
        }
        expect(read.groupId).toBe(key.data.group ?? key.data.groupId)
        if (read.kind === 'foreign') continue
        expect(read.value === null).toBe(value === null)
        if (read.kind === 'offset' && read.value !== null) {
          expect([read.topic, read.partition]).toEqual([key.data.topic, key.data.partition])
          expect(read.value).toMatchObject({
            offset: value.data.offset,
            leaderEpoch: value.data.leaderEpoch,
            metadata: value.data.metadata,
            commitTimestampMs: value.data.commitTimestamp,
            topicId: value.data.topicId ?? 'AAAAAAAAAAAAAAAAAAAAAA',
          })
        }
        if (read.kind === 'group' && read.value !== null) {
          const { members, ...rest } = read.value
          const { members: theirMembers, ...theirRest } = value.data
          expect(rest).toEqual(theirRest)
          expect(members.map(({ memberId }) => memberId)).toEqual(
            theirMembers.map((member: { memberId: string }) => member.memberId),
          )
        }
      }
    }
  })
})

describe('loading the golden partitions', () => {
  async function load(partition: number) {
    const host = new VirtualHost()
    host.nowMs = 1_795_377_600_000
    for (const record of recordsOf(partition)) host.store(partition, record)
    const client = await GroupClient.start({}, host)
    client.partition = partition
    if (partition !== 0) await client.coordinator.loadPartition(partition)
    return client
  }

  it('gives partition 0: committed transactions, and groups that became Empty', async () => {
    const client = await load(0)
    expect(await client.list()).toEqual(['classic-coop', 'rd-group', 'txn-group'])
    expect(client.group('classic-coop')).toMatchObject({
      state: 'Empty',
      generationId: 2,
      protocolType: 'consumer',
      protocolName: null,
      stateTimestampMs: 1_795_377_322_328,
    })
    expect(client.group('txn-group')).toMatchObject({ state: 'Empty', protocolType: null })
    const fetch = (groupId: string) => client.fetch(null, { groupId, requireStable: true })
    expect(await fetch('txn-group')).toEqual({ 'codec-none-0': 7 })
    expect(await fetch('classic-coop')).toEqual({
      'partitioned-2': 22,
      'partitioned-1': 23,
      'partitioned-0': 15,
    })
    expect(await fetch('rd-group')).toEqual({ 'codec-gzip-rdkafka-0': 10 })
  })

  it('gives partition 1: nothing', async () => {
    const client = await load(1)
    expect(await client.list()).toEqual([])
  })

  it('gives partition 2: a classic group and its offsets', async () => {
    const client = await load(2)
    expect(await client.list()).toContain('classic-range')
    expect(await client.fetch(null, { groupId: 'classic-range' })).toMatchObject({
      'partitioned-1': 23,
    })
  })

  it('gives partition 3: groups of other protocols, and a deleted one not at all', async () => {
    const client = await load(3)
    expect(await client.list([], ['consumer'])).toEqual(['consumer-848', 'consumer-static'])
    expect(await client.list([], ['share'])).toEqual(['share-1'])
    expect(await client.list(['Empty'])).toEqual(['consumer-848', 'consumer-static', 'share-1'])
    expect(client.hasGroup('gone')).toBe(false)
    expect(await client.fetch(null, { groupId: 'consumer-848' })).toEqual({
      'partitioned-2': 22,
      'partitioned-1': 23,
      'partitioned-0': 15,
    })
    expect(await client.describe('consumer-848')).toMatchObject({
      errorCode: 69,
      errorMessage: 'Group consumer-848 is not a classic group.',
    })
  })

  it('lets a classic member take the id of an Empty consumer group, offsets included', async () => {
    const client = await load(3)
    const { memberId, join } = await client.joinTwice({ groupId: 'consumer-848' })
    expect(await client.list([], ['consumer'])).toEqual(['consumer-static'])
    await client.advance(3_000)
    expect(join.answer?.generationId).toBe(1)
    const options = { groupId: 'consumer-848' }
    await client.sync(memberId, 1, { [memberId]: 'x' }, options)
    await client.restart()
    expect(client.group('consumer-848').state).toBe('Stable')
    expect(await client.list([], ['consumer'])).toEqual(['consumer-static'])
    expect(await client.fetch(null, options)).toMatchObject({ 'partitioned-1': 23 })
  })

  it('leaves a consumer group alone when the take-over cannot be written', async () => {
    const client = await load(3)
    client.host.appendError = 56
    await client.join({ groupId: 'consumer-848' })
    expect(await client.list([], ['consumer'])).toEqual(['consumer-848', 'consumer-static'])
  })

  it('does not give the id of a share group to a classic member', async () => {
    const client = await load(3)
    expect((await client.join({ groupId: 'share-1' })).answer?.errorCode).toBe(23)
    expect(await client.commit({ 't-0': 1 }, { groupId: 'share-1' })).toEqual([69])
  })

  it('deletes groups of other protocols with all their records', async () => {
    const client = await load(3)
    expect(await client.delete('consumer-static', 'share-1')).toEqual([0, 0])
    await client.restart()
    expect(await client.list()).toEqual(['consumer-848'])
    expect(await client.fetch(null, { groupId: 'consumer-static' })).toEqual({})
  })
})
