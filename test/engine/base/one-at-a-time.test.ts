import { describe, expect, it } from 'vitest'
import { ErrorCode } from '../../../engine/base/errors.ts'
import { OneAtATime } from '../../../engine/base/one-at-a-time.ts'

describe('tasks one at a time', () => {
  it('run in order of arrival, never two at once, whether they fail or not', async () => {
    const queue = new OneAtATime(10, 'tasks')
    const steps: string[] = []
    const task = (name: string, turns: number, fails = false) =>
      queue.run(async () => {
        steps.push(`${name} begins`)
        for (let turn = 0; turn < turns; turn++) await null
        steps.push(`${name} ends`)
        if (fails) throw new Error(name)
        return name
      })
    const results = [task('a', 5), task('b', 3, true), task('c', 0)]
    await queue.settled()
    expect(steps).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'])
    expect((await Promise.allSettled(results)).map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
    ])
  })

  it('are refused when too many wait, and taken again later', async () => {
    const queue = new OneAtATime(2, 'tasks')
    const two = [queue.run(async () => 1), queue.run(async () => 2)]
    await expect(queue.run(async () => 3)).rejects.toMatchObject({
      code: ErrorCode.REQUEST_TIMED_OUT,
      message: 'too many tasks wait',
    })
    await Promise.all(two)
    await queue.settled()
    expect(await queue.run(async () => 4)).toBe(4)
  })
})
