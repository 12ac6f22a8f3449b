import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { InvariantError } from '../../engine/base/assert.ts'
import { limits } from '../../engine/base/limits.ts'
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

test("what fails in anybody's end is nobody's doing but ours", () => {
  const part = new Part()
  part.onEnd = () => {
    throw new Error('a part')
  }
  const turn = new Turn(
    () => {},
    () => {},
  )
  turn.touch(part)
  expect(() => turn.run()).toThrow(InvariantError)
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

describe('reads that ask for the end of a turn', () => {
  const flushing = (): { turn: Turn; flushes: () => number } => {
    let flushes = 0
    const turn = new Turn(
      () => {
        flushes++
      },
      () => {},
    )
    return { turn, flushes: () => flushes }
  }
  const read = (turn: Turn, part: Part, mayEnd = true): boolean => {
    turn.readBegins()
    turn.touch(part)
    return turn.readEnds(part, mayEnd)
  }
  /** As many as it takes until the next one of `part` ends its turn itself. */
  const readAlone = async (turn: Turn, part: Part): Promise<void> => {
    for (let i = 0; i < limits.loneReadsMin; i++) {
      read(turn, part)
      await nextTurn()
    }
  }

  test('of one connection alone it comes right behind them, after some', async () => {
    const { turn, flushes } = flushing()
    const part = new Part()
    for (let i = 0; i < limits.loneReadsMin; i++) {
      expect(read(turn, part)).toBe(true)
      expect(part.ends).toBe(i)
      await nextTurn()
    }
    expect(read(turn, part)).toBe(true)
    expect([part.ends, flushes()]).toEqual([limits.loneReadsMin + 1, limits.loneReadsMin + 1])
    await nextTurn()
    expect(flushes()).toBe(limits.loneReadsMin + 1)
  })

  test('of two in turns they share the end, however long', async () => {
    const { turn, flushes } = flushing()
    const [one, other] = [new Part(), new Part()]
    await readAlone(turn, one)
    for (let i = 1; i <= 3 * limits.loneReadsMin; i++) {
      read(turn, other)
      read(turn, one)
      expect(one.ends).toBe(limits.loneReadsMin + i - 1)
      await nextTurn()
      expect([one.ends, other.ends]).toEqual([limits.loneReadsMin + i, i])
    }
    expect(flushes()).toBe(4 * limits.loneReadsMin)
  })

  test('it waits for the rest of what there is to read, and for an end that is on its way', async () => {
    const { turn } = flushing()
    const part = new Part()
    await readAlone(turn, part)
    read(turn, part, false)
    expect(part.ends).toBe(limits.loneReadsMin)
    read(turn, part)
    expect(part.ends).toBe(limits.loneReadsMin)
    await nextTurn()
    expect(part.ends).toBe(limits.loneReadsMin + 1)
  })

  test('it tells whoever waits for rests, and a read that asks for nothing ends nothing', async () => {
    const part = new Part()
    const rests: (TurnPart | null)[] = []
    const turn = new Turn(() => {}, () => {}, [{ follow() {}, rest: (only) => rests.push(only) }])
    await readAlone(turn, part)
    read(turn, part)
    expect(rests).toEqual(Array.from({ length: limits.loneReadsMin + 1 }, () => part))
    turn.readBegins()
    expect(turn.readEnds(part, true)).toBe(false)
    expect(part.ends).toBe(limits.loneReadsMin + 1)
  })
})
