import { describe, expect, expectTypeOf, test } from 'vitest'
import { InvariantError } from '../../../engine/base/assert.ts'
import { MalformedRequest } from '../../../engine/base/errors.ts'
import { ZERO_UUID } from '../../../engine/base/random.ts'
import { decoderFor, encoderFor } from '../../../engine/schema/codec.ts'
import {
  array,
  bigint64,
  bool,
  bytes,
  float64,
  type Infer,
  type InferInput,
  int16,
  int32,
  int64,
  type Loose,
  type Message,
  message,
  records,
  string,
  struct,
  structs,
  uuid,
} from '../../../engine/schema/fields.ts'
import { Reader } from '../../../engine/schema/reader.ts'
import { Writer } from '../../../engine/schema/writer.ts'

const Sample = message(
  7,
  'SampleRequest',
  { versions: [1, 4], flexible: 3 },
  {
    groupId: string.nullable(2),
    memberId: string.nullable().since(2),
    count: int32,
    limit: int64.default(-1).since(2).ignorable(),
    strict: bool.default(true).since(4),
    topics: structs({
      name: string.until(3).ignorable(),
      topicId: uuid.since(4).ignorable(),
      partitions: array(int32),
    }),
    cursor: struct({ topic: string, partition: int32.default(-1) })
      .nullable()
      .since(3),
    leader: struct({ id: int32.default(-1), epoch: int32.default(-1) }).tag(1, 3),
    rack: string.nullable().tag(0, 3),
    hint: struct({ host: string }).nullable().tag(2, 3),
    data: records.nullable(),
  },
)
type Sample = Infer<typeof Sample>

function encode<M extends Message>(table: M, version: number, value: InferInput<M>): string {
  const writer = new Writer(1)
  encoderFor(table, version)(writer, value)
  return writer.bytes().toString('hex')
}

