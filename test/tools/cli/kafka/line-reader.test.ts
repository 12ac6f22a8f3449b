/** Lines of kafka-console-producer, by LineMessageReader's rules. */
import { describe, expect, it } from 'vitest'
import { properties } from '../../../../tools/cli/kafka/flags.ts'
import { lineReader } from '../../../../tools/cli/kafka/line-reader.ts'

function read(line: string | Buffer, ...config: string[]) {
  const { key, value, headers } = lineReader(properties(config))(Buffer.from(line), 3)
  const text = (bytes: Buffer | null): string | null => bytes?.toString() ?? null
  return {
    key: text(key),
    value: text(value),
    headers: headers?.map((header) => [header.key, text(header.value)]),
  }
}

const ALL = ['parse.key=true', 'parse.headers=true']

describe('a line', () => {
  it('is a value unless told otherwise', () => {
    expect(read('a\tb')).toEqual({ key: null, value: 'a\tb', headers: [] })
  })

  it('is cut at the first separator', () => {
    expect(read('k\tv\tw', 'parse.key=true')).toMatchObject({ key: 'k', value: 'v\tw' })
    expect(read('k::v', 'parse.key=TRUE', 'key.separator=::')).toMatchObject({
      key: 'k',
      value: 'v',
    })
    expect(read('\t', 'parse.key=true')).toMatchObject({ key: '', value: '' })
  })

  it('may begin with headers', () => {
    expect(read('h1:v1,h2:\tk\tv', ...ALL)).toEqual({
      key: 'k',
      value: 'v',
      headers: [
        ['h1', 'v1'],
        ['h2', ''],
      ],
    })
    expect(
      read(
        'a=1;b=2|v',
        'parse.headers=true',
        'headers.delimiter=|',
        'headers.separator=;',
        'headers.key.separator==',
      ).headers,
    ).toEqual([
      ['a', '1'],
      ['b', '2'],
    ])
  })

  it('has nulls where the marker stands', () => {
    const marked = [...ALL, 'null.marker=NULL']
    expect(read('NULL\tNULL\tNULL', ...marked)).toEqual({ key: null, value: null, headers: [] })
    expect(read('h:NULL\tk\tv', ...marked).headers).toEqual([['h', null]])
    expect(() => read('NULL:x\tk\tv', ...marked)).toThrow(/Header keys should not be equal/)
  })

  it('keeps bytes that are no text', () => {
    const reader = lineReader(properties(['parse.key=true', 'key.separator=:']))
    const line = Buffer.from([0xff, 0x3a, 0xfe, 0x00])
    expect(reader(line, 1)).toMatchObject({
      key: Buffer.from([0xff]),
      value: Buffer.from([0xfe, 0x00]),
    })
  })

  it('without its separator is refused by number and text, or taken whole when errors are ignored', () => {
    expect(() => read('abc', 'parse.key=true')).toThrow(
      "org.apache.kafka.common.KafkaException: No key separator found on line number 3: 'abc'",
    )
    expect(() => read('abc', 'parse.headers=true')).toThrow(
      "No headers delimiter found on line number 3: 'abc'",
    )
    expect(() => read('h\tv', 'parse.headers=true')).toThrow(
      "No header key separator found in pair 'h' on line number 3",
    )
    expect(read('abc', 'parse.key=true', 'ignore.error=true')).toMatchObject({
      key: null,
      value: 'abc',
    })
    expect(read('h\tv', 'parse.headers=true', 'ignore.error=true').headers).toEqual([['h', null]])
  })

  it.each([
    [['headers.delimiter=,'], 'headers.delimiter and headers.separator may not be equal'],
    [['headers.separator=:'], 'headers.separator and headers.key.separator may not be equal'],
    [['null.marker=x', 'key.separator=x'], 'null.marker and key.separator may not be equal'],
  ])('is not read with separators alike: %j', (config, message) => {
    expect(() => lineReader(properties(config))).toThrow(message)
  })
})
