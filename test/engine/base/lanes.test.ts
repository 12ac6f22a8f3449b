import { expect, it } from 'vitest'
import { Lanes } from '../../../engine/base/lanes.ts'

it('runs so many at a time, in order, whether they end well or not', async () => {
  const lanes = new Lanes(3)
  const log: string[] = []
  let running = 0
  let most = 0
  const ends: (() => void)[] = []
  const tasks = Array.from({ length: 10 }, (_, number) =>
    lanes
      .run(async () => {
        most = Math.max(most, ++running)
        await new Promise<void>((end) => ends.push(end))
        running--
        if (number % 2 === 1) throw new Error('odd')
        return number
      })
      .then(
        (value) => log.push(`${value}`),
        () => log.push(`failed ${number}`),
      ),
  )
  while (log.length < 10) {
    ends.shift()?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
  await Promise.all(tasks)
  expect(most).toBe(3)
  expect(log.map((line) => Number(/\d+/.exec(line)?.[0]))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  expect(log[1]).toBe('failed 1')
})

it('gives a lane to whoever waits, not to who comes as it is given', async () => {
  const lanes = new Lanes(1)
  let running = 0
  let most = 0
  const task = async (): Promise<void> => {
    most = Math.max(most, ++running)
    await Promise.resolve()
    running--
  }
  const first = lanes.run(task)
  const second = lanes.run(task)
  const third = first.then(() => lanes.run(task))
  await Promise.all([first, second, third])
  expect(most).toBe(1)
})
