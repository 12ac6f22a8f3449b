/** Times in the patterns of Java's SimpleDateFormat. */
import { describe, expect, it } from 'vitest'
import { dateFormat } from '../../../../tools/cli/perf/date-format.ts'

const time = new Date(2026, 1, 3, 4, 5, 6, 7).getTime()

describe('a date pattern', () => {
  const patterns: readonly [pattern: string, text: string][] = [
    ['yyyy-MM-dd HH:mm:ss:SSS', '2026-02-03 04:05:06:007'],
    ["yy.M.d 'at' H:m:s.S", '26.2.3 at 4:5:6.7'],
    ["HH''mm", "04'05"],
    ['', ''],
  ]
  for (const [pattern, text] of patterns)
    it(`${pattern} gives ${text}`, () => expect(dateFormat(pattern)(time)).toBe(text))

  it('with a letter that is not known is refused', () => {
    expect(() => dateFormat('yyyy Q')).toThrow("Illegal pattern character 'Q'")
  })
})
