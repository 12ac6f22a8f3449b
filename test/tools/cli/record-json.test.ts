/** Records as JSON lines: out and in again without a difference. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { FetchedRecord } from '../../../net/client/client-fetcher.ts'
import { recordFromJson, recordToRow } from '../../../tools/cli/record-json.ts'

const BASE = { topic: 't', partition: 2, offset: 7, sequence: -1, timestampOf: 'create' } as const

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array)),
  fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
)
const content = fc.option(bytes)

function roundTrip(record: FetchedRecord): ReturnType<typeof recordFromJson> {
  return recordFromJson(JSON.stringify(recordToRow(record)), 1)
}

describe('a record as json', () => {
  it('comes back as it was, whatever its bytes', () => {
    const headers = fc.array(fc.record({ key: fc.string({ unit: 'grapheme' }), value: content }))
    fc.assert(
      fc.property(content, content, headers, fc.nat(), (key, value, list, timestamp) => {
        const back = roundTrip({ ...BASE, key, value, headers: list, timestamp })
        expect(back).toEqual({ key, value, headers: list, timestamp })
      }),
    )
  })

  it('tells text, binary, empty and null apart', () => {
    const record = { ...BASE, timestamp: 5, key: Buffer.from([0xff, 0]), value: Buffer.alloc(0) }
    const headers = [
      { key: 'n', value: null },
      { key: 'n', value: Buffer.from('\ufeffgrüße') },
    ]
    expect(recordToRow({ ...record, headers })).toEqual({
      topic: 't',
      partition: 2,
      offset: 7,
      timestamp: 5,
      headers: [
        { key: 'n', value: null },
        { key: 'n', value: '\ufeffgrüße' },
      ],
      key: { base64: '/wA=' },
      value: '',
    })
  })

  it('may leave everything out', () => {
    expect(recordFromJson('{}', 1)).toEqual({ key: null, value: null, headers: [] })
  })

  it.each([
    ['{', /line 4 is not a record/],
    ['[]', /line 4/],
    ['7', /line 4/],
    ['{"value": 7}', /line 4/],
    ['{"value": {"base64": 1}}', /line 4/],
    ['{"headers": {}}', /line 4/],
    ['{"headers": [{"value": "x"}]}', /line 4/],
    ['{"headers": [null]}', /line 4/],
    ['{"timestamp": "now"}', /line 4/],
  ])('%s is refused by its line number', (line, message) => {
    expect(() => recordFromJson(line, 4)).toThrow(message)
  })
})
