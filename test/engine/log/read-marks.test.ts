import { expect, it } from 'vitest'
import { ReadMarks } from '../../../engine/log/read-marks.ts'

it('knows the newest sixteen places, and each place once', () => {
  const marks = new ReadMarks()
  expect(marks.find(0)).toBe(-1)
  for (let i = 0; i < 20; i++) marks.add(i * 10, i * 10 + 9, i * 100, i * 100 + 100)
  expect(marks.find(30)).toBe(-1)
  const slot = marks.find(40)
  expect([marks.byteOf(slot), marks.endOf(slot), marks.lastOffsetOf(slot)]).toEqual([400, 500, 49])
  for (let i = 0; i < 40; i++) marks.add(190, 199, 1_900, 2_000)
  expect(marks.find(40)).toBe(slot)
})

it('forgets what lies before a byte, or everything', () => {
  const marks = new ReadMarks()
  for (let i = 0; i < 4; i++) marks.add(i * 10, i * 10 + 9, i * 100, i * 100 + 100)
  marks.forgetBelow(200)
  expect([0, 10, 20, 30].map((offset) => marks.find(offset) >= 0)).toEqual([
    false,
    false,
    true,
    true,
  ])
  marks.forgetBelow()
  expect(marks.find(30)).toBe(-1)
})
