import { afterEach, expect, test } from 'vitest'
import { useNativeCalls } from '../../net/native-sockets.ts'
import { giveWayNative, giveWayWord } from '../../net/native-yield.ts'

afterEach(() => useNativeCalls(true))

test('the processor is given away, and comes back', () => {
  const giveWay = giveWayNative({ sluiceGiveWay: true })
  expect(giveWay).not.toBeNull()
  for (let i = 0; i < 100; i++) giveWay?.()
  expect(giveWayWord({ sluiceGiveWay: true })).toBe('give way, then sleep')
})

test('where it is not wanted, or native calls are off, there is none', () => {
  expect(giveWayNative({ sluiceGiveWay: false })).toBeNull()
  useNativeCalls(false)
  expect(giveWayNative({ sluiceGiveWay: true })).toBeNull()
  expect(giveWayWord({ sluiceGiveWay: true })).toBe('sleep')
})
