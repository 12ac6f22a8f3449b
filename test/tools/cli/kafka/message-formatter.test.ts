/** What kafka-console-consumer prints of a record, by DefaultMessageFormatter's properties. */
import { describe, expect, it } from 'vitest'
import type { FetchedRecord } from '../../../../net/client/client-fetcher.ts'
import { properties } from '../../../../tools/cli/kafka/flags.ts'
import { messageFormatter } from '../../../../tools/cli/kafka/message-formatter.ts'

const RECORD: FetchedRecord = {
  topic: 't',
  partition: 2,
  offset: 7,
  timestamp: 1234,
  timestampOf: 'create',
  sequence: -1,
  key: Buffer.from('k'),
  value: Buffer.from('v'),
  headers: [
    { key: 'a', value: Buffer.from('1') },
    { key: 'b', value: null },
  ],
}
const EVERYTHING = 'timestamp partition offset delivery epoch headers key value'
  .split(' ')
  .map((part) => `print.${part}=true`)

function printed(record: Partial<FetchedRecord>, ...config: string[]): string {
  return messageFormatter(properties(config))({ ...RECORD, ...record }).toString()
}

describe('the message formatter', () => {
  it('prints the value alone unless told otherwise', () => {
    expect(printed({})).toBe('v\n')
    expect(printed({ value: null })).toBe('null\n')
    expect(printed({}, 'print.value=false', 'print.key=true')).toBe('k\n')
  })

  it("prints every part in Kafka's order", () => {
    expect(printed({}, ...EVERYTHING)).toBe(
      'CreateTime:1234\tPartition:2\tOffset:7\tDelivery:NOT_PRESENT\tEpoch:NOT_PRESENT\t' +
        'a:1,b:null\tk\tv\n',
    )
    expect(printed({ timestampOf: 'append', headers: [] }, ...EVERYTHING)).toMatch(
      /^LogAppendTime:1234\t.*\tNO_HEADERS\tk\tv\n$/,
    )
  })

  it('uses the separators and the null literal it is given', () => {
    const config = ['key.separator=|', 'line.separator=;', 'headers.separator=+', 'null.literal=0']
    expect(printed({ key: null }, 'print.key=true', 'print.headers=true', ...config)).toBe(
      'a:1+b:0|0|v;',
    )
  })

  it('passes bytes through that are no text', () => {
    const bytes = Buffer.from([0xff, 0x00, 0xfe])
    const line = messageFormatter(new Map())({ ...RECORD, value: bytes })
    expect(line).toEqual(Buffer.concat([bytes, Buffer.from('\n')]))
  })

  it("reads numbers with Kafka's deserializers, and refuses those it does not have", () => {
    const long = Buffer.alloc(8)
    long.writeBigInt64BE(-5n)
    const name = 'org.apache.kafka.common.serialization.LongDeserializer'
    expect(printed({ value: long }, `value.deserializer=${name}`)).toBe('-5\n')
    expect(() => printed({}, `value.deserializer=${name}`)).toThrow(/Long.* is not 8/)
    expect(() => printed({}, 'key.deserializer=com.example.Avro')).toThrow(/com\.example\.Avro/)
  })
})
