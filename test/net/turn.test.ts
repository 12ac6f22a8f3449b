import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Turn, type TurnPart } from '../../net/turn.ts'

class Part implements TurnPart {
  touched = false
  ends = 0
  onEnd: () => void = () => {}
  endTurn(): void {
    this.ends++
    this.onEnd()
  }
}

test('what storage answers ends with the turn, and no empty turn follows', async () => {
  const part = new Part()
  let flushes = 0
  const turn = new Turn(
    () => {
      flushes++
      if (flushes === 1) turn.touch(part)
    },
    () => {},
  )
  turn.schedule()
  await nextTurn()
  expect(part.ends).toBe(1)
  await nextTurn()
  await nextTurn()
  expect([part.ends, flushes]).toEqual([1, 1])
})

test('a part that asks while it ends is in the next turn', async () => {
  const part = new Part()
  part.onEnd = () => {
    if (part.ends === 1) turn.touch(part)
  }
  const turn = new Turn(
    () => {},
    () => {},
  )
  turn.touch(part)
  turn.touch(part)
  await nextTurn()
  expect(part.ends).toBe(1)
  await nextTurn()
  expect(part.ends).toBe(2)
})

test('a turn that ends early, and what comes after it, has one end more', async () => {
  const part = new Part()
  let flushes = 0
  const turn = new Turn(
    () => {
      flushes++
    },
    () => {},
  )
  turn.touch(part)
  turn.run()
  expect(part.ends).toBe(1)
  turn.touch(part)
  expect(part.ends).toBe(1)
  await nextTurn()
  await nextTurn()
  expect([part.ends, flushes]).toEqual([2, 2])
})

test('after a failed end the next turn ends as ever', async () => {
  const part = new Part()
  let fails = true
  const turn = new Turn(
    () => {
      if (fails) throw new Error('storage')
    },
    () => {},
  )
  expect(() => turn.run()).toThrow('storage')
  fails = false
  turn.touch(part)
  await nextTurn()
  expect(part.ends).toBe(1)
})

test('at rest it tells of the one part that the turn had, once nothing follows', async () => {
  const [one, other] = [new Part(), new Part()]
  const rests: (TurnPart | null)[] = []
  let pending = (): boolean => false
  const turn: Turn = new Turn(() => {}, () => {}, [
    {
      follow: (asks) => {
        pending = asks
      },
      rest: (only) => rests.push(only),
    },
  ])
  turn.touch(one)
  expect(pending()).toBe(true)
  await nextTurn()
  expect(pending()).toBe(false)
  turn.touch(one)
  turn.touch(other)
  await nextTurn()
  one.onEnd = () => {
    if (one.ends === 3) turn.touch(one)
  }
  turn.touch(one)
  await nextTurn()
  expect(rests).toEqual([one, null])
  await nextTurn()
  turn.schedule()
  await nextTurn()
  expect(rests).toEqual([one, null, one, null])
})
