import { expect, it } from 'vitest'
import { benchCrc32c } from '../../bench/crc32c.ts'
import { benchValidate } from '../../bench/validate.ts'

it('the CRC bench prints a row per size', async () => {
  const lines: string[] = []
  await benchCrc32c(1, (line) => lines.push(line))
  expect(lines.length).toBe(15)
  expect(lines.at(-1)).toMatch(/^1048576 \| \d+ \(\d+\)/)
})

it('the validation bench prints a row per codec', async () => {
  const lines: string[] = []
  await benchValidate(1, [{ bytes: 4096, valueBytes: 100 }], (line) => lines.push(line))
  expect(lines.length).toBe(2 + 5)
  expect(lines.join('\n')).not.toContain('NaN')
})