function decode<M extends Message>(table: M, version: number, hex: string): Infer<M> {
  const reader = new Reader(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
  const value = decoderFor(table, version)(reader)
  expect(reader.remaining).toBe(0)
  return value
}

const least = { count: 1, topics: [] }

test('types follow from the table', () => {
  expectTypeOf<Sample['groupId']>().toEqualTypeOf<string | null>()
  expectTypeOf<Sample['limit']>().toEqualTypeOf<number>()
  expectTypeOf<Sample['topics'][number]['partitions']>().toEqualTypeOf<number[]>()
  expectTypeOf<Sample['cursor']>().toEqualTypeOf<{
    readonly topic: string
    readonly partition: number
  } | null>()
  expectTypeOf<Sample['data']>().toEqualTypeOf<Buffer | null>()
  expectTypeOf<Sample>().toExtend<InferInput<typeof Sample>>()
  expectTypeOf(least).not.toExtend<InferInput<typeof Sample>>()
  expectTypeOf<{ count: 1; topics: []; groupId: 'g' }>().toExtend<InferInput<typeof Sample>>()
  expectTypeOf<{ topics: { partitions: number[] }[] }>().toExtend<Loose<Sample>>()
  expectTypeOf<{ count: string }>().not.toExtend<Loose<Sample>>()
})

test('an old version has plain lengths and no tags', () => {
  const hex = encode(Sample, 1, { groupId: 'g', ...least, data: Buffer.from('ab') })
  expect(hex).toBe('000167 00000001 00000000 00000002 6162'.replaceAll(' ', ''))
})

test('a flexible version has compact lengths and a tag section per struct', () => {
  const hex = encode(Sample, 3, {
    groupId: null,
    count: 1,
    topics: [{ name: 't', partitions: [5] }],
    cursor: { topic: 'c' },
  })
  expect(hex).toBe(
    '00 00 00000001 ffffffffffffffff 02 0274 02 00000005 00 01 0263 ffffffff 00 00 00'.replaceAll(
      ' ',
      '',
    ),
  )
})

test('every field comes out, absent ones at their defaults, in one order', () => {
  const value = decode(Sample, 1, '000167 00000001 00000000 ffffffff')
  expect(value).toEqual({
    groupId: 'g',
    memberId: null,
    count: 1,
    limit: -1,
    strict: true,
    topics: [],
    cursor: null,
    leader: { id: -1, epoch: -1 },
    rack: null,
    hint: null,
    data: null,
  })
  expect(Object.keys(value)).toEqual(Object.keys(Sample.fields))
})

test('a struct nobody sent cannot be changed for everyone', () => {
  const value = decode(Sample, 1, '000167 00000001 00000000 ffffffff')
  expect(() => Object.assign(value.leader, { id: 5 })).toThrow(TypeError)
})

test('leaves the reader behind the value: what follows is not its business', () => {
  const reader = new Reader(Buffer.from('0001670000000100000000000000000ffff', 'hex'))
  decoderFor(Sample, 1)(reader)
  expect(reader.remaining).toBe(2)
})

describe('tagged fields', () => {
  test('are left out at their default, otherwise sorted by tag', () => {
    const plain = encode(Sample, 3, { groupId: 'g', ...least, leader: { id: -1 }, rack: null })
    expect(plain.endsWith('ff0000')).toBe(true)
    const full = encode(Sample, 3, {
      groupId: 'g',
      ...least,
      leader: { id: 1 },
      rack: 'r',
      hint: { host: 'h' },
    })
    expect(full).toContain(
      '03 00 02 0272 01 09 00000001ffffffff00 02 04 01 0268 00'.replaceAll(' ', ''),
    )
    const value = decode(Sample, 3, full)
    expect(value).toMatchObject({ leader: { id: 1, epoch: -1 }, rack: 'r', hint: { host: 'h' } })
  })

  test('nobody knows are dropped', () => {
    const value = decode(
      Sample,
      3,
      '00 00 00000001 0000000000000000 01 ff 00 02 09 03 aabbcc 00 02 0272',
    )
    expect(value.rack).toBe('r')
  })

  test('must fill their size', () => {
    for (const tail of ['01 00 03 0272 00', '01 00 01 0272', '01 02 02 01 02 68', '01 02 01 ff'])
      expect(
        () => decode(Sample, 3, `00 00 00000001 0000000000000000 01 ff 00 ${tail}`),
        tail,
      ).toThrow(MalformedRequest)
  })

  test('in a nullable struct are marked 0 and 1, elsewhere -1 and 1', () => {
    const head = '00 00 00000001 0000000000000000 01'
    expect(decode(Sample, 3, `${head} ff 00 01 02 01 00`).hint).toBeNull()
    expect(decode(Sample, 3, `${head} 01 0263 00000001 00 00 00`).cursor?.topic).toBe('c')
    expect(() => decode(Sample, 3, `${head} 00 00 00`)).toThrow(MalformedRequest)
  })
})

describe('a field the version lacks', () => {
  test('may be set to its default, or to anything if ignorable', () => {
    const base = encode(Sample, 1, { groupId: 'g', ...least })
    const more = { groupId: 'g', ...least, strict: true, memberId: null, limit: 99, hint: null }
    expect(encode(Sample, 1, more)).toBe(base)
  })

  test('asserts when set to anything else', () => {
    const base = { groupId: 'g', ...least }
    for (const more of [
      { strict: false },
      { memberId: 'm' },
      { leader: { id: 1 } },
      { cursor: { topic: 't' } },
      { rack: '' },
    ])
      expect(() => encode(Sample, 1, { ...base, ...more }), Object.keys(more)[0]).toThrow(
        InvariantError,
      )
  })
})

test('null where the version has none asserts, and is malformed on the wire', () => {
  expect(() => encode(Sample, 1, { groupId: null, ...least })).toThrow(InvariantError)
  expect(() => decode(Sample, 1, 'ffff 00000001 00000000 ffffffff')).toThrow(MalformedRequest)
  expect(encode(Sample, 2, { groupId: null, ...least })).toMatch(/^ffff/)
})

test('versions beyond the table assert', () => {
  for (const version of [0, 5, 1.5, -1]) {
    expect(() => encoderFor(Sample, version)).toThrow(InvariantError)
    expect(() => decoderFor(Sample, version)).toThrow(InvariantError)
  }
})

test('names that are no identifiers never get into generated code', () => {
  const table = { 'x){process.exit()}//': int32 }
  const range = { versions: [0, 0], flexible: null } as const
  expect(() => message(0, 'Bad', range, table)).toThrow(InvariantError)
  expect(() => message(0, 'Bad name', range, {})).toThrow(InvariantError)
  expect(() => struct(table)).toThrow(InvariantError)
})

test('fields named like keywords are fine', () => {
  const Odd = message(
    0,
    'Odd',
    { versions: [0, 0], flexible: null },
    { default: int16, reader: int16, at0: int16, value: int16, delete: string, writer: int16 },
  )
  const value = { default: 1, reader: 2, at0: 3, value: 4, delete: 'x', writer: 5 }
  expect(decode(Odd, 0, encode(Odd, 0, value))).toEqual(value)
})

test('wide and broken numbers, bytes and ids return', () => {
  const Wide = message(
    0,
    'Wide',
    { versions: [0, 0], flexible: 0 },
    {
      hash: bigint64,
      rate: float64,
      data: bytes,
      ids: array(uuid),
      empty: bytes.nullable(),
      count: bigint64.default(-5n).tag(0),
    },
  )
  const value = {
    hash: -(2n ** 63n),
    rate: 0.1,
    data: Buffer.from('x'),
    ids: [ZERO_UUID, 'q1w2e3r4T5y6U7i8O9p0-A'],
    empty: Buffer.alloc(0),
    count: 2n ** 62n,
  }
  expect(decode(Wide, 0, encode(Wide, 0, value))).toEqual(value)
  const absent = decode(Wide, 0, encode(Wide, 0, { hash: 1n, rate: 0, data: value.data, ids: [] }))
  expect(absent).toMatchObject({ empty: null, count: -5n })
})

describe('bombs of counts', () => {
  const Nest = message(
    0,
    'Nest',
    { versions: [0, 0], flexible: 0 },
    { outer: structs({ inner: structs({ names: array(string) }) }) },
  )

  test('are refused before anything is made of them', () => {
    for (const hex of ['ffffffff0f', 'ffffff7f', '81897a', '03 03 ffffff7f 00'])
      expect(() => decode(Nest, 0, hex), hex).toThrow(MalformedRequest)
  })

  test('of a million empty strings spend the budget once, not per array', () => {
    // 40 arrays of 50,000 empty strings each would be two million elements.
    const inner = Buffer.concat([
      Buffer.from([0xd1, 0x86, 0x03]),
      Buffer.alloc(50_000, 1),
      Buffer.alloc(1),
    ])
    const frame = Buffer.concat([
      Buffer.from([2, 41]),
      ...Array.from({ length: 40 }, () => inner),
      Buffer.alloc(2),
    ])
    const decodeIt = decoderFor(Nest, 0)
    expect(() => decodeIt(new Reader(frame))).toThrow(/elements too many in one message/)
  })
})
