/** Lines from a stream, however it is cut into chunks. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limits } from '../../../engine/base/limits.ts'
import { inputLines, type LineEnds } from '../../../tools/cli/input-lines.ts'

async function* chunks(input: Buffer, cuts: readonly number[]): AsyncGenerator<Buffer> {
  let start = 0
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    yield input.subarray(start, Math.max(start, cut))
    start = Math.max(start, cut)
  }
  yield input.subarray(start)
}

async function linesOf(
  input: Buffer,
  ends: LineEnds,
  cuts: readonly number[] = [],
): Promise<string[]> {
  const lines: string[] = []
  for await (const line of inputLines(chunks(input, cuts), ends))
    lines.push(line.toString('latin1'))
  return lines
}

/** The plain way to say it. */
function expected(text: string, ends: LineEnds): string[] {
  const lines = text.split(ends === 'lf' ? '\n' : /\r\n|\n|\r/)
  if (lines.at(-1) === '') lines.pop()
  return lines
}

describe('input lines', () => {
  it.each<LineEnds>(['lf', 'java'])('(%s) do not depend on the chunks', async (ends) => {
    const text = fc.string({
      unit: fc.constantFrom('a', '\n', '\r', '\xff', '\x85'),
      maxLength: 40,
    })
    await fc.assert(
      fc.asyncProperty(text, fc.array(fc.nat(40)), async (content, cuts) => {
        const input = Buffer.from(content, 'latin1')
        expect(await linesOf(input, ends, cuts)).toEqual(expected(content, ends))
      }),
    )
  })

  it('keep bytes that are no text, and characters that end lines elsewhere', async () => {
    const input = Buffer.concat([Buffer.from([0xff, 0xfe, 0x0a]), Buffer.from('a\u2028b\n\nc')])
    const lines: Buffer[] = []
    for await (const line of inputLines(chunks(input, []), 'lf')) lines.push(line)
    expect(lines).toEqual([
      Buffer.from([0xff, 0xfe]),
      Buffer.from('a\u2028b'),
      Buffer.alloc(0),
      Buffer.from('c'),
    ])
  })

  it('have a longest length', async () => {
    async function* endless(): AsyncGenerator<Buffer> {
      yield Buffer.from('short\n')
      for (;;) yield Buffer.alloc(4 * 1024 * 1024, 0x61)
    }
    const reading = (async () => {
      for await (const line of inputLines(endless(), 'lf')) expect(line.toString()).toBe('short')
    })()
    await expect(reading).rejects.toThrow(
      `line 2 of the input is longer than ${limits.inflateBytesMax} bytes`,
    )
  })
})
