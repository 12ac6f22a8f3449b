import { expect, it } from 'vitest'
import { inParallel } from '../../../engine/base/in-parallel.ts'

it('runs all, never more than the width at once', async () => {
  let running = 0
  let most = 0
  const done: number[] = []
  const runs = Array.from({ length: 20 }, (_, at) => async () => {
    most = Math.max(most, ++running)
    await new Promise((resolve) => setImmediate(resolve))
    running--
    done.push(at)
  })
  await inParallel(runs, 3)
  expect(most).toBe(3)
  expect(done.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, at) => at))
})

it('rejects with the first failure', async () => {
  const fail = async () => {
    throw new Error('the first')
  }
  await expect(inParallel([fail, async () => {}], 1)).rejects.toThrow('the first')
  await inParallel([], 8)
})
