import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { schemaDifferences } from '../../tools/schema-diff.ts'

const MESSAGES = fileURLToPath(new URL('../golden/messages', import.meta.url))

test('our tables are those of Kafka 4.2', () => {
  expect(schemaDifferences(MESSAGES)).toEqual([])
})

test('every kind of difference is seen', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-schema-'))
  try {
    cpSync(MESSAGES, folder, { recursive: true })
    const change = (file: string, from: string, to: string): void => {
      const text = readFileSync(join(folder, file), 'utf8')
      expect(text).toContain(from)
      writeFileSync(join(folder, file), text.replace(from, to))
    }
    change(
      'api/00-Produce.json',
      '"name": "Acks", "type": "int16"',
      '"name": "Acks", "type": "int8"',
    )
    change('api/01-Fetch.json', '"default": "0x7fffffff"', '"default": "1"')
    change('api/02-ListOffsets.json', '"validVersions": "1-11"', '"validVersions": "1-12"')
    change('api/02-ListOffsets.json', '"flexibleVersions": "6+"', '"flexibleVersions": "7+"')
    change('api/03-Metadata.json', '"nullableVersions": "1+"', '"nullableVersions": "2+"')
    change('api/12-Heartbeat.json', '"versions": "3+"', '"versions": "2+"')
    change('api/18-ApiVersions.json', '"tag": 1', '"tag": 9')
    change('index.json', '"advertised": "1-11"', '"advertised": "1-12"')
    const text = schemaDifferences(folder).join('\n')
    for (const expected of [
      'ProduceRequest v3-13 only in Kafka: acks int8',
      'ProduceRequest v3-13 only here: acks int16',
      'FetchRequest v4-18 only in Kafka: maxBytes int32, default 1, ignorable',
      'ListOffsetsRequest has versions 1-11, in Kafka 1-12',
      'MetadataRequest v1-1 only here: topics []struct, nullable',
      'HeartbeatRequest v2-2 only in Kafka: groupInstanceId string',
      'ApiVersionsResponse v3-4 only in Kafka: finalizedFeaturesEpoch int64, tag 9',
    ])
      expect(text).toContain(expected)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
