import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LeaderEpochs, parseLeaderEpochs } from '../../../engine/log/leader-epochs.ts'
import { SimulatedDisk } from '../../support/simulated-disk.ts'

const of = (...pairs: [number, number][]) =>
  new LeaderEpochs(pairs.map(([epoch, startOffset]) => ({ epoch, startOffset })))
const pairs = (epochs: LeaderEpochs) =>
  epochs.all().map(({ epoch, startOffset }) => [epoch, startOffset])

describe('leader epochs', () => {
  it('keeps an epoch once, at its first offset', () => {
    const epochs = of()
    expect(epochs.latestEpoch()).toBe(-1)
    epochs.assign(0, 0)
    epochs.assign(0, 10)
    epochs.assign(3, 20)
    expect(pairs(epochs)).toEqual([
      [0, 0],
      [3, 20],
    ])
    expect(epochs.latestEpoch()).toBe(3)
  })

  it('drops entries that would no longer rise', () => {
    const epochs = of([0, 0], [2, 10], [4, 20])
    epochs.assign(5, 15)
    expect(pairs(epochs)).toEqual([
      [0, 0],
      [2, 10],
      [5, 15],
    ])
    epochs.assign(1, 30)
    expect(pairs(epochs)).toEqual([
      [0, 0],
      [1, 30],
    ])
    epochs.assign(2, 30)
    expect(pairs(epochs)).toEqual([
      [0, 0],
      [2, 30],
    ])
    epochs.assign(2, 5)
    expect(pairs(epochs)).toEqual([
      [0, 0],
      [2, 5],
    ])
  })

  it('answers where an epoch ended, as Kafka does', () => {
    const epochs = of([1, 10], [3, 20], [7, 50])
    const ask = (epoch: number) => Object.values(epochs.endOffsetFor(epoch, 99))
    expect(ask(-1)).toEqual([-1, -1])
    expect(ask(0)).toEqual([0, 10])
    expect(ask(1)).toEqual([1, 20])
    expect(ask(2)).toEqual([1, 20])
    expect(ask(3)).toEqual([3, 50])
    expect(ask(6)).toEqual([3, 50])
    expect(ask(7)).toEqual([7, 99])
    expect(ask(8)).toEqual([-1, -1])
    expect(Object.values(of().endOffsetFor(0, 5))).toEqual([-1, -1])
  })

  it('tells the epoch of an offset', () => {
    const epochs = of([1, 10], [3, 20])
    expect([9, 10, 19, 20, 999].map((offset) => epochs.epochAt(offset))).toEqual([-1, 1, 1, 3, 3])
  })

  it('follows the log when its end or start moves', () => {
    const epochs = of([1, 10], [3, 20], [7, 50])
    epochs.truncateFromEnd(51)
    expect(epochs.dirty).toBe(false)
    epochs.truncateFromEnd(50)
    expect(pairs(epochs)).toEqual([
      [1, 10],
      [3, 20],
    ])
    epochs.truncateFromStart(9)
    expect(pairs(epochs)).toEqual([
      [1, 10],
      [3, 20],
    ])
    epochs.truncateFromStart(15)
    expect(pairs(epochs)).toEqual([
      [1, 15],
      [3, 20],
    ])
    epochs.truncateFromStart(20)
    expect(pairs(epochs)).toEqual([[3, 20]])
    epochs.truncateFromStart(400)
    expect(pairs(epochs)).toEqual([[3, 400]])
    epochs.clear()
    epochs.truncateFromStart(500)
    expect(pairs(epochs)).toEqual([])
  })

  it('is written when something changed, and read back', async () => {
    const disk = SimulatedDisk.holding({ '/p/other': '' })
    const epochs = await LeaderEpochs.load(disk, '/p')
    await epochs.store(disk, '/p')
    expect(await disk.list('/p')).toEqual(['other'])
    epochs.assign(0, 0)
    epochs.assign(5, 7)
    await epochs.store(disk, '/p')
    expect(String(await disk.readFile('/p/leader-epoch-checkpoint'))).toBe('0\n2\n0 0\n5 7\n')
    expect(pairs(await LeaderEpochs.load(disk, '/p'))).toEqual([
      [0, 0],
      [5, 7],
    ])
    const { calls } = disk
    await epochs.store(disk, '/p')
    expect(disk.calls).toBe(calls)
  })

  it('refuses a file that is not what it should be', () => {
    const bad = ['', '0', '1\n0\n', '0\n2\n0 0\n', '0\n1\n0 0 0\n', '0\n1\nx 0\n', '0\n1\n0 -5\n']
    bad.push('0\n2\n1 0\n1 5\n', '0\n2\n1 5\n2 5\n', '0\nx\n', '0\n1\n0 99999999999999999999\n')
    for (const text of bad)
      expect(() => parseLeaderEpochs(Buffer.from(text), '/f'), JSON.stringify(text)).toThrow('/f: ')
  })

  it('rises in epoch and offset after any calls', () => {
    const call = fc.tuple(fc.constantFrom('assign', 'end', 'start'), fc.nat(20), fc.nat(50))
    fc.assert(
      fc.property(fc.array(call, { maxLength: 40 }), (calls) => {
        const epochs = of()
        for (const [name, epoch, offset] of calls) {
          if (name === 'assign') epochs.assign(epoch, offset)
          else if (name === 'end') epochs.truncateFromEnd(offset)
          else epochs.truncateFromStart(offset)
          const text = Buffer.from(epochs.format())
          expect(parseLeaderEpochs(text, 'f')).toEqual(epochs.all())
        }
      }),
    )
  })
})
