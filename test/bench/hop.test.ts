import { expect, it } from 'vitest'
import { measureHops } from '../../bench/hop.ts'

it('the hop bench runs and finds a cost for every batch size', async () => {
  const figures = await measureHops('atomics', 50)
  expect(figures.map((figure) => figure.inFlight)).toEqual([1, 8, 64, 512])
  for (const { leastUs, medianUs, mostUs } of figures)
    expect(0 < leastUs && leastUs <= medianUs && medianUs <= mostUs).toBe(true)
})
